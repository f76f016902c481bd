"""Lists, page by page; there is no search."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dwbatch.local.openai.objects import file_view
from dwbatch.local.openai.problems import Problem, no_such, not_one_of

_PURPOSES = {"batch": "batch IS NULL", "batch_output": "batch IS NOT NULL"}

MOST_FILES = 10_000
MOST_BATCHES = 100
_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one page, and whether more follow."""

    rows: list[sqlite3.Row]
    has_more: bool

    def page(self, shown: list[dict[str, Any]]) -> dict[str, Any]:
        """The page, with its rows as they are shown."""
        return {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": self.has_more,
        }


def files(db: sqlite3.Connection, owner: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of files; 10,000 if nothing is said."""
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise not_one_of("order", order, ("asc", "desc"))
    condition = _PURPOSES.get(query["purpose"], "0") if "purpose" in query else "1"
    limit = _limit(query, MOST_FILES, MOST_FILES)
    found = _rows(db, "file", owner, query, limit, f"NOT is_deleted AND {condition}", order)
    return found.page([file_view(file) for file in found.rows])


def batches(db: sqlite3.Connection, owner: str, query: Mapping[str, str]) -> Found:
    """A page of batches, newest first; 20 if nothing is said."""
    return _rows(db, "batch", owner, query, _limit(query, _BATCHES, MOST_BATCHES), "1", "desc")


def _limit(query: Mapping[str, str], usual: int, most: int) -> int:
    text = query.get("limit", str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Problem(
            400, f"Invalid 'limit': must be between 1 and {most}.", param="limit", code="invalid_value"
        )
    return int(text)


def _rows(
    db: sqlite3.Connection,
    table: str,
    owner: str,
    query: Mapping[str, str],
    limit: int,
    condition: str,
    order: str,
) -> Found:
    conditions, values = ["owner = ?", condition], list[Any]((owner,))
    if "after" in query:
        last = db.execute(f"SELECT seq FROM {table} WHERE id = ?", (query["after"],)).fetchone()  # noqa: S608 - one of two names above
        if last is None:
            raise no_such(table.title(), query["after"])
        conditions.append("seq < ?" if order == "desc" else "seq > ?")
        values.append(last["seq"])
    found = db.execute(
        f"SELECT * FROM {table} WHERE {' AND '.join(conditions)} ORDER BY seq {order} LIMIT ?",  # noqa: S608 - all constants of this module
        (*values, limit + 1),
    ).fetchall()
    return Found(found[:limit], len(found) > limit)
