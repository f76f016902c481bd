"""A model behind an OpenAI-compatible endpoint, asked one request at a time."""

from typing import Any

import msgspec
import urllib3

from dwbatch.local.outcomes import End, Outcome

_CONNECT_S = 10.0
ANSWER_S = 600.0
_PREFIX = "/v1"
FIRST_ERROR = 400


class RemoteModel:
    """Sends the bodies of requests to a realtime endpoint; safe to use from any thread.

    Parameters
    ----------
    base_url : str
        Its address up to and with ``/v1``, as in ``"http://127.0.0.1:11434/v1"``.
    key : str, optional
        Its API key.
    connections : int
        Connections kept open.
    timeout_s : float
        Longest silence before a request counts as lost, in seconds.
    """

    def __init__(
        self, base_url: str, *, key: str | None, connections: int, timeout_s: float = ANSWER_S
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._pool = urllib3.PoolManager(maxsize=connections)
        self._timeout = urllib3.Timeout(connect=_CONNECT_S, read=timeout_s)

    def answer(self, url: str, body: dict[str, Any]) -> Outcome:
        """What the model says to one request, whatever that is."""
        if body.get("stream"):
            # The answer goes into a file: there is nobody to stream it to.
            body = {**body, "stream": False}
        try:
            reply = self._pool.request(
                "POST",
                self._base_url + url.removeprefix(_PREFIX),
                body=msgspec.json.encode(body),
                headers=self._headers,
                timeout=self._timeout,
                retries=False,
            )
        except urllib3.exceptions.TimeoutError as error:
            return Outcome.timeout(str(error))
        except urllib3.exceptions.HTTPError as error:
            return Outcome.network_error(str(error))
        if reply.status >= FIRST_ERROR:
            # A refusal is passed on letter by letter.
            return Outcome(End.REPLY, reply.status, reply.data.decode("utf-8", "replace"))
        return Outcome(End.REPLY, reply.status, _value(reply.data))

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _value(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return content.decode("utf-8", "replace")
