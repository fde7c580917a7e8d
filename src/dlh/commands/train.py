"""``dlh train``: a run from its first step to its page; start one, or go on with one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from dlh.commands.finished_run import show
from dlh.files.writing import Say
from dlh.interfaces import Plan
from dlh.reports.figures.futures import draw_samples
from dlh.runs.build import (
    build_model,
    check_clips,
    describe_source,
    open_source,
    untrained_network,
)
from dlh.runs.changes import Change, take_over, with_rewarming
from dlh.runs.experiment import Experiment, check_same_videos, read_snapshot, write_snapshot
from dlh.runs.summary import SUMMARY, describe
from dlh.runs.trained import Trained, is_trained, load_trained, train_in
from dlh.runs.workers import leading, settled
from dlh.training import speed
from dlh.training.device import choose_device
from dlh.training.errors import Interrupted, RunFolderError
from dlh.training.loop import OnLog
from dlh.training.run import RunFolder
from dlh.training.stages import stages_in_time


def start(
    experiment: Experiment,
    folder: str | Path,
    *,
    present: bool = True,
    say: Say = print,
    on_log: OnLog | None = None,
) -> None:
    """Train a new experiment in a new folder, measure it, and write its page.

    What can be wrong with the experiment, its data or the folder is found before the folder is
    made.

    Args:
        experiment: what to run.
        folder: must not exist, or be empty.
        present: say what became of the videos, measure the run and write its page, which otherwise
            :func:`resume` does.
        say: takes the lines for a person.
        on_log: called with every line of metrics.jsonl.

    Raises:
        UsageError, DataError, PretrainedError: the experiment cannot be run.
        TrainingError: the folder cannot be used, or the training cannot go on or was stopped.
    """
    folder = Path(folder)
    _refuse_folder(folder)
    network = build_model(experiment)
    experiment = _in_its_stages(experiment, network.plan, say)
    source = open_source(experiment)
    clip_length = experiment.training.clip_length
    if present and (report := describe_source(source, clip_length=clip_length)):
        say(report)
    check_clips(source, network.plan, experiment.training)
    experiment = settled(experiment)
    run = RunFolder.create(folder)
    with run.lock():
        write_snapshot(run, experiment, source)
        with leading(experiment):
            trained = train_in(
                run, experiment, source, network, draw_samples, say=say, on_log=on_log
            )
        if present:
            _present(trained, say)


def resume(
    folder: str | Path,
    *,
    change: Change | None = None,
    present: bool = True,
    say: Say = print,
    on_log: OnLog | None = None,
) -> None:
    """Continue a run from its newest checkpoint, or from step 0. A finished run is only shown.

    Args:
        folder: the run's.
        change: from the run's experiment to the one asked for; only some settings may change
            (:data:`dlh.runs.changes.MAY_CHANGE`), above all the number of steps.
        present: measure it and write its page.
        say: takes the lines for a person.
        on_log: called with every line of metrics.jsonl.

    Raises:
        UsageError: a setting was changed that may not.
        DataError: the data cannot be used any more.
        TrainingError: the folder cannot be used, or the training cannot go on or was stopped.
    """
    run = RunFolder.open(folder)
    experiment = read_snapshot(run)
    if change is not None:
        asked = with_rewarming(run, experiment, change(experiment))
        speed.require(asked.training.speed, choose_device(asked.training.device))
        with run.lock():
            for line in take_over(run, experiment, asked):
                say(line)
        experiment = asked
    if is_trained(run, experiment):
        say(f"{run.path} is finished: {run.status().step} steps")
        if (run.path / SUMMARY).exists():
            for line in describe(run.read_json(SUMMARY), run.path):
                say(line)
            return
        if not present:
            return
    with run.lock():
        source = open_source(experiment)
        check_same_videos(run, source)
        if is_trained(run, experiment):
            trained = load_trained(run, experiment, source)
        else:
            network = untrained_network(run, experiment)
            check_clips(source, network.plan, experiment.training)
            with leading(experiment):
                trained = train_in(
                    run, experiment, source, network, draw_samples, say=say, on_log=on_log
                )
        if present:
            _present(trained, say)


def _present(trained: Trained, say: Say) -> None:
    folder = trained.run.path
    say(f"the trained model is in {folder}; measuring and drawing ...")
    try:
        summary = show(trained)
    except KeyboardInterrupt:  # resuming the run, which is finished, does this part again
        raise Interrupted(folder=folder, step=trained.progress.step) from None
    for line in describe(summary, folder):
        say(line)


def _in_its_stages(experiment: Experiment, plan: Plan, say: Say) -> Experiment:
    """Without updates for later stages, where models of the kind are trained in one.

    Raises:
        TrainingError: it can have later stages, but has not so many.
    """
    training, kind = experiment.training, experiment.model.kind
    if training.later_steps and not hasattr(experiment.model, "dynamics"):
        later = " ".join(map(str, training.later_steps))
        say(f"--training.later-steps {later} is left out: a {kind} model is trained in one stage")
        training = replace(training, later_steps=())
    stages_in_time(plan, training)
    return replace(experiment, training=training)


def _refuse_folder(folder: Path) -> None:
    """Find out before the videos are decoded that the folder is taken, or cannot be made."""
    if folder.exists() or folder.is_symlink():
        RunFolder.create(folder)  # makes nothing, but says why not
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        raise RunFolderError(
            f"cannot create {folder}: {above} is not writable; choose another folder with --run"
        )
