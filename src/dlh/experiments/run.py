"""A run from its first step to its artefact: start one, resume one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dlh.data.clips import ClipSource
from dlh.experiments.build import build_model, open_source
from dlh.experiments.experiment import Experiment
from dlh.experiments.snapshot import read_snapshot, write_snapshot
from dlh.experiments.validation import held_out_validation
from dlh.pretrained import DLH, WEIGHTS_NAME
from dlh.training.loop import OnLog, TrainingResult, train
from dlh.training.run import RunFolder

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished run.

    Attributes:
        experiment: what was run.
        run: its folder, which holds the artefact.
        source: its clips.
        model: as trained.
        progress: steps and seconds, over all parts of the run.
        trained: whether there was anything left to train.
    """

    experiment: Experiment
    run: RunFolder
    source: ClipSource
    model: DLH
    progress: TrainingResult
    trained: bool


def start(
    experiment: Experiment, folder: str | Path, *, say: Say = print, on_log: OnLog | None = None
) -> Outcome:
    """Train a new experiment in a new folder.

    Everything that can be wrong with the experiment is found before the folder is made.
    """
    source = open_source(experiment)
    build_model(experiment)
    run = RunFolder.create(folder)
    with run.lock():
        write_snapshot(run, experiment)
        return _carry_out(experiment, source, run, say, on_log)


def resume(folder: str | Path, *, say: Say = print, on_log: OnLog | None = None) -> Outcome:
    """Go on with a run from its newest checkpoint, or from step 0; a finished run is only loaded."""
    run = RunFolder.open(folder)
    with run.lock():
        experiment = read_snapshot(run)
        return _carry_out(experiment, open_source(experiment), run, say, on_log)


def _carry_out(
    experiment: Experiment, source: ClipSource, run: RunFolder, say: Say, on_log: OnLog | None
) -> Outcome:
    finished = run.status().state == "finished" and (run.path / WEIGHTS_NAME).exists()
    settings = experiment.training
    validate = held_out_validation(
        source, clips=settings.held_out_clips, clip_length=settings.clip_length
    )
    if finished:
        say(f"{run.path} is finished: {settings.steps} steps")
    elif validate is None and settings.held_out_clips:
        say(f"{source.name} has no held-out clips of {settings.clip_length} frames: no validation")
    network = build_model(experiment)
    progress = train(network, source, settings, run, validate=validate, on_log=on_log)
    model = DLH(network, next(network.parameters()).device)
    if not finished:
        model.save_pretrained(run.path)
    return Outcome(
        experiment=experiment,
        run=run,
        source=source,
        model=model,
        progress=progress,
        trained=not finished,
    )
