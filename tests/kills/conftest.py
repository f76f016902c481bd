from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.kills import scene
from tests.kills.scene import Scene


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment and a home that know of no key."""
    for name in ("DOUBLEWORD_API_KEY", "DOUBLEWORD_BASE_URL", "DWBATCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Scene]:
    """A scene whose model does not answer before it may."""
    with scene.at(tmp_path) as here:
        yield here


@pytest.fixture(scope="session")
def unkilled(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The frame of the same call when nothing goes wrong."""
    with scene.at(tmp_path_factory.mktemp("unkilled")) as place:
        place.model.may_answer.set()
        return scene.finished(place.orders())
