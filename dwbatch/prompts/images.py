"""Images in a message: a template of a path or URL, or a column of bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from dwbatch.columns import ErrorCode
from dwbatch.prompts.encode import canonical
from dwbatch.prompts.made import Made, Row, RowError
from dwbatch.prompts.template import Slot, Template
from dwbatch.prompts.values import slot_text

Source: TypeAlias = str | bytes | bytearray | memoryview
#: From a path, a URL or bytes to a URL that a request can hold. Whoever reads files gives it: here
#: nothing touches the disk. It raises `RowError` for what is no image.
Reader = Callable[[Source], str]


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a caller names it; see `dwbatch.image`.

    Parameters
    ----------
    source : str or bytes
        In a prompt a template; in what a callable returns, the path, URL or image itself.
    detail : str or None
    """

    source: Source
    detail: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture(Made):
    """The URL of an image, by a template.

    Parameters
    ----------
    template : Template
        Of a path or URL, or one bare slot that names a column of bytes.
    read : Reader
    """

    template: Template
    read: Reader

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that the template names."""
        return tuple(dict.fromkeys(slot.name for slot in self.template.slots))

    @property
    def written(self) -> object:
        """The template's own text."""
        return {"image": self.template.text}

    def make(self, row: Row) -> str:
        """A JSON string: the URL."""
        return canonical(self.read(self._source(row)))

    def _source(self, row: Row) -> Source:
        parts = self.template.parts
        # Bytes stand for themselves only where nothing is written around them.
        if len(parts) == 1 and isinstance(parts[0], Slot):
            cell = row[parts[0].name]
            if isinstance(cell, bytes | bytearray | memoryview):
                return cell
        return "".join(part if isinstance(part, str) else _text(part, row) for part in parts)


def _text(slot: Slot, row: Row) -> str:
    words = slot_text(row[slot.name], slot)
    if words is None:
        raise RowError(ErrorCode.NULL_INPUT, f"column {slot.name!r}, which names the image, is null")
    return words
