"""A real batch server on this machine: for tests, for laptops, for work without a key.

It speaks the Doubleword batch API over HTTP, keeps its files in a folder, answers by echo, by a
Python callable or by script, and says afterwards which requests it was paid for. It shares no code with
the rest of the library, so that client and server cannot share a mistake.

>>> with Server() as server:
...     server.ledger()
[]
"""

from dwbatch.local.faults.calls import faults_at
from dwbatch.local.faults.kinds import Fired
from dwbatch.local.faults.setting import Faults
from dwbatch.local.limits import Limits, Model
from dwbatch.local.outcomes import Bill, Outcome, Reply
from dwbatch.local.pace import Pace
from dwbatch.local.process import join, serve
from dwbatch.local.retrying import Retry
from dwbatch.local.server import Server

__all__ = [
    "Bill",
    "Faults",
    "Fired",
    "Limits",
    "Model",
    "Outcome",
    "Pace",
    "Reply",
    "Retry",
    "Server",
    "faults_at",
    "join",
    "serve",
]
