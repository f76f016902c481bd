"""What a batch asks for, read from the server's own files: the requests of a shard that this folder never planned."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa

from dwbatch.engine import faults
from dwbatch.engine.desk import Desk
from dwbatch.engine.marks import KEY_CHARACTERS, KEYS_SHOWN, shown_keys
from dwbatch.errors import ApiError, DwbatchError
from dwbatch.prompts.encode import canonical
from dwbatch.prompts.identity import KEY, key_of, occurrence_keys, request_keys
from dwbatch.wire.objects import Batch, RequestCounts

# Such a batch brings no more lines than its files hold.
OVER = frozenset({"completed", "failed", "cancelled", "expired", "cancelling"})
# More equal requests than anybody draws samples of one prompt.
MOST_SAMPLES = 65_536
SAMPLES_AT_A_TIME = 1024


class UnreadableBatchError(DwbatchError):
    """What a batch asks for cannot be said, so its requests may be paid for."""


class _Named(msgspec.Struct):
    custom_id: str


class _Asking(msgspec.Struct):
    body: msgspec.Raw


def requests_of(batch: Batch, desk: Desk) -> pa.Table | None:
    """Requests of a batch, as of any shard; None where it holds none and never will.

    Parameters
    ----------
    batch : Batch
        Of the recipe of this call.
    desk : Desk

    Raises
    ------
    UnreadableBatchError
        If a line cannot be read, or lines that are paid for cannot be had.
    ApiError, TransportError, NotAnApiError
        If the server does not give its files.
    """
    custom_ids, keys = _read(batch.input_file_id, batch, desk)
    if not custom_ids:
        # The input file is deleted. What was answered says by its custom_id what it answers.
        for file_id in (batch.output_file_id, batch.error_file_id):
            more_ids, more_keys = _read(file_id, batch, desk)
            custom_ids, keys = custom_ids + more_ids, keys + more_keys
        counts = batch.request_counts or RequestCounts()
        paid = (counts.completed or 0) + (counts.failed or 0)
        if len(custom_ids) < paid or batch.status not in OVER:
            raise UnreadableBatchError(
                f"its input file is gone, and its results name {len(custom_ids)} of the {paid} requests that ran"
            )
    if not custom_ids:
        return None
    held = pa.array(keys, KEY)
    return pa.table(
        {
            "custom_id": pa.array(custom_ids, pa.string()),
            "request_key": held,
            "answers_key": held,
            "position": pa.array(range(len(keys)), pa.int64()),
        }
    )


def _read(file_id: str | None, batch: Batch, desk: Desk) -> tuple[list[str], list[bytes]]:
    custom_ids: list[str] = []
    keys: list[bytes] = []
    samples = _Samples(shown_keys(batch))
    try:
        for line in _lines(desk, file_id) if file_id else ():
            custom_id = msgspec.json.decode(line, type=_Named).custom_id
            # A custom_id of the user's own says nothing; the request itself does.
            keys.append(key_of(custom_id) or samples.key(_base_key(line, desk)))
            custom_ids.append(custom_id)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UnreadableBatchError(f"a line of its files cannot be read ({error})") from error
    except ApiError as error:
        if not faults.is_absent(error):
            raise
    return custom_ids, keys


def _lines(desk: Desk, file_id: str) -> Iterator[bytes]:
    rest = b""
    with desk.client.content(file_id) as content:
        for block in content.blocks():
            *whole, rest = (rest + block).split(b"\n")
            yield from filter(None, whole)
    if rest.strip():
        yield rest


def _base_key(line: bytes, desk: Desk) -> bytes:
    body = canonical(msgspec.json.decode(msgspec.json.decode(line, type=_Asking).body))
    bodies = pa.array([body], pa.large_string())
    keys = request_keys(bodies, endpoint=desk.order.endpoint, edition=desk.order.edition)
    key: bytes = keys[0].as_py()
    return key


class _Samples:
    """Tells equal requests of one batch apart, as ``dedupe=False`` made them.

    Their bodies are the same and only their keys differ, by a number. The keys in the batch's
    metadata are its smallest: so each key is among those shown, or larger than all of them.

    Parameters
    ----------
    shown : list of str
        Hexadecimal beginnings of keys; empty where somebody else made the batch.
    """

    def __init__(self, shown: list[str]) -> None:
        self._shown = frozenset(shown)
        self._largest = max(shown) if len(shown) == KEYS_SHOWN else None
        self._left: dict[bytes, Iterator[bytes]] = {}

    def key(self, base: bytes) -> bytes:
        """Key of the next request with this body."""
        for key in self._left.setdefault(base, _samples(base)):
            if self._may_hold(key):
                return key
        raise UnreadableBatchError("its requests are not those that its metadata names")

    def _may_hold(self, key: bytes) -> bool:
        start = key.hex()[:KEY_CHARACTERS]
        is_larger = self._largest is not None and start > self._largest
        return is_larger or start in self._shown or not self._shown


def _samples(base: bytes) -> Iterator[bytes]:
    for start in range(0, MOST_SAMPLES, SAMPLES_AT_A_TIME):
        if not start:
            # Nearly always it is the first, and nothing is hashed.
            yield base
        numbers = np.arange(max(1, start), start + SAMPLES_AT_A_TIME)
        yield from occurrence_keys(pa.array([base] * len(numbers), KEY), numbers).to_pylist()
