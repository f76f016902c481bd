"""OpenAI's API on the same store and the same runner."""

import sqlite3
from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dwbatch.local import model_calls
from dwbatch.local.calls import ByMethod
from dwbatch.local.limits import Limits
from dwbatch.local.openai import calls, life, objects
from dwbatch.local.openai.problems import Problem
from dwbatch.local.replies import Refusal
from dwbatch.local.service import Service

# 50,000 requests and 200 MB: https://platform.openai.com/docs/guides/batch
LIMITS = Limits(max_file_bytes=200_000_000, max_requests_per_file=50_000, completion_windows=("24h",))


class OpenAI:
    """Prefixed ids, JSON refusals, lines looked at when the batch runs."""

    def routes(self) -> Sequence[BaseRoute]:
        """The calls, without the prefix under which they are mounted."""
        return [
            Route("/files", ByMethod(POST=calls.create_file, GET=calls.list_files)),
            Route("/files/{id}", ByMethod(GET=calls.show_file, DELETE=calls.delete_file)),
            Route("/files/{id}/content", ByMethod(GET=calls.read_file)),
            Route("/batches", ByMethod(POST=calls.create_batch, GET=calls.list_batches)),
            Route("/batches/{id}", ByMethod(GET=calls.show_batch)),
            Route("/batches/{id}/cancel", ByMethod(POST=calls.cancel_batch)),
            Route("/models", ByMethod(GET=model_calls.list_models)),
            Route("/{path:path}", calls.unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def refused(self, refusal: Refusal) -> Response:
        """A refusal in this API's envelope, whoever raised it."""
        if not isinstance(refusal, Problem):
            refusal = Problem(refusal.status, refusal.text)
        return refusal.response()

    def status(self, batch: sqlite3.Row) -> str:
        """The one word for a batch."""
        return objects.status(batch)

    def stranger(self, key: str) -> Refusal:
        """The refusal of a call without a key that is let in."""
        if not key:
            return Problem(401, "You didn't provide an API key.")
        shown = f"{key[:3]}***{key[-4:]}" if len(key) > len("sk-****") else "***"
        return Problem(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")

    def populate(self, service: Service, db: sqlite3.Connection, batch: sqlite3.Row) -> bool:
        """Look at a batch's lines; False if it is not to run."""
        return life.validate(service, db, batch)

    def sweep(self, service: Service) -> None:
        """Bring batches to their end that nobody asks after."""
        with service.store.reading() as db:
            running = db.execute(
                "SELECT * FROM batch WHERE completed_at IS NULL AND failed_at IS NULL AND expired_at IS NULL "
                "AND cancelled_at IS NULL"
            ).fetchall()
        for batch in running:
            life.settle(service, batch)
