"""What a response body says: one small function a shape of body, then one verdict."""

from typing import Any, NamedTuple

from dwbatch.answers.failures import from_error
from dwbatch.answers.samples import join_samples
from dwbatch.columns import STATUS_RANK, ErrorCode, Status

_MAX_INT64 = 2**63 - 1
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"})
_FILTERED = frozenset({"content_filter"})
_REFUSED = frozenset({"refusal"})
_NO_SHAPE = "The response body has none of the known shapes."
# vLLM's word for a request it gave up, and the common word for one that broke
# while streaming: what text there is, is not an answer.
_BROKEN = frozenset({"abort", "error", "failed", "cancelled"})


class Said(NamedTuple):
    """What the model said, whatever the shape of the body."""

    text: str | None
    finish_reason: str | None = None
    refusal: str | None = None
    has_calls: bool = False


class Verdict(NamedTuple):
    """How a body's row ends."""

    status: Status
    code: str | None
    error: str | None
    content: str | None
    finish_reason: str | None


def read_body(body: Any) -> Verdict:
    """Verdict over the body of a successful response.

    Parameters
    ----------
    body : object
        The decoded JSON value. Its shape is told by its own fields: ``choices`` (chat
        and completions), ``output`` (responses), ``content`` (messages), ``data``
        (embeddings).

    Returns
    -------
    Verdict
        An embedding and a tool call without text are ok with an empty content: their
        substance stays in the body. Of several samples the worst says how the row ends, and the content
        is the JSON list of their texts, null for those that are not ok.
    """
    if not isinstance(body, dict):
        return _failed(ErrorCode.UNKNOWN_ERROR, f"The response body is {_kind(body)}, not a JSON object.")
    said = next((read(body) for field, read in _SHAPES.items() if isinstance(body.get(field), list)), None)
    if said is None and "choices" in body:
        said = Said(None)
    verdict = _judge(said) if said is not None else _failed(ErrorCode.UNKNOWN_ERROR, _NO_SHAPE)
    if isinstance(body.get("choices"), list) and len(body["choices"]) > 1:
        verdict = _judge_samples(body["choices"])
    error = body.get("error")
    if error and verdict.status is Status.FAILED:
        status, code, sentence, _ = from_error(error)
        return verdict._replace(status=status, code=code, error=sentence)
    return verdict


def model_of(body: Any) -> str | None:
    """The model's name as the body gives it."""
    return _str(body.get("model")) if isinstance(body, dict) else None


def tokens_of(body: Any) -> tuple[int | None, int | None]:
    """Prompt and completion tokens as the body counts them."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None, None
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens"))
    return _count(prompt), _count(completion)


def _judge_samples(choices: list[Any]) -> Verdict:
    """The verdict over the worst of several samples, with the texts of all that are ok."""
    verdicts = [_judge(_from_choices({"choices": [choice]})) for choice in choices]
    worst = max(verdicts, key=lambda verdict: STATUS_RANK[verdict.status])
    texts = [verdict.content if verdict.status is Status.OK else None for verdict in verdicts]
    return worst._replace(content=join_samples(texts))


def _from_choices(body: dict[str, Any]) -> Said:
    choice = _first(body["choices"])
    finish_reason = _str(choice.get("finish_reason"))
    message = choice.get("message")
    if not isinstance(message, dict):
        return Said(_str(choice.get("text")), finish_reason)
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return Said(
        content if isinstance(content, str) else _joined(parts, "text"),
        finish_reason,
        _str(message.get("refusal")) or _joined(parts, "refusal"),
        bool(message.get("tool_calls") or message.get("function_call")),
    )


def _from_responses(body: dict[str, Any]) -> Said:
    outputs = [output for output in body["output"] if isinstance(output, dict)]
    # Reasoning and calls stand beside the message as outputs of their own.
    contents = [output.get("content") for output in outputs if output.get("type") in ("message", None)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    why = body.get("incomplete_details")
    return Said(
        _joined(parts, "text"),
        _str(why.get("reason") if isinstance(why, dict) else body.get("status")),
        _joined(parts, "refusal"),
        any(str(output.get("type")).endswith("_call") for output in outputs),
    )


def _from_messages(body: dict[str, Any]) -> Said:
    parts = body["content"]
    calls = any(isinstance(part, dict) and part.get("type") == "tool_use" for part in parts)
    return Said(_joined(parts, "text"), _str(body.get("stop_reason")), None, calls)


def _from_embeddings(body: dict[str, Any]) -> Said:
    return Said(None, None, None, has_calls=bool(body["data"]))


_SHAPES = {
    "choices": _from_choices,
    "output": _from_responses,
    "content": _from_messages,
    "data": _from_embeddings,
}


def _judge(said: Said) -> Verdict:
    def verdict(status: Status, code: ErrorCode | None, error: str | None) -> Verdict:
        text = said.text or ("" if status is Status.OK else None)
        return Verdict(status, code, error, text, said.finish_reason)

    if said.finish_reason in _CUT:
        return verdict(Status.TRUNCATED, ErrorCode.MAX_TOKENS, "The answer was cut at the token limit.")
    if said.finish_reason in _FILTERED:
        return verdict(Status.FILTERED, ErrorCode.CONTENT_FILTER, "A content filter stopped the answer.")
    if said.refusal or said.finish_reason in _REFUSED:
        return verdict(Status.FILTERED, ErrorCode.REFUSAL, said.refusal or "The model declined to answer.")
    if said.finish_reason in _BROKEN:
        sentence = f"The model stopped with the reason {said.finish_reason!r}."
        return verdict(Status.FAILED, ErrorCode.UNKNOWN_ERROR, sentence)
    if said.text or said.has_calls:
        return verdict(Status.OK, None, None)
    return verdict(Status.FAILED, ErrorCode.EMPTY_ANSWER, "The model returned an empty answer.")


def _failed(code: ErrorCode, sentence: str) -> Verdict:
    return Verdict(Status.FAILED, code, sentence, None, None)


def _first(choices: list[Any]) -> dict[str, Any]:
    choice = choices[0] if choices else None
    return choice if isinstance(choice, dict) else {}


def _joined(parts: list[Any], field: str) -> str | None:
    texts = [part[field] for part in parts if isinstance(part, dict) and isinstance(part.get(field), str)]
    return "".join(texts) or None


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_INT64
    return value if is_count else None


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    kinds = {str: "text", list: "a JSON array", bool: "true or false"}
    return kinds.get(type(value), "a number")
