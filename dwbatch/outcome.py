"""What a call hands back: the answer columns of every row, and one sentence about all of them."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch import sentences
from dwbatch.answers.message import message_of
from dwbatch.checkpoint.shard import Shard
from dwbatch.columns import ERROR_CODE_MEANINGS, ErrorCode, Status
from dwbatch.engine.gather import Gathered
from dwbatch.errors import InputError, RowsFailedError
from dwbatch.holding import Column, Measure
from dwbatch.prompts.rows import Rows

# Columns of the results that every call reads; see `columns_read`.
RESULT_COLUMNS = ("status", "error_code", "error", "content", "prompt_tokens", "completion_tokens")
DETAIL_COLUMNS = ("custom_id", "finish_reason", "model", "body")
DETAILS = (
    "custom_id",
    "finish_reason",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "batch_id",
    "raw",
    "message",
    "body",
)


@dataclass(frozen=True, slots=True)
class Naming:
    """How the answer columns are called.

    Parameters
    ----------
    output : str
        Name of the answer column; its companions are named after it.
    details : bool
        Whether to add custom_id, tokens, the raw body and so on.
    measure : Measure
        What answers are held to; a format of several fields makes a column of each.
    prefix : str
        In front of the names of those.
    """

    output: str
    details: bool = False
    measure: Measure = field(default_factory=Measure)
    prefix: str = ""

    def fields(self) -> list[str]:
        """Names of the columns that hold the answer itself."""
        answer_format = self.measure.answer_format
        if answer_format is None or answer_format.is_single:
            return [self.output]
        return [f"{self.prefix}{field.name}" for field in answer_format.fields]

    def all(self) -> list[str]:
        """Names of all answer columns, in their order.

        Raises
        ------
        InputError
            If a field of the answer is called like one of its companions.
        """
        names = [*self.fields(), *(f"{self.output}_{name}" for name in ("status", "error_code", "error"))]
        names += [f"{self.output}_{name}" for name in DETAILS] if self.details else []
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError.nothing_sent(
                f"The response_format has a field {twice[0]!r}, which is also the name of another answer column. "
                "Give prefix= for the fields, or another output=."
            )
        return names


def answer_columns(naming: Naming, rows: Rows, gathered: Gathered) -> dict[str, Column]:
    """The answer columns of every row.

    Parameters
    ----------
    naming : Naming
    rows : Rows
    gathered : Gathered
        Results aligned to `rows`.

    Notes
    -----
    An answer stands exactly where the status is ``ok``. Of several samples the list stands wherever one
    of them is ok.
    """
    skipped = pc.is_valid(rows.skipped)
    found = pc.fill_null(gathered.column("status"), Status.PENDING.value)
    status = pc.if_else(skipped, Status.SKIPPED.value, found)
    held = naming.measure.hold(status, gathered)
    columns: dict[str, Column] = dict(zip(naming.fields(), held.columns, strict=True))
    status = pc.coalesce(held.status, status)
    code = pc.coalesce(held.error_codes, rows.skipped, gathered.column("error_code"))
    error = pc.coalesce(held.errors, _skip_sentences(rows), gathered.column("error"))
    output = naming.output
    columns |= {f"{output}_status": status, f"{output}_error_code": code, f"{output}_error": error}
    if naming.details:
        values = {name: gathered.column(name) for name in DETAILS if name not in {"raw", "message"}}
        values["raw"] = gathered.column("content")
        values["message"] = _messages(values["body"])
        columns |= {f"{output}_{name}": values[name] for name in DETAILS}
    return columns


def columns_read(naming: Naming) -> tuple[str, ...]:
    """Columns of the results that the answer columns are made of."""
    named = RESULT_COLUMNS + (DETAIL_COLUMNS if naming.details else ())
    return named if naming.measure.vectors is None else (*named, "embedding", "model")


def without(rows: Rows, too_large: Collection[bytes]) -> Rows:
    """The rows, those skipped as well whose request turned out too large for the server."""
    if not too_large:
        return rows
    is_too_large = pc.is_in(rows.keys, value_set=pa.array(sorted(too_large), rows.keys.type))
    code = pa.scalar(ErrorCode.REQUEST_TOO_LARGE.value, pa.string())
    return replace(rows, skipped=pc.if_else(is_too_large, code, rows.skipped))


def _skip_sentences(rows: Rows) -> pa.Array:
    encoded = rows.skipped.dictionary_encode()
    meanings = [ERROR_CODE_MEANINGS[ErrorCode(code)] for code in encoded.dictionary.to_pylist()]
    usual = pa.array(meanings, type=pa.string()).take(encoded.indices)
    return usual if rows.reasons is None else pc.coalesce(rows.reasons, usual)


def _messages(bodies: pa.Array) -> pa.Array:
    return pa.array(
        [None if body is None else message_of(body) for body in bodies.to_pylist()], type=pa.string()
    )


def refuse_failures(out: pd.DataFrame, codes: Mapping[str, int]) -> None:
    """Raise if rows failed; a null is no failure, since ``on_null`` has a word of its own about it.

    Raises
    ------
    RowsFailedError
    """
    failed = {code: count for code, count in codes.items() if code != ErrorCode.NULL_INPUT.value}
    if failed:
        raise RowsFailedError(out, failed)


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a call, in counts.

    Parameters
    ----------
    rows, ok : int
        Every row counts once for each model.
    codes : mapping of str to int
        Rows not ok, by error code.
    duplicates : int
        Rows answered by another row's request.
    answered : int
        Distinct requests that the checkpoint had before.
    sent, resent : int
        Distinct requests that this call sent, and sent once more.
    adopted : int
        Batches taken over from the account.
    adopted_since : datetime or None
        When the oldest of them was bought.
    prompt_tokens, completion_tokens : int
        Of the distinct requests behind these rows.
    checkpoint : Path or None
    models : int
        How many were asked.
    """

    rows: int
    ok: int
    codes: dict[str, int]
    duplicates: int
    answered: int
    sent: int
    resent: int
    adopted: int
    adopted_since: dt.datetime | None
    prompt_tokens: int
    completion_tokens: int
    checkpoint: Path | None
    models: int = 1

    def sentence(self) -> str:
        """One sentence for a person."""
        parts = [
            sentences.rows(self._asked(), ok=self.ok, not_ok=self.rows - self.ok, counts=self.codes),
            sentences.sent(self.sent, self.resent),
            sentences.saved(duplicates=self.duplicates, answered=self.answered),
            sentences.tokens(self.prompt_tokens, self.completion_tokens),
        ]
        if self.adopted:
            since = f", bought since {self.adopted_since:%Y-%m-%d %H:%M} UTC" if self.adopted_since else ""
            parts.insert(2, f"{sentences.adopted(self.adopted)}{since}")
        if self.checkpoint is not None:
            parts.append(f"checkpoint {self.checkpoint}")
        return "; ".join(parts) + "."

    def _asked(self) -> str:
        times = f" for {self.models} models each" if self.models > 1 else ""
        return f"{self.rows // self.models:,} rows{times}"


def summarise(
    columns: Mapping[str, Column],
    output: str,
    gathered: Gathered,
    *,
    duplicates: int,
    answered: int,
    sent: int,
    resent: int,
    adopted: Sequence[Shard],
    checkpoint: Path | None,
    models: int = 1,
) -> Summary:
    """Count what became of a call."""
    statuses = columns[f"{output}_status"]
    codes = Counter(pc.drop_null(columns[f"{output}_error_code"]).to_pylist())
    behind = pc.unique(pc.drop_null(gathered.positions))
    tokens = [
        int(pc.sum(gathered.results[name].take(behind)).as_py() or 0)
        for name in ("prompt_tokens", "completion_tokens")
    ]
    return Summary(
        rows=len(statuses),
        ok=int(np.asarray(pc.equal(statuses, Status.OK.value), dtype=bool).sum()) if len(statuses) else 0,
        codes=dict(codes.most_common()),
        duplicates=duplicates,
        answered=answered,
        sent=sent,
        resent=resent,
        adopted=len(adopted),
        adopted_since=min((shard.submitted_at for shard in adopted if shard.submitted_at), default=None),
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        checkpoint=checkpoint,
        models=models,
    )
