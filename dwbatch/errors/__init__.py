"""What can go wrong, as one tree of exceptions.

DwbatchError
├── InputError (ValueError)          wrong input; nothing was sent
│   └── UnknownParameterError (TypeError)
├── CredentialsError                 no key, or a key that cannot be sent; nothing was sent
├── CheckpointError                  the folder cannot be used as it is
│   └── CheckpointLockedError        another call holds it
├── ApiError                         the server answered, and the answer is an error
├── NotAnApiError                    something answered that is not this API
├── TransportError                   no answer, or half of one: what happened is unclear
├── CostLimitError                   what is to be bought costs more than max_cost allows, or nobody knows
├── RowsFailedError                  some rows are not ok, and the caller wanted that raised
├── JobStoppedError                  waiting is pointless until somebody acts
└── JobTimeoutError (TimeoutError)   the time given is over; the job runs on
"""

from dwbatch.errors.base import DwbatchError, first_line
from dwbatch.errors.checkpoints import CheckpointError, CheckpointLockedError
from dwbatch.errors.endings import JobStoppedError, JobTimeoutError, RowsFailedError
from dwbatch.errors.money import CostLimitError
from dwbatch.errors.servers import ApiError, NotAnApiError, TransportError
from dwbatch.errors.wrong_input import CredentialsError, InputError, UnknownParameterError

__all__ = [
    "ApiError",
    "CheckpointError",
    "CheckpointLockedError",
    "CostLimitError",
    "CredentialsError",
    "DwbatchError",
    "InputError",
    "JobStoppedError",
    "JobTimeoutError",
    "NotAnApiError",
    "RowsFailedError",
    "TransportError",
    "UnknownParameterError",
    "first_line",
]
