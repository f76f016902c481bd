"""From a caller's words to a recipe: prompt, messages and parameters as one request body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dwbatch.answers.structured.format import Format, read_format
from dwbatch.answers.vectors import Vectors
from dwbatch.bodies import body_of, check_endpoint
from dwbatch.conversation import Conversation, converse
from dwbatch.errors import InputError
from dwbatch.options import Options
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.identity import recipe_hash
from dwbatch.prompts.requests import Recipe
from dwbatch.prompts.template import Template, check, parse, required


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
    vectors : Vectors or None
        The same, where answers are embeddings.
    samples : int or None
        How many answers each request asks for, if that was said: then each row's answer is a list.
    """

    body: Mapping[str, object]
    recipe: Recipe
    custom_id: Template | None
    columns: tuple[str, ...]
    written: Mapping[str, object]
    answer_format: Format | None = None
    vectors: Vectors | None = None
    samples: int | None = None

    def hash(self, server: str) -> str:
        """Hash of the recipe at a server."""
        return recipe_hash(
            server=server, endpoint=self.recipe.endpoint, body=self.body, edition=self.recipe.edition
        )


def ask(prompt: object, options: Options, columns: Sequence[str]) -> Asking:
    """Read what a call asks, and check it against the columns.

    Parameters
    ----------
    prompt : str, list of parts, callable or None
        What the user says.
    options : Options
    columns : sequence of str
        Names that templates may use.

    Raises
    ------
    InputError
        If the templates are wrong, contradict one another, or use no column although nothing was
        said about equal requests.
    """
    check_endpoint(options)
    said = converse(prompt, options, columns)
    custom_id = None if options.custom_id is None else parse(options.custom_id, where="custom_id")
    model = _model(str(options.model))
    named = [*said.templates, *([("model", model)] if isinstance(model, Template) else [])]
    check(named + ([("custom_id", custom_id)] if custom_id else []), columns)
    asked = [*(slot.name for _, template in named for slot in template.slots), *said.columns]
    if not asked and not said.differs and options.dedupe is None:
        raise InputError.nothing_sent(
            "The prompt names no column, so every row would make the same request, which de-duplication sends "
            "once. Name a column, as in '{text}'; say dedupe=False for one sample a row, or dedupe=True if one "
            "answer for all is meant."
        )
    answer_format = None if options.response_format is None else read_format(options.response_format)
    body = body_of(options, said, model, answer_format)
    used = asked + [slot.name for slot in (custom_id.slots if custom_id else ())]
    return Asking(
        body=body,
        recipe=Recipe(
            endpoint=options.endpoint,
            body=compile_body(body),
            edition=options.edition,
            null_as_empty=options.on_null == "render",
        ),
        custom_id=custom_id,
        columns=tuple(dict.fromkeys(used)),
        written=_written(said, options, answer_format),
        answer_format=answer_format,
        samples=options.n,
    )


def _model(name: str | Mapping[str, str]) -> Template | str:
    if not isinstance(name, str):
        raise AssertionError("a mapping of models is laid out as rows before it is asked")  # noqa: TRY004 - a slip of ours, not of the caller
    found = parse(name, where="model")
    # There is no empty model, whatever a missing value prints as elsewhere.
    return required(found) if found.slots else name


def _written(said: Conversation, options: Options, answer_format: Format | None) -> dict[str, object]:
    parts = {
        "name": options.name,
        **said.written,
        "system": options.system,
        "model": options.model,
        "parameters": options.sampling() or None,
        "response_format": None if answer_format is None else answer_format.wire,
        "edition": options.edition or None,
        "endpoint": options.endpoint,
    }
    return {name: value for name, value in parts.items() if value is not None}
