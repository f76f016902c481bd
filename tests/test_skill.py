"""What coding agents are told runs as it stands, and names what there is."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import dwbatch
from dwbatch.cli import COMMANDS, main
from dwbatch.columns import ERROR_CODE_MEANINGS, STATUS_MEANINGS, Kind
from dwbatch.local import Server

SKILL = (Path(dwbatch.__file__).parent / "SKILL.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Where agents look for skills these are the bounds of a name and a description.
LONGEST_NAME, LONGEST_DESCRIPTION = 64, 1024


def blocks(*kinds: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in BLOCK.findall(SKILL) if kind in kinds]


def table(heading: str) -> dict[str, str]:
    lines = SKILL[SKILL.index(f"\n| {heading} |") + 1 :].partition("\n\n")[0].splitlines()[2:]
    return dict([cell.strip() for cell in line.strip("|").split("|")] for line in lines)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DWBATCH_HOME", raising=False)
    monkeypatch.setenv("DOUBLEWORD_API_KEY", "sk-invented")
    with Server(answer=lambda _: '{"value": "positive"}') as server:
        monkeypatch.setenv("DOUBLEWORD_BASE_URL", server.base_url)
        yield tmp_path


@pytest.mark.usefixtures("agent")
def test_every_block_of_code_and_every_command_runs() -> None:
    namespace: dict[str, object] = {}

    for kind, text in blocks("python", "bash"):
        if kind == "python":
            exec(compile(text, "SKILL.md", "exec"), namespace)  # noqa: S102 - running the skill is the point
        else:
            for command in text.splitlines():
                status = main([*shlex.split(command)[1:], *(["--quiet"] if " run " in command else [])])
                # A null is not ok, and the first command says how many of such rows it can live with.
                assert status in {0, 3}, command


def test_the_front_matter_names_it_and_says_when_to_use_it() -> None:
    front = SKILL.split("---\n")[1]

    name = re.search(r"^name: ([a-z-]+)$", front, re.MULTILINE)
    description = front.partition("description: >-\n")[2]
    assert name is not None
    assert len(name[1]) <= LONGEST_NAME
    assert 0 < len(" ".join(description.split())) <= LONGEST_DESCRIPTION
    assert "Use it for" in description


def test_the_tables_are_the_code_s_own() -> None:
    codes = table("Code")

    assert codes.pop("`http_400` to `http_599`")
    assert codes == {f"`{code}`": meaning for code, meaning in ERROR_CODE_MEANINGS.items()}
    assert table("Status") == {f"`{status}`": meaning for status, meaning in STATUS_MEANINGS.items()}
    assert list(table("Kind")) == [f"`{kind}`" for kind in Kind]


def test_every_error_and_command_that_it_names_exists() -> None:
    errors = re.findall(r"`(\w+(?:Error|Warning))`", SKILL)
    commands = re.findall(r"^dwbatch (\w+)", SKILL, re.MULTILINE)

    assert errors
    assert set(errors) <= set(dwbatch.__all__)
    assert set(commands) <= set(COMMANDS)


def test_the_lines_of_json_are_a_request_and_its_results() -> None:
    request, *results = [json.loads(line) for _, text in blocks("json") for line in text.splitlines()]

    assert list(request) == ["custom_id", "method", "url", "body"]
    assert len(request["custom_id"]) <= 64
    assert [set(result) for result in results] == [{"id", "custom_id", "response", "error"}] * 2


def test_the_results_that_it_shows_are_read_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text(blocks("json")[1][1], encoding="utf-8")

    out = dwbatch.read_results(tmp_path / "results.jsonl")

    assert out["status"].tolist() == ["ok", "failed"]
    assert out["error_code"].tolist()[1] == "http_400"


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["skill"])

    assert (status, capsys.readouterr().out) == (0, SKILL)


def test_the_command_writes_it_to_a_file(tmp_path: Path) -> None:
    status = main(["skill", str(tmp_path / "SKILL.md")])

    assert (status, (tmp_path / "SKILL.md").read_text(encoding="utf-8")) == (0, SKILL)
