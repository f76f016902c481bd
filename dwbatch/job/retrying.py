"""Rows asked again on purpose: which ones, with what, bought and handed over as a job."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.shard import Shard
from dwbatch.columns import Kind
from dwbatch.engine import faults
from dwbatch.engine.again import is_owed
from dwbatch.engine.budget import Budget
from dwbatch.engine.desk import Desk, Limits
from dwbatch.engine.goal import Goal
from dwbatch.engine.progress import Progress
from dwbatch.engine.reask import Question, Questions, plan_reask
from dwbatch.engine.runner import Ending, Runner
from dwbatch.errors import ApiError, InputError
from dwbatch.given import read_options
from dwbatch.job.held import Held
from dwbatch.job.rows import View, gathered, view_of
from dwbatch.limits import Problems, check_kinds
from dwbatch.opening import at_desk
from dwbatch.options import Options
from dwbatch.outcome import answer_columns
from dwbatch.prompts.encode import canonical

LIMITS = Limits(max_requests=50_000, max_bytes=100_000_000)

Which = str | Sequence[str] | Sequence[bool]


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw


def retry(held: Held, which: object, parameters: Mapping[str, object], *, progress: Progress) -> Held:
    """Buy some rows of a job again; see `Job.retry`."""
    options = read_options({"model": "the same", **parameters}, call="retry")
    changes = _changes(options, parameters)
    try:
        with locked(held.checkpoint.path, timeout_s=0.0):
            shards = held.shards()
            order = held.order()
            newest = shards[-1] if shards else None
            order = replace(
                order,
                job=uuid.uuid4().hex[:16],
                name=_name(held),
                completion_window=newest.completion_window if newest else "24h",
            )
            with at_desk(
                held.checkpoint,
                held.connection,
                held.means,
                order=order,
                progress=progress,
                source=None,
                limits=_limits(held),
            ) as desk:
                if options.cost_limit is not None:
                    desk.budget = Budget(options.cost_limit, order.completion_window)
                return _retried(held, which, changes, desk, progress)
    finally:
        progress.close()


def _retried(
    held: Held, which: object, changes: Mapping[str, object], desk: Desk, progress: Progress
) -> Held:
    shards = held.shards()
    view = view_of(held, shards)
    keys = _chosen(held, view, shards, which)
    editions = {name: str(recipe.get("edition") or "") for name, recipe in held.checkpoint.recipes().items()}
    questions = Questions(list(_questions(keys, shards, changes, desk)), editions)
    if len(questions) < len(keys):
        progress.say(
            f"{len(keys) - len(questions):,} rows cannot be asked again from here: the server holds no file with their "
            "requests. The call that made the job asks them with retry=."
        )
    desk.source = questions
    bought, done = set[int](), set[int]()
    while len(questions):
        every, active = plan_reask(questions, desk, done=done)
        done |= active
        bought |= active
        if Runner(desk, every, active, progress).carry(goal=Goal.BOUGHT) is not Ending.REPLAN:
            break
    if desk.budget is not None and desk.budget.refusal is not None:
        raise desk.budget.refusal
    progress.say(f"{len(questions):,} requests asked again in {len(bought)} batches.")
    return held if held.numbers is None else held.only(held.numbers | bought)


def _chosen(held: Held, view: View, shards: Sequence[Shard], which: object) -> pa.Array:
    """Keys of the rows to ask again, each once."""
    found = gathered(held, view, shards)
    if isinstance(which, str) or (
        isinstance(which, Sequence) and all(isinstance(kind, str) for kind in which)
    ):
        problems = Problems()
        check_kinds(problems, which)
        problems.raise_if_any()
        kinds = frozenset(map(Kind, [which] if isinstance(which, str) else which))
        columns = answer_columns(view.naming, view.rows, found)
        output = view.naming.output
        told = pa.table({name: columns[f"{output}_{name}"] for name in ("status", "error_code")})
        mask = is_owed(told, kinds)
    else:
        mask = _mask(which, view)
    # A row whose answer is still to come is not asked twice.
    over = np.asarray(pc.is_valid(found.positions))
    return pc.drop_null(view.rows.keys.filter(pa.array(mask & over))).unique()


def _mask(which: object, view: View) -> np.ndarray:
    if isinstance(which, pd.Series):
        if not which.index.equals(view.frame.index):
            raise InputError.nothing_sent(
                "The mask has another index than the job's frame; make it of that frame."
            )
        which = which.to_numpy(dtype=bool, na_value=False)
    mask = np.asarray(which)
    if mask.dtype != bool or mask.shape != (len(view.frame),):
        raise InputError.nothing_sent(
            f"which= takes kinds of rows, such as 'failed', or a mask of {len(view.frame):,} truths, one a row of the "
            "job's frame."
        )
    return mask


def _questions(
    keys: pa.Array, shards: Sequence[Shard], changes: Mapping[str, object], desk: Desk
) -> Iterator[Question]:
    """The requests of these rows from the server's own copy of what it was sent first, with some parameters changed."""
    left = set(keys.to_pylist())
    for shard in shards:
        if shard.input_file_id is None or not left:
            continue
        table = desk.checkpoint.requests(shard.number)
        # What was asked anew already is no pattern: its parameters were another call's.
        is_first = pc.and_(
            pc.equal(table["request_key"], table["answers_key"]),
            pc.is_in(table["answers_key"], value_set=pa.array(list(left), keys.type)),
        )
        wanted = {each["custom_id"]: each for each in table.filter(is_first).to_pylist()}
        for line in _lines(shard, desk) if wanted else ():
            found = msgspec.json.decode(line, type=_Line)
            asked = wanted.pop(found.custom_id, None)
            if asked is None:
                continue
            body: Any = msgspec.json.decode(found.body)
            left.discard(asked["answers_key"])
            yield Question(
                found.custom_id,
                asked["answers_key"],
                canonical({**body, **changes}),
                asked["position"],
                shard,
            )


def _lines(shard: Shard, desk: Desk) -> Iterator[bytes]:
    rest = b""
    try:
        with desk.client.content(shard.input_file_id or "") as content:
            for block in content.blocks():
                *whole, rest = (rest + block).split(b"\n")
                yield from filter(None, whole)
    except ApiError as error:
        # Deleted by somebody: the caller is told how many rows that leaves out.
        if not faults.is_absent(error):
            raise
    if rest.strip():
        yield rest


def _changes(options: Options, parameters: Mapping[str, object]) -> dict[str, object]:
    """What the requests say differently."""
    body = options.sampling()
    allowed = {
        "max_tokens",
        "temperature",
        "top_p",
        "stop",
        "seed",
        "reasoning_effort",
        "extra_body",
        "model",
    }
    strange = [name for name in parameters if name not in {*allowed, "max_cost"}]
    if strange:
        raise InputError.nothing_sent(
            f"retry() takes max_cost= and parameters of the request ({', '.join(sorted(allowed))}); {strange[0]!r} is "
            "none of them."
        )
    return {**body, "model": parameters["model"]} if "model" in parameters else body


def _name(held: Held) -> str:
    said = [str(recipe.get("name") or "") for recipe in held.checkpoint.recipes().values()]
    return next((name for name in said if name), "dwbatch")


def _limits(held: Held) -> Limits:
    if held.call is None:
        return LIMITS
    return Limits(held.call.options.max_requests_per_batch, held.call.options.max_bytes_per_batch)
