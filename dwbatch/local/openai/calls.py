"""OpenAI's calls: parameters read, checked, answered."""

import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from dwbatch.local import content, uploads
from dwbatch.local.faults import fates
from dwbatch.local.openai import life, listing, ordering
from dwbatch.local.openai.objects import FINAL, batch_view, file_view, new_file_id, status
from dwbatch.local.openai.problems import INVALID, Problem, missing, no_such
from dwbatch.local.openai.result_lines import lines
from dwbatch.local.replies import inference_error, json
from dwbatch.local.service import Service, of
from dwbatch.local.views import ERROR, OUTPUT, PURPOSES

_BYTES = "application/octet-stream"
_COPY_BYTES = 1024 * 1024


async def create_file(request: Request) -> Response:
    """POST /files: kept as it came, looked at by nobody yet."""
    service, began_at = of(request), int(time.time())
    owner = service.owner(request)
    with tempfile.TemporaryFile(dir=service.spool) as spooled:
        upload = await uploads.receive(request, spooled, service.limits)
        if not upload.purpose:
            raise missing("purpose")
        name = upload.filename or "upload.jsonl"
        if not name.endswith(".jsonl"):
            raise Problem(400, "Invalid file format for Batch API. Must be .jsonl")
        file_id = new_file_id()
        await run_in_threadpool(_keep, spooled, service.raw_file(file_id))
    with service.store.writing() as db:
        db.execute(
            "INSERT INTO file (id, filename, purpose, bytes, created_at, owner) VALUES (?, ?, 'batch', ?, ?, ?)",
            (file_id, name, upload.file_bytes, began_at, owner),
        )
        return json(file_view(_find_file(db, file_id, owner)))


def _keep(spooled: Any, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    spooled.seek(0)
    with path.open("wb") as kept:
        while piece := spooled.read(_COPY_BYTES):
            kept.write(piece)


def list_files(request: Request) -> Response:
    """GET /files."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        return json(listing.files(db, owner, request.query_params))


def show_file(request: Request) -> Response:
    """GET /files/{id}."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        return json(file_view(_find_file(db, request.path_params["id"], owner)))


def read_file(request: Request) -> Response:
    """GET /files/{id}/content: the whole of it, whatever else was asked."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        file = _find_file(db, request.path_params["id"], owner)
        batch = db.execute("SELECT * FROM batch WHERE seq = ?", (file["batch"],)).fetchone()
    if batch is None:
        return FileResponse(service.raw_file(file["id"]), media_type=_BYTES, filename=file["filename"])
    kind = OUTPUT if file["purpose"] == PURPOSES[OUTPUT] else ERROR
    headers = {"content-disposition": f'attachment; filename="{file["filename"]}"'}
    return content.stream(lines(service.store, batch, kind), headers, media_type=_BYTES)


def delete_file(request: Request) -> Response:
    """DELETE /files/{id}."""
    service = of(request)
    owner = service.owner(request)
    with service.store.writing() as db:
        file = _find_file(db, request.path_params["id"], owner)
        db.execute("UPDATE file SET is_deleted = 1 WHERE seq = ?", (file["seq"],))
    service.raw_file(file["id"]).unlink(missing_ok=True)
    return json({"id": file["id"], "object": "file", "deleted": True})


def _find_file(db: sqlite3.Connection, given: str, owner: str) -> sqlite3.Row:
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM file WHERE id = ? AND owner = ? AND NOT is_deleted", (given, owner)
    ).fetchone()
    if found is None:
        raise no_such("File", given)
    return found


async def create_batch(request: Request) -> Response:
    """POST /batches."""
    service = of(request)
    owner = service.owner(request)
    order = ordering.read(await request.body(), service.limits)
    return await run_in_threadpool(_create_batch, service, order, owner)


def _create_batch(service: Service, order: ordering.Order, owner: str) -> Response:
    with service.store.writing() as db:
        file = _find_file(db, order.input_file_id, owner)
        batch = ordering.insert(db, order, file, populate_at=time.time() + service.populate_delay_s)
        is_usual = fates.decide(db, batch, service.board)
        view = batch_view(db, batch)
        fated = _find_batch(db, batch["id"], owner)
        if not is_usual and fated["in_progress_at"] is not None:
            # Stalled: its lines are looked at, and then nothing happens.
            life.validate(service, db, fated)
    if is_usual:
        service.populate_later(batch)
    return json(view)


def list_batches(request: Request) -> Response:
    """GET /batches."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        found = listing.batches(db, owner, request.query_params)
    settled = [life.settle(service, batch) for batch in found.rows]
    with service.store.reading() as db:
        return json(found.page([batch_view(db, batch) for batch in settled]))


def show_batch(request: Request) -> Response:
    """GET /batches/{id}."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        batch = _find_batch(db, request.path_params["id"], owner)
    batch = life.settle(service, batch)
    with service.store.reading() as db:
        return json(batch_view(db, batch))


def cancel_batch(request: Request) -> Response:
    """POST /batches/{id}/cancel: cancelling now, cancelled at the next look."""
    service = of(request)
    owner = service.owner(request)
    with service.store.reading() as db:
        batch = life.settle(service, _find_batch(db, request.path_params["id"], owner))
    if status(batch) in FINAL:
        raise Problem(409, f"Cannot cancel a batch with status '{status(batch)}'.")
    service.runner.drop(batch["seq"])
    with service.store.writing() as db:
        db.execute(
            "UPDATE batch SET cancelling_at = ? WHERE seq = ? AND cancelling_at IS NULL",
            (int(time.time()), batch["seq"]),
        )
        return json(batch_view(db, _find_batch(db, batch["id"], owner)))


def _find_batch(db: sqlite3.Connection, given: str, owner: str) -> sqlite3.Row:
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM batch WHERE id = ? AND owner = ?", (given, owner)
    ).fetchone()
    if found is None:
        raise Problem(404, f"No batch found with id '{given}'.")
    return found


async def unknown(request: Request) -> Response:
    """Any other path."""
    path = request.url.path
    return inference_error(
        404, f"Invalid URL ({request.method} {path})", kind=INVALID, code="unknown_url", is_sized=True
    )
