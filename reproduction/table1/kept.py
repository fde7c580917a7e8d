"""Copies of a table what is worth keeping: its page, and all that a reader needs to check it."""

from __future__ import annotations

import json
from pathlib import Path

from dlh.commands.analyse import FIGURES
from dlh.errors import OutputError
from dlh.files.writing import (
    Say,
    as_utf8,
    make_folder,
    os_errors_as,
    strict_json,
    write_bytes,
)
from dlh.training.run import EXPERIMENT
from reproduction.table1.page import CELLS, FAR, FRAMES, HOURS, LEVELS, SHOWN_FIGURES, TABLE

OF_A_COMPARISON = (
    "comparison.*",
    "*.png",
    f"*/{EXPERIMENT}",
    "*/temperature-*/per-future.json",
    "*/temperature-*/ball.json",
    "*/temperature-*/digits.json",
)
KEPT = (
    TABLE,
    f"*/{CELLS}/*.json",
    *(f"*/{terms}/{part}" for terms in (HOURS, FRAMES, FAR) for part in OF_A_COMPARISON),
    *(f"*/{terms}/*/temperature-*/clip-*.npz" for terms in (HOURS, FRAMES)),
    *(f"*/{LEVELS}/*/{FIGURES}/{name}.png" for name in SHOWN_FIGURES),
)
"""Patterns of files in the folder of a table."""


def keep(root: Path, out: Path, *, say: Say = print) -> None:
    """Copy the files of :data:`KEPT`. Settings name the run whose weights they began with by its
    last part alone: where it lay says nothing elsewhere.

    Args:
        root: the folder of a table.
        out: where to; what else is there stays.
        say: takes a line at the end.

    Raises:
        OutputError: a file cannot be read or written.
    """
    files = [path for pattern in KEPT for path in sorted(root.glob(pattern))]
    for path in files:
        with os_errors_as(OutputError, f"cannot read {path}"):
            content = path.read_bytes()
        if path.name == EXPERIMENT:
            content = _without_places(content)
        copy = out / path.relative_to(root)
        make_folder(copy.parent)
        write_bytes(copy, content)
    say(f"kept: {len(files)} files in {out}")


def _without_places(content: bytes) -> bytes:
    settings = json.loads(content)
    if init := settings["experiment"]["init"]:
        settings["experiment"]["init"] = f"runs/{Path(init).name}"
    return as_utf8(strict_json(settings, indent=1) + "\n")
