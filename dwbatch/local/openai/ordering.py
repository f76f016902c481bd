"""The order of a batch: its JSON read, its bounds kept, its row made."""

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from dwbatch.local.account import window_s
from dwbatch.local.limits import Limits
from dwbatch.local.lines import PATHS
from dwbatch.local.openai.objects import new_batch_id
from dwbatch.local.openai.problems import Problem, missing, not_one_of

# Anthropic's path is no path of OpenAI's.
ENDPOINTS = tuple(path for path in PATHS if path != "/v1/messages")

MOST_PAIRS = 16
LONGEST_KEY = 64
LONGEST_VALUE = 512


@dataclass(frozen=True, slots=True)
class Order:
    """What a batch is to be made of."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None


def read(body: bytes, limits: Limits) -> Order:
    """The order in a call's body.

    Raises
    ------
    Problem
        400, for the first thing that is wrong.
    """
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Problem(400, "We could not parse the JSON body of your request.") from error
    named = {}
    for name in ("input_file_id", "endpoint", "completion_window"):
        if name not in given:
            raise missing(name)
        if not isinstance(given[name], str):
            raise _not_a("string", name)
        named[name] = given[name]
    if named["endpoint"] not in ENDPOINTS:
        raise not_one_of("endpoint", named["endpoint"], ENDPOINTS)
    if named["completion_window"] not in limits.completion_windows:
        raise not_one_of("completion_window", named["completion_window"], limits.completion_windows)
    return Order(**named, metadata=_metadata(given.get("metadata")))


def _metadata(given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise _not_a("object", "metadata")
    if len(given) > MOST_PAIRS:
        raise Problem(
            400,
            f"Invalid 'metadata': too many properties. Expected an object with at most {MOST_PAIRS} properties, "
            f"but got an object with {len(given)} properties instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    for key, value in given.items():
        if not isinstance(value, str):
            raise _not_a("string", f"metadata.{key}")
        _check_length(key, LONGEST_KEY, "metadata")
        _check_length(value, LONGEST_VALUE, f"metadata.{key}")
    return given


def _check_length(text: str, most: int, param: str) -> None:
    if len(text) > most:
        raise Problem(
            400,
            f"Invalid '{param}': string too long. Expected a string with maximum length {most}, but got a "
            f"string with length {len(text)} instead.",
            param=param,
            code="string_above_max_length",
        )


def _not_a(kind: str, param: str) -> Problem:
    return Problem(400, f"Invalid type for '{param}': expected a {kind}.", param=param, code="invalid_type")


def insert(db: sqlite3.Connection, order: Order, file: sqlite3.Row, *, populate_at: float) -> sqlite3.Row:
    """A new batch, whose file nobody has looked into."""
    now = int(time.time())
    seq = db.execute(
        "INSERT INTO batch (id, input_file, input_name, first_request, total, endpoint, completion_window, "
        "metadata, models, owner, created_at, expires_at, populate_at) VALUES (?, ?, ?, 0, 0, ?, ?, ?, '{}', ?, ?, ?, ?)",
        (
            new_batch_id(),
            file["id"],
            file["filename"],
            order.endpoint,
            order.completion_window,
            msgspec.json.encode(order.metadata).decode(),
            file["owner"],
            now,
            now + window_s(order.completion_window),
            populate_at,
        ),
    ).lastrowid
    found: sqlite3.Row = db.execute("SELECT * FROM batch WHERE seq = ?", (seq,)).fetchone()
    return found
