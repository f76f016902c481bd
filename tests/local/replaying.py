"""A recorded scenario asked again, step by step, of the local server."""

import json
import secrets
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests

from dwbatch.local import Server
from tests.local.comparing import Names, differences
from tests.local.model_of_recordings import QUICK_S, Model

TERMINAL = {"completed", "failed", "cancelled"}
KEY = "sk-replayed"
_BOUNDARY = "a-boundary-of-the-replay"
_LONG_PAUSE_S = 4

Before = Callable[["Replay"], None]


@dataclass(frozen=True)
class Compared:
    """One step beside its recording."""

    step: str
    differences: list[str]


class Replay:
    """One scenario on one server.

    Parameters
    ----------
    server : Server
        Started, with `model` behind it.
    model : Model
        Its gate is opened as the recording waits.
    before : mapping of str to callable
        What somebody else did before a step, by the step's name.
    """

    def __init__(self, server: Server, model: Model, concurrency: int, before: Mapping[str, Before]) -> None:
        self.server = server
        self.model = model
        self.names = Names()
        self.last_batch: str = ""
        self._concurrency = concurrency
        self._before = before
        self._session = requests.Session()
        self._session.trust_env = False
        self.open_sockets: list[socket.socket] = []

    def close(self) -> None:
        """Let go of every connection."""
        for one in self.open_sockets:
            one.close()
        self._session.close()

    def run(self, steps: list[dict[str, Any]]) -> Iterator[Compared]:
        """Ask every step in order; its differences are computed at once, because names are bound by them."""
        for step in steps:
            if "wait" in step:
                self._wait(step["wait"])
            elif "pause" in step:
                self.let_through(below_s=float("inf") if step["pause"] >= _LONG_PAUSE_S else QUICK_S)
            else:
                if step["step"] in self._before:
                    self._before[step["step"]](self)
                reply = self._ask(step["request"])
                yield Compared(step["step"], differences(step["response"], reply, self.names))
                self._remember(step["request"], reply)

    def let_through(self, *, below_s: float) -> None:
        """Let rows through the gate one by one, each stored before the next, as their sleeps would have."""
        self._wait_for_arrivals()
        while True:
            before = self.server._running().runner.settled
            if not self.model.let_one_through(below_s=below_s):
                return
            self.server.wait_until(partial(self._is_settled_beyond, before))

    def _is_settled_beyond(self, before: int) -> bool:
        # Not the ledger's length: rows of a batch that was cancelled come
        # through the gate too, and are never billed.
        return self.server._running().runner.settled > before

    def _wait(self, wanted: dict[str, Any]) -> None:
        self.last_batch = self._put(wanted["batch"])
        if "completed" in wanted:
            self.let_through(below_s=QUICK_S)
            return
        while self._show()["status"] not in wanted["status"]:
            self.let_through(below_s=float("inf"))

    def _wait_for_arrivals(self) -> None:
        if self._is_running():
            counts = self._show()["request_counts"]
            pending = counts["total"] - counts["completed"] - counts["failed"]
            self.model.wait_for_arrivals(min(pending, self._concurrency))

    def _is_running(self) -> bool:
        return bool(self.last_batch) and self._show()["status"] == "in_progress"

    def _show(self) -> dict[str, Any]:
        url = f"{self.server.base_url}/batches/{self.last_batch}"
        shown = self._session.get(url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60).json()
        assert isinstance(shown, dict)
        return shown

    def _remember(self, request: dict[str, Any], reply: requests.Response) -> None:
        if request["method"] == "POST" and request["path"] == "/batches" and reply.status_code == 201:
            self.last_batch = reply.json()["id"]

    def _put(self, text: str) -> str:
        fresh = {"u": lambda: str(uuid.uuid4()), "m": lambda: secrets.token_hex(8)}
        return self.names.put(text, fresh=lambda holder: fresh[holder[1]]())

    def _ask(self, request: dict[str, Any]) -> requests.Response:
        root = self.server.base_url.removesuffix("/ai/v1")
        path = self._put(request["path"])
        is_from_root = path.startswith(("/v1/", "/healthz"))
        headers: dict[str, Any] = {"Authorization": f"Bearer {KEY}"}
        given = {name.title(): value for name, value in request.get("headers", {}).items()}
        headers |= {name: value and value.replace("<key>", KEY) for name, value in given.items()}
        body = self._body(request, headers)
        return self._session.request(
            request["method"],
            (root if is_from_root else self.server.base_url) + path,
            data=body,
            headers=headers,
            timeout=30,
        )

    def _body(self, request: dict[str, Any], headers: dict[str, Any]) -> bytes | None:
        if "multipart" in request:
            headers["Content-Type"] = f"multipart/form-data; boundary={_BOUNDARY}"
            return b"".join(map(self._part, request["multipart"])) + f"--{_BOUNDARY}--\r\n".encode()
        if "json" in request:
            headers.setdefault("Content-Type", "application/json")
            return self._put(json.dumps(request["json"], ensure_ascii=False)).encode()
        return self._put(request["raw"]).encode() if "raw" in request else None

    def _part(self, part: dict[str, Any]) -> bytes:
        filename = f'; filename="{self._put(part["filename"])}"' if "filename" in part else ""
        kind = f"Content-Type: {part['content-type']}\r\n" if "content-type" in part else ""
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{part["name"]}"{filename}\r\n{kind}\r\n'
        )
        return head.encode() + self._content(part) + b"\r\n"

    def _content(self, part: dict[str, Any]) -> bytes:
        if "hex" in part:
            return bytes.fromhex(str(part["hex"]))
        if "begins" in part:
            # Only the beginning of a large file was kept: it went on with the
            # same letter to the end of its one message.
            end = b'"}]}}\n'
            begins = str(part["begins"]).encode()
            return begins + b"x" * (int(part["bytes"]) - len(begins) - len(end)) + end
        return self._put(part["text"]).encode()
