"""The parts of the sentence that ends a call, said alike by every door."""

from collections.abc import Mapping


def codes(counts: Mapping[str, int]) -> str:
    """How often each error code came, in brackets; nothing where there is none."""
    reasons = ", ".join(f"{count:,} {code}" for code, count in counts.items())
    return f" ({reasons})" if reasons else ""


def rows(total: str, *, ok: int, not_ok: int, counts: Mapping[str, int]) -> str:
    """How the rows ended; `total` says how many there are."""
    return f"{total}: {ok:,} ok, {not_ok:,} not ok{codes(counts)}"


def sent(first: int, again: int) -> str:
    """Distinct requests that went to the server."""
    return f"{first:,} requests sent{f', {again:,} once more' if again else ''}"


def saved(*, duplicates: int, answered: int) -> str:
    """Rows and distinct requests that cost nothing."""
    return f"{duplicates:,} saved by de-duplication, {answered:,} by the checkpoint"


def tokens(prompt: int, completion: int) -> str:
    """What was paid for."""
    return f"{prompt:,} prompt and {completion:,} completion tokens"


def adopted(batches: int) -> str:
    """Batches taken over."""
    return f"{batches:,} batches adopted from the account"
