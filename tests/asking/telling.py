"""How the tests of this folder read a frame, and listen to what a model is asked."""

from typing import Any

import pandas as pd

from dwbatch.local import Server
from tests.api.calling import Listener, at


def told_in(frame: pd.DataFrame, column: str, row: int = 0) -> str:
    """The text in a cell."""
    return str(frame[column].tolist()[row])


def heard(frame: pd.DataFrame, prompt: Any = None, /, **options: Any) -> list[dict[str, Any]]:
    """What a model is asked, body by body, in the order of the bodies' own text."""
    model = Listener()
    with Server(answer=model) as server:
        at(server)(frame, prompt, **options)
    return sorted(model.heard, key=str)
