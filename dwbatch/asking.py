"""From a caller's words to a recipe: prompt, messages and parameters as one request body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dwbatch.answers.structured.format import Format, read_format
from dwbatch.errors import InputError
from dwbatch.options import Options
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.identity import recipe_hash
from dwbatch.prompts.requests import Recipe
from dwbatch.prompts.template import Template, check, parse

ENDPOINT = "/v1/chat/completions"
ROLES = frozenset({"system", "developer", "user", "assistant"})


@dataclass(frozen=True, slots=True)
class Asking:
    """What a call asks of every row.

    Parameters
    ----------
    body : mapping
        The request body, with templates where it depends on the row.
    recipe : Recipe
        The same, compiled.
    custom_id : Template or None
        The user's own template of custom_ids.
    columns : tuple of str
        Columns and index levels that any template names.
    written : mapping
        The recipe as the user wrote it, for ``recipe.json``: no value of the frame.
    answer_format : Format or None
        What an answer is held to.
    """

    body: Mapping[str, object]
    recipe: Recipe
    custom_id: Template | None
    columns: tuple[str, ...]
    written: Mapping[str, object]
    answer_format: Format | None = None

    def hash(self, server: str) -> str:
        """Hash of the recipe at a server."""
        return recipe_hash(
            server=server, endpoint=self.recipe.endpoint, body=self.body, edition=self.recipe.edition
        )


def ask(prompt: object, options: Options, columns: Sequence[str]) -> Asking:
    """Read what a call asks, and check it against the columns.

    Parameters
    ----------
    prompt : str or None
        A template for the user's message.
    options : Options
    columns : sequence of str
        Names that templates may use.

    Raises
    ------
    InputError
        If the templates are wrong, contradict one another, or use no column although nothing was
        said about equal requests.
    """
    messages = _messages(prompt, options)
    custom_id = None if options.custom_id is None else parse(options.custom_id, where="custom_id")
    named = [(where, content) for where, _, content in messages]
    check(named + ([("custom_id", custom_id)] if custom_id else []), columns)
    asked = [slot.name for _, template in named for slot in template.slots]
    if not asked and options.dedupe is None:
        raise InputError.nothing_sent(
            "The prompt names no column, so every row would make the same request, which de-duplication sends "
            "once. Name a column, as in '{text}'; say dedupe=False for one sample a row, or dedupe=True if one "
            "answer for all is meant."
        )
    answer_format = None if options.response_format is None else read_format(options.response_format)
    body = {
        **options.sampling(),
        **({} if answer_format is None else {"response_format": answer_format.wire}),
        "model": options.model,
        "messages": [{"role": role, "content": content} for _, role, content in messages],
    }
    used = asked + [slot.name for slot in (custom_id.slots if custom_id else ())]
    return Asking(
        body=body,
        recipe=Recipe(
            endpoint=ENDPOINT,
            body=compile_body(body),
            edition=options.edition,
            null_as_empty=options.on_null == "render",
        ),
        custom_id=custom_id,
        columns=tuple(dict.fromkeys(used)),
        written=_written(prompt, options, answer_format),
        answer_format=answer_format,
    )


def _messages(prompt: object, options: Options) -> list[tuple[str, str, Template]]:
    if (prompt is None) == (options.messages is None):
        raise InputError.nothing_sent(
            "Give either a prompt, as in run('Is this positive? {text}', …), or messages=, not both and not neither."
        )
    found: list[tuple[str, str, Template]] = []
    if options.system is not None:
        found.append(("system", "system", parse(options.system, where="system")))
    if options.messages is None:
        if not isinstance(prompt, str):
            raise InputError.nothing_sent(f"The prompt is a template, a text; got {type(prompt).__name__!r}.")
        return [*found, ("prompt", "user", parse(prompt, where="prompt"))]
    return found + _given_messages(options.messages)


def _given_messages(messages: object) -> list[tuple[str, str, Template]]:
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise InputError.nothing_sent(
            "messages= takes a list of messages, as in [{'role': 'user', 'content': '{text}'}]."
        )
    faults, found = [], []
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            faults.append(f"{where} is not a mapping of 'role' and 'content'.")
        elif message["role"] not in ROLES:
            faults.append(
                f"{where} has the role {message['role']!r}; the known ones are {', '.join(sorted(ROLES))}."
            )
        elif not isinstance(message["content"], str):
            faults.append(f"{where} has a content that is no text.")
        else:
            found.append((where, str(message["role"]), parse(message["content"], where=where)))
    if faults:
        raise InputError.nothing_sent(" ".join(faults))
    return found


def _written(prompt: object, options: Options, answer_format: Format | None) -> dict[str, object]:
    said = {
        "name": options.name,
        "prompt": prompt,
        "messages": [dict(message) for message in options.messages] if options.messages else None,
        "system": options.system,
        "model": options.model,
        "parameters": options.sampling() or None,
        "response_format": None if answer_format is None else answer_format.wire,
        "edition": options.edition or None,
        "endpoint": ENDPOINT,
    }
    return {name: value for name, value in said.items() if value is not None}
