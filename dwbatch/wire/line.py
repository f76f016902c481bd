"""One call over the network: sent, answered, and every way it can go wrong given its name."""

import http
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import KW_ONLY, dataclass, field

import requests
import urllib3
import urllib3.exceptions

from dwbatch.errors import InputError, NotAnApiError
from dwbatch.wire.address import LOCAL, is_loopback, normalise
from dwbatch.wire.credentials import refuse_unsendable
from dwbatch.wire.failures import NeverSentError, StoppedError, transport_error, without_frames
from dwbatch.wire.replies import api_error
from dwbatch.wire.retry import Patience
from dwbatch.wire.sessions import KeyAuth, Sessions
from dwbatch.wire.upload import MultipartFile

logger = logging.getLogger(__name__)

MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024

# While a body is being sent, urllib3 allows each piece the *connect* timeout;
# ten seconds without progress are nothing on a slow uplink.
SEND_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask the server.

    Attributes
    ----------
    once : bool
        One attempt, on a connection of its own: the call buys or stores something.
    """

    method: str
    path: str
    _: KW_ONLY
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | MultipartFile | None = None
    content_type: str | None = None
    once: bool = False

    @property
    def name(self) -> str:
        """Method and path, for messages."""
        return f"{self.method} {self.path}"


class Line:
    """The way to one server: sends calls and tells their failures apart.

    Parameters
    ----------
    base_url, key, session, pause, stopping, relocate
        As for `dwbatch.wire.client.Client`.
    timeouts_s : tuple of float
        For the connection, and for each next piece of an answer.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None,
        *,
        session: requests.Session | None,
        pause: Callable[[float], None],
        stopping: threading.Event,
        timeouts_s: tuple[float, float],
        relocate: Callable[[], str] | None,
    ) -> None:
        self.base_url = normalise(base_url)
        if self.base_url == LOCAL:
            raise InputError("A client needs the address of the local server, not the word 'local'.")
        self._auth = KeyAuth(None if key is None else refuse_unsendable(key, found_in="api_key"))
        self._pause = pause
        self._stopping = stopping
        self._timeouts_s = timeouts_s
        self._relocate = relocate
        self._relocating = threading.Lock()
        self._sessions = Sessions(
            like=session,
            patience=Patience.of_a_few_tries(pause=self._wait, refused_is_final=relocate is not None),
            on_loopback=is_loopback(self.base_url),
        )

    def close(self) -> None:
        """Close every thread's connections."""
        self._sessions.close()

    def hang_up(self) -> None:
        """End every connection, also under a thread that waits for its answer."""
        self._sessions.hang_up()

    def ask(self, call: Call) -> tuple[bytes, str]:
        """Send a call and read the whole answer.

        Returns
        -------
        body : bytes
            With the key cut out, should something on the way have repeated it.
        url : str
            Where it came from, for messages.
        """
        session = self._sessions.once() if call.once else self._sessions.repeating()
        try:
            with closing(self._open(call, session)) as response:
                return self._auth.cut_out_of(_whole_body(call, response)), response.url
        finally:
            if call.once:
                session.close()

    def open(self, call: Call) -> requests.Response:
        """Send a call and leave the answer's body to be read; the caller closes it."""
        return self._open(call, self._sessions.repeating())

    def _open(self, call: Call, session: requests.Session) -> requests.Response:
        base_url = self.base_url
        try:
            response = self._sent(call, session, base_url)
        except NeverSentError:
            if self._relocate is None:
                raise
            response = self._sent(call, session, self._moved_from(base_url))
        try:
            self._refuse(call, response)
        except BaseException:
            response.close()
            raise
        return response

    def _sent(self, call: Call, session: requests.Session, base_url: str) -> requests.Response:
        connect_s, read_s = self._timeouts_s
        if isinstance(call.body, MultipartFile):
            call.body.seek(0)
            connect_s = max(connect_s, SEND_TIMEOUT_S)
        started = time.perf_counter()
        try:
            response = session.request(
                call.method,
                base_url + call.path,
                params=call.params,
                data=call.body,
                headers={} if call.content_type is None else {"Content-Type": call.content_type},
                auth=self._auth,
                timeout=(connect_s, read_s),
                allow_redirects=False,
                stream=True,
            )
        except StoppedError as error:
            raise StoppedError.during(call.name) from without_frames(error)
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise transport_error(call.name, error) from without_frames(error)
        except BaseException as error:
            # Ctrl-C, or what `pause` raised: it goes on as it is, but past
            # frames that hold the key.
            without_frames(error)
            raise
        elapsed_ms = (time.perf_counter() - started) * 1000
        logger.debug("%s: %d after %.0f ms", call.name, response.status_code, elapsed_ms)
        return response

    def _refuse(self, call: Call, response: requests.Response) -> None:
        status = response.status_code
        if status >= http.HTTPStatus.BAD_REQUEST:
            body = self._auth.cut_out_of(_what_came(response))
            raise api_error(call.name, status, headers=response.headers, body=body, now=time.time())
        if status not in _GOOD:
            place = response.headers.get("Location")
            found = f"status {status}" if place is None else f"status {status}, a redirect to {place[:200]!r}"
            raise NotAnApiError(call.name, response.url, found)
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise NotAnApiError(call.name, response.url, "a web page")

    def _moved_from(self, base_url: str) -> str:
        if self._relocate is None:
            return base_url
        with self._relocating:
            # Another thread may have asked while this one waited for the lock.
            if self.base_url == base_url:
                moved = normalise(self._relocate())
                if not is_loopback(moved):
                    raise InputError(f"A local server cannot have moved to {moved!r}.")
                self.base_url = moved
            return self.base_url

    def _wait(self, seconds: float) -> None:
        if not self._stopping.is_set():
            self._pause(seconds)
        if self._stopping.is_set():
            raise StoppedError.during("a repeated call")


_GOOD = frozenset({200, 201, 204})


def _whole_body(call: Call, response: requests.Response) -> bytes:
    body = bytearray()
    try:
        for block in response.raw.stream(64 * 1024, decode_content=True):
            body += block
            if len(body) > MAX_REPLY_BYTES:
                raise NotAnApiError(call.name, response.url, f"more than {MAX_REPLY_BYTES:,} bytes")
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise transport_error(call.name, error) from without_frames(error)
    return bytes(body)


def _what_came(response: requests.Response) -> bytes:
    # The status already says that the call failed; a cut body only makes the
    # sentence poorer.
    body = bytearray()
    try:
        while len(body) < MAX_ERROR_BYTES and (
            block := response.raw.read1(MAX_ERROR_BYTES, decode_content=True)
        ):
            body += block
    except (OSError, urllib3.exceptions.HTTPError):
        logger.debug("the body of an error reply was cut")
    return bytes(body[:MAX_ERROR_BYTES])
