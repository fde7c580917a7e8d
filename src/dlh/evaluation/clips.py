"""The clips of an evaluation, one at a time: of a source of clips, or in a file of predictions.

A source gives those that a manifest names, or its held-out ones. A file holds futures that any
software drew, with what truly followed.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dlh.data.clips import Clips, ClipSource, DataError, Split
from dlh.data.named.manifest import Manifest, name_clips
from dlh.data.store.source import StoreSource
from dlh.data.worlds.by_name import World
from dlh.errors import UsageError
from dlh.evaluation.protocol import ScoredClips
from dlh.files.npz import map_arrays
from dlh.files.writing import Say
from dlh.settings import check_at_least
from dlh.video import VideoError, check_video, from_stored, to_stored

CACHED_BYTES = 2**28
"""Clips are kept in memory up to here: each is read again as another clip of the others."""
CLIP_AXES = "(clip, time, height, width, channel)"
SAMPLE_AXES = "(clip, sample, time, height, width, channel)"
CHANNELS = (1, 3)
"""Of grey and of colour; others are scored too, but not where the height is one of these."""
FAR_OUT = 0.5
"""So far outside [0, 1] a prediction may lie, to be clipped; beyond it is on another scale."""


@dataclass(frozen=True, kw_only=True)
class EvaluatedClip:
    """One clip.

    Attributes:
        context: (context_steps, channel, height, width), float in [0, 1]; None where it is not
            known.
        truth: (horizon, channel, height, width), likewise.
        known: the stored clip, of one row, which knows its true events where the data does; None
            for a clip of which no more than its frames is known.
    """

    context: Tensor | None
    truth: Tensor
    known: Clips | None = None


class EvaluatedClips(Protocol):
    """Clips by number.

    Attributes:
        name: of the data, for people.
        split: where they are from, if that is known.
        count: how many.
        context: frames observed, None where it is not known.
        horizon: frames predicted.
        frame_shape: (channel, height, width).
        manifest_sha256: of the manifest that names them; None where there is none.
    """

    name: str
    split: Split | None
    count: int
    context: int | None
    horizon: int
    frame_shape: tuple[int, int, int]
    manifest_sha256: str | None

    def read(self, clip: int) -> EvaluatedClip: ...


class SourceClips:
    """Held-out clips of a source, or those that a manifest names.

    Args:
        source: of the clips.
        context, horizon: frames to observe and to predict.
        count: at most so many.
        manifest: which clips; it decides all of the above.

    Raises:
        DataError: there is no held-out clip of that length; manifest and data do not fit.
    """

    def __init__(
        self,
        source: ClipSource,
        *,
        context: int,
        horizon: int,
        count: int,
        manifest: Manifest | None = None,
    ) -> None:
        self.name, self.frame_shape = source.name, source.frame_shape
        self.split: Split | None = "test"
        self.context: int | None = context
        self.horizon, self.count = horizon, count
        self.manifest_sha256: str | None = None
        self._source, self._whole = source, None
        if manifest is None:
            manifest = _manifest_of(source, context=context, horizon=horizon, count=count)
        else:
            manifest.check(source)
        self._manifest = manifest
        if manifest is None:
            self._whole = _all_at_once(source, count, context + horizon)
            self.count = len(self._whole.video)
        else:
            self.split, self.count = manifest.split, len(manifest.clips)
            self.context, self.horizon = manifest.context, manifest.horizon
            self.manifest_sha256 = manifest.digest()
        channels, height, width = self.frame_shape
        one = (self.context + self.horizon) * channels * height * width
        self._stored = functools.lru_cache(max(2, CACHED_BYTES // one))(self._read_stored)

    def read(self, clip: int) -> EvaluatedClip:
        clips = self._stored(clip)
        video, context = from_stored(clips.video)[0], self.context
        return EvaluatedClip(context=video[:context], truth=video[context:], known=clips)

    def _read_stored(self, clip: int) -> Clips:
        if self._manifest is not None:
            return self._manifest.read(self._source, [clip])
        assert self._whole is not None
        return self._whole.row(clip)


class PredictionsFile:
    """``truth``, ``samples`` and perhaps ``context`` of an .npz, as clips of an evaluation.

    Floats lie in [0, 1], bytes from 0 to 255.

    Args:
        path: the file.
        horizon: frames to score; those that the file has when None.
        scratch: where compressed arrays are unpacked.

    Raises:
        UsageError: the horizon cannot be.
        DataError: an array is missing, or its shape, type or length cannot be.
    """

    def __init__(self, path: Path, *, horizon: int | None, scratch: Path) -> None:
        self.path, self.name = path, path.name
        self.split: Split | None = None
        self.manifest_sha256: str | None = None
        check_at_least(1, error=UsageError, horizon=horizon)
        arrays = map_arrays(path, ("truth", "samples", "context"), scratch)
        for name, axes in (("samples", SAMPLE_AXES), ("truth", CLIP_AXES)):
            if name not in arrays:
                has = ", ".join(arrays) or "neither"
                raise DataError(
                    f"{path} holds no array {name} {axes} (of truth and samples it has: {has})"
                )
        self._samples, self._truth = arrays["samples"], arrays["truth"]
        self._context = arrays.get("context")
        for name, array in arrays.items():
            self._check_array(name, array)
        self.count, self.samples = len(self._samples), self._samples.shape[1]
        _, height, width, channels = self._truth.shape[1:]
        self.frame_shape = (channels, height, width)
        self.context = None if self._context is None else self._context.shape[1]
        self.horizon = self._checked_horizon(horizon)

    def read(self, clip: int) -> EvaluatedClip:
        context = None if self._context is None else _video(self._context[clip])
        return EvaluatedClip(context=context, truth=_video(self._truth[clip, : self.horizon]))

    def sha256(self) -> str:
        """Of the whole file."""
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def futures(self, clip: int, block: range) -> Tensor:
        """The samples of a block, (samples, horizon, channel, height, width)."""
        return _video(self._samples[clip, block.start : block.stop, : self.horizon])

    def check_values(self, say: Say) -> None:
        """Read everything once, and refuse values that cannot be.

        Raises:
            DataError: a value is not finite, or lies on another scale than [0, 1].
        """
        outside = total = 0
        largest = {"truth": 0.0, "samples": 0.0}
        for clip in range(self.count):
            shown = self.read(clip)
            for name, video in (("context", shown.context), ("truth", shown.truth)):
                if video is None:
                    continue
                try:
                    check_video(video[None])
                except VideoError as error:
                    raise DataError(f"{self.path}: {name} of clip {clip}: {error}") from None
            largest["truth"] = max(largest["truth"], float(shown.truth.max()))
            for sample in range(self.samples):
                frames = self.futures(clip, range(sample, sample + 1))
                self._check_prediction(frames, f"samples of clip {clip}, sample {sample}")
                outside += int(((frames < 0) | (frames > 1)).sum())
                total += frames.numel()
                largest["samples"] = max(largest["samples"], float(frames.max()))
        for name, array in (("truth", self._truth), ("samples", self._samples)):
            if not 0 < largest[name] < 1.5 / 255:
                continue
            if array.dtype == np.uint8:
                raise DataError(
                    f"{self.path}: bytes count from 0 to 255, and those of {name} are at most 1; "
                    "save floats, or multiply by 255"
                )
            twice = (
                f"{self.path}: floats lie in [0, 1], and those of {name} are at most "
                f"{largest[name]:.2g}, which looks as if they were divided by 255 twice"
            )
            if name == "truth":
                raise DataError(f"{twice}; divide once, or save uint8")
            say(f"{twice}; they are scored as they are")  # a bad model may predict just this
        if outside:
            say(f"{outside / total:.2%} of the predicted values lie outside [0, 1] and are clipped")

    def _check_array(self, name: str, array: np.ndarray) -> None:
        axes = SAMPLE_AXES if name == "samples" else CLIP_AXES
        if array.ndim != axes.count(",") + 1 or 0 in array.shape:
            raise DataError(
                f"{self.path}: {name} has axes {axes}, at least one of each; found shape "
                f"{array.shape}"
            )
        if array.dtype != np.uint8 and array.dtype.kind != "f":
            raise DataError(
                f"{self.path}: {name} is of {array.dtype}; expected floats in [0, 1], or uint8 "
                "from 0 to 255"
            )
        height, _, channels = array.shape[-3:]
        if channels not in CHANNELS and height in CHANNELS:
            raise DataError(
                f"{self.path}: {name} has frames (height, width, channel) of {array.shape[-3:]}, "
                "which looks like (channel, height, width): move the channel to the end, "
                "numpy.moveaxis(array, -3, -1)"
            )
        if len(array) != len(self._samples):
            raise DataError(
                f"{self.path}: samples has {len(self._samples)} clips, {name} has {len(array)}"
            )
        if array.shape[-3:] != self._truth.shape[-3:]:
            raise DataError(
                f"{self.path}: truth has frames (height, width, channel) of "
                f"{self._truth.shape[-3:]}, {name} of {array.shape[-3:]}"
            )

    def _checked_horizon(self, horizon: int | None) -> int:
        predicted, known = self._samples.shape[2], self._truth.shape[1]
        if horizon is None and predicted != known:
            raise DataError(
                f"{self.path}: samples have {predicted} frames and truth has {known}; "
                f"--horizon {min(predicted, known)} scores those that both have"
            )
        wanted = predicted if horizon is None else horizon
        for name, frames in (("samples", predicted), ("truth", known)):
            if frames < wanted:
                raise DataError(
                    f"{self.path}: {wanted} frames are to be scored and {name} has {frames}; give "
                    f"--horizon {min(predicted, known)} or less"
                )
        return wanted

    def _check_prediction(self, frames: Tensor, where: str) -> None:
        low, high = (float(bound) for bound in torch.aminmax(frames))
        if not (np.isfinite(low) and np.isfinite(high)):
            bad = int((~torch.isfinite(frames)).sum())
            raise DataError(
                f"{self.path}: {where}: {bad} of {frames.numel()} values are NaN or infinite"
            )
        if low < -FAR_OUT or high > 1 + FAR_OUT:
            scale = "0 to 255: divide by 255" if high > 2 else "-1 to 1: add 1 and halve"
            raise DataError(
                f"{self.path}: {where}: floats lie in [0, 1], found {low:g} to {high:g}, which "
                f"looks like {scale}, or save uint8"
            )


def identify(clips: EvaluatedClips) -> ScoredClips:
    """What a protocol says of the clips; all of them are read once, one at a time.

    Raises:
        DataError: two clips are the same, so that one would count twice.
    """
    frames, truths = hashlib.sha256(), hashlib.sha256()
    seen: dict[bytes, int] = {}
    for number in range(clips.count):
        clip = clips.read(number)
        truth = to_stored(clip.truth).tobytes()
        context = b"" if clip.context is None else to_stored(clip.context).tobytes()
        own = hashlib.sha256(context + truth).digest()
        if own in seen:
            raise DataError(
                f"clips {seen[own]} and {number} of {clips.name} are the same, frame by frame, so "
                "that one would count twice; leave one of them out"
            )
        seen[own] = number
        frames.update(own)
        truths.update(truth)
    return ScoredClips(
        name=clips.name,
        split=clips.split,
        clips=clips.count,
        frame_shape=clips.frame_shape,
        manifest_sha256=clips.manifest_sha256 or frames.hexdigest(),
        truth_sha256=truths.hexdigest(),
    )


def futures_of(clips: EvaluatedClips, numbers: list[int]) -> Tensor:
    """(clips, horizon, channel, height, width): what happened in the named clips."""
    return torch.stack([clips.read(number).truth for number in numbers])


def _manifest_of(source: ClipSource, *, context: int, horizon: int, count: int) -> Manifest | None:
    """Names test clips, or validation clips of a store without test videos; None for a source of
    which no clip can be named.
    """
    if isinstance(source, StoreSource):
        split: Split = "test" if source.videos("test") else "validation"
        if not source.videos(split):
            raise DataError(
                f"{source.name} has no test and no validation videos (train "
                f"{len(source.videos('train'))}), and a model is scored on what it was not trained "
                "on; give more videos, or, of a store that was not trained on, name clips of all: "
                "`dlh data manifest STORE --split train`, and --data STORE --manifest FILE"
            )
        return name_clips(source, context=context, horizon=horizon, count=count, split=split)
    if isinstance(source, World):
        return name_clips(source, context=context, horizon=horizon, count=count)
    return None


def _all_at_once(source: ClipSource, count: int, length: int) -> Clips:
    """The test clips of a source that gives them only together."""
    clips = source.held_out("test", count=count, clip_length=length)
    if clips is None:
        raise DataError(
            f"{source.name} has no test clip of {length} frames; ask for a shorter horizon"
        )
    return clips


def _video(frames: np.ndarray) -> Tensor:
    """(..., height, width, channel), bytes or floats, to floats (..., channel, height, width)."""
    video = torch.from_numpy(np.array(frames, dtype=np.float32))
    if frames.dtype == np.uint8:
        video /= 255
    return video.movedim(-1, -3).contiguous()
