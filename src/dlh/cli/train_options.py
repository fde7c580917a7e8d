"""The options of ``dlh train PRESET``; a module of its own because the settings import torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from dlh.cli.parse import parse
from dlh.data.published.catalogue import CATALOGUE
from dlh.data.video.resize import Fit
from dlh.data.worlds.digits import MNIST_5K
from dlh.errors import UsageError
from dlh.runs.data_names import name_or_path
from dlh.runs.experiment import DataConfig, Experiment
from dlh.settings import values_of
from dlh.training.config import Speed, TrainingConfig


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Train a preset. Every setting is an option; its default is the preset's value.

    example:  dlh train videos --data my_videos/ --run runs/mine
    """

    data_path: Annotated[str | None, tyro.conf.arg(name="data")] = None
    """Data to train on, in place of the preset's: a folder of videos, a video, a clip store, or the
    name of a data set (dlh data list)."""
    run: Path | None = None
    """The run's folder; default: runs/PRESET, or the next free name."""
    steps: int | None = None
    """Short for --training.steps."""
    seed: int | None = None
    """Short for --training.seed."""
    checkpoint_every: int | None = None
    """Short for --training.checkpoint-every."""
    speed: Speed | None = None
    """Short for --training.speed."""
    fps: float | None = None
    """Short for --data.fps: re-time videos to this many frames a second."""
    crop: tuple[int, int, int, int] | None = None
    """Short for --data.crop: the part of each frame to use, X Y WIDTH HEIGHT in its pixels."""
    fit: Fit | None = None
    """Short for --data.fit: squash frames to the model's shape, or pad them with black."""
    num_processes: int | None = None
    """Processes that train together on this machine, each with a GPU of its own if there are
    GPUs."""
    init: str | None = None
    """A run, a folder with a model, a shipped model or a hub name, whose weights to start from."""
    model: Any
    data: DataConfig
    training: TrainingConfig

    @classmethod
    def of(cls, preset: Experiment) -> TrainOptions:
        """What a preset says; the defaults."""
        return cls(model=preset.model, data=preset.data, training=preset.training)

    def experiment(self, preset: str) -> Experiment:
        """The experiment that was asked for; UsageError where its settings contradict each other.

        A path of this folder becomes absolute: a run may be resumed from anywhere.
        """
        short = values_of(self, "steps", "seed", "checkpoint_every", "speed")
        given = {name: value for name, value in short.items() if value is not None}
        framing = {n: v for n, v in values_of(self, "fps", "crop", "fit").items() if v is not None}
        init = self.init
        if init is not None and os.path.isdir(init):
            init = os.path.abspath(init)
        try:
            return Experiment(
                preset=preset,
                model=self.model,
                data=replace(self.data, source=self._source(), digits=self._digits(), **framing),
                training=replace(self.training, **given),
                init=init,
            )
        except ValueError as error:
            raise UsageError(str(error)) from error

    def _source(self) -> str:
        if self.data_path is not None:
            return name_or_path(self.data_path)
        source = self.data.source
        return source if source in ("", *CATALOGUE) else os.path.abspath(source)

    def _digits(self) -> str:
        digits = self.data.digits
        return digits if digits == MNIST_5K else name_or_path(digits)


def asked_on_resuming(words: Sequence[str], saved: Experiment) -> Experiment:
    """The experiment of a run with what the options after ``--resume RUN`` say instead.

    Raises:
        UsageError: they are not understood, name a folder, or contradict each other.
    """
    defaults = replace(TrainOptions.of(saved), init=saved.init)
    options = parse(TrainOptions, words, prog="dlh train --resume RUN", default=defaults)
    if options.run is not None:
        raise UsageError(f"--resume names the run's folder already, found --run {options.run}")
    return options.experiment(saved.preset)
