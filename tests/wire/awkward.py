"""A server on a real socket that answers by script, as badly as the script says."""

import os
import socket
import socketserver
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Self

BLOCK = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer.

    ``declared`` is a wrong Content-Length, ``pieces`` a body of chunks. ``early`` answers without
    reading the request's body. ``ending`` says what then becomes of the connection: it is kept,
    closed, or reset; ``"hold"`` keeps it open and silent until the server is closed.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    declared: int | None = None
    pieces: list[bytes] | None = None
    early: bool = False
    silent: bool = False
    ending: str = "keep"

    def sent(self) -> bytes:
        if self.silent:
            return b""
        headers = dict(self.headers)
        if self.pieces is None:
            body = self.body
            headers["Content-Length"] = str(len(body) if self.declared is None else self.declared)
        else:
            headers["Transfer-Encoding"] = "chunked"
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in self.pieces)
            body += b"0\r\n\r\n" if self.ending == "keep" else b""
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {text}" for name, text in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass(frozen=True)
class Seen:
    """One request as it came in; of a long body only the beginning and the length."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    body_length: int
    connection: int


class AwkwardServer:
    """Answers the n-th request with the n-th reply, and any further one with 599."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.replies: deque[Reply] = deque()
        self.closing = threading.Event()
        self.connections = 0
        self._tcp = _Server(("127.0.0.1", 0), _Connection)
        self._tcp.owner = self
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._tcp.server_address[1]}/v1"

    def will(self, *replies: Reply) -> Self:
        self.replies.extend(replies)
        return self

    def close(self) -> None:
        self.closing.set()
        self._tcp.shutdown()
        self._tcp.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    owner: AwkwardServer
    daemon_threads = True
    block_on_close = False


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        owner = self.server.owner
        owner.connections += 1
        number = owner.connections
        while request_line := self._line():
            method, target, _ = request_line.split(" ", 2)
            headers = {}
            while line := self._line():
                name, _, text = line.partition(":")
                headers[name.lower()] = text.strip()
            reply = owner.replies.popleft() if owner.replies else Reply(status=599, body=b"not scripted")
            length = int(headers.get("content-length", "0"))
            body, received = (b"", 0) if reply.early else self._read(length)
            owner.seen.append(Seen(method, target, headers, body, received, number))
            try:
                self.connection.sendall(reply.sent())
            except OSError:
                return
            if reply.ending != "keep":
                self._end(reply)
                return

    def _line(self) -> str:
        try:
            return self.rfile.readline(BLOCK).decode("latin-1").strip()
        except OSError:
            return ""

    def _read(self, length: int) -> tuple[bytes, int]:
        first, received = b"", 0
        while received < length:
            try:
                block = self.rfile.read(min(BLOCK, length - received))
            except OSError:
                break
            if not block:
                break
            first = first if len(first) >= BLOCK else first + block
            received += len(block)
        return first, received

    def _end(self, reply: Reply) -> None:
        if reply.ending == "hold":
            self.server.owner.closing.wait()
        elif reply.ending == "reset":
            # No lingering: the kernel answers with RST instead of FIN.
            at_once = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            self.connection.close()
        elif reply.ending == "drain":
            self.connection.shutdown(socket.SHUT_WR)
            while self.rfile.read1(BLOCK):
                pass
