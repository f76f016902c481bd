"""Request bodies as bytes: the constant part written once, only the values escaped.

A body is canonical JSON (keys sorted at every depth, no spaces, text as raw
UTF-8), so the same request has the same bytes on every machine; the server
sorts keys as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from json.encoder import encode_basestring

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.columns import ErrorCode
from dwbatch.prompts.escape import escape, escape_text
from dwbatch.prompts.made import SURROGATE, Made, Piece
from dwbatch.prompts.template import Slot, Template, refuse_surrogates
from dwbatch.prompts.values import Rendered, Values, render

LARGE = pa.large_string()


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A JSON text with slots: ``fragments[0] slots[0] fragments[1] …``.

    Parameters
    ----------
    fragments : tuple of str, length ``len(slots) + 1``
        Constant JSON, escaped.
    slots : tuple of Slot or Made
        What stands between the fragments: a value to be escaped as part of a JSON string, or a part
        that is JSON itself.
    """

    fragments: tuple[str, ...]
    slots: tuple[Slot | Made, ...]

    @property
    def made(self) -> tuple[Made, ...]:
        """The parts that are made row by row, each once."""
        return tuple(dict.fromkeys(slot for slot in self.slots if isinstance(slot, Made)))


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bodies of some rows, in parts that are still to be joined.

    Parameters
    ----------
    fragments : tuple of str, length ``len(fillings) + 1``
        Constant JSON.
    fillings : tuple of pa.LargeStringArray, each of shape (n_rows,)
        What stands between the fragments, escaped; null where the row makes no request.
    skipped : pa.StringArray, shape (n_rows,)
        Why a row makes no request, as an error code; null where it does.
    reasons : pa.StringArray, shape (n_rows,)
        The same as a sentence, where it says more than its code.
    raised : Exception or None
        The first that the user's own code raised, for a row that makes no request.
    """

    fragments: tuple[str, ...]
    fillings: tuple[pa.Array, ...]
    skipped: pa.Array
    reasons: pa.Array
    raised: Exception | None = None

    def __len__(self) -> int:
        return len(self.skipped)

    @property
    def bodies(self) -> pa.Array:
        """JSON of each request body, null where the row makes none; joined anew each time."""
        return join(self.fragments, self.fillings, n_rows=len(self))


def compile_body(body: Mapping[str, object]) -> Skeleton:
    """Write a body whose strings may be templates into fragments and slots.

    Parameters
    ----------
    body : mapping
        JSON values, with a `Template` wherever a string depends on the row.

    Returns
    -------
    Skeleton

    Raises
    ------
    TypeError
        If a value is not JSON.
    ValueError
        If a number is not finite, which JSON cannot say.
    InputError
        If a constant text holds a lone surrogate, which UTF-8 cannot express.

    Examples
    --------
    >>> from dwbatch.prompts.template import parse
    >>> compile_body({"b": 1, "a": parse("say {x}")}).fragments
    ('{"a":"say ', '","b":1}')
    """
    pieces: list[str | Slot | Made] = []
    _write(body, pieces)
    found = split_at_slots(pieces)
    for fragment in found.fragments:
        refuse_surrogates(fragment, where="request body")
    return found


def split_at_slots(pieces: Iterable[str | Slot | Made]) -> Skeleton:
    """Constant texts and slots, in order, as fragments between the slots."""
    fragments: list[str] = [""]
    slots: list[Slot | Made] = []
    for piece in pieces:
        if isinstance(piece, Slot | Made):
            slots.append(piece)
            fragments.append("")
        else:
            fragments[-1] += piece
    return Skeleton(tuple(fragments), tuple(slots))


def _write(value: object, pieces: list[str | Slot | Made]) -> None:
    match value:
        case Made():
            pieces.append(value)
        case Template():
            pieces.append('"')
            pieces.extend(part if isinstance(part, Slot) else escape_text(part) for part in value.parts)
            pieces.append('"')
        case Mapping():
            _write_joined(
                "{", "}", [(f"{encode_basestring(key)}:", value[key]) for key in sorted(value)], pieces
            )
        case list() | tuple():
            _write_joined("[", "]", [("", element) for element in value], pieces)
        case str():
            pieces.append(encode_basestring(value))
        case np.generic():
            _write(value.item(), pieces)
        case None | bool() | int() | float():
            pieces.append(dumps(value, allow_nan=False))
        case _:
            raise TypeError(f"{type(value).__name__} is not JSON")


def _write_joined(
    opening: str, closing: str, members: Sequence[tuple[str, object]], pieces: list[str | Slot | Made]
) -> None:
    pieces.append(opening)
    for position, (label, value) in enumerate(members):
        pieces.append(f"{',' if position else ''}{label}")
        _write(value, pieces)
    pieces.append(closing)


def encode(
    skeleton: Skeleton,
    columns: Mapping[str, Values],
    *,
    n_rows: int,
    null_as_empty: bool = False,
    piece: Piece | None = None,
) -> Encoded:
    """Fill a skeleton with the values of some rows.

    Parameters
    ----------
    skeleton : Skeleton
        From `compile_body`.
    columns : mapping of str to Values
        The columns that the slots name, each of `n_rows` values.
    n_rows : int
        Rows to encode.
    null_as_empty : bool
        Print a missing value as empty text instead of skipping its row.
    piece : Piece, optional
        What was made for these rows; needed where the skeleton has parts that are made.

    Raises
    ------
    InputError
        If a value has no sensible text or its format spec does not fit.
    """
    slots = [slot for slot in dict.fromkeys(skeleton.slots) if isinstance(slot, Slot)]
    rendered = {slot: render(columns[slot.name], slot) for slot in slots}
    unencodable = np.zeros(n_rows, dtype=bool)
    for each in rendered.values():
        unencodable |= each.unencodable
    filled = {
        slot: _escaped(each, null_as_empty=null_as_empty and not slot.is_required)
        for slot, each in rendered.items()
    }
    missing = np.zeros(n_rows, dtype=bool)
    for texts in filled.values():
        missing |= np.asarray(texts.is_null())
    made = piece.texts if piece else {}
    errors = [error for error in piece.errors if error] if piece else []
    return Encoded(
        skeleton.fragments,
        tuple(made[slot] if isinstance(slot, Made) else filled[slot] for slot in skeleton.slots),
        *_why_skipped(missing, unencodable, piece),
        raised=next((error.raised for error in errors if error.raised), None),
    )


def _why_skipped(
    missing: np.ndarray, unencodable: np.ndarray, piece: Piece | None
) -> tuple[pa.Array, pa.Array]:
    is_any = missing.any() or unencodable.any() or (piece is not None and any(piece.errors))
    if not is_any:
        return pa.nulls(len(missing), pa.string()), pa.nulls(len(missing), pa.string())
    codes = np.full(len(missing), None, dtype=object)
    reasons = codes.copy()
    for place, error in enumerate(piece.errors if piece else ()):
        if error is not None:
            codes[place], reasons[place] = error.code.value, error.reason
    codes[missing], reasons[missing] = ErrorCode.NULL_INPUT.value, None
    codes[unencodable], reasons[unencodable] = ErrorCode.UNENCODABLE_INPUT.value, SURROGATE
    return pa.array(codes, pa.string()), pa.array(reasons, pa.string())


def _escaped(rendered: Rendered, *, null_as_empty: bool) -> pa.Array:
    texts = escape(rendered.texts)
    if not null_as_empty:
        return texts
    texts = texts.fill_null("")
    unencodable = rendered.unencodable
    return pc.if_else(pa.array(unencodable), pa.scalar(None, LARGE), texts) if unencodable.any() else texts


def join(fragments: Sequence[str], fillings: Sequence[pa.Array], *, n_rows: int) -> pa.Array:
    """Put each row's texts between the fragments.

    Parameters
    ----------
    fragments : sequence of str, length ``len(fillings) + 1``
    fillings : sequence of pa.LargeStringArray, each of shape (n_rows,)
    n_rows : int

    Returns
    -------
    pa.LargeStringArray, shape (n_rows,)
        Null where any filling is.
    """
    if not fillings:
        return pa.repeat(pa.scalar(fragments[0], LARGE), n_rows)
    pieces: list[pa.Array | pa.Scalar] = [pa.scalar(fragments[0], LARGE)]
    for filling, fragment in zip(fillings, fragments[1:], strict=True):
        pieces += [filling, pa.scalar(fragment, LARGE)]
    return pc.binary_join_element_wise(*pieces, pa.scalar("", LARGE), null_handling="emit_null")


def canonical(body: object) -> str:
    """A body as this library writes it: keys sorted, no spaces, text as it is.

    Examples
    --------
    >>> canonical({"b": [1, 0.5], "a": "é"})
    '{"a":"é","b":[1,0.5]}'
    """
    return dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
