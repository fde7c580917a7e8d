"""The demo: train on Moving Ball, measure, and write a page of what the model found."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from dlh.commands.options import DemoOptions
from dlh.commands.train import resume, start
from dlh.errors import UsageError
from dlh.files.writing import Say
from dlh.runs import presets
from dlh.runs.experiment import read_snapshot
from dlh.training.run import EXPERIMENT, RunFolder

WELCOME = (
    "A ball bounces and changes its colour when it does. The model sees only frames. Precision and "
    "recall of the changes on held-out clips show when it has found them."
)


def demo(options: DemoOptions, *, say: Say = print) -> None:
    """Train on Moving Ball, measure, draw, and write the page.

    A finished demo is only shown again, an unfinished one goes on. ``say`` takes the lines for a
    person.

    Raises:
        UsageError: there is no such preset, it does not train on Moving Ball, or the folder holds
            a demo of another preset or seed.
        TrainingError: the folder is not a run, or the training cannot go on or was stopped.
    """
    run, preset, seed = options.run, options.preset, options.seed
    experiment = presets.preset(preset)
    if not experiment.data.is_moving_ball:
        raise UsageError(
            f"the demo needs a preset on Moving Ball, found {preset}; to train that, use "
            f"`dlh train {preset} --data FOLDER`"
        )
    experiment = replace(experiment, training=replace(experiment.training, seed=seed))
    if options.fresh and (aside := RunFolder.set_aside(run)) is not None:
        say(f"the demo that was in {run} is now in {aside}")
    if (run / EXPERIMENT).exists():
        _go_on(run, preset, seed, say)
    else:
        say(WELCOME)
        start(experiment, run, say=say)


def _go_on(run: Path, preset: str, seed: int, say: Say) -> None:
    there = read_snapshot(RunFolder.open(run))
    name = f"preset {there.preset}, seed {there.training.seed}"
    # Defaults do not count: whoever types `dlh demo` means the demo that is there.
    others = preset not in ("moving-ball", there.preset) or seed not in (0, there.training.seed)
    if others:
        raise UsageError(
            f"{run} holds another demo ({name}); give --fresh to move it aside, or --run to name "
            "another folder"
        )
    say(f"{run} holds a demo ({name}); `{_again(run)}` starts a new one")
    resume(run, say=say)


def _again(run: Path) -> str:
    place = "" if run == Path("runs/demo") else f"--run {shlex.quote(str(run))} "
    return f"dlh demo {place}--fresh"
