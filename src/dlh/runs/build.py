"""From an experiment to the model and the clips it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from dlh.data.clips import ClipSource, DataError
from dlh.data.published.catalogue import CATALOGUE
from dlh.data.published.places import Place
from dlh.data.store.folder import open_data
from dlh.data.store.report import ImportReport
from dlh.data.store.source import StoreSource
from dlh.data.worlds.by_name import make_world
from dlh.errors import UsageError
from dlh.interfaces import Plan, TrainableModel
from dlh.models import registry
from dlh.pretrained import PretrainedError, open_model
from dlh.runs.data_names import load_named_digits
from dlh.runs.experiment import Experiment
from dlh.runs.import_bar import ImportBar
from dlh.runs.presets import how_to_get_data, how_to_prepare
from dlh.runs.unfinished import best_so_far
from dlh.training.checkpoint import checkpoint_files
from dlh.training.config import TrainingConfig
from dlh.training.run import RunFolder
from dlh.training.stages import stages_in_time

LISTED = 40
"""Files named one by one in a report."""


def build_model(experiment: Experiment) -> TrainableModel:
    """The model before its first step: drawn from the seed, or the weights that ``init`` names.

    Raises:
        PretrainedError: ``init`` cannot be loaded, or is not of this model's kind and sizes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.training.seed)
        model = registry.build(experiment.model)
    if experiment.init is not None:
        given = best_so_far(experiment.init) or open_model(experiment.init).model
        assert isinstance(model, torch.nn.Module) and isinstance(given, torch.nn.Module)
        if model.config.kind != given.config.kind:
            raise PretrainedError(
                f"the weights of {experiment.init} are of a model of the kind {given.config.kind}, "
                f"this one is of the kind {model.config.kind}; name a model of its kind"
            )
        wrong = sorted(name for name, _ in _shapes(model).items() ^ _shapes(given).items())
        if wrong:
            mine, theirs = map(registry.settings_of, (model.config, given.config))
            differences = [
                f"{name} is {theirs[name]} there and {mine[name]} here"
                for name in mine
                if mine[name] != theirs[name]
            ]
            raise PretrainedError(
                f"the weights of {experiment.init} do not fit this model: "
                f"{'; '.join(differences) or wrong[0]}; give the settings with --model.KEY VALUE"
            )
        model.load_state_dict(given.state_dict())
    return model


def untrained_network(run: RunFolder, experiment: Experiment) -> TrainableModel:
    """The network that a resumed training fills from its checkpoint, or begins with."""
    if checkpoint_files(run.checkpoints):
        # What it was initialised from need not exist any more.
        experiment = replace(experiment, init=None)
    return build_model(experiment)


def open_source(experiment: Experiment) -> ClipSource:
    """The clips an experiment trains on; videos are decoded now, unless they were before.

    Raises:
        UsageError: the experiment names no data, or a data set that is not prepared.
        DataError: the data cannot be used.
    """
    data = experiment.data
    if data.generated:
        return make_world(data.source, data, lambda: load_named_digits(data.digits))
    if not data.source:
        raise UsageError(how_to_get_data(experiment.preset))
    with ImportBar() as bar:
        return open_data(
            _path(experiment),
            frame_shape=experiment.model.frame_shape,
            clip_length=1,  # check_clips has its say once the videos are described
            fps=data.fps,
            crop=data.crop,
            fit=data.fit,
            by_name=data.split_by == "name",
            augmentation=data.augment,
            gap=_gap(experiment) if data.split_by == "time" else None,
            progress=bar.show,
        )


def _gap(experiment: Experiment) -> int:
    """Stored frames between blocks of time: those of a clip."""
    return experiment.data.augment.span(experiment.training.clip_length)


def _path(experiment: Experiment) -> Path:
    """Where the videos are, or the store of a data set that has a name."""
    source = experiment.data.source
    if source not in CATALOGUE:
        return Path(source)
    place = Place.of(CATALOGUE[source])
    if place.data_set.kind == "digits":
        raise UsageError(
            f"{source} are digits, not videos; to see them move: "
            f"`--data moving-mnist --data.digits {source}`"
        )
    if not place.is_prepared():
        size = experiment.model.frame_shape[1]
        raise UsageError(how_to_prepare(experiment.preset, place, size=size))
    return place.store


def describe_source(source: ClipSource, *, clip_length: int) -> str | None:
    """What became of a person's videos, and how many clips each gives; None for generated clips."""
    if not isinstance(source, StoreSource):
        return None
    store, span = source.store, source.augmentation.span(clip_length)
    clips = [f"{video.source} {video.length // span}" for video in store.videos]
    more = f", and {len(clips) - LISTED} more files" if len(clips) > LISTED else ""
    return (
        f"{ImportReport.of(store).table(span)}\n"
        f"clips of each file: {', '.join(clips[:LISTED])}{more}\n"
        f"they are in {store.path}\n"
    )


def check_clips(source: ClipSource, plan: Plan, training: TrainingConfig) -> None:
    """Refuse videos that are all shorter than a clip of some stage.

    Raises:
        DataError: no training video has that many frames.
        TrainingError: the recipe speaks of more stages than the model has.
    """
    if not isinstance(source, StoreSource):
        return
    lengths = {training.clip_length: "a clip's length is --training.clip-length"}
    for each in stages_in_time(plan, training):
        if (length := each.stage.clip_length) is not None:
            lengths.setdefault(
                length,
                f"the stage {each.stage.name} draws such clips: shorten them with "
                "--model.dynamics.clip-length, or leave out the later stages with "
                "--training.later-steps 0",
            )
    for length, advice in lengths.items():
        try:
            source.check_clip_length(length)
        except DataError as error:
            raise DataError(f"{error}; {advice}") from None


def frames_per_second(source: ClipSource) -> float | None:
    """The rate of the clips; None where they have none, or not the same."""
    if not isinstance(source, StoreSource):
        return None
    rates = {video.fps for video in source.store.videos}
    return rates.pop() / source.augmentation.stride if len(rates) == 1 else None


def _shapes(model: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}
