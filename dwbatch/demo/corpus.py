"""The demo's text: thousands of short questions in many languages, each with an answer."""

from importlib.resources import files
from importlib.resources.abc import Traversable

import chatterbot_corpus
import pandas as pd
import yaml


def read_corpus() -> pd.DataFrame:
    """Read the questions of the package ``chatterbot-corpus``, labelled by its folders and file names.

    Returns
    -------
    DataFrame
        One row a conversation: ``language``, ``topic``, ``question`` and ``answer``.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows = [
        (language.name, topic.name.removesuffix(".yml"), *first_turns(conversation))
        for language in _sorted(files(chatterbot_corpus) / "data")
        for topic in _sorted(language)
        for conversation in yaml.load(topic.read_bytes(), Loader=loader)["conversations"]  # noqa: S506 - both loaders are safe ones
    ]
    return pd.DataFrame(rows, columns=["language", "topic", "question", "answer"])


def _sorted(folder: Traversable) -> list[Traversable]:
    # The order of a folder is the file system's whim, and the demo's rows are to be the same everywhere.
    return sorted(folder.iterdir(), key=lambda path: path.name)


def first_turns(conversation: list[str] | str) -> tuple[str, str]:
    """Question and answer of a conversation, whose later turns are dropped."""
    # A few conversations lack the line break before a turn's dash.
    turns = [conversation] if isinstance(conversation, str) else conversation
    question, answer, *_ = turns if len(turns) > 1 else turns[0].split(" - ")
    return question, answer
