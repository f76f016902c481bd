"""Embeddings for search: what has no vector does not enter the index, and never as zeros."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import questions

DIMENSIONS = 1024


def embeds(body: dict[str, Any]) -> dict[str, Any]:
    numbers = np.random.default_rng(abs(hash(body["input"]))).normal(size=body["dimensions"])
    return {"model": body["model"], "data": [{"embedding": (numbers / np.linalg.norm(numbers)).tolist()}]}


def test_a_search_finds_the_text_itself(plays: Plays, quick: dict[str, Any], tmp_path: Path) -> None:
    stage = plays(embeds)
    texts = questions(200).astype({"question": object})
    texts.loc[texts.index[3], "question"] = None

    texts.doubleword.embed("question", model="m", dimensions=DIMENSIONS, **quick).to_parquet(
        tmp_path / "e.parquet"
    )
    out = pd.read_parquet(tmp_path / "e.parquet")
    index = np.stack(list(out["embedding"].dropna()))
    found = out["question"][out["embedding"].notna()]

    stage.check(out["embedding_status"], besides=("skipped",))
    assert index.shape == ((out["embedding_status"] == "ok").sum(), DIMENSIONS)
    assert index.dtype == np.float32
    assert (np.linalg.norm(index, axis=1) > 0.99).all()
    assert (index @ index.T).argmax(axis=1).tolist() == list(range(len(found)))
    assert (out["embedding"].isna() == (out["embedding_status"] != "ok")).all()
    stage.check_paid_once()
