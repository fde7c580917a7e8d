"""From an experiment in its folder to a trained model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dlh.data.clips import ClipSource
from dlh.experiments.experiment import Experiment
from dlh.experiments.outputs import Say
from dlh.experiments.starts import Starts, best_start, of_seed, read_starts
from dlh.experiments.validation import held_out_validation
from dlh.model import DynamicLatentHierarchy
from dlh.pretrained import DLH
from dlh.pretrained.files import holds_model
from dlh.training.device import choose_device
from dlh.training.loop import OnLog, TrainingResult, train
from dlh.training.run import RunFolder


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
    model: DLH
    progress: TrainingResult
    starts: Starts | None = None


def is_trained(run: RunFolder) -> bool:
    """Whether the training is finished and its artefact written."""
    return run.status().state == "finished" and holds_model(run.path)


def train_in(
    run: RunFolder,
    experiment: Experiment,
    source: ClipSource,
    network: DynamicLatentHierarchy,
    *,
    say: Say,
    on_log: OnLog | None = None,
) -> Trained:
    """Train to the end, from the newest checkpoint where there is one; write the artefact."""
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
        starts = best_start(run, experiment, source, validate, say=say, on_log=on_log)
        settings = of_seed(experiment, starts.chosen).training
    progress = train(network, source, settings, run, validate=validate, on_log=on_log)
    model = DLH(network, next(network.parameters()).device)
    model.save_pretrained(run.path)
    return Trained(
        experiment=experiment,
        run=run,
        source=source,
        model=model,
        progress=_with_starts(progress, starts),
        starts=starts,
    )


def load_trained(run: RunFolder, experiment: Experiment, source: ClipSource) -> Trained:
    """A finished run, from its artefact and its metrics: its checkpoints may be gone."""
    entries = run.metrics.read()

    def total(name: str) -> float:
        return max((entry[name] for entry in entries if name in entry), default=0.0)

    starts = read_starts(run)
    progress = TrainingResult(
        step=experiment.training.steps,
        train_seconds=total("seconds"),
        validation_seconds=total("validation_seconds"),
        validation={},
    )
    return Trained(
        experiment=experiment,
        run=run,
        source=source,
        model=DLH.from_pretrained(run.path, choose_device(experiment.training.device)),
        progress=_with_starts(progress, starts),
        starts=starts,
    )


def _with_starts(progress: TrainingResult, starts: Starts | None) -> TrainingResult:
    if starts is None:
        return progress
    training, validation = starts.seconds_of_others()
    return replace(
        progress,
        train_seconds=progress.train_seconds + training,
        validation_seconds=progress.validation_seconds + validation,
    )
