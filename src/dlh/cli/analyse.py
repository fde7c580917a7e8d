"""``dlh analyse``: what the levels of a model hold, foresee and predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class AnalyseOptions:
    """What the levels of a model hold, foresee and predict, on held-out clips: the tables and
    figures of the paper's analysis as a page, numbers, PNG and PDF.

    example:  dlh analyse runs/demo --samples 20
    """

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A finished run, a folder with a model, a shipped model or a hub name."""
    data: str | None = None
    """Other clips than those it was trained on: a folder of videos, a video, a clip store, or the
    name of a data set. All of its clips are taken, whatever their split."""
    clips: int = 64
    """Clips to read."""
    futures_clips: int = 16
    """Of these, clips whose futures are drawn."""
    context: int = 30
    """Frames to watch before a prediction; half of a clip at most."""
    horizon: int = 200
    """Frames to predict; fewer where the clips are shorter."""
    samples: int = 100
    """Futures of a clip."""
    seed: int = 0
    """Of all that is drawn."""
    out: Path | None = None
    """The folder for the results; default: analysis in the run's, with other data analysis-DATA."""


def main(arguments: Sequence[str]) -> int:
    """``dlh analyse``."""
    options = parse(AnalyseOptions, arguments, prog="dlh analyse")
    from dlh.analysis.findings import AnalysisConfig
    from dlh.commands.analyse import analyse

    config = AnalysisConfig(
        clips=options.clips,
        futures_clips=options.futures_clips,
        context_steps=options.context,
        horizon=options.horizon,
        samples=options.samples,
        seed=options.seed,
    )
    analyse(model=options.model, data=options.data, out=options.out, config=config, say=say)
    return 0
