"""How the parts of a message are written at each endpoint."""

from collections.abc import Mapping

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def text_part(endpoint: str, role: object, text: object) -> dict[str, object]:
    """A part of a message's content that is text.

    Examples
    --------
    >>> text_part(CHAT, "user", "hi")
    {'type': 'text', 'text': 'hi'}
    >>> text_part(RESPONSES, "assistant", "hi")
    {'type': 'output_text', 'text': 'hi'}
    """
    if endpoint == RESPONSES:
        return {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    return {"type": "text", "text": text}


def image_part(endpoint: str, url: object, detail: str | None) -> dict[str, object]:
    """A part of a message's content that is an image.

    Parameters
    ----------
    endpoint : str
    url : object
        Where the image is, or the image itself as a ``data:`` URL.
    detail : str or None
        ``low``, ``high`` or ``auto``, for models that know it.
    """
    said: Mapping[str, object] = {} if detail is None else {"detail": detail}
    if endpoint == RESPONSES:
        return {"type": "input_image", "image_url": url, **said}
    return {"type": "image_url", "image_url": {"url": url, **said}}
