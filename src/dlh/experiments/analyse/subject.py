"""What is analysed: a model, and the clips that it is asked about."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from dlh.data.clips import Clips, ClipSource, DataError, Split
from dlh.data.published.catalogue import MOVING_BALL
from dlh.experiments.build import open_source
from dlh.experiments.errors import UsageError
from dlh.experiments.experiment import DataConfig, Experiment
from dlh.experiments.presets import PRESETS
from dlh.experiments.snapshot import read_snapshot
from dlh.model import DLHConfig
from dlh.pretrained import DLH
from dlh.pretrained.lookup import find
from dlh.settings import SettingsError, from_plain
from dlh.training.device import choose_device
from dlh.training.run import EXPERIMENT, RunFolder

ABOUT = "about.json"
"""Beside a shipped model: what it was trained on, and what it was measured to do."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and a source of clips for it.

    Attributes:
        name: as it was asked for.
        model: trained.
        experiment: what it was trained as, as far as that is known, with the data asked for.
        source: of the clips.
        folder: where an analysis of it belongs.
    """

    name: str
    model: DLH
    experiment: Experiment
    source: ClipSource
    folder: Path


def open_subject(name: str, data: str | None) -> Subject:
    """Find the model and open its data, or the data that is asked for.

    Args:
        name: a finished run, a folder with a model, a shipped model or a hub name.
        data: the name of a data set, a folder of videos, a video or a clip store; None: what the
            model was trained on.

    Raises:
        UsageError: it is not known what the model was trained on, or the data is not for it.
        PretrainedError, RunFolderError, DataError: the model or the data cannot be used.
    """
    model = DLH.from_pretrained(name, choose_device("auto"))
    folder = Path(name)
    known = _known(folder if folder.is_dir() else find(name), model.config)
    if data is None and known is None:
        raise UsageError(
            f"{name} does not say what it was trained on; say on which clips with --data (a folder "
            "of videos, a clip store, or the name of a data set)"
        )
    try:
        if data is None or (known is not None and data == known.data.source):
            assert known is not None
            experiment = known
        elif known is None:
            experiment = Experiment(preset="", model=model.config, data=_data(data, model.config))
        else:
            experiment = replace(known, data=_data(data, model.config))
    except ValueError as error:  # a model of other frames than the data
        raise UsageError(str(error)) from error
    place = folder / "analysis" if folder.is_dir() else Path(f"analysis-{name.replace('/', '-')}")
    source = open_source(experiment)
    if tuple(source.frame_shape) != model.model.frame_shape:
        raise UsageError(
            f"{data} has frames of (channel, height, width) = {tuple(source.frame_shape)}, {name} "
            f"takes {model.model.frame_shape}"
        )
    return Subject(name=name, model=model, experiment=experiment, source=source, folder=place)


def held_out(subject: Subject, *, clips: int, lengths: tuple[int, ...]) -> tuple[Split, Clips]:
    """Test clips, else validation clips, of the first of the lengths that there is.

    Raises:
        DataError: the source has no held-out clips.
    """
    for length in (*lengths, subject.experiment.training.clip_length):
        for split in ("test", "validation"):
            found = subject.source.held_out(split, count=clips, clip_length=length)
            if found is not None and found.video.shape[1] > 1:
                return split, found
    raise DataError(
        f"{subject.source.name} has no held-out clips of "
        f"{subject.experiment.training.clip_length} frames, and nothing is analysed on clips that "
        "a model was trained on; give more or longer videos with --data"
    )


def _known(folder: Path, config: DLHConfig) -> Experiment | None:
    """What the model in a folder was trained as; None where it does not say."""
    if (folder / EXPERIMENT).exists():
        return read_snapshot(RunFolder.open(folder))
    if not (folder / ABOUT).exists():
        return None
    try:
        saved = json.loads((folder / ABOUT).read_text("utf-8"))["data"]
        return Experiment(preset="", model=config, data=from_plain(DataConfig, saved, name="data"))
    except (KeyError, TypeError, SettingsError, ValueError) as error:
        raise DataError(f"{folder / ABOUT} does not say what the data is: {error}") from error


def _data(source: str, config: DLHConfig) -> DataConfig:
    """The data of that name; of the ball, the world of the preset whose frames are the model's."""
    if source != MOVING_BALL:
        return DataConfig(source=source)
    for make in PRESETS.values():
        preset = make()
        if preset.data.is_moving_ball and preset.model.frame_shape == config.frame_shape:
            return preset.data
    channels, height, width = config.frame_shape
    raise UsageError(
        f"no preset has a Moving Ball of {channels} x {height} x {width}, which this model takes; "
        "analyse a run that was trained on it"
    )
