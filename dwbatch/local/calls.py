"""The calls of the API: each reads its parameters, checks them in the server's order, and answers."""

import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from dwbatch.local import batches, content, files, results, uploads
from dwbatch.local.content import Window
from dwbatch.local.files import DEFAULT_PAGE, LARGEST_PAGE
from dwbatch.local.ids import RowIds, parse
from dwbatch.local.replies import Refusal, inference_error, json
from dwbatch.local.service import Service
from dwbatch.local.views import batch_view, file_view, is_finished, page

T = TypeVar("T")

_NOT_A_NUMBER = "Failed to deserialize query string: invalid digit found in string"
_NO_MODEL = (
    "Could not parse onwards model from request. 'model' parameter must be supplied in either the body "
    "or in the Model-Override header."
)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise Refusal(400, _NOT_A_NUMBER) from error


def _limit(query: Mapping[str, str]) -> int:
    given = _number(query, "limit")
    return DEFAULT_PAGE if given is None else min(max(given, 1), LARGEST_PAGE)


def _window(query: Mapping[str, str]) -> Window:
    limit = _number(query, "limit")
    return Window(
        skip=max(0, _number(query, "skip") or 0),
        limit=None if limit is None else min(max(limit, 1), LARGEST_PAGE),
        search=query.get("search"),
    )


async def create_file(request: Request) -> Response:
    """POST /files."""
    service, began_at = _service(request), int(time.time())
    owner = service.owner(request)
    async with service.upload_slot():
        with tempfile.TemporaryFile(dir=service.spool) as spooled:
            upload = await uploads.receive(request, spooled, service.limits)
            file = await run_in_threadpool(
                files.keep,
                service.store,
                upload,
                limits=service.limits,
                models=service.models,
                owner=owner,
                began_at=began_at,
            )
    return json(file_view(file, is_read=False), 201)


def list_files(request: Request) -> Response:
    """GET /files."""
    service, query = _service(request), request.query_params
    owner, limit = service.owner(request), _limit(query)
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise Refusal(400, "Order must be 'asc' or 'desc'")
    with service.store.reading() as db:
        found, has_more = files.listed(
            db,
            owner,
            limit=limit,
            after=query.get("after"),
            is_ascending=order == "asc",
            purpose=query.get("purpose"),
            search=query.get("search"),
        )
    return json(page([file_view(file) for file in found], has_more=has_more))


def show_file(request: Request) -> Response:
    """GET /files/{id}."""
    service = _service(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        return json(file_view(files.find(db, request.path_params["id"], owner)))


def delete_file(request: Request) -> Response:
    """DELETE /files/{id}."""
    service = _service(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        file = files.find(db, request.path_params["id"], owner)
        stopped = files.delete(db, file)
    for batch in stopped:
        service.runner.drop(batch)
    return json({"id": file["id"], "object": "file", "deleted": True})


def read_file(request: Request) -> Response:
    """GET /files/{id}/content."""
    service = _service(request)
    owner, window = service.owner(request), _window(request.query_params)
    with service.store.reading() as db:
        file = files.find(db, request.path_params["id"], owner)
    return content.answer(service.store, file, window)


async def create_batch(request: Request) -> Response:
    """POST /batches."""
    service = _service(request)
    owner = service.owner(request)
    order = await _json_body(request, service, batches.Order)
    return await run_in_threadpool(_create_batch, request, service, order, owner)


def _create_batch(request: Request, service: Service, order: batches.Order, owner: str) -> Response:
    with service.store.writing() as db:
        batch = batches.create(
            db,
            order,
            limits=service.limits,
            owner=owner,
            user_agent=request.headers.get("user-agent", ""),
            populate_at=time.time() + service.populate_delay_s,
        )
        view = batch_view(batch, batches.files_of(db, batch["seq"]), is_read=False)
    # The answer is made before the rows are, so that it says "validating".
    service.populate_later(batch)
    return json(view, 201)


async def _json_body(request: Request, service: Service, kind: type[T]) -> T:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(415, "Expected request with `Content-Type: application/json`")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > service.limits.max_json_bytes:
            raise Refusal(413, "Failed to buffer the request body: length limit exceeded")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Refusal(422, f"Failed to deserialize the JSON body into the target type: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refusal(400, f"Failed to parse the request body as JSON: {error}") from error


def list_batches(request: Request) -> Response:
    """GET /batches."""
    service, query = _service(request), request.query_params
    owner, limit = service.owner(request), _limit(query)
    with service.store.reading() as db:
        found, has_more = batches.listed(
            db,
            owner,
            limit=limit,
            after=query.get("after"),
            search=query.get("search"),
            status_filter=query.get("status"),
            windows=tuple(word for word in query.get("completion_window", "").split(",") if word),
            created=(_moment(query, "created_after"), _moment(query, "created_before")),
            is_active_first=query.get("active_first") == "true",
        )
        shown = [batch_view(batch, batches.files_of(db, batch["seq"])) for batch in found]
    return json(page(shown, has_more=has_more))


def _moment(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise Refusal(400, "Failed to deserialize query string: input contains invalid characters") from error


def show_batch(request: Request) -> Response:
    """GET /batches/{id}; the one call that sets terminal times."""
    service = _service(request)
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
    service, query = _service(request), request.query_params
    owner, window = service.owner(request), _window(query)
    with service.store.reading() as db:
        batch = batches.find(db, request.path_params["id"], owner)
    return results.answer(service.store, service.runner, batch, window, query.get("status"))


def cancel_batch(request: Request) -> Response:
    """POST /batches/{id}/cancel."""
    service = _service(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        batch = batches.finalise(db, batches.find(db, request.path_params["id"], owner))
        batches.cancel(db, batch)
    service.runner.drop(batch["seq"])
    return _after_post(service, batch["id"], owner)


def retry_batch(request: Request) -> Response:
    """POST /batches/{id}/retry."""
    service = _service(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        batch = batches.find(db, request.path_params["id"], owner)
        batches.retry(db, batch)
    return _run_again(service, batch["id"], owner)


class Chosen(msgspec.Struct, frozen=True):
    """The body of a POST to retry-requests."""

    request_ids: list[str]


async def retry_rows(request: Request) -> Response:
    """POST /batches/{id}/retry-requests."""
    service = _service(request)
    owner = service.owner(request)
    chosen = await _json_body(request, service, Chosen)
    return await run_in_threadpool(_retry_rows, service, request.path_params["id"], chosen, owner)


def _retry_rows(service: Service, given: str, chosen: Chosen, owner: str) -> Response:
    with service.store.writing() as db:
        batch = batches.find(db, given, owner)
        ids = RowIds(batch["id"])
        # Ids that are no UUID are dropped without a word; that includes every
        # "batch_req_…" that the error file itself shows.
        lines = [ids.line(one) for one in chosen.request_ids if parse(one)]
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
    service = _service(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        batch = batches.find(db, request.path_params["id"], owner)
        if not is_finished(batch):
            batches.cancel(db, batch)
        db.execute("UPDATE batch SET is_deleted = 1 WHERE seq = ?", (batch["seq"],))
    service.runner.drop(batch["seq"])
    return Response(status_code=204)


def unknown(_: Request) -> Response:
    """Any other path under the API's prefix goes to the model endpoints, which want a model."""
    return inference_error(400, _NO_MODEL, kind="invalid_request_error", code="bad_request", param="model")
