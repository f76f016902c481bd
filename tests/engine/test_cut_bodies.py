"""A result file cut at any byte holds whole lines as they are and at most one that says it cannot be read."""

from pathlib import Path

import pytest

from dwbatch.answers.decode import decode
from dwbatch.columns import ErrorCode
from dwbatch.local import Outcome, Server
from tests.engine.elsewhere import Owner, run, texts

pytestmark = pytest.mark.promise

ENDS = {"broken": Outcome.status(400), "short": Outcome.truncated()}


def end_of(_: str, body: dict[str, object]) -> Outcome | None:
    return next((end for word, end in ENDS.items() if word in str(body["messages"])), None)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Both result files of a small batch: answers with letters of several bytes, and a failure."""
    folder: Path = tmp_path_factory.mktemp("cut") / "job"
    with Server(
        outcomes=end_of, answer=lambda body: f"«{body['messages'][-1]['content']}» \u2028 née 🦉"
    ) as server:
        run(texts("a", "é", "short", "broken"), server, folder, retry=False)
        owner = Owner(server)
        (batch,) = owner.batches()
        return [
            owner.call("GET", f"/files/{batch[name]}/content").content
            for name in ("output_file_id", "error_file_id")
        ]


def test_a_file_cut_at_any_byte_changes_no_answer(bodies: list[bytes]) -> None:
    assert [body.count(b"\n") for body in bodies] == [3, 1]
    for body in bodies:
        whole = decode([body])
        for cut in range(len(body) + 1):
            lines = body[:cut].count(b"\n")

            read = decode([body[:cut]])

            assert read.slice(0, lines).equals(whole.slice(0, lines)), cut
            if body[cut : cut + 1] == b"\n":
                assert read.slice(lines).equals(whole.slice(lines, 1)), cut
            else:
                assert read["error_code"].to_pylist()[lines:] in ([], [ErrorCode.MALFORMED_LINE.value]), cut


def test_a_file_known_to_be_cut_has_its_whole_lines_and_no_other(bodies: list[bytes]) -> None:
    for body in bodies:
        whole = decode([body])
        for cut in range(len(body) + 1):
            read = decode([body[:cut]], whole=False)

            assert read.equals(whole.slice(0, body[:cut].count(b"\n"))), cut


def test_a_file_that_comes_in_two_blocks_is_read_whole_wherever_they_meet(bodies: list[bytes]) -> None:
    for body in bodies:
        whole = decode([body])

        for cut in range(len(body) + 1):
            assert decode([body[:cut], body[cut:]]).equals(whole), cut
