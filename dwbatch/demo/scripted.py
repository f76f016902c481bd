"""The demo at its full size: a model that has read the corpus answers thousands of rows in seconds."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from dwbatch import api
from dwbatch.demo.corpus import read_corpus
from dwbatch.demo.spending import bill, spent
from dwbatch.demo.stage import say, show, table, width
from dwbatch.local import Outcome, Server

PROMPT = "Reply in {language}: {question}"
MODEL = "corpus"
REQUESTS_PER_BATCH = 1500

# Scripts that a terminal lines up: letters that combine or run from right to
# left are answered like all others, but no fixed-width table shows them well.
SHOWN_LANGUAGES = ("english", "german", "french", "russian", "ukrainian", "chinese", "japanese", "korean")

# What an 80-column terminal leaves for each of two texts beside index, language and status.
TEXT_WIDTH = 20


def run_demo() -> None:
    """Make the same call twice against a local server, and print what each of them did.

    Everything lives in a temporary folder, which is removed at the end.
    """
    frame = read_corpus()
    languages, topics = frame[["language", "topic"]].nunique()
    say(f"1. The frame: {len(frame):,} questions, in {languages} languages, about {topics} topics.")
    show(table(_sample(frame), "answer"))
    known = _known_answers(frame)
    with (
        tempfile.TemporaryDirectory(prefix="dwbatch-demo-") as folder,
        Server(answer=lambda body: known[_asked(body)], outcomes=_mishap) as server,
    ):
        say(
            f"2. The server: {server.base_url}, on this machine, without a key, at no cost. It speaks the hosted "
            "service's batch API over HTTP. Its model has read the corpus, and on purpose fails about one "
            "request in a hundred."
        )
        _call_twice(frame, known, server, Path(folder, "checkpoint"))
    say(
        "The folder and the server are gone again. With a key in DOUBLEWORD_API_KEY, the name of a model and no "
        "base_url, the same call buys from the hosted service."
    )


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


def _call_twice(frame: pd.DataFrame, known: dict[str, str], server: Server, checkpoint: Path) -> None:
    def call() -> pd.DataFrame:
        return api.run(
            frame,
            PROMPT,
            model=MODEL,
            base_url=server.base_url,
            max_requests_per_batch=REQUESTS_PER_BATCH,
            checkpoint=checkpoint,
        )

    say("3. The call:")
    show(
        f"""\
out = frame.doubleword.run(
    {PROMPT!r},
    model={MODEL!r},
    base_url={server.base_url!r},
    max_requests_per_batch={REQUESTS_PER_BATCH},
    checkpoint={str(checkpoint)!r},
)"""
    )
    out, first = spent(server, call)
    say("What came back, on the rows and under the index of the frame:")
    show(table(_with_failures(out, _sample(frame)), "response", "response_status"))
    say("What became of all rows:")
    show(_ends(out).to_string(index=False))
    ok = out[out["response_status"] == "ok"]
    right = (ok["response"] == _prompts(ok).map(known)).sum()
    say(f"Answers that are the corpus's own for the question on their row: {right:,} of {len(ok):,}.")
    say("4. The same call again, as after a dead kernel or on the next day:")
    again, second = spent(server, call)
    show(bill(first, second))
    say(f"Is it the same frame, cell by cell? {'Yes' if again.equals(out) else 'No'}.")


def _ends(out: pd.DataFrame) -> pd.DataFrame:
    ends = out[["response_status", "response_error_code"]].value_counts(dropna=False)
    return ends.rename("rows").reset_index().fillna("")


def _sample(frame: pd.DataFrame) -> pd.DataFrame:
    """The first row of each shown language whose texts a terminal has room for."""
    fits = frame[["question", "answer"]].map(lambda text: width(text) <= TEXT_WIDTH).all(axis="columns")
    is_first = ~frame.duplicated(["language", "question"])
    shown = frame[fits & is_first & frame["language"].isin(SHOWN_LANGUAGES)]
    return shown.drop_duplicates("language")


def _with_failures(out: pd.DataFrame, sample: pd.DataFrame) -> pd.DataFrame:
    """The sampled rows as they came back, and one row for each way of not being answered."""
    failed = out[(out["response_status"] != "ok") & out["language"].isin(SHOWN_LANGUAGES)]
    failed = failed[failed["question"].map(width) <= TEXT_WIDTH].drop_duplicates("response_status")
    return out.loc[sample.index.union(failed.index)]
