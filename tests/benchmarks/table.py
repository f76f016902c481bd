"""The table: each budget, what was measured, and whether it is kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One budget.

    Parameters
    ----------
    what : str
    measured : str
        Ratio or difference, with its spread.
    budget : str
    is_kept : bool or None
        None where there is no budget.
    """

    what: str
    measured: str
    budget: str = ""
    is_kept: bool | None = None


WORDS = {True: "kept", False: "MISSED", None: ""}


def render(lines: list[Line]) -> str:
    """The lines under their headings, each column as wide as it has to be."""
    rows = [("what", "measured", "budget", "")]
    rows += [(line.what, line.measured, line.budget, WORDS[line.is_kept]) for line in lines]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    printed = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([printed[0].rstrip(), "-" * sum(widths), *(row.rstrip() for row in printed[1:])])
