"""``dlh compare``: several scores side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Scores side by side, with the floors of their clips. Scores of different protocols are
    refused, and the difference is named.

    example:  dlh compare runs/a/evaluation runs/b/evaluation other-scores
    """

    scores: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SCORES")]
    """scores.json files of dlh evaluate, or folders with one."""
    out: Path | None = None
    """A folder for the table, compare.md."""


def main(arguments: Sequence[str]) -> int:
    """``dlh compare``."""
    options = parse(CompareOptions, arguments, prog="dlh compare")
    from dlh.commands.compare import compare

    compare(options.scores, out=options.out, say=say)
    return 0
