"""The page as one document, so that it needs no other address."""

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_PARTS = {"/*style*/": "page.css", "/*script*/": "page.js"}


@cache
def document() -> bytes:
    """The page's HTML, its style and its script inside."""
    html = (_HERE / "page.html").read_text(encoding="utf-8")
    for mark, name in _PARTS.items():
        html = html.replace(mark, (_HERE / name).read_text(encoding="utf-8"))
    return html.encode()
