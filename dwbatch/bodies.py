"""One request body for each endpoint, from the same words of a caller."""

from collections.abc import Mapping

from dwbatch.answers.structured.format import Format
from dwbatch.conversation import Conversation
from dwbatch.errors import InputError
from dwbatch.options import Options
from dwbatch.prompts.endpoints import CHAT, COMPLETIONS, RESPONSES
from dwbatch.prompts.template import Template

# What an endpoint has no name for; the hosted server would fail every row with a 400.
UNKNOWN: dict[str, dict[str, str]] = {
    CHAT: {},
    COMPLETIONS: dict.fromkeys(
        ("system", "response_format", "reasoning_effort", "tools", "tool_choice"), f"Ask {CHAT} for that."
    ),
    RESPONSES: {
        "n": "Say dedupe=False and repeat the rows, or ask /v1/chat/completions.",
        "seed": "Leave it out.",
        "stop": "Leave it out.",
    },
}
# The body's own words for what has a parameter here.
OWN = {
    CHAT: {"messages": "the prompt or messages="},
    COMPLETIONS: {"prompt": "the prompt"},
    RESPONSES: {
        "input": "the prompt or messages=",
        "instructions": "system=",
        "max_output_tokens": "max_tokens=",
        "reasoning": "reasoning_effort=",
    },
}


def check_endpoint(options: Options) -> None:
    """Refuse options that the endpoint has no place for.

    Raises
    ------
    InputError
        Naming all of them.
    """
    faults = [
        f"{options.endpoint} has no {name!r}. {hint}"
        for name, hint in UNKNOWN[options.endpoint].items()
        if getattr(options, name) is not None
    ]
    faults += [
        f"extra_body repeats {name!r}; say {ours} instead."
        for name, ours in OWN[options.endpoint].items()
        if name in (options.extra_body or {})
    ]
    if options.endpoint == COMPLETIONS and options.messages is not None:
        faults.append(f"{COMPLETIONS} takes a text and no messages; give a prompt.")
    if faults:
        raise InputError.nothing_sent(" ".join(faults))


def body_of(
    options: Options, said: Conversation, model: Template | str, answer_format: Format | None
) -> dict[str, object]:
    """A request body, with templates and made parts where it depends on the row.

    Parameters
    ----------
    options : Options
        Checked by `check_endpoint`.
    said : Conversation
    model : Template or str
    answer_format : Format or None

    Raises
    ------
    InputError
        If the endpoint takes a text and was given parts.
    """
    if options.endpoint == RESPONSES:
        return {**_response(options, said, answer_format), "model": model}
    if options.endpoint == COMPLETIONS:
        if said.prompt is None:
            raise InputError.nothing_sent(f"{COMPLETIONS} takes a text; got a list of parts.")
        return {**options.sampling(), "model": model, "prompt": said.prompt}
    wanted = {} if answer_format is None else {"response_format": answer_format.wire}
    system = [] if said.system is None else [{"role": "system", "content": said.system}]
    asked = list(said.messages) or [{"role": "user", "content": said.prompt}]
    return {**options.sampling(), **wanted, "model": model, "messages": system + asked}


def _response(options: Options, said: Conversation, answer_format: Format | None) -> dict[str, object]:
    given = options.sampling()
    body = {RENAMED.get(name, name): value for name, value in given.items() if name != "reasoning_effort"}
    if options.reasoning_effort is not None:
        # The other spelling is refused at upload.
        body["reasoning"] = {"effort": options.reasoning_effort}
    if answer_format is not None:
        text = body.get("text")
        body["text"] = {**(text if isinstance(text, Mapping) else {}), "format": _text_format(answer_format)}
    if said.system is not None:
        body["instructions"] = said.system
    return {**body, "input": list(said.messages) or said.prompt}


RENAMED = {"max_tokens": "max_output_tokens"}


def _text_format(answer_format: Format) -> Mapping[str, object]:
    """The format as this endpoint writes it: without the layer around the schema."""
    wire = answer_format.wire
    return {"type": wire["type"], **wire.get("json_schema", {})}
