"""What a command works on: a trained model by its name, and the data that it is shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlh.data.clips import ClipSource, DataError
from dlh.data.held_out import ALL, HeldOut, held_out, of_first_length
from dlh.data.published.catalogue import BOUNCING_BALL, CATALOGUE, MOVING_BALL, TWO_CLOCKS
from dlh.data.store.source import StoreSource
from dlh.data.store.store import is_store
from dlh.data.worlds.by_name import WORLDS
from dlh.errors import UsageError
from dlh.evaluation.floors import mean_training_frame
from dlh.interfaces import ModelConfig
from dlh.models import registry
from dlh.pretrained import TrainedModel, files
from dlh.runs.build import open_source
from dlh.runs.experiment import (
    Crop,
    DataConfig,
    Experiment,
    Fit,
    check_same_videos,
    read_snapshot,
)
from dlh.runs.presets import PRESETS
from dlh.runs.trained import open_trained
from dlh.settings import SettingsError, from_plain
from dlh.training.errors import RunFolderError
from dlh.training.run import RunFolder, run_of

ABOUT = "about.json"
"""Beside a shipped model: what it was trained on, and what it was measured to do."""


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How videos are shown to a model; None: as those that it was trained on.

    Attributes:
        fps: frames a second to which they are re-timed.
        crop: the part of every frame that is used, x, y, width and height in its pixels.
        fit: whether frames of another shape are squashed or padded.
    """

    fps: float | None = None
    crop: Crop | None = None
    fit: Fit | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What is given of it."""
        return {name: value for name, value in vars(self).items() if value is not None}


AS_TRAINED = Framing()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and a source of clips for it.

    Attributes:
        name: for people; of a folder its own name, not the way there, which is nobody's business.
        model: trained.
        experiment: what it was trained as, as far as that is known, with the data asked for.
        source: of the clips.
        folder: where an analysis of it belongs.
        new: whether it is known that the model was trained on other data: all of this is new to it.
        known: whether it is known at all what it was trained on.
        trained_on: SHA-256 of the video files that it was trained on, as far as they are there.
    """

    name: str
    model: TrainedModel
    experiment: Experiment
    source: ClipSource
    folder: Path
    new: bool = False
    known: bool = True
    trained_on: frozenset[str] = frozenset()

    def held_out(self, *, count: int, lengths: Sequence[int], enough: int = 1) -> HeldOut:
        """Clips that the model was not trained on.

        Of its own data they are test clips, else validation clips; of data on which it was not
        trained they are of all splits.

        Args:
            count: at most so many.
            lengths: frames of a clip, the most welcome first; where there is no such clip,
                training's.
            enough: so many clips are not given up for longer ones.

        Raises:
            DataError: there are none.
        """
        shortest = self.experiment.training.clip_length

        def find(length: int) -> HeldOut | None:
            return self._of_length(count, length)

        found = of_first_length(lengths, find, enough=min(enough, count)) or find(shortest)
        if found is not None:
            return found
        if self.new:
            known = " that it was not trained on" if self._files_trained_on() else ""
            raise DataError(
                f"{self.source.name} has no clips of {shortest} frames{known}; give other or "
                "longer videos with --data"
            )
        raise DataError(
            f"{self.source.name} has no held-out clips of {shortest} frames, and a model is not "
            "judged by clips that it was trained on; give more or longer videos with --data"
        )

    def mean_frame(
        self, *, clip_length: int | None = None, batch_size: int | None = None
    ) -> Tensor:
        """The mean training frame, (channel, height, width), in [0, 1].

        Args:
            clip_length: of the training clips, at most; training's own if not given.
            batch_size: likewise.

        Raises:
            DataError: there is no training clip of that length.
        """
        training = self.experiment.training
        return mean_training_frame(
            self.source,
            clip_length=min(training.clip_length, clip_length or training.clip_length),
            batch_size=min(training.batch_size, batch_size or training.batch_size),
        )

    def digest(self) -> str:
        """SHA-256 of configuration and weights, independent of the file format."""
        network = self.model.model
        # Without the kind, which the names of the weights tell: as it was before models had kinds.
        settings = registry.settings_of(network.config)
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for name, value in sorted(network.state_dict().items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def _of_length(self, count: int, length: int) -> HeldOut | None:
        if length < 2:  # in a clip of one frame nothing changes
            return None
        if not self.new:
            found = held_out(self.source, count=count, clip_length=length)
            if found is not None or self.known or _holds_out(self.source):
                return found
        return self._of_all_splits(count, length)

    def _of_all_splits(self, count: int, length: int) -> HeldOut | None:
        source, left_out = self.source, {}
        if not isinstance(source, StoreSource):
            return None
        clips = source.of_all_splits(count=count, clip_length=length, but=self.trained_on)
        if clips is None:
            return None
        if trained := self._files_trained_on():
            left_out["videos that it was trained on"] = (
                f"{trained} of the {len(source.store.videos)} videos of {source.name}"
            )
        if not self.known:
            left_out["certainty that the clips are held out"] = (
                f"{self.name} does not say what it was trained on, and {source.name} has too few "
                "videos to hold some out: all are read"
            )
        return HeldOut(split=ALL, clips=clips, left_out=left_out)

    def _files_trained_on(self) -> int:
        if not isinstance(self.source, StoreSource):
            return 0
        return sum(video.sha256 in self.trained_on for video in self.source.store.videos)


def open_subject(
    name: str,
    data: str | None = None,
    framing: Framing = AS_TRAINED,
    *,
    device: torch.device | None = None,
) -> Subject:
    """Find the model, and open its data or the data that is asked for.

    Args:
        name: a run, a folder with a model, a shipped model or a hub name; an unfinished run stands
            for its best model so far.
        data: the name of a data set, a folder of videos, a video or a clip store; None: what the
            model was trained on.
        framing: of videos that are asked for.
        device: where it computes; the best there is when None.

    Raises:
        UsageError: it is not known what the model was trained on, or there is no such data, or a
            framing is given and the data are no videos.
        RunFolderError: the run's own videos are not any more those that it was trained on.
        PretrainedError: the model cannot be used.
        DataError: the data cannot be used, or does not fit the model.
    """
    model = open_trained(name, device)
    run, known = run_of(name), trained_as(name, model.config)
    if data is None and known is None:
        raise UsageError(
            f"{name} does not say what it was trained on, so its data must be named: --data, a "
            "folder of videos, a clip store, or the name of a data set (`dlh data list`)"
        )
    if framing.asked and (data is None or not _are_videos(data)):
        found = "none are named" if data is None else f"{data} is none"
        raise UsageError(
            f"--{next(iter(framing.asked))} is for videos that are named with --data, and {found}; "
            "leave it out"
        )
    own = known is not None and (data is None or _same_place(data, known.data.source))
    own = own and not framing.asked
    experiment = (
        known if known is not None and own else _on(data or "", framing, known, name, model.config)
    )
    source = open_source(experiment)
    if tuple(source.frame_shape) != model.model.frame_shape:
        raise DataError(
            f"{data or source.name} has frames of (channel, height, width) = "
            f"{tuple(source.frame_shape)}, the model of {name} takes {model.model.frame_shape}; "
            "name data of that size with --data, or take a model of the data's size"
        )
    if run is not None and own:
        check_same_videos(run, source)
    elif run is not None and isinstance(source, StoreSource):
        own = _same_videos(run, source)  # a copy of them, or a store made of them
    new = known is not None and not own and isinstance(source, StoreSource)
    return Subject(
        name=_shown(name, run),
        model=model,
        experiment=experiment,
        source=source,
        folder=_folder(name, None if own else data),
        new=new,
        known=known is not None,
        trained_on=_training_files(known) if known is not None and new else frozenset(),
    )


def trained_as(name: str, config: ModelConfig) -> Experiment | None:
    """What the model of that name was trained as; None where nothing says so.

    Raises:
        RunFolderError: the snapshot of its run cannot be read.
        DataError: what lies beside the model cannot be read.
    """
    run = run_of(name)
    if run is not None:
        return read_snapshot(run)
    folder = Path(name) if Path(name).is_dir() else files.shipped_models().get(name)
    if folder is None or not (about := folder / ABOUT).exists():
        return None
    try:
        saved = json.loads(about.read_text("utf-8"))["data"]
        return Experiment(preset="", model=config, data=from_plain(DataConfig, saved, name="data"))
    except (KeyError, TypeError, SettingsError, ValueError) as error:
        raise DataError(f"{about} does not say what the data is: {error}") from error


def _on(
    data: str, framing: Framing, known: Experiment | None, name: str, config: ModelConfig
) -> Experiment:
    """The experiment on the data that was asked for."""
    try:
        asked = _data_for(data, config)
        if known is None:
            return Experiment(preset="videos", model=config, data=replace(asked, **framing.asked))
        if _are_videos(data):  # at the rate and stride of the training's, and fitted alike
            theirs = {name: getattr(known.data, name) for name in ("fps", "fit", "augment")}
            asked = replace(asked, **theirs | framing.asked)
        return replace(known, model=config, data=asked)
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"--data {data} does not fit the model of {name}: {str(error).partition(';')[0]}; name "
            "data of the model's size"
        ) from None


def _are_videos(data: str) -> bool:
    """Whether the name of data is one of files, not of a world, a data set or a clip store."""
    return data not in WORLDS and data not in CATALOGUE and not is_store(Path(data))


def _data_for(source: str, config: ModelConfig) -> DataConfig:
    """The data of that name; of a world with a ball, that of the preset whose frames are the
    model's.

    Raises:
        UsageError: there is no such preset.
    """
    if source not in (MOVING_BALL, TWO_CLOCKS, BOUNCING_BALL):
        return DataConfig(source=source)
    for make in PRESETS.values():
        preset = make()
        if preset.data.source == source and preset.model.frame_shape == config.frame_shape:
            return preset.data
    channels, height, width = config.frame_shape
    raise UsageError(
        f"no preset has a {source} of {channels} x {height} x {width}, which this model takes; "
        "name a run that was trained on it"
    )


def _same_place(data: str, source: str) -> bool:
    if data == source:
        return True
    return Path(data).exists() and Path(data).resolve() == Path(source).resolve()


def _same_videos(run: RunFolder, source: StoreSource) -> bool:
    try:
        check_same_videos(run, source)
    except RunFolderError:
        return False
    return True


def _holds_out(source: ClipSource) -> bool:
    return not isinstance(source, StoreSource) or any(
        source.videos(split) for split in ("test", "validation")
    )


def _training_files(known: Experiment) -> frozenset[str]:
    """Of the videos that it was trained on, where they still are; empty for generated clips."""
    if known.data.generated or not known.data.source:
        return frozenset()
    try:
        source = open_source(known)
    except (DataError, UsageError):  # they are gone
        return frozenset()
    if not isinstance(source, StoreSource):
        return frozenset()
    return frozenset(video.sha256 for video in source.videos("train"))


def _shown(name: str, run: RunFolder | None) -> str:
    folder = Path(name)
    if not folder.is_dir():
        return name
    folder = folder.resolve()
    if run is not None and run.path.resolve() != folder:
        return f"{folder.parent.name}/{folder.name}"
    return folder.name


def _folder(name: str, data: str | None) -> Path:
    place = Path(name)
    folder = place / "analysis" if place.is_dir() else Path(f"analysis-{name.replace('/', '-')}")
    return folder if data is None else folder.with_name(f"{folder.name}-{_last_part(data)}")


def _last_part(data: str) -> str:
    return Path(data).resolve().name or "data"
