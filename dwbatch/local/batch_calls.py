"""The calls about batches: parameters read, checked in the server's order, answered."""

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from dwbatch.local import batches, costs, query, results, serde
from dwbatch.local.faults import fates
from dwbatch.local.ids import RowIds, parse
from dwbatch.local.replies import Refusal, json
from dwbatch.local.service import Service, of
from dwbatch.local.views import batch_view, is_finished, page

_ORDER = {
    "input_file_id": serde.STRING,
    "endpoint": serde.STRING,
    "completion_window": serde.STRING,
    "metadata": serde.OPTIONAL_STRINGS,
}
_CHOSEN = {"request_ids": serde.STRINGS}


async def create_batch(request: Request) -> Response:
    """POST /batches."""
    service = of(request)
    owner = service.owner(request)
    body = await query.json_body(
        request, "CreateBatchRequest", _ORDER, max_bytes=service.limits.max_json_bytes
    )
    return await run_in_threadpool(_create_batch, request, service, batches.Order(**body), owner)


def _create_batch(request: Request, service: Service, order: batches.Order, owner: str) -> Response:
    with service.store.writing() as db:
        batch = batches.create(
            db,
            order,
            account=service.account,
            limits=service.limits,
            owner=owner,
            user_agent=request.headers.get("user-agent", ""),
            populate_at=time.time() + service.populate_delay_s,
        )
        is_usual = fates.decide(db, batch, service.board)
        view = batch_view(batch, batches.files_of(db, batch["seq"]), is_read=False)
    # The answer is made before the rows are, so that it says "validating".
    if is_usual:
        service.populate_later(batch)
    return json(view, 201)


def list_batches(request: Request) -> Response:
    """GET /batches."""
    service, asked = of(request), request.query_params
    owner, limit = service.owner(request), query.page_limit(asked)
    query.refuse_member(asked)
    with service.store.reading() as db:
        found, has_more = batches.listed(
            db,
            owner,
            limit=limit,
            after=asked.get("after"),
            search=asked.get("search"),
            status_filter=asked.get("status"),
            windows=query.windows(asked),
            created=(query.moment(asked, "created_after"), query.moment(asked, "created_before")),
            is_active_first=query.flag(asked, "active_first"),
        )
        wants_analytics = "analytics" in map(str.strip, asked.get("include", "").split(","))
        shown = [
            batch_view(
                batch,
                batches.files_of(db, batch["seq"]),
                analytics=costs.analytics(db, service.account, batch) if wants_analytics else None,
            )
            for batch in found
        ]
    return json(page(shown, has_more=has_more))


def show_batch(request: Request) -> Response:
    """GET /batches/{id}; the one call that sets terminal times."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        batch = batches.find(db, request.path_params["id"], owner)
        owned = batches.files_of(db, batch["seq"])
    if batches.needs_stamp(batch):
        with service.store.writing() as db:
            batch = batches.finalise(db, batches.find(db, request.path_params["id"], owner))
    return json(batch_view(batch, owned))


def show_results(request: Request) -> Response:
    """GET /batches/{id}/results."""
    service, asked = of(request), request.query_params
    owner, window = service.owner(request), query.window(asked)
    with service.store.reading() as db:
        batch = batches.find(db, request.path_params["id"], owner)
    return results.answer(service.store, service.runner, batch, window, asked.get("status"))


def cancel_batch(request: Request) -> Response:
    """POST /batches/{id}/cancel."""
    service = of(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        batch = batches.finalise(db, batches.find(db, request.path_params["id"], owner))
        batches.cancel(db, batch)
    service.runner.drop(batch["seq"])
    return _after_post(service, batch["id"], owner)


def retry_batch(request: Request) -> Response:
    """POST /batches/{id}/retry."""
    service = of(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        batch = batches.find(db, request.path_params["id"], owner)
        batches.retry(db, batch)
    return _run_again(service, batch["id"], owner)


async def retry_rows(request: Request) -> Response:
    """POST /batches/{id}/retry-requests."""
    service = of(request)
    owner = service.owner(request)
    body = await query.json_body(request, "RetryRequests", _CHOSEN, max_bytes=service.limits.max_json_bytes)
    chosen: list[str] = body["request_ids"]
    return await run_in_threadpool(_retry_rows, service, request.path_params["id"], chosen, owner)


def _retry_rows(service: Service, given: str, chosen: list[str], owner: str) -> Response:
    with service.store.writing() as db:
        batch = batches.find(db, given, owner)
        ids = RowIds(batch["id"])
        # Ids that are no UUID are dropped without a word; that includes every
        # "batch_req_…" that the error file itself shows.
        lines = [ids.line(one) for one in chosen if parse(one)]
        if not lines:
            raise Refusal(400, "No valid request IDs provided")
        batches.retry(db, batch, [line for line in lines if line is not None])
    return _run_again(service, batch["id"], owner)


def _run_again(service: Service, batch_id: str, owner: str) -> Response:
    with service.store.reading() as db:
        batch = batches.find(db, batch_id, owner)
    reply = _after_post(service, batch_id, owner)
    if batch["in_progress_at"] is not None and batch["cancelling_at"] is None:
        service.runner.run(batch["seq"])
    return reply


def _after_post(service: Service, batch_id: str, owner: str) -> Response:
    with service.store.reading() as db:
        batch = batches.find(db, batch_id, owner)
        return json(batch_view(batch, batches.files_of(db, batch["seq"]), is_read=False))


def delete_batch(request: Request) -> Response:
    """DELETE /batches/{id}."""
    service = of(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        batch = batches.find(db, request.path_params["id"], owner)
        if not is_finished(batch):
            batches.cancel(db, batch)
        db.execute("UPDATE batch SET is_deleted = 1 WHERE seq = ?", (batch["seq"],))
    service.runner.drop(batch["seq"])
    return Response(status_code=204)


def show_analytics(request: Request) -> Response:
    """GET /batches/{id}/analytics."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        batch = batches.find(db, request.path_params["id"], owner)
        return json(costs.analytics(db, service.account, batch))
