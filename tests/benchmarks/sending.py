"""A file of one shard on its way to the server, and one of results on its way back."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import requests

from dwbatch.wire.client import Client
from tests.benchmarks.measure import Measured, measuring

REPLY = {"id": "f", "object": "file", "bytes": 0, "created_at": 1, "filename": "a.jsonl", "purpose": "batch"}

BLOCK = 64 * 1024
ROW = b" " * 999_999 + b"\n"


def habit(path: str, url: str) -> Measured:
    """`requests` with ``files=``, as everybody writes it."""
    with measuring() as found, Path(path).open("rb") as file:
        reply = requests.post(f"{url}/files", files={"file": file}, data={"purpose": "batch"}, timeout=600)
        reply.raise_for_status()
    found.told = {"bytes": Path(path).stat().st_size}
    return found


def ours(path: str, url: str) -> Measured:
    """The client's own upload."""
    stopping = threading.Event()
    with Client(url, None, pause=lambda _: None, stopping=stopping) as client, measuring() as found:
        client.upload(Path(path), filename="a.jsonl")
    found.told = {"bytes": Path(path).stat().st_size}
    return found


def floor(path: str, url: str) -> Measured:
    """The same bytes over a bare socket."""
    where = urlsplit(url)
    size = Path(path).stat().st_size
    head = f"POST /v1/files HTTP/1.1\r\nHost: {where.hostname}\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    host = (where.hostname, where.port)
    with measuring() as found, Path(path).open("rb") as file, socket.create_connection(host) as line:
        line.sendall(head.encode())
        line.sendfile(file)
        while line.recv(BLOCK):
            pass
    found.told = {"bytes": size}
    return found


def habit_back(url: str, megabytes: int) -> Measured:
    """A result file as everybody reads it: whole."""
    with measuring() as found:
        content = requests.get(f"{url}/files/{megabytes}/content", timeout=600).content
    found.told = {"bytes": len(content)}
    return found


def ours_back(url: str, megabytes: int) -> Measured:
    """The client's own download, block by block."""
    stopping = threading.Event()
    with (
        Client(url, None, pause=lambda _: None, stopping=stopping) as client,
        measuring() as found,
        client.content(str(megabytes)) as content,
    ):
        count = sum(map(len, content.blocks()))
    found.told = {"bytes": count}
    return found


@contextmanager
def sink() -> Iterator[str]:
    """A server that swallows files and says that it has them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


class _Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reply: ClassVar[bytes] = json.dumps(REPLY).encode()

    def do_POST(self) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            left -= len(self.rfile.read1(min(left, 1024 * 1024)))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.reply)))
        self.end_headers()
        self.wfile.write(self.reply)

    def do_GET(self) -> None:
        megabytes = int(self.path.split("/")[-2])
        self.send_response(200)
        self.send_header("Content-Length", str(megabytes * len(ROW)))
        self.end_headers()
        for _ in range(megabytes):
            self.wfile.write(ROW)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
