"""What differs between the APIs that this server can speak; everything else is shared."""

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from starlette.responses import Response
from starlette.routing import BaseRoute

from dwbatch.local.replies import Refusal

if TYPE_CHECKING:
    from dwbatch.local.service import Service


class Dialect(Protocol):
    """One API: its paths and answers, and when it looks at a file's lines."""

    def routes(self) -> Sequence[BaseRoute]:
        """The calls, without the prefix under which they are mounted."""

    def refused(self, refusal: Refusal) -> Response:
        """A refusal in this API's envelope."""

    def status(self, batch: sqlite3.Row) -> str:
        """The one word for a batch."""

    def stranger(self, key: str) -> Refusal:
        """The refusal of a call without a key that is let in."""

    def populate(self, service: "Service", db: sqlite3.Connection, batch: sqlite3.Row) -> bool:
        """Make a batch's rows ready to run; False if it has none to run."""

    def sweep(self, service: "Service") -> None:
        """Bring batches to their end that nobody asks after."""
