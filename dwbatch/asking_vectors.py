"""From a text to a recipe of embeddings: which requests a call for vectors makes."""

from collections.abc import Sequence
from typing import cast

from dwbatch.answers.vectors import Vectors
from dwbatch.asking import Asking
from dwbatch.embed_options import ENDPOINT
from dwbatch.errors import InputError
from dwbatch.options import Options
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.requests import Recipe
from dwbatch.prompts.template import Slot, Template, check, parse, required


def ask_embedding(text: object, options: Options, columns: Sequence[str]) -> Asking:
    """What a call for embeddings asks of every row.

    Parameters
    ----------
    text : str
        A column, or a template.
    options : Options
        With `dimensions` in its extra body.
    columns : sequence of str
        Names that templates may use.

    Raises
    ------
    InputError
        If the text is neither a column nor a template that names one.
    """
    template = _template(text, columns)
    model = parse(str(options.model), where="model")
    custom_id = None if options.custom_id is None else parse(options.custom_id, where="custom_id")
    check([("text", template), ("model", model), *([("custom_id", custom_id)] if custom_id else [])], columns)
    body = {**options.sampling(), "model": required(model) if model.slots else model.text, "input": template}
    used = [slot.name for each in (template, model, custom_id) if each for slot in each.slots]
    dimensions = options.sampling().get("dimensions")
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
        written=_written(template, options),
        vectors=Vectors(cast("int | None", dimensions)),
    )


def _template(text: object, columns: Sequence[str]) -> Template:
    if not isinstance(text, str):
        raise InputError.nothing_sent(
            "embed() needs the name of a column or a template, as in embed('text', …) or embed('{title}. {body}', …)."
        )
    if text in columns:
        # Whatever its name is made of: braces and colons mean nothing here.
        return Template(f"{{{text}}}", (Slot(text),))
    template = parse(text, where="text")
    if not template.slots:
        listed = ", ".join(map(repr, columns)) or "none"
        raise InputError.nothing_sent(
            f"{text!r} is no column of the frame, and names none in braces. Columns: {listed}."
        )
    return template


def _written(template: Template, options: Options) -> dict[str, object]:
    said = {
        "name": options.name,
        "text": template.text,
        "model": options.model,
        "parameters": options.sampling(),
        "edition": options.edition or None,
        "endpoint": ENDPOINT,
    }
    return {name: value for name, value in said.items() if value is not None}
