"""Copies of a table what is worth keeping: its page, and all that a reader needs to check it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from dlh.commands.analyse import FIGURES
from dlh.errors import OutputError
from dlh.evaluation.results import CURVES, PER_FUTURE
from dlh.files.writing import (
    Say,
    as_utf8,
    make_folder,
    os_errors_as,
    strict_json,
    write_bytes,
)
from dlh.training.run import EXPERIMENT
from reproduction.comparison import NUMBERS, PAGE
from reproduction.table1.page import (
    CELLS,
    FAR,
    FRAMES,
    HOURS,
    LEVELS,
    MISSING,
    NOTES,
    SHOWN_FIGURES,
    TABLE,
)

OF_A_COMPARISON = (PAGE, NUMBERS, CURVES, "*.png")
OF_A_ROW = (
    EXPERIMENT,
    f"temperature-*/{PER_FUTURE}",
    "temperature-*/ball.json",
    "temperature-*/digits.json",
)
"""Patterns of files in the folder of a comparison, and in that of a row there."""


def keep(root: Path, out: Path, *, say: Say = print) -> None:
    """Copy the page, and of the rows that are on it all but weights, reports and films. Settings
    name the run whose weights they began with by its last part alone: where it lay says nothing
    elsewhere.

    Args:
        root: the folder of a table.
        out: where to; what else is there stays.
        say: takes a line at the end.

    Raises:
        OutputError: a file cannot be read or written.
    """
    with os_errors_as(OutputError, f"cannot read {root}"):
        files = list(dict.fromkeys(_kept(root)))
        for path in files:
            content = path.read_bytes()
            if path.name == EXPERIMENT:
                content = _without_places(content)
            copy = out / path.relative_to(root)
            make_folder(copy.parent)
            write_bytes(copy, content)
    say(f"kept: {len(files)} files in {out}")


def _kept(root: Path) -> Iterator[Path]:
    yield root / TABLE
    yield from root.glob(NOTES.format("*"))
    yield from root.glob(f"*/{MISSING}")
    for numbers in root.glob(f"*/*/{NUMBERS}"):
        comparison, world = numbers.parent, numbers.parents[1]
        if comparison.name not in (HOURS, FRAMES, FAR):
            continue
        for pattern in OF_A_COMPARISON:
            yield from comparison.glob(pattern)
        for row in json.loads(numbers.read_text("utf-8"))["models"]:
            for pattern in OF_A_ROW:
                yield from (comparison / row).glob(pattern)
            yield from (world / CELLS).glob(f"{row}.json")
            if comparison.name != FAR:
                yield from (comparison / row).glob("temperature-*/clip-*.npz")
            if comparison.name == HOURS:
                for figure in SHOWN_FIGURES:
                    yield from (world / LEVELS / row / FIGURES).glob(f"{figure}.png")


def _without_places(content: bytes) -> bytes:
    settings = json.loads(content)
    if init := settings["experiment"]["init"]:
        settings["experiment"]["init"] = f"runs/{Path(init).name}"
    return as_utf8(strict_json(settings, indent=1) + "\n")
