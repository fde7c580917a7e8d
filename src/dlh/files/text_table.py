"""A table of text: columns that stand below each other."""

from __future__ import annotations

from collections.abc import Sequence


def text_table(rows: Sequence[Sequence[str]], *, align: str = "", gap: str = "  ") -> list[str]:
    """The rows as lines.

    Args:
        rows: cells, as many in each row as there are columns.
        align: a "<" or ">" for each column, left or right; left where it says nothing.
        gap: between two columns.
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    sides = align.ljust(len(columns), "<")
    return [
        gap.join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
