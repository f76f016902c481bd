"""Receipts read from photographs into typed columns, three times each, to see where the model wavers."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

import dwbatch
from tests.scenarios.conftest import Plays
from tests.scenarios.setting import number

PNG = b"\x89PNG\r\n\x1a\n"


class Receipt(BaseModel):
    vendor_name: str
    vendor_address: str
    date: dt.date
    total: float


def receipts(folder: Path, count: int) -> pd.DataFrame:
    """Photographs of receipts, which are as good as their file's bytes here."""
    folder.mkdir()
    for place in range(count):
        (folder / f"{place}.png").write_bytes(PNG + b"%04d" % place + bytes(3000))
    return pd.DataFrame({"image_path": [str(folder / f"{place}.png") for place in range(count)]})


def reads(body: dict[str, Any]) -> dict[str, Any]:
    photo = body["messages"][-1]["content"][-1]["image_url"]["url"]
    said = [receipt(number(photo, 10**6), sample) for sample in range(body.get("n", 1))]
    choices = [
        {"index": n, "finish_reason": "stop", "message": {"content": text}} for n, text in enumerate(said)
    ]
    return {"model": body["model"], "choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": 9}}


def receipt(seed: int, sample: int) -> str:
    if seed % 11 == sample:
        return "The receipt is blurred."
    read = {
        "vendor_name": f"Shop {seed}",
        "vendor_address": "here",
        "date": "2026-01-31",
        "total": seed / 100,
    }
    return json.dumps(read)


ASKED = ["Read this receipt.", dwbatch.image("{image_path}")]


def test_fields_are_typed_columns_and_blurred_receipts_are_invalid(
    plays: Plays, quick: dict[str, Any], tmp_path: Path
) -> None:
    stage = plays(reads)

    out = receipts(tmp_path / "receipts", 120).doubleword.run(
        ASKED, model="m", response_format=Receipt, max_bytes_per_batch=100_000, checkpoint="read", **quick
    )

    stage.check(out["response_status"], besides=("invalid",))
    assert [str(out[name].dtype) for name in Receipt.model_fields] == [
        "string",
        "string",
        "datetime64[us]",
        "Float64",
    ]
    ok = out["response_status"] == "ok"
    assert (out[list(Receipt.model_fields)].notna().all(axis=1) == ok).all()
    assert (out["response_status"] == "invalid").any()
    assert len(dwbatch.attach("read").batches()) > 4
    stage.check_paid_once()


def test_three_samples_a_receipt_stand_on_its_row(
    plays: Plays, quick: dict[str, Any], tmp_path: Path
) -> None:
    stage = plays(reads)

    out = receipts(tmp_path / "receipts", 120).doubleword.run(
        ASKED, model="m", response_format=Receipt, n=3, temperature=0.7, **quick
    )
    samples = out.explode([*Receipt.model_fields])

    stage.check(out["response_status"], besides=("invalid",))
    answered = out["response_status"] != "failed"
    assert out.loc[answered, "total"].map(len).eq(3).all()
    assert len(samples) == 3 * answered.sum() + (~answered).sum()
    shops = samples.groupby(level=0)["vendor_name"].nunique()
    assert shops[answered].eq(1).all()
    wavering = out[answered]["total"].map(lambda totals: sum(total is None for total in totals))
    assert (wavering.eq(1) == (out.loc[answered, "response_status"] == "invalid")).all()
    stage.check_paid_once()
