"""The letters of JSON: words, numbers and strings, with the real server's sentence for each fault.

The sentences and the columns are those of the Rust library that the real server reads JSON with [1]_.

.. [1] https://github.com/serde-rs/json
"""

import re

_SPACE = re.compile(rb"[ \t\n\r]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_INTEGER = re.compile(rb"0|[1-9][0-9]*")
_DIGITS = re.compile(rb"[0-9]+")
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_ESCAPES = dict(zip(b'"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))
_SURROGATES = range(0xD800, 0xE000)
_SECOND_SURROGATES = range(0xDC00, 0xE000)
_BEYOND_ALL = float("inf")
# Of an integer that fits 64 bits, its sign included.
_MOST_DIGITS = 20


class SyntaxFault(Exception):  # noqa: N818 - a fault of the text, not of this program
    """The text is not JSON."""


class TypeFault(SyntaxFault):
    """The text is JSON, but not of the shape that was wanted."""


class Scanner:
    """One text, read from left to right until its first fault.

    Parameters
    ----------
    text : bytes
        UTF-8.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def _word(self, word: bytes) -> None:
        for letter in word:
            if self._at == len(self._text):
                raise self._here("EOF while parsing a value")
            self._at += 1
            if self._text[self._at - 1] != letter:
                raise self._here("expected ident")

    def _number(self) -> float:
        begin = self._at
        if self._text[self._at : self._at + 1] == b"-":
            self._at += 1
        if not self._text[self._at : self._at + 1].isdigit():
            raise self._after_next("invalid number")
        self._skip(_INTEGER)
        if self._text[self._at : self._at + 1].isdigit():
            raise self._ahead("invalid number")
        is_whole = not (self._fraction() | self._exponent())
        digits = self._text[begin : self._at]
        # Measured first, because Python refuses to read integers of thousands of digits.
        if is_whole and len(digits) <= _MOST_DIGITS and -(2**63) <= int(digits) < 2**64:
            return int(digits)
        value = float(digits)
        if abs(value) == _BEYOND_ALL:
            raise self._here("number out of range")
        return value

    def _fraction(self) -> bool:
        if self._text[self._at : self._at + 1] != b".":
            return False
        self._at += 1
        if not self._skip(_DIGITS):
            is_over = self._at == len(self._text)
            raise self._ahead("EOF while parsing a value" if is_over else "invalid number")
        return True

    def _exponent(self) -> bool:
        if self._text[self._at : self._at + 1] not in (b"e", b"E"):
            return False
        self._at += 1
        if self._text[self._at : self._at + 1] in (b"+", b"-"):
            self._at += 1
        if not self._skip(_DIGITS):
            raise self._after_next("invalid number")
        return True

    def _string(self) -> str:
        self._at += 1
        parts: list[str] = []
        while True:
            begin = self._at
            self._skip(_PLAIN)
            parts.append(self._text[begin : self._at].decode())
            found = self._text[self._at : self._at + 1]
            if not found:
                raise self._here("EOF while parsing a string")
            self._at += 1
            if found == b'"':
                return "".join(parts)
            if found != b"\\":
                raise self._here("control character (\\u0000-\\u001F) found while parsing a string")
            parts.append(self._escape())

    def _escape(self) -> str:
        if self._at == len(self._text):
            raise self._here("EOF while parsing a string")
        letter = self._text[self._at]
        self._at += 1
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter != ord("u"):
            raise self._here("invalid escape")
        first = self._hex()
        if first not in _SURROGATES:
            return chr(first)
        if first in _SECOND_SURROGATES:
            raise self._here("lone leading surrogate in hex escape")
        for letter in b"\\u":
            if self._at == len(self._text):
                raise self._here("EOF while parsing a string")
            self._at += 1
            if self._text[self._at - 1] != letter:
                raise self._here("unexpected end of hex escape")
        second = self._hex()
        if second not in _SECOND_SURROGATES:
            raise self._here("lone leading surrogate in hex escape")
        return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))

    def _hex(self) -> int:
        if self._at + 4 > len(self._text):
            self._at = len(self._text)
            raise self._here("EOF while parsing a string")
        digits = self._text[self._at : self._at + 4]
        self._at += 4
        if not _HEX.fullmatch(digits):
            raise self._here("invalid escape")
        return int(digits, 16)

    def _skip(self, pattern: re.Pattern[bytes]) -> bool:
        match = pattern.match(self._text, self._at)
        if match is None:
            return False
        self._at = match.end()
        return True

    def _peek(self) -> bytes:
        self._skip(_SPACE)
        return self._text[self._at : self._at + 1]

    def _here(self, sentence: str, kind: type[SyntaxFault] = SyntaxFault) -> SyntaxFault:
        return kind(f"{sentence} at {self._position(self._at)}")

    def _ahead(self, sentence: str) -> SyntaxFault:
        return SyntaxFault(f"{sentence} at {self._position(min(self._at + 1, len(self._text)))}")

    def _after_next(self, sentence: str) -> SyntaxFault:
        if self._at == len(self._text):
            return self._here("EOF while parsing a value")
        self._at += 1
        return self._here(sentence)

    def _position(self, at: int) -> str:
        before = self._text[:at]
        line, column = before.count(b"\n") + 1, at - before.rfind(b"\n") - 1
        return f"line {line} column {column}"
