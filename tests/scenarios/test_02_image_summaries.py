"""Summaries of photographs, of which some are missing."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import dwbatch
from tests.scenarios.conftest import Plays

PNG = b"\x89PNG\r\n\x1a\n"
PHOTO_BYTES = 30_000


def photographs(folder: Path, count: int) -> pd.DataFrame:
    """Paths of photographs; every tenth is not there, and every tenth row has none."""
    folder.mkdir()
    noise = np.random.default_rng(7)
    paths: list[str | None] = []
    for place in range(count):
        path = folder / f"photo {place}.png"
        if place % 10 != 3:
            path.write_bytes(PNG + place.to_bytes(4, "big") + noise.bytes(PHOTO_BYTES))
        paths.append(None if place % 10 == 5 else str(path))
    return pd.DataFrame({"photo": paths, "title": [f"No. {place}" for place in range(count)]})


def looks(body: dict[str, Any]) -> str:
    words, photo = body["messages"][-1]["content"]
    seen = base64.b64decode(photo["image_url"]["url"].partition("base64,")[2])
    return f"{words['text']} shows {int.from_bytes(seen[8:12], 'big')}"


def test_photographs_go_in_several_files_and_missing_ones_nowhere(
    plays: Plays, quick: dict[str, Any], tmp_path: Path
) -> None:
    stage = plays(looks)
    photos = photographs(tmp_path / "photos", 100)

    out = photos.doubleword.run(
        ["{title}", dwbatch.image("{photo}")],
        model="m",
        output="summary",
        max_bytes_per_batch=1_000_000,
        checkpoint="photos-checkpoint",
        **quick,
    )

    stage.check(out["summary_status"], besides=("skipped",))
    skipped = out[out["summary_status"] == "skipped"]
    assert skipped["summary_error_code"].value_counts().to_dict() == {
        "unreadable_image": 10,
        "null_input": 10,
    }
    ok = out[out["summary_status"] == "ok"]
    assert ok["summary"].tolist() == [f"No. {place} shows {place}" for place in ok.index]
    batches = dwbatch.attach("photos-checkpoint").batches()
    assert len(batches) == 4
    assert batches["bytes"].max() <= 1_000_000
    stage.check_paid_once()
