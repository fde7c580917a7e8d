"""The clips of an evaluation, one at a time: named by a manifest, generated, or out of a store."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dlh.data.clips import Clips, ClipSource, DataError, Split
from dlh.data.named.generated import World
from dlh.data.named.manifest import Manifest, name_clips
from dlh.data.store.source import StoreSource
from dlh.evaluation.protocol import ScoredClips
from dlh.video import from_stored, to_stored

CACHED_BYTES = 2**28
"""Clips are kept in memory up to here: each is read again as another clip of the others."""


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
