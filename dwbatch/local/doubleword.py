"""The Doubleword API, which is this server's mother tongue."""

import sqlite3
from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dwbatch.local import batch_calls, batches, file_calls, model_calls, views
from dwbatch.local.calls import ByMethod
from dwbatch.local.replies import Refusal
from dwbatch.local.service import Service

UNAUTHENTICATED = "Authentication required"


class Doubleword:
    """Bare UUIDs, plain sentences, lines looked at when they are uploaded."""

    def routes(self) -> Sequence[BaseRoute]:
        """The calls, without the prefix under which they are mounted."""
        return [
            Route("/files", ByMethod(POST=file_calls.create_file, GET=file_calls.list_files)),
            Route("/files/{id}", ByMethod(GET=file_calls.show_file, DELETE=file_calls.delete_file)),
            Route("/files/{id}/content", ByMethod(GET=file_calls.read_file)),
            Route("/files/{id}/cost-estimate", ByMethod(GET=file_calls.estimate_cost)),
            Route("/batches", ByMethod(POST=batch_calls.create_batch, GET=batch_calls.list_batches)),
            Route("/batches/{id}", ByMethod(GET=batch_calls.show_batch, DELETE=batch_calls.delete_batch)),
            Route("/batches/{id}/analytics", ByMethod(GET=batch_calls.show_analytics)),
            Route("/batches/{id}/results", ByMethod(GET=batch_calls.show_results)),
            Route("/batches/{id}/cancel", ByMethod(POST=batch_calls.cancel_batch)),
            Route("/batches/{id}/retry", ByMethod(POST=batch_calls.retry_batch)),
            Route("/batches/{id}/retry-requests", ByMethod(POST=batch_calls.retry_rows)),
            Route("/models", ByMethod(GET=model_calls.list_models)),
            Route("/{path:path}", model_calls.unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def refused(self, refusal: Refusal) -> Response:
        """A refusal in this API's envelope, which is mostly none."""
        return refusal.response()

    def status(self, batch: sqlite3.Row) -> str:
        """The one word for a batch."""
        return views.status(batch)

    def stranger(self, key: str) -> Refusal:  # noqa: ARG002 - this API does not say which key it was
        """The refusal of a call without a key that is let in."""
        return Refusal(401, UNAUTHENTICATED)

    def populate(self, service: Service, db: sqlite3.Connection, batch: sqlite3.Row) -> bool:  # noqa: ARG002 - its lines are known
        """Make a batch's rows ready to run."""
        return batches.populate(db, batch)

    def sweep(self, service: Service) -> None:
        """Give batches whose rows are all over their terminal times."""
        with service.store.writing() as db:
            batches.sweep(db)
