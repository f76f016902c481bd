"""Run a provider Batch API from a pandas DataFrame: bought once, answers on their own rows.

>>> import pandas as pd, dwbatch
>>> frame = pd.DataFrame({"text": ["lovely", "awful"]})
>>> frame.doubleword.run("Is this positive? {text}", model="…")  # doctest: +SKIP
"""

__version__ = "0.1.0"

import importlib
import logging
import sys
from typing import TYPE_CHECKING

from dwbatch.accessor import register
from dwbatch.columns import ErrorCode, Status
from dwbatch.errors import (
    ApiError,
    CheckpointError,
    CheckpointLockedError,
    CostLimitError,
    CredentialsError,
    DwbatchError,
    InputError,
    JobStoppedError,
    JobTimeoutError,
    NotAnApiError,
    RowsFailedError,
    TransportError,
    UnknownParameterError,
)

if TYPE_CHECKING:
    from dwbatch.api import run, submit
    from dwbatch.before.estimate import Estimate, estimate
    from dwbatch.before.jsonl import to_jsonl
    from dwbatch.before.plan import Plan, plan
    from dwbatch.before.preview import preview
    from dwbatch.call import EqualRowsWarning
    from dwbatch.embedding import embed
    from dwbatch.images import image
    from dwbatch.job.account import jobs
    from dwbatch.job.attach import attach
    from dwbatch.job.job import Job
    from dwbatch.job.status import JobState, JobStatus
    from dwbatch.parquet.door import run_parquet
    from dwbatch.parquet.report import ParquetReport
    from dwbatch.request_files.door import submit_jsonl
    from dwbatch.request_files.results import ResultsWarning, read_results

__all__ = [
    "ApiError",
    "CheckpointError",
    "CheckpointLockedError",
    "CostLimitError",
    "CredentialsError",
    "DwbatchError",
    "EqualRowsWarning",
    "ErrorCode",
    "Estimate",
    "InputError",
    "Job",
    "JobState",
    "JobStatus",
    "JobStoppedError",
    "JobTimeoutError",
    "NotAnApiError",
    "ParquetReport",
    "Plan",
    "ResultsWarning",
    "RowsFailedError",
    "Status",
    "TransportError",
    "UnknownParameterError",
    "attach",
    "embed",
    "estimate",
    "image",
    "jobs",
    "plan",
    "preview",
    "read_results",
    "run",
    "run_parquet",
    "submit",
    "submit_jsonl",
    "to_jsonl",
]

# Where the names live that are loaded when they are first asked for (PEP 562): `import dwbatch` stands at the
# top of notebooks that may never make a call, and HTTP, parquet and the engine take a third of pandas' own time.
_HOMES = {
    "EqualRowsWarning": "dwbatch.call",
    "Estimate": "dwbatch.before.estimate",
    "Job": "dwbatch.job.job",
    "JobState": "dwbatch.job.status",
    "JobStatus": "dwbatch.job.status",
    "ParquetReport": "dwbatch.parquet.report",
    "Plan": "dwbatch.before.plan",
    "ResultsWarning": "dwbatch.request_files.results",
    "attach": "dwbatch.job.attach",
    "embed": "dwbatch.embedding",
    "estimate": "dwbatch.before.estimate",
    "image": "dwbatch.images",
    "jobs": "dwbatch.job.account",
    "plan": "dwbatch.before.plan",
    "preview": "dwbatch.before.preview",
    "read_results": "dwbatch.request_files.results",
    "run": "dwbatch.api",
    "run_parquet": "dwbatch.parquet.door",
    "submit": "dwbatch.api",
    "submit_jsonl": "dwbatch.request_files.door",
    "to_jsonl": "dwbatch.before.jsonl",
}

# Type checkers must not see it: with it, they would let every misspelt name pass.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """A public name, loaded with all that it needs."""
        if name not in _HOMES:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__]
            )
        found = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        """All public names, loaded or not."""
        return sorted({*globals(), *__all__})


# Silent until its user asks for logs: without this, Python prints every warning.
logging.getLogger(__name__).addHandler(logging.NullHandler())

register()
