"""The open sockets of a client, so that one thread can end them under another that reads."""

import socket
import threading
import weakref
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

PoolKind = type[HTTPConnectionPool]


class Sockets:
    """Every socket that a client has opened.

    Notes
    -----
    A pool forgets a connection while a call is made on it, so closing the pool ends none of those
    that hang; and a connection forgets its socket once the reply's body is being read. So each
    socket is noted when it is opened.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._are_shut = False
        self._kinds: dict[PoolKind, PoolKind] = {}

    def watch(self, adapter: HTTPAdapter) -> None:
        """Note every connection that an adapter makes from now on, also through a proxy."""
        self._watch(adapter.poolmanager)
        made = adapter.proxy_manager_for

        def watched(*args: Any, **options: Any) -> Any:
            pools = made(*args, **options)
            self._watch(pools)
            return pools

        adapter.proxy_manager_for = watched  # type: ignore[method-assign] # of this one adapter, whatever its class

    def shut(self) -> None:
        """End every connection, also those that are made later: whoever reads or writes gets an error."""
        with self._lock:
            self._are_shut = True
            opened = list(self._opened)
        for sock in opened:
            _shut(sock)

    def note(self, sock: object) -> None:
        """Take in a socket that was just opened."""
        if not isinstance(sock, socket.socket):
            return
        with self._lock:
            self._opened.add(sock)
            are_shut = self._are_shut
        if are_shut:
            _shut(sock)

    def _watch(self, pools: object) -> None:
        if isinstance(pools, PoolManager):
            kinds = pools.pool_classes_by_scheme
            pools.pool_classes_by_scheme = {scheme: self._watched(kind) for scheme, kind in kinds.items()}

    def _watched(self, kind: PoolKind) -> PoolKind:
        with self._lock:
            if kind in self._kinds.values():
                return kind
            return self._kinds.setdefault(kind, _telling(kind, self))


def _telling(kind: PoolKind, sockets: Sockets) -> PoolKind:
    """A kind of pool whose connections tell of their sockets."""
    made: type[HTTPConnection] = cast("type[HTTPConnection]", kind.ConnectionCls)

    def connect(connection: HTTPConnection) -> None:
        made.connect(connection)
        sockets.note(connection.sock)

    telling = type(made.__name__, (made,), {"connect": connect})
    return type(kind.__name__, (kind,), {"ConnectionCls": telling})


def _shut(sock: socket.socket) -> None:
    try:
        # Not ssl's own shutdown: it turns the socket into a plain one first, and what another
        # thread is just sending, the key with it, would leave unencrypted.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        # Closed already, or never connected.
        return
