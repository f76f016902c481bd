import itertools
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from dwbatch import InputError
from dwbatch.local import Server
from tests.api.between import between
from tests.api.calling import Listener, Run, at, batches, posts, rows, texts

MISSING = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, Decimal("NaN"), np.datetime64("NaT")]
SKIPPED = (None, "skipped", "null_input")

# To the last byte: were one of them another, every row that anybody has bought would be bought again.
EXPECTED_FILE = (
    '{"body":{"a":2,"b":1,"messages":[{"content":"q\\"\\\\\\n\u2028é😀","role":"user"}],"model":"m"},'
    '"custom_id":"dwbatch-row-0-iylo7oowyggpt7ohjobhgqgajq","method":"POST","url":"/v1/chat/completions"}\n'
    '{"body":{"a":2,"b":1,"messages":[{"content":"two","role":"user"}],"model":"m"},'
    '"custom_id":"dwbatch-row-1-6wzgus45l55feaj5nlqvahpnxu","method":"POST","url":"/v1/chat/completions"}\n'
)


def test_every_kind_of_missing_is_one_null_and_makes_no_request(server: Server, run: Run) -> None:
    out = run(texts("one", *MISSING, dtype=object))

    assert rows(out) == [("echo: say one", "ok", None), *[SKIPPED] * len(MISSING)]
    assert len(server.ledger()) == 1


def test_a_missing_value_renders_as_empty_text_if_told(run: Run) -> None:
    out = run(texts("one", None), "[{text}]", on_null="render")

    assert out["response"].tolist() == ["echo: [one]", "echo: []"]


def test_a_missing_value_stops_the_call_if_told(server: Server, run: Run) -> None:
    frame = texts("one", *[None] * 7)
    frame.index = pd.Index(list("abcdefgh"))

    with pytest.raises(
        InputError, match=r"null in the rows 'b', 'c', 'd', 'e', 'f' and 2 more\. Fill or drop"
    ):
        run(frame, on_null="raise")

    assert server.exchanges() == []


def test_an_empty_text_is_no_missing_value(run: Run) -> None:
    assert rows(run(texts("")))[0][1] == "ok"


def test_one_missing_column_of_several_is_enough(run: Run) -> None:
    out = run(pd.DataFrame({"a": ["x", "x"], "b": ["y", None]}), "{a} {b}")

    assert rows(out) == [("echo: x y", "ok", None), SKIPPED]


@pytest.mark.parametrize("added", [None, 2.5, "word", [1], pd.Timestamp("2026-01-02"), Decimal("0.1")])
def test_an_added_row_changes_no_other_rows_request(server: Server, run: Run, added: object) -> None:
    frame = texts(1, 2)

    run(frame)
    run(pd.concat([frame, texts(added, dtype=object)], ignore_index=True))

    billed = [bill.body_sha256 for bill in server.ledger()]
    assert len(billed) == len(set(billed)) == (2 if added is None else 3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1.0, 2.0]),
        (["a", "b"], pd.Categorical(["a", "b"])),
        ([True, False], pd.array([True, False], dtype="boolean")),
        (pd.to_datetime(["2026-01-02"]), pd.Series(["2026-01-02"]).astype("datetime64[s]")),
        ([{"b": 1, "a": None}], [{"a": None, "b": 1.0}]),
    ],
)
def test_the_same_value_in_another_dtype_is_the_same_request(
    server: Server, run: Run, one: object, other: object
) -> None:
    run(pd.DataFrame({"text": one}))

    run(pd.DataFrame({"text": other}))

    assert posts(server) == ["/files", "/batches"]


def test_the_same_frame_makes_the_same_bytes_at_every_server() -> None:
    frame = pd.DataFrame({"text": ['q"\\\n\u2028é😀', "two"], "n": [1.0, np.nan]})

    files = [uploaded(frame, folder=folder) for folder in ("first", "second")]

    assert files == [EXPECTED_FILE, EXPECTED_FILE]


def uploaded(frame: pd.DataFrame, *, folder: str) -> str:
    with Server() as server, between(server) as (line, address):
        at(server)(frame, "{text}", base_url=address, checkpoint=folder, extra_body={"b": 1, "a": 2})
    return line.files[0].decode()


def test_shards_are_cut_by_count(server: Server, run: Run) -> None:
    out = run(texts(*"abcde"), max_requests_per_batch=2)

    assert sorted(batch["request_counts"]["total"] for batch in batches(server)) == [1, 2, 2]
    assert out["response"].tolist() == [f"echo: say {letter}" for letter in "abcde"]


def test_shards_are_cut_by_bytes_of_utf8_and_no_file_is_larger() -> None:
    frame = texts(*[letter * 300 for letter in "aé😀ü漢"])
    with Server() as server, between(server) as (line, address):
        out = at(server)(frame, base_url=address, max_bytes_per_batch=1_800)

    sizes = [len(file) for file in line.files]
    assert max(sizes) <= 1_800
    # No two neighbours would have fitted together.
    assert min(one + next_ for one, next_ in itertools.pairwise(sizes)) > 1_800
    assert set(out["response_status"]) == {"ok"}


def test_a_row_too_large_for_any_shard_is_skipped_and_the_rest_go(server: Server, run: Run) -> None:
    out = run(texts("small", "é" * 600, "tiny"), max_bytes_per_batch=1_000)

    assert rows(out)[1] == (None, "skipped", "request_too_large")
    assert out["response_status"].tolist() == ["ok", "skipped", "ok"]
    assert len(server.ledger()) == 2


def test_a_lone_surrogate_is_skipped_and_the_rest_go(run: Run) -> None:
    out = run(texts("one", "\ud800", "two", dtype=object))

    assert rows(out)[1] == (None, "skipped", "unencodable_input")
    assert out["response_status"].tolist() == ["ok", "skipped", "ok"]
    assert out.loc[1, "response_error"] == "the text holds a lone surrogate, which UTF-8 cannot express"


def test_equal_rows_are_sent_once_and_answered_everywhere() -> None:
    model = Listener()
    with Server(answer=model) as server:
        out = at(server)(texts("a", "b", "a", "a"), dedupe=True)

    assert model.prompts == ["say a", "say b"]
    assert out["response"].tolist() == ["fine"] * 4


def test_without_deduplication_every_row_is_a_sample_of_its_own(server: Server, run: Run) -> None:
    out = run(texts("a", "b", "a"), dedupe=False, details=True)

    assert len(server.ledger()) == 3
    assert out["response_custom_id"].nunique() == 3
