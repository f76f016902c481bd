"""What a call would do, counted: read from the frame and the checkpoint, and nothing is sent."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from dwbatch.before.card import card
from dwbatch.before.cutting import cut_up
from dwbatch.call import Call, prepare, warn_of_equal_rows
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import State
from dwbatch.columns import ErrorCode
from dwbatch.engine.stock import take_stock
from dwbatch.given import take_options
from dwbatch.opening import named_place, order_of
from dwbatch.options import Options, Prompt, RunOptions, shows_options
from dwbatch.other_frames import AnyFrame, emptied, in_pandas, own_door

BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would do. Every row of the frame is counted once.

    Parameters
    ----------
    rows : int
        ``new + again + answered + in_flight + duplicates`` and the sum of `skipped`.
    new : int
        Rows whose request would be bought for the first time.
    again : int
        Rows that were answered, are not ok, and that `retry` names: they would be sent once more.
    answered : int
        Rows whose answer is in the checkpoint.
    in_flight : int
        Rows whose request is at the server already; it is waited for, not bought again.
    duplicates : int
        Rows that another row's request answers.
    skipped : mapping of str to int
        Rows that make no request, by error code.
    shards : int
        Batches that would be bought.
    uploaded : int
        Those among them whose file is at the server already.
    bytes : int
        Size of their files together, in bytes.
    tokens : int
        Prompt tokens of what would be bought, roughly: bytes of the request bodies by four, which is
        how the server itself estimates them.
    checkpoint : Path or None
        Where ids and answers are or would be kept; None for ``checkpoint=False``.
    is_begun : bool
        Whether that folder is there already.

    Examples
    --------
    >>> import dwbatch, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely", "lovely", None]})
    >>> plan = frame.doubleword.plan("{text}", model="m", checkpoint=False, dedupe=True)
    >>> plan.rows, plan.requests, plan.duplicates, plan.skipped
    (3, 1, 1, {'null_input': 1})
    """

    rows: int
    new: int
    again: int
    answered: int
    in_flight: int
    duplicates: int
    skipped: Mapping[str, int]
    shards: int
    uploaded: int
    bytes: int
    tokens: int
    checkpoint: Path | None
    is_begun: bool

    @property
    def requests(self) -> int:
        """Requests that would be bought."""
        return self.new + self.again

    def __str__(self) -> str:
        skipped = ", ".join(f"{count:,} {code}" for code, count in self.skipped.items())
        again = f" ({self.again:,} of them once more)" if self.again else ""
        uploaded = f", {self.uploaded:,} uploaded already" if self.uploaded else ""
        place = "a temporary folder"
        if self.checkpoint is not None:
            place = f"{self.checkpoint} ({'there' if self.is_begun else 'not made yet'})"
        return (
            f"{self.rows:,} rows: {self.requests:,} requests to buy{again} in {_batches(self.shards)} of "
            f"{self.bytes:,} bytes{uploaded}, about {self.tokens:,} prompt tokens; {self.answered:,} answered, "
            f"{self.in_flight:,} in flight, {self.duplicates:,} duplicates, {sum(self.skipped.values()):,} skipped"
            f"{f' ({skipped})' if skipped else ''}; checkpoint {place}."
        )

    def _repr_html_(self) -> str:
        lines = {
            "rows": self.rows,
            "new": self.new,
            "again": self.again,
            "answered": self.answered,
            "in flight": self.in_flight,
            "duplicates": self.duplicates,
            **{f"skipped: {code}": count for code, count in self.skipped.items()},
            "batches": self.shards,
            "bytes": self.bytes,
            "prompt tokens, about": self.tokens,
        }
        return card("Plan", {name: f"{value:,}" for name, value in lines.items()}, str(self))


@shows_options
def plan(frame: AnyFrame, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> Plan:
    """What `dwbatch.run` would do with the same arguments; nothing is sent and nothing is written.

    It needs no key, makes no folder, takes no lock, and may be asked while another call works with
    the same checkpoint.

    Parameters
    ----------
    frame : DataFrame, Series, or any frame that speaks Arrow
    prompt : str, list or callable, optional
        As in `dwbatch.run`, like every other option.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        Wrong input, as `dwbatch.run` would find it.
    CheckpointError
        If the checkpoint cannot be read, or belongs to somebody else.

    Notes
    -----
    A run looks at the account before it buys, and takes over what was bought there without this
    checkpoint: then it buys less than planned. What fails on the way may be sent again, see `retry`.

    Examples
    --------
    >>> import dwbatch, pandas as pd
    >>> frame = pd.DataFrame({"text": ["lovely", "awful", "lovely", None]})
    >>> planned = dwbatch.plan(frame, "Positive? {text}", model="m", base_url="local", checkpoint=False)
    >>> planned.new, planned.duplicates, planned.skipped
    (2, 1, {'null_input': 1})
    """
    if (door := own_door(frame)) is not None:
        counted: Plan = door.plan(prompt, **emptied(options))
        return counted
    return planned(frame, prompt, take_options(options, call="plan"))


def planned(frame: AnyFrame, prompt: Prompt | None, options: Options) -> Plan:
    """What `plan` returns, for a door that has read the options itself."""
    call = prepare(in_pandas(frame, call="plan"), prompt, options, sends=False)
    warn_of_equal_rows(call)
    return plan_of(call, named_place(call))


def plan_of(call: Call, place: Path | None) -> Plan:
    """The plan of a call whose ids and answers are kept in a folder, or in none that is known."""
    # Of a temporary folder nothing can be there; no path is read.
    checkpoint = Checkpoint(place or Path())
    shards = []
    if place is not None:
        checkpoint.refuse_foreign()
        shards = checkpoint.shards()
    stock = take_stock(call.asked, shards, checkpoint, order_of(call))
    kept, _ = stock.unpaid(checkpoint, call.recipe_hash)
    carried = stock.carrying(kept)
    missing = call.asked.only(carried.missing)
    fresh = cut_up(call, missing)
    bought = (carried.flying & ~stock.flying) | stock.index.mask(fresh.requests.keys)
    again = int((bought & stock.owed).sum())
    skipped = Counter(call.rows.skipped.drop_null().to_pylist())
    skipped[ErrorCode.REQUEST_TOO_LARGE.value] += len(missing) - len(fresh.requests)
    return Plan(
        rows=len(call.rows),
        new=int(bought.sum()) - again,
        again=again,
        answered=stock.answered,
        in_flight=stock.in_flight,
        duplicates=call.duplicates,
        skipped={code: count for code, count in skipped.most_common() if count},
        shards=len(kept) + len(fresh.files),
        uploaded=sum(held.shard.state is State.UPLOADED for held in kept),
        bytes=sum(held.shard.bytes for held in kept) + int(fresh.sizes.sum()),
        tokens=int(call.rows.body_sizes[call.asked.positions[bought]].sum()) // BYTES_A_TOKEN,
        checkpoint=place,
        is_begun=place is not None and place.is_dir(),
    )


def _batches(count: int) -> str:
    return f"{count:,} batch{'es' if count != 1 else ''}"
