"""Whole conversations that differ from row to row: the messages of a column, or of a callable."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dwbatch.columns import ErrorCode
from dwbatch.errors import InputError
from dwbatch.prompts.cells import LISTS, plain_json
from dwbatch.prompts.encode import canonical
from dwbatch.prompts.endpoints import COMPLETIONS, RESPONSES, ROLES, image_part, text_part
from dwbatch.prompts.images import Image, Reader
from dwbatch.prompts.made import Made, NoColumnError, Row, RowError


@dataclass(frozen=True, slots=True, eq=False)
class Column(Made):
    """The messages that stand in a column.

    Parameters
    ----------
    name : str
        Its cells hold lists, tuples or arrays of messages, or JSON text of such.
    endpoint : str
    read : Reader
        Of images among the parts.
    """

    name: str
    endpoint: str
    read: Reader

    @property
    def reads(self) -> tuple[str, ...]:
        """The column alone."""
        return (self.name,)

    @property
    def written(self) -> object:
        """The column's name."""
        return {"column": self.name}

    def make(self, row: Row) -> str:
        """The messages of a row, without the brackets around them."""
        where = f"column {self.name!r}"
        cell = row[self.name]
        if cell is None:
            raise RowError(ErrorCode.NULL_INPUT, f"{where} is null")
        if isinstance(cell, str):
            cell = _parsed(cell, where)
        return _joined(_messages(cell, self.endpoint, self.read, where))


@dataclass(frozen=True, slots=True, eq=False)
class Called(Made):
    """What a callable makes of a row: a text, or messages.

    Parameters
    ----------
    function : callable
        Takes the row, a dict of every column and index level by name; see `Row`.
    columns : tuple of str
        All of those.
    endpoint : str
    read : Reader
        Of images among the parts.
    """

    function: Callable[[Row], object]
    columns: tuple[str, ...]
    endpoint: str
    read: Reader

    @property
    def reads(self) -> tuple[str, ...]:
        """Every column, for nobody knows which it looks at."""
        return self.columns

    @property
    def written(self) -> object:
        """The callable's name, for nothing else of it can be told apart on another day."""
        return {"callable": getattr(self.function, "__name__", type(self.function).__name__)}

    def make(self, row: Row) -> str:
        """The messages of a row, without the brackets; a JSON string where the endpoint takes a text."""
        said = self._said(row)
        if said is None:
            raise RowError(ErrorCode.NULL_INPUT, "the callable returned None")
        if self.endpoint == COMPLETIONS:
            if isinstance(said, str):
                return canonical(str.__str__(said))
            raise _unusable(f"the callable returned {type(said).__name__!r}, and {COMPLETIONS} takes a text")
        if isinstance(said, str):
            said = [{"role": "user", "content": str.__str__(said)}]
        return _joined(_messages(said, self.endpoint, self.read, "what the callable returned"))

    def _said(self, row: Row) -> object:
        try:
            return self.function(row)
        except NoColumnError as error:
            name, known = str(error.args[0]), ", ".join(map(repr, self.columns))
            raise InputError.nothing_sent(
                f"The callable asked its row for {name!r}, which is no column. Columns: {known or 'none'}."
            ) from error
        # Whatever the caller's own code raises costs the row it raised for, and not the others.
        except Exception as error:
            reason = f"the callable raised {type(error).__name__}: {error}"
            raise RowError(ErrorCode.UNENCODABLE_INPUT, reason, error) from error


def _parsed(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(f"{where} holds a text that is not JSON, and no messages") from error


def _messages(value: object, endpoint: str, read: Reader, where: str) -> list[dict[str, object]]:
    if not isinstance(value, LISTS) or isinstance(value, str | bytes | bytearray | memoryview):
        raise _unusable(f"{where} is {type(value).__name__!r} and no list of messages")
    listed: Sequence[object] = list(value)
    if not listed:
        raise _unusable(f"{where} holds no message")
    return [
        _message(message, endpoint, read, f"message {place} of {where}")
        for place, message in enumerate(listed)
    ]


def _message(message: object, endpoint: str, read: Reader, where: str) -> dict[str, object]:
    # What openai-python answers with, appended to a conversation as it is.
    if hasattr(message, "model_dump"):
        message = message.model_dump(mode="json")
    if not isinstance(message, Mapping):
        raise _unusable(f"{where} is {type(message).__name__!r} and no message")
    content = message.get("content")
    if isinstance(content, LISTS) and not isinstance(content, str | bytes | bytearray | memoryview):
        parts = [_part(part, endpoint, message.get("role"), read) for part in content]
        message = {**message, "content": parts}
    try:
        plain = plain_json(message, column="messages")
    except (InputError, RecursionError) as error:
        raise _unusable(f"{where} is not JSON: {str(error).removesuffix(' Nothing was sent.')}") from error
    if not isinstance(plain, dict):
        raise _unusable(f"{where} is no message")
    if "role" not in plain and endpoint == RESPONSES and isinstance(plain.get("type"), str):
        # A call of a function, its output, and the like stand among the messages there.
        return plain
    return _checked(plain, where)


def _checked(message: dict[str, object], where: str) -> dict[str, object]:
    role = message.get("role")
    if role not in ROLES:
        raise _unusable(f"{where} has the role {role!r}; the known ones are {', '.join(sorted(ROLES))}")
    if not isinstance(message.get("content"), str | list | None):
        raise _unusable(f"{where} has a content that is neither a text nor a list of parts")
    if message.get("content") is None and role != "assistant":
        raise RowError(ErrorCode.NULL_INPUT, f"{where} has no content")
    # Parquet makes no difference between a content that is null and one that is not there.
    return {"content": None, **message}


def _part(part: object, endpoint: str, role: object, read: Reader) -> object:
    if isinstance(part, Image):
        return image_part(endpoint, read(part.source), part.detail)
    return text_part(endpoint, role, part) if isinstance(part, str) else part


def _joined(messages: Sequence[Mapping[str, object]]) -> str:
    return ",".join(map(canonical, messages))


def _unusable(reason: str) -> RowError:
    return RowError(ErrorCode.UNENCODABLE_INPUT, reason)
