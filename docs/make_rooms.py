"""Count the files and lines of every room, and write them into the table of docs/architecture.md.

python docs/make_rooms.py
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
ROW = re.compile(r"^\| (`[^|]+) \| ([^|]+) \| [\d,]+ \| [\d,]+ \|$", re.MULTILINE)


def sources(room: str) -> list[Path]:
    """The Python files of a folder or module of ``src/dlh``, or of a folder beside ``src``.

    Raises:
        FileNotFoundError: there is neither.
    """
    for place in (ROOT / "src" / "dlh" / room, ROOT / room):
        if place.is_dir():
            return sorted(place.rglob("*.py"))
        if (module := place.with_suffix(".py")).exists():
            return [module]
    raise FileNotFoundError(f"{PAGE} has a row for {room!r}, which is no folder and no module")


def two_digits(count: int) -> int:
    """A count rounded to two significant digits, so that the table stays true for a while."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return round(count / unit) * unit


def counted(row: re.Match[str]) -> str:
    """A row of the table with the sizes of today."""
    files = [file for room in re.findall(r"`([\w/]+)`", row[1]) for file in sources(room)]
    lines = sum(len(file.read_text("utf-8").splitlines()) for file in files)
    return f"| {row[1]} | {row[2]} | {len(files)} | {two_digits(lines):,} |"


if __name__ == "__main__":
    PAGE.write_text(ROW.sub(counted, PAGE.read_text("utf-8")), "utf-8")
