"""``dwbatch run``: what it sends, writes and says, and the code with which it ends."""

import json
from pathlib import Path

import pandas as pd
import pytest

from dwbatch.local import Outcome, Server
from tests.api.calling import Gate, batches, posts
from tests.cli.calling import ASK, line, reviews
from tests.cli.conftest import Tell


def test_a_table_in_is_a_table_out_and_code_0(here: Path, server: Server, tell: Tell) -> None:
    source = reviews(here / "in.parquet")

    said = tell("run", source, "out.parquet", *ASK)

    assert said.code == 0
    assert said.out.splitlines()[0] == "2 of 2 rows are ok"
    assert pd.read_parquet("out.parquet")["response"].tolist() == ["echo: say lovely", "echo: say awful"]
    assert len(server.ledger()) == 2


def test_the_same_command_again_sends_nothing(here: Path, server: Server, tell: Tell) -> None:
    source = reviews(here / "in.parquet")
    tell("run", source, "out.parquet", *ASK)
    before = posts(server)

    again = tell("run", source, "out.parquet", *ASK, "--json")

    assert (again.code, again.document["sent"], again.document["answered"]) == (0, 0, 2)
    assert posts(server) == before


@pytest.mark.parametrize(("most", "code"), [("0", 3), ("1", 0), ("33%", 3), ("34%", 0)])
def test_more_rows_that_are_not_ok_than_allowed_are_code_3(
    here: Path, server: Server, tell: Tell, most: str, code: int
) -> None:
    source = reviews(here / "in.parquet", "lovely", None, "awful")

    said = tell("run", source, "out.parquet", *ASK, "--max-failed", most)

    assert said.code == code
    assert "1 null_input" in said.out
    assert len(server.ledger()) == 2


@pytest.mark.parametrize("most", ["-1", "x", "1.5", "101 %"])
def test_a_share_that_is_none_is_wrong_usage(here: Path, tell: Tell, most: str) -> None:
    source = reviews(here / "in.parquet")

    said = tell("run", source, "out.parquet", *ASK, f"--max-failed={most}")

    assert said.code == 2
    assert "--max-failed" in said.err


def test_every_keyword_of_the_library_is_a_set(here: Path, tell: Tell) -> None:
    bodies: list[dict[str, object]] = []
    source = reviews(here / "in.parquet", "lovely")

    def answer(body: dict[str, object]) -> str:
        bodies.append(body)
        return "fine"

    with Server(answer=answer) as server:
        arguments = ["--base-url", server.base_url, "--set", "temperature=0", "--set", "api_key=sk-x"]
        refused = tell("run", source, "out.parquet", *ASK, *arguments)
        arguments[-1] = 'stop=["."]'
        said = tell(
            "run", source, "out.parquet", *ASK, *arguments, "--system", "Be brief.", "--set", "details=true"
        )

    assert refused.code == 2
    assert "DOUBLEWORD_API_KEY" in refused.err
    assert (said.code, said.err.count("\n")) == (0, said.err.count("\n"))
    assert [(body["temperature"], body["stop"]) for body in bodies] == [(0.0, ["."])]
    assert "response_body" in pd.read_parquet("out.parquet").columns


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--prompt", "{text}"], "--model"),
        (["--model", "m", "--prompt", "{txet}"], "'txet'"),
        (["--model", "m", "--prompt", "{text}", "--set", "temprature=0"], "'temperature'"),
        (["--model", "m", "--prompt", "{text}", "--set", "temperature"], "NAME=VALUE"),
        (["--model", "m", "--prompt", "{text}", "--set", "model=n"], "once"),
        (["--model", "m", "--prompt-file", "none.txt"], "none.txt"),
        (["--model", "m", "--prompt", "{text}", "--schema", "in.parquet"], "in.parquet"),
        (["--model", "m", "--prompt", "{text}", "--filter", "text"], "--filter"),
    ],
)
def test_wrong_input_is_code_2_and_sends_nothing(
    here: Path, server: Server, tell: Tell, arguments: list[str], fault: str
) -> None:
    source = reviews(here / "in.parquet")

    said = tell("run", source, "out.parquet", *arguments)

    assert said.code == 2
    assert fault in said.err
    assert "Nothing was sent." in said.err
    assert server.exchanges() == []


def test_prompt_and_schema_may_stand_in_files(here: Path, tell: Tell) -> None:
    source = reviews(here / "in.parquet", "lovely")
    Path("prompt.txt").write_text("Is it good?\n{text}\n", encoding="utf-8")
    fields = {"good": {"type": "boolean"}, "why": {"type": "string"}}
    Path("schema.json").write_text(json.dumps({"type": "object", "properties": fields}), encoding="utf-8")
    heard: list[str] = []

    def answer(body: dict[str, object]) -> str:
        messages = body["messages"]
        assert isinstance(messages, list)
        heard.append(messages[-1]["content"])
        return '{"good": true, "why": "said so"}'

    with Server(answer=answer) as server:
        asked = ["--model", "m", "--prompt-file", "prompt.txt", "--schema", "schema.json"]
        said = tell(
            "run", source, "out.parquet", *asked, "--base-url", server.base_url, "--set", "poll_interval=0.02"
        )

    assert said.code == 0, said.err
    assert heard == ["Is it good?\nlovely"]
    assert pd.read_parquet("out.parquet")["why"].tolist() == ["said so"]


def test_columns_and_filters_choose_what_is_asked_and_kept(here: Path, server: Server, tell: Tell) -> None:
    source = reviews(here / "in.parquet", "a", "b", "c", stars=[1, 2, 3], lang=["en", "de", "en"])

    said = tell(
        "run", source, "out.parquet", *ASK, "--columns", "text, stars", "--filter", "stars <= 2", "--filter", "lang = en"
    )  # fmt: skip

    out = pd.read_parquet("out.parquet")
    assert (said.code, out["text"].tolist(), len(server.ledger())) == (0, ["a"], 1)
    assert "lang" not in out.columns


def test_a_timeout_is_code_75_and_the_same_command_goes_on(here: Path, tell: Tell) -> None:
    source, gate = reviews(here / "in.parquet"), Gate()

    with Server(answer=gate) as server:
        there = ["--base-url", server.base_url]
        late = tell("run", source, "out.parquet", *ASK, *there, "--timeout", "0.2")
        gate.open()
        said = tell("run", source, "out.parquet", *ASK, *there)
        bought = len(batches(server))

    assert late.code == 75
    assert "`dwbatch cancel " in late.err
    assert "attach(" not in late.err
    assert (said.code, bought) == (0, 1)


def test_rows_that_the_server_fails_are_told_by_their_codes(here: Path, tell: Tell) -> None:
    source = reviews(here / "in.parquet", "good", "bad")

    def outcome(_: str, body: dict[str, object]) -> Outcome | None:
        return Outcome.status(400) if "bad" in str(body["messages"]) else None

    with Server(outcomes=outcome) as server:
        said = tell("run", source, "out.parquet", *ASK, "--base-url", server.base_url, "--json")
        errors = tell("errors", "out.parquet", "--json")
        shown = tell("errors", "out.parquet")

    assert (said.code, said.document["codes"]) == (3, {"http_400": 1})
    assert [each["error_code"] for each in errors.document] == ["http_400"]
    assert shown.out.splitlines()[0].split() == ["custom_id", "status", "error_code", "error"]


def test_quiet_says_nothing_at_all(here: Path, server: Server, tell: Tell) -> None:
    source = reviews(here / "in.parquet")

    said = tell("run", source, "out.parquet", *ASK, "--quiet")

    assert said == (0, "", "")
    assert len(server.ledger()) == 2


def test_a_csv_holds_texts_and_its_last_row_changes_no_other(here: Path, server: Server, tell: Tell) -> None:
    Path("in.csv").write_text('text,zip\nlovely,007\n"a\nb",\n', encoding="utf-8")
    ask = [
        "--model",
        "m",
        "--prompt",
        "{text} {zip}",
        "--set",
        "poll_interval=0.02",
        "--set",
        "on_null=render",
    ]
    tell("run", "in.csv", "out.parquet", *ask)
    with Path("in.csv").open("a", encoding="utf-8") as file:
        file.write("new,007a\n")

    said = tell("run", "in.csv", "out.parquet", *ask, "--json")

    out = pd.read_parquet("out.parquet")
    assert (said.code, said.document["sent"]) == (0, 1), said.err
    assert out["zip"].isna().tolist() == [False, True, False]
    assert out["zip"].dropna().tolist() == ["007", "007a"]
    assert out["response"].tolist() == ["echo: lovely 007", "echo: a\nb ", "echo: new 007a"]
    assert [path.name for path in here.iterdir() if "source" in path.name] == []
    assert len(server.ledger()) == 3


def test_jsonl_columns_have_the_type_of_all_their_values(server: Server, tell: Tell) -> None:
    rows = [
        {"text": "a", "n": 1, "deep": {"x": 1.0}},
        {"text": "b", "n": 2.5, "mixed": 7},
        {"mixed": "seven"},
    ]
    Path("in.jsonl").write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8")

    said = tell("run", "in.jsonl", "out.parquet", *ASK, "--max-failed", "1")

    out = pd.read_parquet("out.parquet")
    assert said.code == 0, said.err
    assert out["n"].tolist()[:2] == [1.0, 2.5]
    assert out["mixed"].dropna().tolist() == ["7", "seven"]
    assert out["deep"].dropna().tolist() == ['{"x": 1}']
    assert len(server.ledger()) == 2


@pytest.mark.parametrize(
    ("name", "written", "fault"),
    [
        ("in.csv", "a,a\n1,2\n", "'a'"),
        ("in.csv", "a,b\n1\n", "cannot be read"),
        ("in.jsonl", '{"a": 1}\n{"a": NaN}\n', "line 2"),
        ("in.jsonl", "[1]\n", "line 1"),
        ("none.csv", None, "There is no file"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(
    here: Path, server: Server, tell: Tell, name: str, written: str | None, fault: str
) -> None:
    if written is not None:
        (here / name).write_text(written, encoding="utf-8")

    said = tell("run", name, "out.parquet", "--model", "m", "--prompt", "{a}")

    assert (said.code, server.exchanges()) == (2, [])
    assert fault in said.err


def test_a_request_file_is_no_table_of_rows(here: Path, server: Server, tell: Tell) -> None:
    (here / "requests.jsonl").write_text(line(), encoding="utf-8")

    said = tell("submit", "requests.jsonl")

    assert said.code == 0, said.err
    assert [bill.custom_id for bill in server.ledger()] in ([], ["a"])
    assert (here / "requests.jsonl.dwbatch").is_dir()
