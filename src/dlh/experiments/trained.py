"""From an experiment in its folder to a trained model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dlh.data.clips import ClipSource
from dlh.experiments.build import build_model
from dlh.experiments.experiment import Experiment
from dlh.experiments.outputs import Say
from dlh.experiments.validation import held_out_validation
from dlh.model import DynamicLatentHierarchy
from dlh.pretrained import DLH
from dlh.pretrained.files import holds_model
from dlh.training.checkpoint import checkpoint_files
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
        progress: steps and seconds, over all parts of the run.
    """

    experiment: Experiment
    run: RunFolder
    source: ClipSource
    model: DLH
    progress: TrainingResult


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
            "has no validation"
        )
    progress = train(network, source, settings, run, validate=validate, on_log=on_log)
    model = DLH(network, next(network.parameters()).device)
    model.save_pretrained(run.path)
    return Trained(experiment=experiment, run=run, source=source, model=model, progress=progress)


def untrained_network(run: RunFolder, experiment: Experiment) -> DynamicLatentHierarchy:
    """The network that a resumed training fills from its checkpoint, or begins with."""
    if checkpoint_files(run.checkpoints):
        # What it was initialised from need not exist any more.
        experiment = replace(experiment, init=None)
    return build_model(experiment)


def load_trained(run: RunFolder, experiment: Experiment, source: ClipSource) -> Trained:
    """A finished run, from its artefact and its metrics: its checkpoints may be gone."""
    entries = run.metrics.read()

    def total(name: str) -> float:
        return max((entry[name] for entry in entries if name in entry), default=0.0)

    return Trained(
        experiment=experiment,
        run=run,
        source=source,
        model=DLH.from_pretrained(run.path, choose_device(experiment.training.device)),
        progress=TrainingResult(
            step=experiment.training.steps,
            train_seconds=total("seconds"),
            validation_seconds=total("validation_seconds"),
            validation={},
        ),
    )
