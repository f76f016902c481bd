"""How the tests of this folder call: partitions of a few rows, at a server of their own."""

from typing import Any

import cloudpickle
import dask.dataframe as dd
import pandas as pd
from distributed import Client

import dwbatch.dask  # noqa: F401 - gives Dask frames the accessor
from dwbatch.dask.cluster import ClusterPorter
from dwbatch.local import Server
from tests.api.calling import usual

SAY = "say {text}"


def frame(*texts: object, **columns: Any) -> pd.DataFrame:
    """A frame with the column ``text``, as Dask would have it."""
    return pd.DataFrame({"text": pd.Series(list(texts), dtype="string[pyarrow]"), **columns})


def parted(rows: pd.DataFrame, partitions: int = 3) -> Any:
    """The same in partitions."""
    return dd.from_pandas(rows, npartitions=partitions)


def run(server: Server, parts: Any, prompt: Any = SAY, **options: Any) -> Any:
    """``ddf.doubleword.run`` with most of its options said already."""
    return parts.doubleword.run(prompt, **{**usual(server), **options})


def billed_once(server: Server, requests: int) -> bool:
    """Whether so many requests were billed, and none of them twice."""
    bodies = [bill.body_sha256 for bill in server.ledger()]
    return len(bodies) == len(set(bodies)) == requests


class Watched(ClusterPorter):
    """Keeps every graph that goes to the cluster, as it travels."""

    def __init__(self, cluster: Client) -> None:
        super().__init__(cluster)
        self.graphs: list[bytes] = []

    def _start(self, errand: Any) -> Any:
        self.graphs.append(cloudpickle.dumps(dict(errand.__dask_graph__())))
        return super()._start(errand)
