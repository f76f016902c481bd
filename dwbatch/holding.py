"""Answers held to what the call asked for: what stands in their columns, and what fits not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.samples import parse_answers, read_samples
from dwbatch.answers.structured.fields import Field
from dwbatch.answers.structured.format import Format
from dwbatch.answers.vectors import Vectors
from dwbatch.columns import Status
from dwbatch.engine.again import Judge
from dwbatch.engine.gather import Gathered

# A plain column, or the values of a field of a structured answer.
Column: TypeAlias = "pa.Array | tuple[Field, list[Any]]"


@dataclass(frozen=True, slots=True)
class Measure:
    """What the answers of a call are held to.

    Parameters
    ----------
    answer_format : Format or None
        One of several fields makes a column of each.
    samples : int or None
        How many answers each request asked for, if that was said: the columns hold lists.
    vectors : Vectors or None
        What embeddings are held to, where answers are such.
    """

    answer_format: Format | None = None
    samples: int | None = None
    vectors: Vectors | None = None

    def judge(self) -> Judge | None:
        """What tells the answers that do not fit, for those who send them again."""
        answer_format, samples, vectors = self.answer_format, self.samples, self.vectors
        if vectors is not None:
            return Judge(("embedding", "model"), lambda found: vectors.verdicts(*_columns(found))[0])
        if samples is not None:
            return Judge(("content",), lambda found: self._misfits(found["content"].combine_chunks()))
        if answer_format is not None:
            return Judge(
                ("content",), lambda found: parse_answers(answer_format, found["content"]).error_codes
            )
        return None

    def hold(self, status: pa.Array, gathered: Gathered) -> "Fitted":
        """The answer columns of some rows, and what does not fit."""
        content = gathered.column("content")
        is_ok = pc.equal(status, Status.OK.value)
        if self.vectors is not None:
            vectors = gathered.column("embedding")
            codes, errors = self.vectors.verdicts(vectors, gathered.column("model"), is_ok)
            fits = pc.and_(is_ok, pc.is_null(codes))
            return _fitted([pc.if_else(fits, vectors, pa.scalar(None, vectors.type))], codes, errors)
        if self.samples is not None:
            return self._sampled(content, status)
        # A copy of all answers is the most that a merge holds, and where every row is ok none is needed.
        is_whole = pc.all(is_ok).as_py()
        answers = content if is_whole else pc.if_else(is_ok, content, pa.scalar(None, content.type))
        if self.answer_format is None:
            nothing = pa.nulls(len(answers), pa.string())
            return Fitted([answers], nothing, nothing, nothing)
        parsed = parse_answers(self.answer_format, answers)
        return _fitted(parsed.columns, parsed.error_codes, parsed.errors)

    def _misfits(self, content: pa.Array) -> pa.Array:
        """Error codes of the rows, all of them ok, in which a sample breaks the format."""
        sampled = self._sampled(content, pa.repeat(pa.scalar(Status.OK.value), len(content)))
        is_invalid = pc.equal(sampled.status, Status.INVALID.value)
        return pc.if_else(is_invalid, sampled.error_codes, pa.scalar(None, pa.string()))

    def _sampled(self, content: pa.Array, status: pa.Array) -> "Fitted":
        sampled = read_samples(content, status, count=self.samples or 1, answer_format=self.answer_format)
        return Fitted(sampled.columns, sampled.status, sampled.error_codes, sampled.errors)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Answers of some rows.

    Parameters
    ----------
    columns : sequence of Column
        One a field of the answer; filled where a row has an answer.
    status, error_codes, errors : pa.StringArray, shape (n_rows,)
        What not fitting makes of a row; null where it stays as it is.
    """

    columns: Sequence[Column]
    status: pa.Array
    error_codes: pa.Array
    errors: pa.Array


def _fitted(columns: Sequence[Column], codes: pa.Array, errors: pa.Array) -> Fitted:
    invalid = pa.scalar(Status.INVALID.value, pa.string())
    status = pc.if_else(pc.is_valid(codes), invalid, pa.scalar(None, pa.string()))
    return Fitted(columns, status, codes, errors)


def _columns(table: pa.Table) -> list[pa.Array]:
    return [
        *(column.combine_chunks() for column in table.columns),
        pa.repeat(pa.scalar(value=True), len(table)),
    ]
