"""Everything recorded of the real server, asked again of the local one.

What no recording shows and this server does not do, each with its reason:

- organisations, roles and the spending cap of a key: it has one account a key, which may do everything but
  ``background`` inference, and so those refusals have no cause here;
- the 422 for a reasoning effort without a bound on its output: that is a setting of single models;
- images fetched from elsewhere at upload: off in the real server's own configuration too, and a server for work
  without a network should need none;
- an integer beyond 64 bits becomes a float there and stays an integer here: its digits are kept;
- a line whose method is ``post`` is taken in by both; there its call fails at the model, in words that nobody has
  recorded, and here it is answered;
- a row that is at a model when its batch is cancelled may still finish there, and is then billed and shown; here its
  answer is thrown away, which is the commoner end, and the fault ``late_line`` stands for the other;
- what was deleted is purged there after some minutes; here it is kept, so that it can be read or retried longer;
- ids of another batch's rows, given to ``retry-requests``, are run again there; here only the named batch's are;
- a row that is at a model for ten minutes is given to a second one there; here a model is waited for as long as its
  connection lasts, so that no row is bought twice by the server's own doing;
- another model near the deadline: off in the real server's own configuration too.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from dwbatch.local import Limits, Model, Server
from tests.local import model_of_recordings
from tests.local.replaying import KEY, Before, Replay

RECORDINGS = Path(__file__).parent.parent / "recordings"
SCENARIOS = sorted(path.stem for path in RECORDINGS.glob("*.json"))

LETTERS = "lines are not the same letter by letter"
CHANCE = "which thirteen rows were upstream when the money ended was chance"
COUNTED_HERE = "tokens of a plain text are counted by this server, as no model counts them for it"

# Steps that may differ, in which of their lines alone, and why.
DIFFERENT = {
    ("accounts", "its output"): ((".custom_id is", LETTERS), CHANCE),
    ("accounts", "its errors"): ((".custom_id is", LETTERS), CHANCE),
    ("auth_and_paths", "wrong base: no prefix"): (("text is",), "the web page is this server's own"),
    ("endpoints", "responses output"): ((".usage.", LETTERS), COUNTED_HERE),
    ("endpoints", "messages output"): ((".usage.", LETTERS), COUNTED_HERE),
}
# Not compared: the recording itself says that the real server does now this, now that.
UNSTEADY = {("cancel", "results after")}

OFFERED = {"mock-model": Model(kind="CHAT"), "mock-embed": Model(kind="EMBEDDINGS")}
NO_CAPACITY = Model(kind="CHAT", requests_per_s=0.0005)
SMALL = Limits(
    max_file_bytes=2000,
    max_requests_per_file=5,
    max_body_bytes=1000,
    concurrent_uploads=1,
    waiting_uploads=1,
    upload_wait_s=0.2,
)


def hang_an_upload(replay: Replay) -> None:
    hanging = socket.create_connection(("127.0.0.1", replay.server.port))
    replay.open_sockets.append(hanging)
    hanging.sendall(
        f"POST /ai/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100\r\n\r\n--b\r\n".encode()
    )
    while not replay.server._running().uploading:
        pass


def pay(replay: Replay, balance: str) -> None:
    replay.server.balance = Decimal(balance)


def move_the_deadline(replay: Replay) -> None:
    replay.let_through(below_s=model_of_recordings.QUICK_S)
    with replay.server._running().store.writing() as db:
        db.execute("UPDATE batch SET expires_at = created_at - 59")


def remember_answers(replay: Replay) -> None:
    """Give the server's estimates the history that the recorded server had: answers of 7 tokens."""
    with replay.server._running().store.writing() as db:
        db.execute("INSERT INTO bill VALUES (NULL, 0, 0, 'mock-model', '', 200, 5, 7, 0, 0)")


BEFORE: dict[str, dict[str, Before]] = {
    "accounts": {
        "beyond the model's capacity": lambda replay: replay.server.offer("mock-model", NO_CAPACITY),
        "input of 30, slow": lambda replay: replay.server.offer("mock-model", OFFERED["mock-model"]),
        "money for about one request": lambda replay: pay(replay, "0.0000033"),
        "retry after topping up": lambda replay: pay(replay, "1"),
    },
    "files": {"cost estimate": remember_answers},
    "limits": {"while another upload hangs": hang_an_upload},
    "oddities": {"running past its deadline": move_the_deadline},
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_local_server_answers_as_the_recorded_one_did(scenario: str) -> None:
    steps = json.loads((RECORDINGS / f"{scenario}.json").read_text(encoding="utf-8"))["steps"]

    with replay_of(scenario) as replay:
        compared = list(replay.run(steps))

    asked = [step["step"] for step in steps if "step" in step]
    assert [one.step for one in compared] == asked
    assert [
        (one.step, line)
        for one in compared
        for line in one.differences
        if not is_expected(scenario, one.step, line)
    ] == []


def is_expected(scenario: str, step: str, line: str) -> bool:
    parts, _ = DIFFERENT.get((scenario, step), ((), ""))
    return (scenario, step) in UNSTEADY or any(part in line for part in parts)


@contextmanager
def replay_of(scenario: str) -> Iterator[Replay]:
    model = model_of_recordings.Model()
    # Thirteen rows were upstream when the recorded account ran dry.
    concurrency = 13 if scenario == "accounts" else 16
    owner = "limits3@example.org" if scenario == "accounts" else "user@example.org"
    limits = {"limits": SMALL, "accounts": Limits(unverified_per_hour=10)}.get(scenario)
    server = Server(
        answer=model,
        concurrency=concurrency,
        keys={KEY: owner},
        limits=limits,
        models=OFFERED,
        mounts=["/ai/v1"],
    )
    with server:
        replay = Replay(server, model, concurrency, BEFORE.get(scenario, {}))
        try:
            yield replay
        finally:
            model.open_for_good()
            replay.close()
