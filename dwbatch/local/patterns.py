"""Texts that fit a regular expression, of the kind that JSON schemas hold."""

from collections.abc import Callable, Iterator

_CLASSES = {
    "d": "0123456789",
    "w": "abcdefghijklmnopqrstuvwxyz0123456789_",
    "s": " ",
    "D": "abcxyz-",
    "W": "-. ",
    "S": "abcxyz0123",
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_ANY = "abcdefghijklmnopqrstuvwxyz"
_PRINTABLE = [chr(code) for code in range(ord(" "), ord("~") + 1)]

# An open end of a repetition ends here: enough to look like something.
_MORE = 3
_MOST_PARTS = 100_000

Choose = Callable[[int], int]


class UnsupportedPatternError(ValueError):
    """An expression that is too long to write out, or has a part such as a look-ahead that is not known here."""


def matching(pattern: str, choose: Choose) -> str:
    r"""A text in which the expression is found, and as a whole if it has anchors.

    Parameters
    ----------
    pattern : str
        Literals, classes, groups, alternatives, quantifiers, anchors at the ends.
    choose : callable
        Gives a number below the one it is asked with; what decides between texts.

    Raises
    ------
    UnsupportedPatternError
        For look-arounds and back-references.

    Examples
    --------
    >>> matching(r"^[A-Z]{2}-\d+$", lambda most: 0)
    'AA-0'
    """
    return _Writer(pattern, choose).text()


class _Writer:
    """Reads an expression from left to right and writes as it goes."""

    def __init__(self, pattern: str, choose: Choose) -> None:
        self._pattern = pattern
        self._at = 0
        self._choose = choose
        self._left = _MOST_PARTS

    def text(self) -> str:
        written = self._alternatives()()
        if self._at < len(self._pattern):
            raise UnsupportedPatternError(self._pattern)
        return written

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        found = self._peek()
        self._at += 1
        return found

    def _alternatives(self) -> Callable[[], str]:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._take()
            branches.append(self._sequence())

        def one_of_them() -> str:
            return branches[self._choose(len(branches))]()

        return one_of_them

    def _sequence(self) -> Callable[[], str]:
        parts: list[Callable[[], str]] = []
        while self._peek() not in {"", "|", ")"}:
            part = self._atom()
            least, most = self._quantifier()
            parts.append(self._repeated(part, least, most))
        return lambda: "".join(part() for part in parts)

    def _repeated(self, part: Callable[[], str], least: int, most: int) -> Callable[[], str]:
        def repeated() -> str:
            count = least + self._choose(most - least + 1)
            self._left -= count
            if self._left < 0:
                raise UnsupportedPatternError(self._pattern)
            return "".join(part() for _ in range(count))

        return repeated

    def _quantifier(self) -> tuple[int, int]:
        least, most = 1, 1
        mark = self._peek()
        if mark in {"*", "+", "?"}:
            self._take()
            least, most = {"*": (0, _MORE), "+": (1, _MORE), "?": (0, 1)}[mark]
        elif mark == "{" and (end := self._pattern.find("}", self._at)) > 0:
            first, comma, last = self._pattern[self._at + 1 : end].partition(",")
            self._at = end + 1
            least = int(first or 0)
            most = int(last) if last else (least + _MORE if comma else least)
        if self._peek() == "?":
            # Lazy or greedy is the same to a writer.
            self._take()
        return least, most

    def _atom(self) -> Callable[[], str]:
        mark = self._take()
        if mark == "(":
            return self._group()
        if mark == "[":
            return self._one_of(self._class())
        if mark == ".":
            return self._one_of(list(_ANY))
        if mark in {"^", "$"}:
            return str
        if mark == "\\":
            return self._escape()
        return lambda: mark

    def _one_of(self, letters: list[str]) -> Callable[[], str]:
        return lambda: letters[self._choose(len(letters))]

    def _group(self) -> Callable[[], str]:
        if self._peek() == "?":
            self._take()
            if self._take() != ":":
                raise UnsupportedPatternError(self._pattern)
        inside = self._alternatives()
        if self._take() != ")":
            raise UnsupportedPatternError(self._pattern)
        return inside

    def _escape(self) -> Callable[[], str]:
        letter = self._take()
        if letter in _CLASSES:
            return self._one_of(list(_CLASSES[letter]))
        if letter in {"b", "B", "A", "Z", "z"}:
            return str
        if letter.isdigit() or letter in {"u", "x", "p", "k"}:
            raise UnsupportedPatternError(self._pattern)
        return lambda: _CONTROLS.get(letter, letter)

    def _class(self) -> list[str]:
        is_negated = self._peek() == "^"
        if is_negated:
            self._take()
        letters = list(self._members())
        if is_negated:
            letters = [letter for letter in _PRINTABLE if letter not in letters]
        if not letters:
            raise UnsupportedPatternError(self._pattern)
        return letters

    def _members(self) -> Iterator[str]:
        is_first = True
        while (mark := self._take()) != "]" or is_first:
            if not mark:
                raise UnsupportedPatternError(self._pattern)
            is_first = False
            if mark == "\\":
                mark = self._take()
                if mark in _CLASSES:
                    yield from _CLASSES[mark]
                    continue
                mark = _CONTROLS.get(mark, mark)
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._take()
                last = self._take()
                last = self._take() if last == "\\" else last
                yield from map(chr, range(ord(mark), ord(last) + 1))
            else:
                yield mark
