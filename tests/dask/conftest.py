"""A server and a folder for the tests of this folder."""

from collections.abc import Iterator

import dask
import pytest
from distributed import Client, LocalCluster

from tests.stores import KEYS


@pytest.fixture(autouse=True)
def _alone(alone: None) -> None:
    """Every test of this folder is by itself."""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Two workers in processes of their own, which know no key and are started anew when they are killed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DOUBLEWORD_API_KEY", "DOUBLEWORD_BASE_URL", "DWBATCH_HOME"):
            patch.delenv(name, raising=False)
        for name in ("HOME", "USERPROFILE"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        # A worker finds the store's key where every program does.
        for name, value in KEYS.items():
            patch.setenv(name, value)
        # So long after a worker is lost, the cluster gives up whoever should start it anew, unless it is there at that
        # very moment: of two blows 15 s apart, the default, the first would keep what fell to the second from rising.
        with (
            dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                local_directory=str(tmp_path_factory.mktemp("workers")),
            ) as running,
        ):
            yield running


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """The scheduler of every computation in a test."""
    with Client(cluster) as connected:
        connected.wait_for_workers(2, timeout=60)
        yield connected
