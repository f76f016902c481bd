"""How the tests of this folder embed: at a server of their own, with a model that says what it is told."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

import dwbatch
from dwbatch.local import Outcome, Server

TEXTS = pd.DataFrame({"text": ["one", "two", "three"]}, index=["a", "a", "b"])


def embed(
    server: Server, frame: "pd.DataFrame | pd.Series[Any]" = TEXTS, text: str | None = "text", **options: Any
) -> pd.DataFrame:
    """`dwbatch.embed` at a server, over in a moment."""
    usual: dict[str, Any] = {
        "model": "m",
        "base_url": server.base_url,
        "checkpoint": "job",
        "progress": False,
        "poll_interval": 0.02,
    }
    return dwbatch.embed(frame, text, **{**usual, **options})


def says(vectors: dict[str, Any], model: str = "m") -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A model that answers each text with what is written here for it."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        said = vectors[body["input"]]
        return {"object": "list", "model": model, "data": [{"index": 0, "embedding": said}]}

    return answer


def fails(*texts: str) -> Callable[[str, dict[str, Any]], Outcome | None]:
    """A script in which the model refuses some texts."""
    return lambda _, body: (
        Outcome.status(400, {"error": {"message": "no"}}) if body["input"] in texts else None
    )


def found(
    out: pd.DataFrame, output: str = "embedding"
) -> list[tuple[Sequence[float] | None, str, str | None]]:
    """Vector, status and code of every row."""
    codes = out[f"{output}_error_code"].astype(object).where(out[f"{output}_error_code"].notna(), None)
    vectors = [None if vector is None else vector.tolist() for vector in out[output]]
    return list(zip(vectors, out[f"{output}_status"].tolist(), codes.tolist(), strict=True))
