"""A process that makes one call on a cluster; its test kills it in the middle."""

import sys
from pathlib import Path

import pandas as pd
from distributed import Client

from tests.dask.calling import SAY, parted

if __name__ == "__main__":
    scheduler, base_url, folder, checkpoint = sys.argv[1:]
    with Client(scheduler):
        parted(pd.read_parquet(Path(folder) / "rows.parquet")).doubleword.run(
            SAY,
            model="m",
            base_url=base_url,
            checkpoint=checkpoint,
            progress=False,
            poll_interval=0.02,
            max_requests_per_batch=2,
        )
