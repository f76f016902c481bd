"""A small table for a notebook: plain HTML in the notebook's own colours."""

from collections.abc import Mapping
from html import escape


def card(title: str, lines: Mapping[str, str], sentence: str) -> str:
    """A table of two columns under a title, and a sentence below it.

    Parameters
    ----------
    title : str
    lines : mapping of str to str
        What each line says, by its name.
    sentence : str
    """
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:right">{escape(text)}</td></tr>'
        for name, text in lines.items()
    )
    caption = f'<caption style="text-align:left;font-weight:bold">{escape(title)}</caption>'
    return f"<div><table>{caption}<tbody>{rows}</tbody></table><p>{escape(sentence)}</p></div>"
