"""``python -m reproduction sweep``: which standard deviation of the likelihood suits some clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.parse import parse
from dlh.cli.running import say


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Train a preset for some steps with each of several standard deviations of the likelihood, and
    compare them in one table. An interrupted sweep goes on with the same command.

    A run of fewer steps than the preset's, or more, has the preset's warm-up, cooldown and steps of
    each start in proportion.

    example:  python -m reproduction sweep moving-ball --std 0.1 0.4 1.0 --steps 300
    """

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """What to train, as in dlh train."""
    std: tuple[float, ...] = (0.1, 0.2, 0.4, 1.0)
    """The standard deviations of a pixel."""
    steps: int | None = None
    """Updates of each run; default: a quarter of the preset's. Warm-up, cooldown and the steps of
    each start follow in proportion."""
    data: str | None = None
    """A folder of videos, a video, a clip store, or the name of a data set; default: the
    preset's."""
    seed: int = 0
    """Decides weights, clips and noise."""
    threads: int = 0
    """Threads on the CPU; 0: as torch has it."""
    run: Path = Path("runs/sweep")
    """The folder of the runs and of sweep.json."""


def sweep(words: list[str], prog: str) -> None:
    """Run ``python -m reproduction sweep``."""
    options = parse(SweepOptions, words, prog=prog)
    from dlh.errors import UsageError
    from dlh.runs.presets import preset
    from reproduction.stopping import goes_on_when_repeated
    from reproduction.sweep import describe_length, of_length, run_sweep

    experiment = preset(options.preset)
    training = experiment.training
    steps = max(1, training.steps // 4) if options.steps is None else options.steps
    try:
        experiment = of_length(experiment, steps)
        experiment = replace(
            experiment,
            data=experiment.data
            if options.data is None
            else replace(experiment.data, source=options.data),
            training=replace(experiment.training, seed=options.seed, threads=options.threads),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    if said := describe_length(training, experiment.training):
        say(said)
    with goes_on_when_repeated():
        run_sweep(experiment, options.std, options.run, say=say)
