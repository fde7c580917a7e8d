"""``dlh runs``: the runs in a folder, how they stand, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class RunsOptions:
    """List runs: whether each is running, killed, interrupted, failed or finished, its step, its
    best held-out bound, and when it last wrote.

    example:  dlh runs runs
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")] = Path("runs")
    """Where to look, three folders deep; or one run."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """As a JSON list, for programs."""


def main(arguments: Sequence[str]) -> int:
    """``dlh runs``."""
    options = parse(RunsOptions, arguments, prog="dlh runs")
    from dlh.runs.listing import list_runs

    list_runs(**vars(options), say=say)
    return 0
