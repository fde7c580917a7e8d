"""``dlh demo``: from nothing to a model that knows when a ball changes its colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Train on a bouncing ball, without labels, until the model knows when its colour changes;
    predict 100 frames.

    A finished demo is shown again, an unfinished one goes on where it stopped.

    example:  dlh demo --fresh
    """

    run: Path = Path("runs/demo")
    """The folder it is made in; open report.html there."""
    fresh: tyro.conf.FlagCreatePairsOff[bool] = False
    """Move an existing folder aside and start again."""
    preset: str = "moving-ball"
    """What to train; any preset on Moving Ball."""
    seed: int = 0
    """Decides weights, clips and noise."""


def main(arguments: Sequence[str]) -> int:
    """``dlh demo``."""
    options = parse(DemoOptions, arguments, prog="dlh demo")
    from dlh.commands.demo import demo

    demo(**vars(options), say=say)
    return 0
