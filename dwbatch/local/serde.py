"""JSON refused in the real server's words: which shape was wanted, and where the text departs from it.

The fast decoder says whether a text is good; only a text that it refuses comes here, to be told why.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dwbatch.local.scanner import Scanner, SyntaxFault, TypeFault

DEEPEST = 128

STRING, OPTIONAL_STRINGS, STRINGS, ANYTHING = "string", "strings by name or null", "strings", "anything"
_WORDS = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}


class Reader(Scanner):
    """One text, read from left to right until its first fault.

    Parameters
    ----------
    text : bytes
        UTF-8.

    Attributes
    ----------
    path : str
        Where in the shape the reading stands, as in ``metadata.name``; empty at the top.
    """

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.path = ""
        self._depth = DEEPEST

    def struct(self, name: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """The whole text as an object, or as an array in field order.

        Parameters
        ----------
        name : str
            The shape's name, which one of the sentences says.
        fields : mapping of str to str
            Fields in their order, each with the kind of its value.

        Raises
        ------
        SyntaxFault
            With the real server's sentence; `TypeFault` where JSON itself is not at fault.
        """
        first = self._peek()
        if first == b"{":
            values = self._named(fields)
        elif first == b"[":
            values = self._in_order(name, fields)
        else:
            raise self._wrong_type(f"struct {name}")
        if self._peek():
            raise self._ahead("trailing characters")
        return values

    def _named(self, fields: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        self._open()
        for key in self._keys():
            if key in values:
                self._peek()
                raise self._here(f"duplicate field `{key}`", TypeFault)
            self._colon()
            self.path = key
            value = self._value(fields.get(key, ANYTHING))
            self.path = ""
            if key in fields:
                values[key] = value
        self._close()
        for key, kind in fields.items():
            if key not in values and kind != OPTIONAL_STRINGS:
                raise self._here(f"missing field `{key}`", TypeFault)
        return values

    def _in_order(self, name: str, fields: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        self._open()
        kinds = iter(fields.items())
        for _ in self._places():
            key, kind = next(kinds, ("", ""))
            if not key:
                raise self._ahead("trailing characters")
            values[key] = self._value(kind)
        self._close()
        if len(values) < len(fields):
            raise self._here(
                f"invalid length {len(values)}, expected struct {name} with {len(fields)} elements", TypeFault
            )
        return values

    def _value(self, kind: str) -> Any:
        first = self._peek()
        if kind == STRING:
            if first != b'"':
                raise self._wrong_type("a string")
            return self._string()
        if kind == OPTIONAL_STRINGS:
            return self._strings_by_name(first)
        if kind == STRINGS:
            if first != b"[":
                raise self._wrong_type("a sequence")
            return self._array(STRING)
        return self._anything(first)

    def _strings_by_name(self, first: bytes) -> dict[str, str] | None:
        if first == b"n":
            self._word(b"null")
            return None
        if first != b"{":
            raise self._wrong_type("a map")
        return self._object(STRING)

    def _anything(self, first: bytes) -> Any:
        if first == b'"':
            return self._string()
        if first == b"{":
            return self._object(ANYTHING)
        if first == b"[":
            return self._array(ANYTHING)
        if first in _WORDS:
            word, value = _WORDS[first]
            self._word(word)
            return value
        if first == b"-" or first.isdigit():
            return self._number()
        raise self._ahead("expected value" if first else "EOF while parsing a value")

    def _object(self, kind: str) -> dict[str, Any]:
        self._open()
        values: dict[str, Any] = {}
        outer = self.path
        for key in self._keys():
            self.path = f"{outer}.{key}"
            self._colon()
            values[key] = self._value(kind)
        self.path = outer
        self._close()
        return values

    def _array(self, kind: str) -> list[Any]:
        self._open()
        values: list[Any] = []
        outer = self.path
        for _ in self._places():
            self.path = f"{outer}[{len(values)}]"
            values.append(self._value(kind))
        self.path = outer
        self._close()
        return values

    def _open(self) -> None:
        self._depth -= 1
        if not self._depth:
            raise self._ahead("recursion limit exceeded")
        self._at += 1

    def _close(self) -> None:
        self._at += 1
        self._depth += 1

    def _keys(self) -> Iterator[str]:
        is_first = True
        while (found := self._peek()) != b"}":
            if not is_first:
                found = self._after_comma(found, b"}", "an object")
            if not found:
                raise self._ahead(f"EOF while parsing {'an object' if is_first else 'a value'}")
            if found != b'"':
                raise self._ahead("key must be a string")
            is_first = False
            yield self._string()

    def _places(self) -> Iterator[None]:
        is_first = True
        while (found := self._peek()) != b"]":
            if not is_first:
                found = self._after_comma(found, b"]", "a list")
            if not found:
                raise self._ahead(f"EOF while parsing {'a list' if is_first else 'a value'}")
            is_first = False
            yield

    def _after_comma(self, found: bytes, closing: bytes, whole: str) -> bytes:
        if found != b",":
            wanted = f"expected `,` or `{closing.decode()}`"
            raise self._ahead(wanted if found else f"EOF while parsing {whole}")
        self._at += 1
        following = self._peek()
        if following == closing:
            raise self._ahead("trailing comma")
        return following

    def _colon(self) -> None:
        found = self._peek()
        if found != b":":
            raise self._ahead("expected `:`" if found else "EOF while parsing an object")
        self._at += 1

    def _wrong_type(self, expected: str) -> SyntaxFault:
        first = self._peek()
        named = {b"{": "map", b"[": "sequence"}.get(first)
        if named is None:
            found = self._anything(first)
            named = _spelled(found)
        return self._here(f"invalid type: {named}, expected {expected}", TypeFault)


def _spelled(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    return f'string "{value}"'
