"""The demo: what a newcomer sees first."""

import re
import sys
import unicodedata

import pandas as pd
import pytest

from dwbatch.cli import main
from dwbatch.demo import labelled, small_model
from dwbatch.demo.corpus import first_turns, read_corpus


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    return read_corpus()


def test_the_corpus_is_thousands_of_labelled_questions_in_many_languages(corpus: pd.DataFrame) -> None:
    assert list(corpus.columns) == ["language", "topic", "question", "answer"]
    assert len(corpus) > 7000
    assert corpus["language"].nunique() > 20
    assert corpus.notna().all(axis=None)
    assert corpus["question"].str.strip().ne("").all()


@pytest.mark.parametrize("conversation", [["q", "a", "b"], "q - a - b", ["q - a - b"]])
def test_a_conversation_that_lacks_its_line_breaks_is_cut_at_the_dashes(
    conversation: list[str] | str,
) -> None:
    assert first_turns(conversation) == ("q", "a")


def test_the_demo_tells_the_truth_within_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], corpus: pd.DataFrame
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    status = main(["demo"])

    out, err = capsys.readouterr()
    first, second = re.findall(r"^[\d,]+ rows: .*$", err, re.MULTILINE)
    right, of = re.findall(r"([\d,]+) of ([\d,]+)\.$", out, re.MULTILINE)[0]
    assert status == 0
    assert f"{len(corpus):,} questions" in out
    assert right == of
    assert re.search(r"^ +batches bought +4 +0$", out, re.MULTILINE)
    assert re.search(r"^ +model calls +\d{4,} +0$", out, re.MULTILINE)
    assert re.search(r"^ +HTTP requests +\d+ +0$", out, re.MULTILINE)
    assert {status for status in ("ok", "failed", "truncated", "filtered") if f" {status} " in out} == {
        "ok",
        "failed",
        "truncated",
        "filtered",
    }
    assert "cell by cell? Yes." in out
    assert "0 requests sent" not in first
    assert "; 0 requests sent" in second
    assert max(map(columns_of, out.splitlines())) <= 80


def test_without_its_model_the_demo_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)

    status = main(["demo", "--model"])

    said = capsys.readouterr().err
    assert status == 2
    assert "is not installed" in said
    assert small_model.INSTALL in said
    assert small_model.IN_A_CLONE in said


def test_the_rows_to_be_labelled_are_none_of_the_examples() -> None:
    examples, frame = labelled._rows()

    assert list(examples.index) == sorted(labelled.LANGUAGES)
    assert frame["language"].value_counts().to_dict() == dict.fromkeys(
        labelled.LANGUAGES, labelled.ROWS_A_LANGUAGE
    )
    assert not set(frame["question"]) & set(examples["question"])


def columns_of(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)
