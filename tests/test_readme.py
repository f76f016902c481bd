"""The README runs as it stands: its code, what that prints, its tables, its commands, its map."""

import inspect
import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch.columns import ERROR_CODE_MEANINGS, STATUS_MEANINGS, Kind
from dwbatch.local import Server
from dwbatch.options import Options
from dwbatch.outcome import Naming
from tests.benchmarks.dask_scale import reckoned

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LAST_SENTENCE = re.compile(r"^\d+ rows: .*\.$", re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(README) if found == kind]


def table(heading: str) -> dict[str, str]:
    """Second cell by first cell, of the table that begins with a heading."""
    lines = README[README.index(f"\n| {heading} |") + 1 :].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: second for first, second in cells}  # noqa: C416 - a third cell in a row shall fail


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a reader whose hosted service is a server on this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DWBATCH_HOME", raising=False)
    monkeypatch.setenv("DOUBLEWORD_API_KEY", "sk-invented")
    with Server() as server:
        monkeypatch.setenv("DOUBLEWORD_BASE_URL", server.base_url)
        yield tmp_path
    # base_url="local" starts a server that outlives its caller.
    os.kill(json.loads((tmp_path / ".dwbatch/local/port.json").read_bytes())["pid"], signal.SIGTERM)


def test_every_block_of_code_runs_and_prints_what_the_readme_shows(
    reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame, sentence, *printings, _ = blocks("text")

    namespace: dict[str, object] = {}
    for number, code in enumerate(blocks("python")):
        exec(compile(code, f"README.md, block {number}", "exec"), namespace)  # noqa: S102 - running the README is the point
    printed = capsys.readouterr()

    assert printed.out == frame + "".join(printings)
    first_said = LAST_SENTENCE.findall(printed.err)[0]
    assert first_said.replace(str(reader), "/home/you").replace(os.sep, "/") == sentence.strip()


def test_what_a_billion_rows_need_is_reckoned_by_the_benchmark() -> None:
    assert blocks("plain") == ["".join(f"{line}\n" for line in reckoned(1_000_000_000))]


def test_the_hosted_calls_name_neither_key_nor_server() -> None:
    hosted = [code for code in blocks("python") if ".run(" in code and "base_url=" not in code]

    assert len(hosted) == 8
    assert not any("api_key" in code for code in blocks("python"))


def test_a_checkpoint_holds_the_files_that_the_readme_lists(tmp_path: Path) -> None:
    with Server() as server:
        dwbatch.run(
            pd.DataFrame({"text": ["one"]}),
            "{text}",
            model="m",
            base_url=server.base_url,
            checkpoint=tmp_path,
            progress=False,
        )

    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}

    assert {f"`{file}`" for file in files} == set(table("File"))


def buy_twice(checkpoint: Path, second: dict[str, Any]) -> int:
    """How many requests the second of two calls on one checkpoint sends."""
    usual = {"prompt": "{text}", "model": "m", "checkpoint": checkpoint, "progress": False}
    frame = pd.DataFrame({"text": ["one", "two"]})
    with Server() as server:
        for options in ({}, second):
            before = len(server.ledger())
            dwbatch.run(**{"frame": frame, **usual, "base_url": server.base_url, **options})
        return len(server.ledger()) - before


@pytest.mark.parametrize(
    "second",
    [
        {"frame": pd.DataFrame({"text": ["two", "one"]}, index=["y", "x"])},
        {"frame": pd.DataFrame({"words": ["one", "two"]}), "prompt": "{words}"},
        {"output": "sentiment"},
        {"custom_id": "text-{text}"},
        {"max_requests_per_batch": 1, "completion_window": "1h", "timeout": "8h", "poll_interval": 1},
    ],
    ids=", ".join,
)
def test_what_is_no_part_of_a_request_buys_nothing(tmp_path: Path, second: dict[str, Any]) -> None:
    assert buy_twice(tmp_path, second) == 0


@pytest.mark.parametrize(
    "second",
    [
        {"model": "n"},
        {"prompt": "{text}!"},
        {"system": "Be brief."},
        {"seed": 1},
        {"edition": "second opinion"},
    ],
    ids=", ".join,
)
def test_what_is_part_of_a_request_buys_anew(tmp_path: Path, second: dict[str, Any]) -> None:
    assert buy_twice(tmp_path, second) == 2


def test_ten_rows_more_are_ten_requests_more(tmp_path: Path) -> None:
    more = pd.DataFrame({"text": ["one", "two", *map(str, range(10))]})

    assert buy_twice(tmp_path, {"frame": more}) == 10


def test_the_table_of_statuses_is_the_code_s_own() -> None:
    assert table("Status") == {f"`{status}`": meaning for status, meaning in STATUS_MEANINGS.items()}


def test_the_table_of_error_codes_is_the_code_s_own() -> None:
    codes = table("Code")

    assert codes.pop("`http_400` to `http_599`")
    assert codes == {f"`{code}`": meaning for code, meaning in ERROR_CODE_MEANINGS.items()}


def test_the_table_of_retries_names_every_kind_and_no_other() -> None:
    assert list(table("`retry=`")) == [f"`{kind}`" for kind in Kind]


def test_every_answer_column_is_named_and_no_other() -> None:
    what_comes_back = section("What comes back")

    named = re.findall(r"`(response\w*)`", what_comes_back)

    assert list(dict.fromkeys(named)) == Naming("response", details=True).all()


def test_what_is_not_there_yet_is_not_there() -> None:
    names = set(re.findall(r"`(?:dwbatch\.)?(\w+)`", section("What it does not do yet")))

    assert names
    assert not names & ({option.name for option in fields(Options)} | set(dir(dwbatch)))


def test_every_option_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`(\w+)=", README))

    of_files = set(inspect.signature(dwbatch.run_parquet).parameters)
    assert named <= {option.name for option in fields(Options)} | of_files


def test_the_checks_end_with_the_commands_of_the_readme() -> None:
    commands = [line.split("  #")[0].rstrip() for line in blocks("bash")[0].splitlines()]
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert commands == ["pip install uv && uv run dwbatch demo", "pip install uv && uv run pytest"]
    assert [line for line in run if line.startswith("pip install uv &&")] == commands
    assert run[-1] == commands[-1]


def test_the_map_names_every_room_of_the_house() -> None:
    package = Path(dwbatch.__file__).parent
    rooms = {path.name for path in package.glob("*.py") if not path.name.startswith("_")}
    rooms |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}

    named = re.findall(r"(?:^|\s{2,})(\w+(?:\.py|/))\s", section("Map"), re.MULTILINE)

    assert sorted(named) == sorted([*rooms, "dwbatch/"])
