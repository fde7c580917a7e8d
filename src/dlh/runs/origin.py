"""What a model was trained on, as far as its run or the folder that it lies in says so."""

from __future__ import annotations

import json
from pathlib import Path

from dlh.data.clips import DataError
from dlh.data.published.catalogue import MOVING_BALL
from dlh.errors import UsageError
from dlh.interfaces import ModelConfig
from dlh.pretrained import lookup
from dlh.runs.experiment import DataConfig, Experiment
from dlh.runs.presets import PRESETS
from dlh.runs.snapshot import read_snapshot
from dlh.settings import SettingsError, from_plain
from dlh.training.run import EXPERIMENT, RunFolder

ABOUT = "about.json"
"""Beside a shipped model: what it was trained on, and what it was measured to do."""


def run_of(name: str) -> RunFolder | None:
    """The run of a model in a folder, its own or the one above: runs/mine/best is of runs/mine."""
    folder = Path(name)
    if not folder.is_dir():
        return None
    return next(
        (RunFolder(place) for place in (folder, folder.parent) if (place / EXPERIMENT).is_file()),
        None,
    )


def trained_as(name: str, config: ModelConfig) -> Experiment | None:
    """What the model of that name was trained as; None where nothing says so.

    Raises:
        RunFolderError: the snapshot of its run cannot be read.
        DataError: what lies beside the model cannot be read.
    """
    run = run_of(name)
    return told_by(name, config) if run is None else read_snapshot(run)


def told_by(name: str, config: ModelConfig) -> Experiment | None:
    """What the model of that name, in a folder or shipped, was trained as; None where it does not
    say.

    Raises:
        DataError: what it says cannot be read.
    """
    about = next((p / ABOUT for p in (Path(name), lookup.SHIPPED / name) if p.is_dir()), None)
    if about is None or not about.exists():
        return None
    try:
        saved = json.loads(about.read_text("utf-8"))["data"]
        return Experiment(preset="", model=config, data=from_plain(DataConfig, saved, name="data"))
    except (KeyError, TypeError, SettingsError, ValueError) as error:
        raise DataError(f"{about} does not say what the data is: {error}") from error


def data_for(source: str, config: ModelConfig) -> DataConfig:
    """The data of that name; of the ball, the world of the preset whose frames are the model's.

    Raises:
        UsageError: there is no such preset.
    """
    if source != MOVING_BALL:
        return DataConfig(source=source)
    for make in PRESETS.values():
        preset = make()
        if preset.data.is_moving_ball and preset.model.frame_shape == config.frame_shape:
            return preset.data
    channels, height, width = config.frame_shape
    raise UsageError(
        f"no preset has a Moving Ball of {channels} x {height} x {width}, which this model takes; "
        "name a run that was trained on it"
    )
