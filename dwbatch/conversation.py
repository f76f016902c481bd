"""What a caller says to the model, read and checked: a prompt, parts, messages, a column, a callable."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from dwbatch.errors import InputError
from dwbatch.images import read_image
from dwbatch.limits import unsendable
from dwbatch.options import Options
from dwbatch.prompts.conversations import Called, Column
from dwbatch.prompts.endpoints import RESPONSES, ROLES, image_part, text_part
from dwbatch.prompts.images import Image, Picture
from dwbatch.prompts.made import Made
from dwbatch.prompts.template import Template, parse


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is said to the model in every row.

    Parameters
    ----------
    system : Template or None
    prompt : Template or Made or None
        A text alone: the one user message.
    messages : tuple
        Messages, their texts as templates, or one part that makes them all; empty beside a `prompt`
        that is a template.
    templates : tuple of (str, Template)
        Every template in it, with the place where it was said.
    columns : tuple of str
        What its parts read beside its templates.
    differs : bool
        Whether a callable makes it, which may say something else in every row.
    written : mapping
        As the caller wrote it.
    """

    system: Template | None
    prompt: Template | Made | None
    messages: tuple[object, ...]
    templates: tuple[tuple[str, Template], ...]
    columns: tuple[str, ...]
    differs: bool
    written: Mapping[str, object]


def converse(prompt: object, options: Options, columns: Sequence[str]) -> Conversation:
    """Read what a caller says to the model.

    Parameters
    ----------
    prompt : str, list of parts, callable or None
    options : Options
        ``messages``, ``system`` and ``endpoint`` are read.
    columns : sequence of str
        Names that the frame has.

    Raises
    ------
    InputError
        If it is said twice or not at all, or cannot be read; every offender is named.
    """
    if (prompt is None) == (options.messages is None):
        raise InputError.nothing_sent(
            "Give either a prompt, as in run('Is this positive? {text}', …), or messages=, not both and not neither."
        )
    reader = _Reader(options.endpoint)
    system = None if options.system is None else reader.template(options.system, "system")
    said = prompt if options.messages is None else options.messages
    alone: Template | Made | None = None
    messages: list[object] = []
    read: tuple[str, ...] = ()
    if callable(said):
        _refuse_coroutines(said)
        alone = Called(said, tuple(columns), options.endpoint, read_image)
        messages, read = [alone], tuple(columns)
    elif options.messages is None:
        content = reader.content(said, "prompt", "user")
        alone = content if isinstance(content, Template) else None
        messages = [] if alone else [{"role": "user", "content": content}]
    elif isinstance(said, str):
        messages, read = [Column(_known(said, columns), options.endpoint, read_image)], (said,)
    else:
        messages = reader.messages(said)
    reader.raise_if_any()
    return Conversation(
        system,
        alone,
        tuple(messages),
        tuple(reader.templates),
        columns=read,
        differs=callable(said),
        written=_written(prompt, options, messages),
    )


class _Reader:
    """Reads templates, and keeps them and every fault it meets."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._faults: list[str] = []
        self.templates: list[tuple[str, Template]] = []

    def raise_if_any(self) -> None:
        if self._faults:
            raise InputError.nothing_sent(" ".join(self._faults))

    def template(self, text: str, where: str) -> Template:
        found = parse(text, where=where)
        self.templates.append((where, found))
        return found

    def messages(self, said: object) -> list[object]:
        if not _is_list(said) or not said:
            self._faults.append(
                "messages= takes a list of messages, as in [{'role': 'user', 'content': '{text}'}], the name of "
                "a column that holds such lists, or a callable that makes one of a row."
            )
            return []
        return [self._message(message, f"messages[{place}]") for place, message in enumerate(said)]

    def _message(self, message: object, where: str) -> object:
        if not isinstance(message, Mapping) or not all(isinstance(key, str) for key in message):
            self._faults.append(f"{where} is not a mapping of 'role' and 'content'.")
            return None
        if "role" not in message and self._endpoint == RESPONSES and isinstance(message.get("type"), str):
            return self._constant(dict(message), where)
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            self._faults.append(
                f"{where} has the role {role!r}; the known ones are {', '.join(sorted(ROLES))}."
            )
            return None
        if message.get("content") is None and role != "assistant":
            self._faults.append(f"{where} has no content.")
            return None
        return {
            **{
                key: self.template(value, f"{where}[{key!r}]")
                if isinstance(value, str)
                else self._constant(value, f"{where}[{key!r}]")
                for key, value in message.items()
                if key not in {"role", "content"}
            },
            "role": role,
            "content": None
            if message.get("content") is None
            else self.content(message["content"], where, role),
        }

    def content(self, said: object, where: str, role: str) -> object:
        """A template, or a list of parts."""
        if isinstance(said, str):
            return self.template(said, where)
        if isinstance(said, Image):
            said = [said]
        if not _is_list(said) or not said:
            self._faults.append(
                f"The {where} is a template, a text, or a list of parts such as image('{{path}}'); "
                f"got {type(said).__name__!r}."
                if where == "prompt"
                else f"{where} has a content that is neither a text nor a list of parts."
            )
            return None
        return [self._part(part, f"{where}[{place}]", role) for place, part in enumerate(said)]

    def _part(self, part: object, where: str, role: str) -> object:
        if isinstance(part, str):
            return text_part(self._endpoint, role, self.template(part, where))
        if isinstance(part, Image):
            return self._image(part, where)
        if isinstance(part, Mapping) and isinstance(part.get("type"), str):
            text = part.get("text")
            said = {key: self._constant(value, where) for key, value in part.items() if key != "text"}
            return said if text is None else {**said, "text": self.template(str(text), where)}
        self._faults.append(f"{where} is no part of a message: a text, image(…), or a mapping with a 'type'.")
        return None

    def _image(self, image: Image, where: str) -> object:
        if not isinstance(image.source, str):
            self._faults.append(
                f"{where} is an image given as bytes, the same in every row; name a column of bytes, as in "
                "image('{photo}'), or a file."
            )
            return None
        template = self.template(image.source, where)
        return image_part(self._endpoint, Picture(template, read_image), image.detail)

    def _constant(self, value: object, where: str) -> object:
        self._faults.extend(unsendable(value, where))
        return value


def _is_list(said: object) -> TypeGuard[Sequence[object]]:
    return isinstance(said, Sequence) and not isinstance(said, str | bytes | bytearray)


def _refuse_coroutines(function: Callable[..., object]) -> None:
    if inspect.iscoroutinefunction(function):
        raise InputError.nothing_sent(
            "The callable is async; give one that returns the text or the messages."
        )


def _known(name: str, columns: Sequence[str]) -> str:
    if name in columns:
        return name
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if "{" in name:
        hint = " A template is given as the prompt, in front of the keywords."
    raise InputError.nothing_sent(
        f"messages={name!r} is the name of a column that the frame does not have.{hint} "
        f"Columns: {', '.join(map(repr, columns)) or 'none'}."
    )


def _written(prompt: object, options: Options, messages: Sequence[object]) -> dict[str, object]:
    made = messages[0] if messages and isinstance(messages[0], Made) else None
    said = made.written if made else _plain(prompt if options.messages is None else options.messages)
    return {"prompt" if options.messages is None else "messages": said}


def _plain(said: object) -> object:
    if isinstance(said, Image):
        return {"image": str(said.source)} | ({} if said.detail is None else {"detail": said.detail})
    if isinstance(said, Mapping):
        return {key: _plain(value) for key, value in said.items()}
    return [_plain(one) for one in said] if _is_list(said) else said
