"""What the demo says and shows, as wide as the terminal."""

import shutil
import sys
import textwrap
import unicodedata

import pandas as pd

WIDEST = 120


def say(paragraph: str) -> None:
    """Print a paragraph, wrapped."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    _write(textwrap.fill(paragraph, width))


def show(block: str) -> None:
    """Print lines as they are, set in."""
    _write(textwrap.indent(block, "  "))


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n\n")
    # Progress goes to stderr, and must find its place between two paragraphs.
    sys.stdout.flush()


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def table(frame: pd.DataFrame, *columns: str) -> str:
    """Language, question and some other columns of a frame, lined up."""
    with pd.option_context("display.unicode.east_asian_width", True, "display.max_colwidth", None):  # noqa: FBT003 - pandas takes pairs
        return frame[["language", "question", *columns]].to_string()
