"""A recorded response beside a fresh one: what must be equal is, and each difference gets a line."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import requests

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PLACEHOLDER = re.compile(r"<(?:uuid|mark):[0-9]+>")

# A longer second between two clocks is no difference.
_CLOCK_S = 2
_SEEN_BY_CLIENTS = (
    "content-type",
    "x-incomplete",
    "x-last-line",
    "x-content-type-options",
    "retry-after",
    "allow",
    "cache-control",
)
_CHANGING = (
    (re.compile(r'"(created|created_at|completed_at)":[0-9]+'), r'"\1":0'),
    (re.compile(r'"id":"(chatcmpl|cmpl)-[^"]*"'), r'"id":"\1"'),
)


class Names:
    """What each placeholder of a recording stands for in this run."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def bind(self, placeholder: str, value: str) -> bool:
        """Whether `value` may stand here: it is what the placeholder stood for, or the first."""
        return self._values.setdefault(placeholder, value) == value

    def put(self, text: str, *, fresh: Any) -> str:
        """A recorded text with this run's values; a placeholder not seen yet gets one from `fresh`."""
        return PLACEHOLDER.sub(lambda found: self._values.setdefault(found[0], fresh(found[0])), text)


def differences(recorded: dict[str, Any], reply: requests.Response, names: Names) -> list[str]:
    """Lines that say where a fresh reply departs from the recorded one."""
    found = []
    if reply.status_code != recorded["status"]:
        found.append(f"status {reply.status_code}, recorded {recorded['status']}: {reply.text[:200]}")
    found += _headers(recorded, reply)
    if "json" in recorded:
        found += compare(recorded["json"], reply.json(), names, "body")
    elif recorded["headers"].get("content-type") == "application/x-ndjson":
        found += _lines(recorded["text"], reply.content.decode(), names)
    else:
        found += compare(recorded["text"], reply.text, names, "text")
    return found


def _headers(recorded: dict[str, Any], reply: requests.Response) -> Iterator[str]:
    wanted = recorded["headers"]
    for name in _SEEN_BY_CLIENTS:
        if wanted.get(name) != reply.headers.get(name):
            yield f"header {name} is {reply.headers.get(name)!r}, recorded {wanted.get(name)!r}"
    for name in ("content-length", "transfer-encoding"):
        if (name in wanted) != (name in reply.headers):
            yield f"header {name} is {reply.headers.get(name)!r}, recorded {wanted.get(name)!r}"


def _lines(recorded: str, fresh: str, names: Names) -> list[str]:
    by_id = sorted(map(json.loads, _cut(fresh)), key=_custom_id)
    wanted = sorted(map(json.loads, _cut(recorded)), key=_custom_id)
    found = compare(wanted, by_id, names, "lines")
    if sorted(map(_steady, _cut(recorded))) != sorted(map(_steady, _cut(fresh))):
        found.append("lines are not the same letter by letter")
    return found


def _cut(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _custom_id(line: dict[str, Any]) -> str:
    return str(line["custom_id"])


def _steady(line: str) -> str:
    for pattern, replacement in _CHANGING:
        line = pattern.sub(replacement, line)
    return UUID.sub("<>", PLACEHOLDER.sub("<>", line))


def compare(recorded: Any, fresh: Any, names: Names, where: str) -> list[str]:
    """Differences between two JSON values, by the rules of the recordings."""
    if isinstance(recorded, dict) and isinstance(fresh, dict):
        return _compare_objects(recorded, fresh, names, where)
    if isinstance(recorded, list) and isinstance(fresh, list) and len(recorded) == len(fresh):
        pairs = zip(recorded, fresh, strict=True)
        return [
            line
            for place, (one, other) in enumerate(pairs)
            for line in compare(one, other, names, f"{where}[{place}]")
        ]
    if isinstance(recorded, str) and isinstance(fresh, str) and _fits(recorded, fresh, names):
        return []
    return [] if recorded == fresh else [f"{where} is {fresh!r}, recorded {recorded!r}"]


def _compare_objects(recorded: dict[str, Any], fresh: dict[str, Any], names: Names, where: str) -> list[str]:
    found = []
    if recorded.keys() != fresh.keys():
        found.append(f"{where} has {sorted(fresh)}, recorded {sorted(recorded)}")
    for key in recorded.keys() & fresh.keys():
        inner = f"{where}.{key}"
        if key.endswith("_at") or key == "created":
            found += _compare_times(recorded, fresh, key, inner)
        elif key.startswith("avg_"):
            found += [] if isinstance(fresh[key], float) else [f"{inner} is {fresh[key]!r}"]
        elif key.endswith("_cost") and isinstance(recorded[key], str):
            found += _compare_costs(recorded[key], fresh[key], inner)
        elif key == "id" and str(recorded[key]).startswith(("chatcmpl-", "cmpl-")):
            continue
        elif key == "bytes" and str(recorded.get("purpose", "")).startswith("batch_"):
            found += [] if isinstance(fresh[key], int) else [f"{inner} is {fresh[key]!r}"]
        else:
            found += compare(recorded[key], fresh[key], names, inner)
    return found


def _compare_times(recorded: dict[str, Any], fresh: dict[str, Any], key: str, where: str) -> list[str]:
    if not isinstance(fresh[key], int):
        return [f"{where} is {fresh[key]!r}, not a time"]
    if key in {"expires_at", "expired_at"} and "created_at" in recorded:
        wanted, found = (times[key] - times["created_at"] for times in (recorded, fresh))
        if abs(wanted - found) > _CLOCK_S:
            return [f"{where} is {found} s after creation, recorded {wanted} s"]
    return []


def _compare_costs(recorded: str, fresh: str, where: str) -> list[str]:
    if Decimal(recorded).as_tuple().exponent != Decimal(fresh).as_tuple().exponent:
        return [f"{where} is {fresh!r}, recorded {recorded!r}"]
    return [] if Decimal(recorded) == Decimal(fresh) else [f"{where} is {fresh!r}, recorded {recorded!r}"]


def _fits(recorded: str, fresh: str, names: Names) -> bool:
    holders = PLACEHOLDER.findall(recorded)
    if not holders:
        return recorded == fresh
    pattern = "(.+?)".join(map(re.escape, PLACEHOLDER.split(recorded)))
    found = re.fullmatch(pattern, fresh, re.DOTALL)
    return found is not None and all(
        names.bind(holder, value) for holder, value in zip(holders, found.groups(), strict=True)
    )
