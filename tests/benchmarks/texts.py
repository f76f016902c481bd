"""Real text of three kinds: short questions in many languages, long documents, and result lines about them."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from dwbatch.demo.corpus import read_corpus

PROMPT = "Is this question friendly? {text}"
MODEL = "Qwen/Qwen3.5-35B-A3B-FP8"
DOCUMENT_CHARACTERS = 2_000
ROWS_A_BATCH = 50_000


def short(rows: int) -> pd.DataFrame:
    """Questions of the corpus over and over, each with its number, so that no two are one request."""
    questions = read_corpus()["question"].tolist()
    return pd.DataFrame({"text": [f"{questions[row % len(questions)]} ({row})" for row in range(rows)]})


def multilingual(rows: int) -> pd.DataFrame:
    """The same, of the languages that need more than ASCII."""
    corpus = read_corpus()
    wide = [text for text in corpus["question"] if not text.isascii()]
    return pd.DataFrame({"text": [f"{wide[row % len(wide)]} ({row})" for row in range(rows)]})


def long(rows: int) -> pd.DataFrame:
    """Documents of two thousand characters, with newlines and quotes."""
    corpus = read_corpus()
    turns = [f'"{row.question}"\n\t— {row.answer}\n' for row in corpus.itertuples()]
    joined = "".join(turns)
    starts = np.arange(rows) * 997 % (len(joined) - DOCUMENT_CHARACTERS)
    documents = [f"{row}. {joined[start : start + DOCUMENT_CHARACTERS]}" for row, start in enumerate(starts)]
    return pd.DataFrame({"text": documents})


KINDS = {"short": short, "multilingual": multilingual, "long": long}


def result_lines(rows: Iterable[int]) -> Iterator[bytes]:
    """Lines of an output file as the server writes them, about 600 bytes each."""
    answers = read_corpus()["answer"].tolist()
    for row in rows:
        body = {
            "choices": [
                {
                    "finish_reason": "stop",
                    "index": 0,
                    "logprobs": None,
                    "message": {"content": f"{answers[row % len(answers)]} ({row})", "role": "assistant"},
                }
            ],
            "created": 1_760_000_000 + row,
            "id": f"chatcmpl-{row:032x}",
            "model": MODEL,
            "object": "chat.completion",
            "service_tier": None,
            "system_fingerprint": "fp_0123456789abcdef",
            "usage": {
                "completion_tokens": 25,
                "completion_tokens_details": {"accepted_prediction_tokens": 0, "reasoning_tokens": 0},
                "prompt_tokens": 33,
                "total_tokens": 58,
            },
        }
        line = {
            "id": f"batch_req_{row:032x}",
            "custom_id": custom_id(row),
            "response": {"status_code": 200, "request_id": None, "body": body},
            "error": None,
        }
        yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def custom_id(row: int) -> str:
    """The custom_id of a row's line."""
    return f"job-row-{row}"


def write_result_files(folder: Path, rows: int) -> None:
    """One output file a batch, its lines in an order of their own: a batch's requests end as they end."""
    order = np.random.default_rng(7)
    for start in range(0, rows, ROWS_A_BATCH):
        these = order.permutation(np.arange(start, min(start + ROWS_A_BATCH, rows)))
        with (folder / f"{start:09d}.jsonl").open("wb") as file:
            file.writelines(result_lines(these.tolist()))
