"""Templates: what stands between the braces, checked before anything is rendered."""

import difflib
import re
import string
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from dwbatch.errors import InputError

JINJA = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a template that a column fills.

    Parameters
    ----------
    name : str
        Column or index level, exactly as the frame spells it.
    conversion : str or None
        ``r``, ``s`` or ``a``, as in ``str.format``.
    spec : str
        Format spec, empty for none.
    is_required : bool
        Whether a row without the value makes no request even where a missing value prints as empty
        text: there is no empty model.
    """

    name: str
    conversion: str | None = None
    spec: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A text with slots.

    Parameters
    ----------
    text : str
        As the user wrote it.
    parts : tuple of str or Slot
        Literal texts and slots, in order; joined they make the rendered text.
    """

    text: str
    parts: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots alone, in order of appearance."""
        return tuple(part for part in self.parts if isinstance(part, Slot))


def parse(text: str, *, where: str = "prompt") -> Template:
    """Read a template.

    Parameters
    ----------
    text : str
        ``{column}``, ``{column!r}``, ``{column:.2f}``; a literal brace is doubled.
    where : str
        The parameter the text came in, for error messages.

    Raises
    ------
    InputError
        If the braces do not balance, a slot holds anything but a bare name, or
        the text cannot be written in UTF-8.

    Examples
    --------
    >>> parse("Rate {text!r}").slots
    (Slot(name='text', conversion='r', spec='', is_required=False),)
    """
    parts: list[str | Slot] = []
    refuse_surrogates(text, where=where)
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise InputError.nothing_sent(
            f"The {where} is not a template: {error}. A literal brace is written {{{{ or }}}}."
        ) from error
    for literal, name, spec, conversion in pieces:
        if literal:
            parts.append(literal)
        if name is not None:
            parts.append(_slot(name, spec or "", conversion, where))
    return Template(text, tuple(parts))


def required(template: Template) -> Template:
    """The same template, but without its values a row makes no request."""
    parts = (replace(part, is_required=True) if isinstance(part, Slot) else part for part in template.parts)
    return Template(template.text, tuple(parts))


def refuse_surrogates(text: str, *, where: str) -> None:
    """Refuse a text that UTF-8 cannot express.

    Raises
    ------
    InputError
        If it holds a lone surrogate.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError.nothing_sent(
            f"The {where} holds the lone surrogate {text[error.start]!r} at character {error.start}, "
            "which UTF-8 cannot express; replace it."
        ) from error


def _slot(name: str, spec: str, conversion: str | None, where: str) -> Slot:
    if name == "" or name.isdecimal():
        raise InputError.nothing_sent(
            f"The {where} has a slot without a column name, '{{{name}}}'. Name the column inside the braces, "
            "as in '{text}'; a literal brace is written {{ or }}."
        )
    if "{" in spec:
        raise InputError.nothing_sent(
            f"The {where} has a slot inside the format spec of {name!r}; a spec is constant, as in '{{{name}:.2f}}'."
        )
    if conversion not in {None, "r", "s", "a"}:
        raise InputError.nothing_sent(
            f"The {where} uses the conversion '!{conversion}' on {name!r}; the known ones are !r, !s and !a."
        )
    return Slot(name, conversion, spec)


def check(templates: Iterable[tuple[str, Template]], columns: Collection[str]) -> None:
    """Refuse templates that name what the frame does not have, all offenders at once.

    Parameters
    ----------
    templates : iterable of (str, Template)
        Each with the parameter it came in.
    columns : collection of str
        Names of columns and index levels.

    Raises
    ------
    InputError
        If a name is unknown, a template is just the name of a column, or Jinja's
        double braces were surely meant.
    """
    problems = [problem for where, template in templates for problem in _problems(where, template, columns)]
    if problems:
        shown = sorted(columns)
        listed = ", ".join(map(repr, shown[:20])) + (", …" if len(shown) > 20 else "")  # noqa: PLR2004 - a screenful
        raise InputError.nothing_sent(f"{' '.join(dict.fromkeys(problems))} Columns: {listed or 'none'}.")


def _problems(where: str, template: Template, columns: Collection[str]) -> Iterable[str]:
    used = {slot.name for slot in template.slots}
    for name in dict.fromkeys(slot.name for slot in template.slots):
        if name not in columns:
            yield f"Column {name!r} is named in the {where} but not in the frame.{_suggestion(name, columns)}"
    for name in dict.fromkeys(JINJA.findall(template.text)):
        if name in columns and name not in used:
            yield (
                f"The {where} says '{{{{ {name} }}}}', which is Jinja's way and here a literal brace; "
                f"write '{{{name}}}' for the column."
            )
    # A constant message that happens to spell a column's name is a message; a
    # whole prompt that does is a slip.
    if where == "prompt" and not used and template.text.strip() in columns:
        yield (
            f"The {where} is just the name of the column {template.text.strip()!r}. "
            f"Did you mean '{{{template.text.strip()}}}'?"
        )


def _suggestion(name: str, columns: Collection[str]) -> str:
    bare = re.split(r"[.\[]", name, maxsplit=1)[0]
    if bare != name and bare in columns:
        return f" A slot takes no attribute, index or nested field; make a column of it, or use '{{{bare}}}'."
    near = difflib.get_close_matches(name, columns, n=1)
    folded = [column for column in columns if column.casefold() == name.casefold()]
    best = (folded or near)[:1]
    return f" Did you mean {best[0]!r}?" if best else ""
