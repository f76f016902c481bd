"""The connections: one session a thread for what may be repeated, a fresh one for what may not."""

import copy
import threading
from importlib.metadata import PackageNotFoundError, version

import requests
import urllib3
from requests.adapters import HTTPAdapter

from dwbatch.wire.retry import ONCE
from dwbatch.wire.sockets import Sockets

SHORTEST_SECRET = 16

# There is one server, and perhaps a proxy.
MAX_POOLS = 4


class KeyAuth(requests.auth.AuthBase):
    """Puts the key on a request, and hides it from every repr.

    Given to each request as its ``auth``, so that requests never looks into ``~/.netrc``, also
    where there is no key.
    """

    def __init__(self, key: str | None) -> None:
        self._header = None if key is None else _Hidden(f"Bearer {key}")
        self._key = None if key is None else _Hidden(key)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request, with the key on it; requests calls this."""
        if self._header is not None:
            request.headers["Authorization"] = self._header
        return request

    def cut_out_of(self, text: bytes) -> bytes:
        """The same text without the key in it."""
        # What stands in for a key at a local server ("x", "batch") may well be
        # part of an answer, and is no secret.
        if self._key is None or len(self._key) < SHORTEST_SECRET:
            return text
        return text.replace(self._key.encode(), b"***")

    def __repr__(self) -> str:
        return f"KeyAuth({'no key' if self._header is None else '***'})"


class Sessions:
    """Sessions made after the user's own, with our rules about repeating.

    Parameters
    ----------
    like : requests.Session, optional
        Whose proxies, certificates, headers, cookies and adapters are used. Its retries are not: a
        session that repeats POSTs would buy a batch twice. Nor are its hooks: the usual one raises
        on 4xx, before the answer could be read.
    patience : urllib3.Retry
        For calls that may be repeated.
    on_loopback : bool
        Then proxies from the environment are left aside: they cannot reach this machine.
    """

    def __init__(self, *, like: requests.Session | None, patience: urllib3.Retry, on_loopback: bool) -> None:
        self._like = like or requests.Session()
        self._patience = patience
        self._on_loopback = on_loopback
        self._of_thread = threading.local()
        self._opened: list[requests.Session] = []
        self._sockets = Sockets()
        self._lock = threading.Lock()

    def repeating(self) -> requests.Session:
        """The session of this thread, whose calls are tried a few times."""
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._made(self._patience)
            self._of_thread.session = session
            with self._lock:
                self._opened.append(session)
        return session

    def once(self) -> requests.Session:
        """A fresh session, whose calls are never repeated; the caller closes it.

        Fresh, because a kept connection that the server is just closing would leave a purchase
        unclear for nothing.
        """
        return self._made(ONCE)

    def close(self) -> None:
        """Close every thread's session."""
        with self._lock:
            while self._opened:
                self._opened.pop().close()
        self._of_thread = threading.local()

    def hang_up(self) -> None:
        """End every connection, also under a thread that waits for its answer; no new one comes to anything."""
        self._sockets.shut()

    def _made(self, retries: urllib3.Retry) -> requests.Session:
        like = self._like
        session = requests.Session()
        session.headers.update(like.headers)
        session.headers["User-Agent"] = user_agent()
        session.proxies = dict(like.proxies)
        session.verify, session.cert = like.verify, like.cert
        session.params = like.params
        for cookie in like.cookies:
            session.cookies.set_cookie(cookie)
        session.trust_env = like.trust_env and not self._on_loopback
        session.adapters.clear()
        for prefix, adapter in like.adapters.items():
            own = _adapter_like(adapter, retries)
            if isinstance(own, HTTPAdapter):
                self._sockets.watch(own)
            session.mount(prefix, own)
        return session


def user_agent() -> str:
    """``dwbatch/`` and its version; the server keeps it with each batch."""
    try:
        return f"dwbatch/{version('dwbatch')}"
    except PackageNotFoundError:
        return "dwbatch"


class _Hidden(str):
    """Text whose repr does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _adapter_like(
    adapter: requests.adapters.BaseAdapter, retries: urllib3.Retry
) -> requests.adapters.BaseAdapter:
    if type(adapter) is HTTPAdapter:
        return HTTPAdapter(max_retries=retries)
    if not isinstance(adapter, HTTPAdapter):
        return adapter
    # An adapter of the user's own (another TLS context, a fixed address) is
    # copied with the settings of its connections; the connections and the
    # number of tries are ours.
    twin = object.__new__(type(adapter))
    twin.__dict__.update(adapter.__dict__)
    twin.max_retries = retries
    twin.proxy_manager = {}
    if isinstance(adapter.poolmanager, urllib3.PoolManager):
        twin.poolmanager = copy.copy(adapter.poolmanager)
        twin.poolmanager.pools = type(adapter.poolmanager.pools)(MAX_POOLS)
    return twin
