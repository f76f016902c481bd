"""Run a provider Batch API from a pandas DataFrame: bought once, answers on their own rows.

>>> import pandas as pd, dwbatch
>>> frame = pd.DataFrame({"text": ["lovely", "awful"]})
>>> frame.doubleword.run("Is this positive? {text}", model="…")  # doctest: +SKIP
"""

__version__ = "0.1.0"

import logging

from dwbatch.accessor import register
from dwbatch.api import run, submit
from dwbatch.before.estimate import Estimate, estimate
from dwbatch.before.jsonl import to_jsonl
from dwbatch.before.plan import Plan, plan
from dwbatch.before.preview import preview
from dwbatch.call import EqualRowsWarning
from dwbatch.columns import ErrorCode, Status
from dwbatch.embedding import embed
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

# Silent until its user asks for logs: without this, Python prints every warning.
logging.getLogger(__name__).addHandler(logging.NullHandler())

register()
