"""From an experiment in its folder to a trained model, and a trained model by its name."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from dlh.data.clips import ClipSource, DataError
from dlh.data.store.source import StoreSource
from dlh.errors import UsageError
from dlh.files.writing import Say
from dlh.interfaces import TrainableModel
from dlh.models import registry
from dlh.pretrained import DLH, TrainedModel, of_network, open_model
from dlh.pretrained.files import holds_model, write_model
from dlh.pretrained.trained_on import TrainedOn, measured_on
from dlh.runs.build import frames_per_second, open_source
from dlh.runs.experiment import Experiment, read_snapshot
from dlh.runs.starts import Starts, best_start, of_seed, read_starts
from dlh.runs.unfinished import best_so_far
from dlh.runs.validation import DrawClips, held_out_validation, sample_drawing
from dlh.training.checkpoint import BEST, read_checkpoint
from dlh.training.device import choose_device
from dlh.training.errors import CheckpointError
from dlh.training.loop import OnLog, TrainingResult, train
from dlh.training.run import RunFolder
from dlh.training.speed import lay_out

BEST_MODEL = "best"
"""The folder in a run's with the model of the best validation."""
COMPARED_CLIPS = 16
"""With which other videos are compared."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A run whose training is done.

    Attributes:
        experiment: what was run.
        run: its folder, which holds the artefact.
        source: its clips.
        model: as trained.
        progress: steps and seconds, over all parts of the run and all its starts.
        starts: which were compared; None where there was one.
    """

    experiment: Experiment
    run: RunFolder
    source: ClipSource
    model: TrainedModel
    progress: TrainingResult
    starts: Starts | None = None


def is_trained(run: RunFolder, experiment: Experiment) -> bool:
    """Whether all steps are done, or time or patience ended them, and the artefact is written."""
    status, settings = run.status(), experiment.training
    ended_early = bool((settings.patience or settings.minutes) and status.message)
    all_done = status.step >= settings.total_steps or ended_early
    return status.state == "finished" and all_done and holds_model(run.path)


def train_in(
    run: RunFolder,
    experiment: Experiment,
    source: ClipSource,
    network: TrainableModel,
    draw_clips: DrawClips,
    *,
    say: Say,
    on_log: OnLog | None = None,
) -> Trained:
    """Train to the end, from the newest checkpoint where there is one; write the artefact.

    The folder itself gets the weights of the last step, its folder ``best`` those of the best
    validation, also where the training was stopped or failed.
    """
    settings = experiment.training
    validate = held_out_validation(
        source, clips=settings.held_out_clips, clip_length=settings.clip_length
    )
    if validate is None and settings.held_out_clips:
        say(
            f"{source.name} leaves no held-out clips of {settings.clip_length} frames: this run "
            "has no validation" + (", and one start" if settings.starts > 1 else "")
        )
    starts = None
    if settings.starts > 1 and validate is not None:
        starts = best_start(run, experiment, source, validate, draw_clips, say=say, on_log=on_log)
        settings = of_seed(experiment, starts.chosen).training
    draw_samples = sample_drawing(run, source, draw_clips, clip_length=settings.clip_length)
    try:
        progress = train(
            network,
            source,
            settings,
            run,
            validate=validate,
            draw_samples=draw_samples,
            on_log=on_log,
        )
    except Exception as stopped:  # Interrupted is one
        _write_best_of_stopped(run, experiment, source, stopped)
        raise
    _write_best(run, experiment, source)
    assert isinstance(network, torch.nn.Module)
    lay_out(network, "plain")  # as a model that is loaded: what is measured is the same
    model = of_network(network, next(network.parameters()).device)
    model.trained_on = trained_on(network, source, experiment)
    model.save_pretrained(run.path)  # last: where it is, the best one is
    return Trained(
        experiment=experiment,
        run=run,
        source=source,
        model=model,
        progress=_with_starts(progress, starts),
        starts=starts,
    )


def open_trained(name: str, device: torch.device | None = None) -> DLH | TrainedModel:
    """A trained model by its name, as the commands open it: of an unfinished run the best so far.

    Args:
        name: a run, a folder with a model, a shipped model or a hub name.
        device: where it computes; the best there is when None.

    Raises:
        PretrainedError: there is no such model, or it cannot be used.
        RunFolderError, CheckpointError: the run or its checkpoint cannot be read.
    """
    device = device or choose_device("auto")
    network = best_so_far(name) if Path(name).is_dir() else None
    if network is None:
        return open_model(name, device)
    model, experiment = of_network(network, device), read_snapshot(RunFolder(Path(name)))
    try:
        model.trained_on = trained_on(network, open_source(experiment), experiment)
    except (DataError, UsageError):  # its videos are gone
        data = experiment.data
        model.trained_on = TrainedOn(fps=data.fps, crop=data.crop, fit=data.fit)
    return model


def load_trained(run: RunFolder, experiment: Experiment, source: ClipSource) -> Trained:
    """A finished run, from its artefact and its metrics: its checkpoints may be gone."""
    entries = run.metrics.read()

    def total(name: str) -> Any:
        return max((entry[name] for entry in entries if name in entry), default=None)

    starts = read_starts(run)
    progress = TrainingResult(
        step=run.status().step,
        train_seconds=total("seconds") or 0.0,
        validation_seconds=total("validation_seconds") or 0.0,
        validation={},
        cpu_seconds=total("cpu_seconds"),
        frames=total("frames"),
    )
    return Trained(
        experiment=experiment,
        run=run,
        source=source,
        model=open_model(run.path, choose_device(experiment.training.device)),
        progress=_with_starts(progress, starts),
        starts=starts,
    )


def trained_on(network: TrainableModel, source: ClipSource, experiment: Experiment) -> TrainedOn:
    """What is recorded with a model, which is in evaluation mode, of the clips that it knows.

    Those with which other videos are compared are held-out ones, else training clips.
    """
    settings, known = experiment.training, TrainedOn(fps=frames_per_second(source))
    clips = source.held_out("validation", count=COMPARED_CLIPS, clip_length=settings.clip_length)
    if clips is None:
        clips = source.batch(
            0, batch_size=COMPARED_CLIPS, clip_length=settings.clip_length, seed=settings.seed
        )
    if isinstance(source, StoreSource):
        made = source.store.index.settings
        crop: Any = made.get("crop")
        fit: Any = made.get("fit", "squash")
        known = replace(known, crop=None if crop is None else tuple(crop), fit=fit)
    return measured_on(network, clips.video, known)


def _write_best(run: RunFolder, experiment: Experiment, source: ClipSource) -> None:
    """The weights of ``best.pt`` as a model, where there is a best one."""
    path = run.checkpoints / BEST
    if not path.exists():
        return
    try:
        state = read_checkpoint(path)["model"]
    except CheckpointError as error:  # the run itself is unharmed
        warnings.warn(f"{run.path / BEST_MODEL} is not written: {error}", stacklevel=2)
        return
    network = registry.build(experiment.model)
    assert isinstance(network, torch.nn.Module)
    network.load_state_dict(state)
    known = trained_on(network.eval(), source, experiment)
    write_model(run.path / BEST_MODEL, network, trained_on=known)


def _write_best_of_stopped(
    run: RunFolder, experiment: Experiment, source: ClipSource, stopped: Exception
) -> None:
    """:func:`_write_best`, of which a failure is a note to what stopped the run."""
    try:
        _write_best(run, experiment, source)
    except (Exception, KeyboardInterrupt) as error:
        reason = str(error) or type(error).__name__
        stopped.add_note(f"{run.path / BEST_MODEL} is not written: {reason}")


def _with_starts(progress: TrainingResult, starts: Starts | None) -> TrainingResult:
    if starts is None:
        return progress
    whole = {}
    for name in ("train_seconds", "validation_seconds", "cpu_seconds", "frames"):
        parts = [getattr(one, name) for one in (progress, *starts.others)]
        whole[name] = None if None in parts else sum(parts)
    return replace(progress, **whole)
