"""The demo with a real model: a few rows are labelled with their language, and the labels are scored."""

import tempfile
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import pandas as pd

from dwbatch import api
from dwbatch.answers.structured.format import WRAPPED
from dwbatch.demo import small_model
from dwbatch.demo.corpus import read_corpus
from dwbatch.demo.spending import bill, spent
from dwbatch.demo.stage import say, show, table
from dwbatch.local import Server

Language = Literal["english", "french", "german", "spanish"]
LANGUAGES = get_args(Language)
ROWS_A_LANGUAGE = 6
SYSTEM = "Name the language of each text."
MOST_TOKENS = 40
# A sentence, and yet a line of an 80-column table.
SHORTEST, LONGEST = 15, 40


def run_demo() -> None:
    """Label some rows twice with a small model behind a local server, and print how well it did.

    Everything lives in temporary folders, which are removed at the end.
    """
    examples, frame = _rows()
    say(
        f"1. The frame: {len(frame)} questions in {len(LANGUAGES)} languages. Its column language is the truth."
    )
    with (
        small_model.serving() as model_url,
        tempfile.TemporaryDirectory(prefix="dwbatch-demo-") as folder,
        Server(upstream=model_url, concurrency=small_model.AT_ONCE) as server,
    ):
        say(
            f"2. The model: {small_model.NAME}, 270 million parameters, at {model_url}. The batch server at "
            f"{server.base_url} asks it row by row. Both are on this machine; nothing leaves it."
        )
        _call_twice(examples, frame, server, Path(folder, "checkpoint"))
    say("The folders, the model and the server are gone again.")


def _rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """One example of each language, by language, and the rows to be labelled."""
    corpus = read_corpus()
    is_sentence = corpus["question"].str.len().between(SHORTEST, LONGEST)
    chosen = corpus[is_sentence & corpus["language"].isin(LANGUAGES)].drop_duplicates("question")
    by_language = chosen.groupby("language")
    return by_language.head(1).set_index("language"), by_language.tail(ROWS_A_LANGUAGE)


def conversation(examples: pd.DataFrame) -> list[dict[str, str]]:
    """The messages of a row: an answered example of each language, then the row's own question.

    A model this small has not been taught to follow an instruction; it goes on as the examples began.
    """
    turns = [{"role": "system", "content": SYSTEM}]
    for language, question in examples["question"].items():
        said = msgspec.json.encode({WRAPPED: language}).decode()
        turns.append({"role": "user", "content": _verbatim(str(question))})
        turns.append({"role": "assistant", "content": _verbatim(said)})
    return [*turns, {"role": "user", "content": "{question}"}]


def _verbatim(text: str) -> str:
    """A text as a template that says just this."""
    return text.replace("{", "{{").replace("}", "}}")


def _call_twice(examples: pd.DataFrame, frame: pd.DataFrame, server: Server, checkpoint: Path) -> None:
    options: dict[str, Any] = {
        "model": small_model.NAME,
        "response_format": Language,
        "output": "said",
        "temperature": 0,
        "max_tokens": MOST_TOKENS,
        "base_url": server.base_url,
        "checkpoint": checkpoint,
    }

    def call() -> pd.DataFrame:
        return api.run(frame, messages=conversation(examples), **options)

    say("3. The call; its messages are an example of each language and then the question:")
    show(
        f"""\
out = frame.doubleword.run(
    messages=[..., {{"role": "user", "content": "{{question}}"}}],
    response_format=Literal{list(LANGUAGES)},
    output="said",
    model={small_model.NAME!r},
    temperature=0,
    max_tokens={MOST_TOKENS},
    base_url={server.base_url!r},
    checkpoint={str(checkpoint)!r},
)"""
    )
    out, first = spent(server, call)
    say("What the model said, on the rows and under the index of the frame:")
    show(table(out, "said", "said_status"))
    right = int((out["said"].astype("string") == out["language"]).sum())
    say(f"Right: {right} of {len(out)}; by chance it would be {len(out) // len(LANGUAGES)}.")
    say("4. The same call again, as after a dead kernel or on the next day:")
    again, second = spent(server, call)
    show(bill(first, second))
    say(f"Is it the same frame, cell by cell? {'Yes' if again.equals(out) else 'No'}.")
