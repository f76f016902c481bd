"""A file of one shard on its way to the server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import requests

from dwbatch.wire.client import Client
from tests.benchmarks.measure import Measured, measuring

REPLY = {"id": "f", "object": "file", "bytes": 0, "created_at": 1, "filename": "a.jsonl", "purpose": "batch"}


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
            left -= len(self.rfile.read(min(left, 1024 * 1024)))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.reply)))
        self.end_headers()
        self.wfile.write(self.reply)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
