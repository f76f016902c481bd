"""A listener on the line between a call and its server: hears every upload, may garble every result file."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from dwbatch.local import Server

Change = Callable[[list[bytes]], list[bytes]]

PASSED_ON = ("authorization", "content-type", "user-agent")


class Between:
    """Passes every call on to a server.

    Parameters
    ----------
    server : Server
    change : callable
        From the lines of a result file, with their newlines, to the lines that arrive instead.
    """

    def __init__(self, server: Server, change: Change) -> None:
        self.server = server
        self.change = change
        self.uploads: list[bytes] = []

    @property
    def files(self) -> list[bytes]:
        """What was uploaded, without the multipart around it."""
        return [body.split(b"\r\n\r\n", 2)[2].rpartition(b"\r\n--")[0] for body in self.uploads]


@contextmanager
def between(server: Server, change: Change = list) -> Iterator[tuple[Between, str]]:
    """The listener, and the address at which it stands for the server."""
    line = Between(server, change)
    with ThreadingHTTPServer(("127.0.0.1", 0), type("_Pass", (_Pass,), {"line": line})) as http_server:
        http_server.daemon_threads = True
        thread = Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield line, f"http://127.0.0.1:{http_server.server_address[1]}/v1"
        finally:
            http_server.shutdown()
            thread.join()


class _Pass(BaseHTTPRequestHandler):
    line: Between

    def do_GET(self) -> None:
        self._pass(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/files":
            self.line.uploads.append(body)
        self._pass(body)

    def _pass(self, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.line.server.port)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        connection.request(self.command, self.path, body, headers)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        if "/content" in self.path:
            content = b"".join(self.line.change(content.splitlines(keepends=True)))
        self.send_response(reply.status)
        self.send_header("content-type", reply.headers["content-type"])
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""
