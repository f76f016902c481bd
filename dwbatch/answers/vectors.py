"""Embeddings: a response body's vector, and whether the vectors of many rows belong together."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.columns import ErrorCode

#: As results keep a vector. Large, since a shard of 50,000 wide ones holds more numbers than
#: 32-bit offsets can count.
VECTOR: pa.DataType = pa.large_list(pa.float32())


def vector_of(body: Any) -> np.ndarray | None:
    """The one vector of an embeddings body, as float32; None where it has none, or several.

    Parameters
    ----------
    body : object
        The decoded JSON value. ``data[0].embedding`` is a list of numbers, or base64 of
        little-endian float32, which takes less than half of the bytes [1]_.

    .. [1] https://platform.openai.com/docs/api-reference/embeddings/create

    Examples
    --------
    >>> vector_of({"data": [{"embedding": [1, 0.5]}]})
    array([1. , 0.5], dtype=float32)
    >>> vector_of({"data": [{"embedding": "AACAPwAAAD8="}]})
    array([1. , 0.5], dtype=float32)
    """
    held = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(held, list) or len(held) != 1 or not isinstance(held[0], Mapping):
        return None
    said = held[0].get("embedding")
    try:
        if isinstance(said, str) and said:
            return np.frombuffer(base64.b64decode(said, validate=True), dtype="<f4").astype(np.float32)
        if not isinstance(said, list) or not said or not all(type(number) in {int, float} for number in said):
            return None
        # A number beyond float32 becomes infinite, which the verdict below names.
        with np.errstate(over="ignore"):
            return np.asarray(said, dtype=np.float64).astype(np.float32)
    except (binascii.Error, ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Vectors:
    """What vectors are held to.

    Parameters
    ----------
    dimensions : int or None
        The length that was asked for; None for the model's own.
    """

    dimensions: int | None = None

    def verdicts(self, vectors: pa.Array, models: pa.Array, is_ok: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Error code and sentence of each answer that does not fit; null where it does, or there is none.

        Parameters
        ----------
        vectors : pa.LargeListArray of float32, shape (n,)
        models : pa.StringArray, shape (n,)
            Who answered. Where no length was asked for, all vectors of a model have the length that
            most of them have.
        is_ok : pa.BooleanArray, shape (n,)
            Where the model answered; an answer without a vector does not fit.
        """
        lengths = pc.list_value_length(vectors).cast(pa.int64())
        meant = self._lengths_meant(lengths, models)
        differs = np.asarray(pc.fill_null(pc.not_equal(lengths, meant), fill_value=False))
        broken = _holds_no_number(vectors)
        absent = np.asarray(pc.and_(pc.is_null(vectors), pc.fill_null(is_ok, fill_value=False)))
        sentences: list[str | None] = [None] * len(vectors)
        for place in np.flatnonzero(absent).tolist():
            sentences[place] = "The answer holds no vector, or several."
        for place in np.flatnonzero(broken).tolist():
            sentences[place] = "The vector holds something that is no finite number."
        for place in np.flatnonzero(differs).tolist():
            sentences[place] = f"The vector has {lengths[place]} numbers, not {meant[place]}."
        code = pa.scalar(ErrorCode.SCHEMA_MISMATCH.value, pa.string())
        codes = pc.if_else(pa.array(differs | broken | absent), code, pa.scalar(None, pa.string()))
        return codes, pa.array(sentences, pa.string())

    def _lengths_meant(self, lengths: pa.Array, models: pa.Array) -> pa.Array:
        if self.dimensions is not None:
            return pa.repeat(pa.scalar(self.dimensions, pa.int64()), len(lengths))
        counted = (
            pa.table({"model": pc.fill_null(models, ""), "length": lengths})
            .filter(pc.is_valid(lengths))
            .group_by(["model", "length"])
            .aggregate([([], "count_all")])
            # The shorter of two that are equally frequent: any choice will do, if it is always the same.
            .sort_by([("count_all", "descending"), ("length", "ascending")])
        )
        usual: dict[str, int] = {}
        for model, length in zip(*(counted[name].to_pylist() for name in ("model", "length")), strict=True):
            usual.setdefault(model, length)
        places = pc.index_in(pc.fill_null(models, ""), value_set=pa.array(usual, pa.string()))
        return pa.array(usual.values(), pa.int64()).take(places)


def _holds_no_number(vectors: pa.Array) -> np.ndarray:
    """Which vectors hold NaN or infinity: an index would take them in and find nothing any more."""
    is_odd = np.zeros(len(vectors), dtype=bool)
    numbers = np.asarray(vectors.flatten())
    finite = np.isfinite(numbers)
    if not finite.all():
        places = np.asarray(pc.list_parent_indices(vectors))
        is_odd[places[~finite]] = True
    return is_odd
