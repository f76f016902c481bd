"""What batches will cost and what they have cost, as decimal strings."""

import sqlite3
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from dwbatch.local.account import Account
from dwbatch.local.limits import EMBEDDINGS

_CHARACTERS_A_TOKEN = 4
_LAST_RESPONSES = 100
_UNKNOWN_OUTPUT = Decimal("1.1")
_SHOWN = Decimal("1e-8")
_BILLED = Decimal("1e-15")


def estimate(db: sqlite3.Connection, account: Account, file: sqlite3.Row, window: str) -> dict[str, Any]:
    """The answer to a question about a file's price: input by its bytes, output by what models said lately."""
    parts, total = [], Decimal(0)
    for name, figures in msgspec.json.decode(file["models"]).items():
        asked = figures["bytes"] // _CHARACTERS_A_TOKEN
        said = _expected_output(db, account, name, figures["count"], asked)
        cost = account.cost(name, window, (asked, said))
        total += cost
        parts.append(
            {
                "model": name,
                "request_count": figures["count"],
                "estimated_input_tokens": asked,
                "estimated_output_tokens": said,
                "estimated_cost": _money(cost, _SHOWN),
            }
        )
    return {
        "file_id": file["id"],
        "total_requests": file["total"],
        "total_estimated_input_tokens": sum(part["estimated_input_tokens"] for part in parts),
        "total_estimated_output_tokens": sum(part["estimated_output_tokens"] for part in parts),
        "total_estimated_cost": _money(total, _SHOWN),
        "models": parts,
    }


def _expected_output(db: sqlite3.Connection, account: Account, model: str, count: int, asked: int) -> int:
    if account.models is not None and model in account.models and account.models[model].kind == EMBEDDINGS:
        return count
    (mean,) = db.execute(
        "SELECT avg(completion_tokens) FROM (SELECT completion_tokens FROM bill "
        "WHERE model = ? AND status_code BETWEEN 200 AND 399 ORDER BY seq DESC LIMIT ?)",
        (model, _LAST_RESPONSES),
    ).fetchone()
    return int(asked * _UNKNOWN_OUTPUT) if mean is None else round(mean * count)


def analytics(db: sqlite3.Connection, account: Account, batch: sqlite3.Row) -> dict[str, Any]:
    """What a batch has used and cost so far."""
    used = db.execute(
        "SELECT model, count(*) AS calls, sum(prompt_tokens) AS prompt, sum(completion_tokens) AS completion, "
        "sum(duration_ms) AS duration_ms FROM bill WHERE batch = ? GROUP BY model",
        (batch["seq"],),
    ).fetchall()
    calls = sum(row["calls"] for row in used)
    prompt, completion = sum(row["prompt"] for row in used), sum(row["completion"] for row in used)
    shown: dict[str, Any] = {
        "total_requests": calls,
        "total_prompt_tokens": prompt,
        "total_completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if calls:
        mean_ms = sum(row["duration_ms"] for row in used) / calls
        window = batch["completion_window"]
        cost = sum(
            (account.cost(row["model"], window, (row["prompt"], row["completion"])) for row in used),
            Decimal(0),
        )
        shown |= {
            "avg_duration_ms": mean_ms,
            "avg_ttfb_ms": mean_ms,
            "total_cost": _money(cost, _BILLED),
            "total_list_cost": _money(cost, _SHOWN),
        }
    return shown


def _money(amount: Decimal, step: Decimal) -> str:
    return f"{amount.quantize(step, ROUND_HALF_UP):f}" if amount else "0"
