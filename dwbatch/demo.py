"""The main job in a few seconds: answers for a frame of questions, and nothing bought the second time."""

import argparse
import hashlib
import shutil
import sys
import tempfile
import textwrap
import time
import unicodedata
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import chatterbot_corpus
import pandas as pd
import yaml

from dwbatch import api
from dwbatch.local import Outcome, Server

PROMPT = "Reply in {language}: {question}"
MODEL = "corpus"
REQUESTS_PER_BATCH = 1500

# Scripts that a terminal lines up: letters that combine or run from right to
# left are answered like all others, but no fixed-width table shows them well.
SHOWN_LANGUAGES = ("english", "german", "french", "russian", "ukrainian", "chinese", "japanese", "korean")

WIDEST = 120
# What an 80-column terminal leaves for each of two texts beside index, language and status.
TEXT_WIDTH = 20


def main(argv: list[str]) -> int:
    """Run the demo as a command.

    Parameters
    ----------
    argv : list of str
        Arguments after the command's name; it takes none but ``--help``.

    Returns
    -------
    int
        Exit status, 0.
    """
    argparse.ArgumentParser(prog="dwbatch demo", description=__doc__).parse_args(argv)
    run_demo()
    return 0


def run_demo() -> None:
    """Make the same call twice against a local server, and print what each of them did.

    Everything lives in a temporary folder, which is removed at the end.
    """
    frame = read_corpus()
    languages, topics = frame[["language", "topic"]].nunique()
    _say(f"1. The frame: {len(frame):,} questions, in {languages} languages, about {topics} topics.")
    _show(_table(_sample(frame), "answer"))
    known = _known_answers(frame)
    with (
        tempfile.TemporaryDirectory(prefix="dwbatch-demo-") as folder,
        Server(answer=lambda body: known[_asked(body)], outcomes=_mishap) as server,
    ):
        _say(
            f"2. The server: {server.base_url}, on this machine, without a key, at no cost. It speaks the hosted "
            "service's batch API over HTTP. Its model has read the corpus, and on purpose fails about one "
            "request in a hundred."
        )
        _call_twice(frame, known, server, Path(folder, "checkpoint"))
    _say(
        "The folder and the server are gone again. With a key in DOUBLEWORD_API_KEY, the name of a model and no "
        "base_url, the same call buys from the hosted service."
    )


def read_corpus() -> pd.DataFrame:
    """Read the questions of the package ``chatterbot-corpus``, labelled by its folders and file names.

    Returns
    -------
    DataFrame
        One row a conversation: ``language``, ``topic``, ``question`` and ``answer``.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows = [
        (language.name, topic.name.removesuffix(".yml"), *_first_turns(conversation))
        for language in _sorted(files(chatterbot_corpus) / "data")
        for topic in _sorted(language)
        for conversation in yaml.load(topic.read_bytes(), Loader=loader)["conversations"]  # noqa: S506 - both loaders are safe ones
    ]
    return pd.DataFrame(rows, columns=["language", "topic", "question", "answer"])


def _sorted(folder: Traversable) -> list[Traversable]:
    # The order of a folder is the file system's whim, and the demo's rows are to be the same everywhere.
    return sorted(folder.iterdir(), key=lambda path: path.name)


def _first_turns(conversation: list[str] | str) -> tuple[str, str]:
    # A few conversations lack the line break before a turn's dash.
    turns = [conversation] if isinstance(conversation, str) else conversation
    question, answer, *_ = turns if len(turns) > 1 else turns[0].split(" - ")
    return question, answer


def _known_answers(frame: pd.DataFrame) -> dict[str, str]:
    """What the demo's model answers: the corpus's first answer to each prompt."""
    return dict(zip(_prompts(frame)[::-1], frame["answer"][::-1], strict=True))


def _prompts(frame: pd.DataFrame) -> "pd.Series[str]":
    return "Reply in " + frame["language"] + ": " + frame["question"]


def _asked(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def _mishap(_: str, body: dict[str, Any]) -> Outcome | None:
    """A final failure for a sliver of the prompts, the same ones in every run."""
    lot = int.from_bytes(hashlib.blake2b(_asked(body).encode(), digest_size=4).digest()) % 300
    ends = {
        0: Outcome.status(400, {"error": {"message": "The demo's model refuses this prompt on purpose."}}),
        1: Outcome.truncated(),
        2: Outcome.content_filter(),
    }
    return ends.get(lot)


@dataclass(frozen=True, slots=True)
class Spent:
    """What the server and the clock counted during one call."""

    exchanges: int
    batches: int
    model_calls: int
    seconds: float


def _call_twice(frame: pd.DataFrame, known: dict[str, str], server: Server, checkpoint: Path) -> None:
    _say("3. The call:")
    _show(
        f"""\
out = frame.doubleword.run(
    {PROMPT!r},
    model={MODEL!r},
    base_url={server.base_url!r},
    max_requests_per_batch={REQUESTS_PER_BATCH},
    checkpoint={str(checkpoint)!r},
)"""
    )
    out, first = _call(frame, server, checkpoint)
    _say("What came back, on the rows and under the index of the frame:")
    _show(_table(_with_failures(out, _sample(frame)), "response", "response_status"))
    _say("What became of all rows:")
    _show(_ends(out).to_string(index=False))
    ok = out[out["response_status"] == "ok"]
    right = (ok["response"] == _prompts(ok).map(known)).sum()
    _say(f"Answers that are the corpus's own for the question on their row: {right:,} of {len(ok):,}.")
    _say("4. The same call again, as after a dead kernel or on the next day:")
    again, second = _call(frame, server, checkpoint)
    _show(_bill(first, second).to_string())
    _say(f"Is it the same frame, cell by cell? {'Yes' if again.equals(out) else 'No'}.")


def _call(frame: pd.DataFrame, server: Server, checkpoint: Path) -> tuple[pd.DataFrame, Spent]:
    before = _counted(server)
    out = api.run(
        frame,
        PROMPT,
        model=MODEL,
        base_url=server.base_url,
        max_requests_per_batch=REQUESTS_PER_BATCH,
        checkpoint=checkpoint,
    )
    after = _counted(server)
    # The call's own last sentence, on stderr, ends with its line.
    sys.stdout.write("\n")
    return out, Spent(
        exchanges=after.exchanges - before.exchanges,
        batches=after.batches - before.batches,
        model_calls=after.model_calls - before.model_calls,
        seconds=after.seconds - before.seconds,
    )


def _counted(server: Server) -> Spent:
    exchanges = server.exchanges()
    return Spent(
        exchanges=len(exchanges),
        batches=sum(method == "POST" and path.endswith("/batches") for method, path, _ in exchanges),
        model_calls=len(server.ledger()),
        seconds=time.monotonic(),
    )


def _bill(first: Spent, second: Spent) -> pd.DataFrame:
    rows = {
        "HTTP requests": (first.exchanges, second.exchanges),
        "batches bought": (first.batches, second.batches),
        "model calls": (first.model_calls, second.model_calls),
        "seconds": (f"{first.seconds:.1f}", f"{second.seconds:.1f}"),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["first call", "second call"])


def _ends(out: pd.DataFrame) -> pd.DataFrame:
    ends = out[["response_status", "response_error_code"]].value_counts(dropna=False)
    return ends.rename("rows").reset_index().fillna("")


def _sample(frame: pd.DataFrame) -> pd.DataFrame:
    """The first row of each shown language whose texts a terminal has room for."""
    fits = frame[["question", "answer"]].map(lambda text: _width(text) <= TEXT_WIDTH).all(axis="columns")
    is_first = ~frame.duplicated(["language", "question"])
    shown = frame[fits & is_first & frame["language"].isin(SHOWN_LANGUAGES)]
    return shown.drop_duplicates("language")


def _with_failures(out: pd.DataFrame, sample: pd.DataFrame) -> pd.DataFrame:
    """The sampled rows as they came back, and one row for each way of not being answered."""
    failed = out[(out["response_status"] != "ok") & out["language"].isin(SHOWN_LANGUAGES)]
    failed = failed[failed["question"].map(_width) <= TEXT_WIDTH].drop_duplicates("response_status")
    return out.loc[sample.index.union(failed.index)]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _table(frame: pd.DataFrame, *columns: str) -> str:
    with pd.option_context("display.unicode.east_asian_width", True, "display.max_colwidth", None):  # noqa: FBT003 - pandas takes pairs
        return frame[["language", "question", *columns]].to_string()


def _say(paragraph: str) -> None:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    _write(textwrap.fill(paragraph, width))


def _show(block: str) -> None:
    _write(textwrap.indent(block, "  "))


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n\n")
    # Progress goes to stderr, and must find its place between two paragraphs.
    sys.stdout.flush()
