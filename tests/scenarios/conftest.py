from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dwbatch.accessor import Accessor
from tests.scenarios.setting import Answer, Stage, dying_first, stage

Plays = Callable[[Answer], Stage]


@pytest.fixture(params=["fine", "foul"])
def plays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Plays]:
    """A stage for a model, found by the environment as the hosted service would be."""
    for name in ("DOUBLEWORD_API_KEY", "DWBATCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with ExitStack() as open_stages:

        def play(answer: Answer) -> Stage:
            opened = open_stages.enter_context(stage(answer, is_foul=request.param == "foul"))
            if opened.is_foul:
                for call in ("run", "embed"):
                    monkeypatch.setattr(Accessor, call, dying_first(getattr(Accessor, call)))
            monkeypatch.setenv("DOUBLEWORD_BASE_URL", opened.server.base_url)
            return opened

        yield play


@pytest.fixture
def quick() -> dict[str, Any]:
    """Options that a user has no need of: nothing is to be seen here, and nobody waits for hours."""
    return {"progress": False, "poll_interval": 0.02}
