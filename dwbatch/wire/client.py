"""The calls that this library makes, and nothing else about the API."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TypeVar
from urllib.parse import quote

import msgspec
import requests

from dwbatch.errors import NotAnApiError, TransportError
from dwbatch.wire.content import Content
from dwbatch.wire.line import Call, Line
from dwbatch.wire.objects import Analytics, Batch, CostEstimate, File, Page, decode
from dwbatch.wire.upload import MultipartFile

T = TypeVar("T", File, Batch)

# The server gives at most 101 a page, OpenAI 100.
MAX_PAGE = 100


class Client:
    """One account on one server. Threads may share it.

    Parameters
    ----------
    base_url : str
        Address of the API, version path included; see `dwbatch.wire.address.normalise`.
    key : str or None
        Sent as a bearer key, and to this server only: no redirect is ever followed. None sends no
        key.
    session : requests.Session, optional
        Whose proxies, certificates, headers and adapters are used; it is not changed. Its retries
        are not used.
    pause : callable of float
        Waits so many seconds between two tries; it may raise to end the call.
    stopping : threading.Event, optional
        Once set, uploads, downloads and further tries end with `StoppedError`.
    connect_timeout_s, read_timeout_s : float
        How long to wait for a connection, and for each next piece of an answer.
    relocate : callable, optional
        Asked for the new base URL when a local server refuses the connection, because it may have
        been started again on another port. Nothing was sent by then, so the call is made again.

    Notes
    -----
    Every method raises `ApiError` when the server answers with an error, `NotAnApiError` when
    something else answers, and `TransportError` when nothing answers or the answer is cut;
    `NeverSentError`, a kind of the latter, when the call surely did not reach the server. Calls
    that only read, and `cancel`, are tried a few times within seconds; `upload` and `create_batch`
    are one attempt a call, always.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None,
        *,
        session: requests.Session | None = None,
        pause: Callable[[float], None] = time.sleep,
        stopping: threading.Event | None = None,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 120.0,
        relocate: Callable[[], str] | None = None,
    ) -> None:
        self._stopping = stopping or threading.Event()
        self._line = Line(
            base_url,
            key,
            session=session,
            pause=pause,
            stopping=self._stopping,
            timeouts_s=(connect_timeout_s, read_timeout_s),
            relocate=relocate,
        )

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A Client cannot be pickled or copied: it holds a key and open connections. "
            "Make one where it is used."
        )

    @property
    def base_url(self) -> str:
        """Where the calls go; it changes only when a local server has moved."""
        return self._line.base_url

    def close(self) -> None:
        """Close every thread's connections."""
        self._line.close()

    def hang_up(self) -> None:
        """End every connection at once, whoever waits for an answer on it.

        Set `stopping` before, so that nothing is tried again. A thread that waits gets a
        `TransportError`: what it asked for may have been done. One that is only now connecting gets it as soon
        as the connection stands.
        """
        self._line.hang_up()

    def upload(self, path: Path, *, filename: str) -> File:
        """Send a request file, in one attempt.

        Parameters
        ----------
        path : Path
            JSONL on disk; it is read while it is sent.
        filename : str
            Its name on the server, by which `files` finds it again when the reply was lost.
        """
        with MultipartFile(path, filename=filename, stopping=self._stopping) as body:
            call = Call("POST", "/files", body=body, content_type=body.content_type, once=True)
            return self._object(call, File)

    def file(self, file_id: str) -> File:
        """One file as it is now."""
        return self._object(Call("GET", f"/files/{_quoted(file_id)}"), File)

    def files(self, *, search: str, page: int = MAX_PAGE) -> Iterator[File]:
        """The account's files whose name holds `search`, newest first, page by page.

        A server that does not know ``search`` sends them all: look at the names.
        """
        return self._pages("/files", Page[File], {"search": search, "limit": str(page)})

    def create_batch(
        self, *, input_file_id: str, endpoint: str, completion_window: str, metadata: Mapping[str, str]
    ) -> Batch:
        """Buy a batch, in one attempt, never repeated at any level.

        After a `TransportError` other than `NeverSentError`, and after an unclear status such as
        502, the batch may exist all the same.
        """
        wanted = {
            "input_file_id": input_file_id,
            "endpoint": endpoint,
            "completion_window": completion_window,
            "metadata": dict(metadata),
        }
        body = msgspec.json.encode(wanted)
        call = Call("POST", "/batches", body=body, content_type="application/json", once=True)
        return self._object(call, Batch)

    def batch(self, batch_id: str) -> Batch:
        """One batch as it is now."""
        return self._object(Call("GET", f"/batches/{_quoted(batch_id)}"), Batch)

    def batches(self, *, search: str | None = None, page: int = MAX_PAGE) -> Iterator[Batch]:
        """The account's batches, newest first, page by page; the next page is asked for when needed.

        Parameters
        ----------
        search : str, optional
            Part of the metadata, the input file's name or the id; ``_`` and ``%`` match anything
            (recorded). A server that does not know ``search`` sends all batches: look at the metadata.
        page : int
            Batches a page, at most 100.
        """
        searched = {} if search is None else {"search": search}
        return self._pages("/batches", Page[Batch], {**searched, "limit": str(page)})

    def cancel(self, batch_id: str) -> Batch:
        """Cancel a batch. Look first: the server relabels a finished one as cancelled too (recorded)."""
        return self._object(Call("POST", f"/batches/{_quoted(batch_id)}/cancel"), Batch)

    def content(self, file_id: str, *, skip: int = 0) -> Content:
        """A file's lines, as a context manager.

        Parameters
        ----------
        file_id : str
            Of an output, error or input file.
        skip : int
            Lines to leave out at the beginning. Only Doubleword knows it.
        """
        params = {"skip": str(skip)} if skip else {}
        call = Call("GET", f"/files/{_quoted(file_id)}/content", params=params)
        return Content(call.name, self._line.open(call), self._stopping)

    def estimate(self, file_id: str, *, completion_window: str) -> CostEstimate:
        """What the server expects an uploaded file to cost."""
        params = {"completion_window": completion_window}
        call = Call("GET", f"/files/{_quoted(file_id)}/cost-estimate", params=params)
        body, url = self._line.ask(call)
        return decode(body, CostEstimate, named=None, call=call.name, url=url)

    def analytics(self, batch_id: str) -> Analytics:
        """What a batch used and cost so far."""
        call = Call("GET", f"/batches/{_quoted(batch_id)}/analytics")
        body, url = self._line.ask(call)
        return decode(body, Analytics, named=None, call=call.name, url=url)

    def _object(self, call: Call, kind: type[T]) -> T:
        body, url = self._line.ask(call)
        try:
            return decode(body, kind, named=kind.KIND, call=call.name, url=url)
        except NotAnApiError as error:
            if call.once:
                # Whatever says "done" to a purchase may have made it.
                raise TransportError(call.name, f"the answer cannot be read: {error.found}.") from error
            raise

    def _pages(self, path: str, kind: type[Page[T]], params: dict[str, str]) -> Iterator[T]:
        # A cursor that the server does not know sends the first page again,
        # and paging over a deleted batch would never end.
        seen: set[str] = set()
        while True:
            call = Call("GET", path, params=params)
            body, url = self._line.ask(call)
            page = decode(body, kind, named="list", call=call.name, url=url)
            if not page.data or page.data[0].id in seen:
                return
            seen.update(found.id for found in page.data)
            yield from page.data
            if not page.has_more:
                return
            params = {**params, "after": page.data[-1].id}


def _quoted(object_id: str) -> str:
    return quote(object_id, safe="")
