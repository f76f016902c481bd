"""The calls about files: parameters read, checked in the server's order, answered."""

import tempfile
import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from dwbatch.local import content, costs, files, query, uploads
from dwbatch.local.replies import Refusal, json
from dwbatch.local.service import of
from dwbatch.local.views import file_view, page


async def create_file(request: Request) -> Response:
    """POST /files."""
    service, began_at = of(request), int(time.time())
    owner = service.owner(request)
    async with service.upload_slot():
        with tempfile.TemporaryFile(dir=service.spool) as spooled:
            upload = await uploads.receive(request, spooled, service.limits)
            file = await run_in_threadpool(
                files.keep,
                service.store,
                upload,
                limits=service.limits,
                models=service.account.models,
                owner=owner,
                began_at=began_at,
            )
    return json(file_view(file, is_read=False), 201)


def list_files(request: Request) -> Response:
    """GET /files."""
    service, asked = of(request), request.query_params
    owner, limit = service.owner(request), query.page_limit(asked)
    order = asked.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise Refusal(400, "Order must be 'asc' or 'desc'")
    query.refuse_member(asked)
    with service.store.reading() as db:
        found, has_more = files.listed(
            db,
            owner,
            limit=limit,
            after=asked.get("after"),
            is_ascending=order == "asc",
            purpose=asked.get("purpose"),
            search=asked.get("search"),
        )
    return json(page([file_view(file) for file in found], has_more=has_more))


def show_file(request: Request) -> Response:
    """GET /files/{id}."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        return json(file_view(files.find(db, request.path_params["id"], owner)))


def delete_file(request: Request) -> Response:
    """DELETE /files/{id}."""
    service = of(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        file = files.find(db, request.path_params["id"], owner)
        stopped = files.delete(db, file)
    for batch in stopped:
        service.runner.drop(batch)
    return json({"id": file["id"], "object": "file", "deleted": True})


def read_file(request: Request) -> Response:
    """GET /files/{id}/content."""
    service = of(request)
    owner, window = service.owner(request), query.window(request.query_params)
    with service.store.reading() as db:
        file = files.find(db, request.path_params["id"], owner)
    return content.answer(service.store, file, window)


def estimate_cost(request: Request) -> Response:
    """GET /files/{id}/cost-estimate."""
    service = of(request)
    owner = service.owner(request)
    window = request.query_params.get("completion_window", "24h")
    with service.store.reading() as db:
        file = files.find(db, request.path_params["id"], owner)
        return json(costs.estimate(db, service.account, file, window))
