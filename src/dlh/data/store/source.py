"""Clips out of a store: training batches by number, held-out clips that can be named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from dlh.data.augmentation import Augmentation
from dlh.data.clips import SPLITS, Clips, DataError, Split
from dlh.data.sampling import (
    Window,
    batch_rows,
    check_held_out,
    check_request,
    draw_windows,
    spaced_windows,
)
from dlh.data.store.store import Store, StoredVideo, stored_shape

_LISTED = 10
_BLOCKS: tuple[tuple[Split, float], ...] = (
    ("train", 0.45),
    ("validation", 0.1),
    ("train", 0.35),
    ("test", 0.1),
)
"""Of each video that is split by time: shares of its frames, in order."""


class StoreSource:
    """A store as a source of clips; see :class:`dlh.data.clips.ClipSource`.

    It keeps no position: batch number k is a function of the seed and k, so a resumed run, or one
    of several processes, needs nothing from it.

    Args:
        store: the videos.
        augmentation: what the clips are made of.
        gap: where it is given, each video is split by blocks of time, between which so many frames
            are left out, and the splits of whole videos are not asked.
    """

    def __init__(
        self, store: Store, *, augmentation: Augmentation | None = None, gap: int | None = None
    ) -> None:
        self.store = store
        self.name = store.index.name
        self.augmentation = augmentation or Augmentation()
        parts = [part for video in store.videos for part in _in_blocks(video, gap)]
        self._videos = {split: [v for v in parts if v.split == split] for split in SPLITS}
        self._lengths = {
            split: np.array([video.length for video in videos], dtype=np.int64)
            for split, videos in self._videos.items()
        }

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return self.store.frame_shape

    def videos(self, split: Split) -> list[StoredVideo]:
        """The videos of one split, in the order of their names."""
        return self._videos[split]

    def batch(
        self,
        step: int,
        *,
        batch_size: int,
        clip_length: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> Clips:
        """Training batch number ``step``: every (video, first frame) is equally likely, and each
        clip is changed by the augmentation.
        """
        rows = batch_rows(
            step,
            batch_size=batch_size,
            clip_length=clip_length,
            seed=seed,
            rank=rank,
            world_size=world_size,
        )
        span = self.augmentation.span(clip_length)
        windows = draw_windows(self._lengths["train"], span, count=batch_size, seed=seed, step=step)
        if windows is None:
            raise self._no_clips(clip_length)
        clips = self.read("train", windows[rows.start : rows.stop])
        for row, clip in zip(rows, clips.video, strict=True):
            clip[:] = self.augmentation.change(clip, seed=seed, step=step, row=row)
        return clips

    def held_out(self, split: Split, *, count: int, clip_length: int) -> Clips | None:
        """Up to ``count`` clips, evenly spaced and without overlap; None if none fits."""
        check_held_out(split, clip_length=clip_length, count=count)
        span = self.augmentation.span(clip_length)
        windows = spaced_windows(self._lengths[split], span, count=count)
        return self.read(split, windows) if windows else None

    def of_all_splits(
        self, *, count: int, clip_length: int, but: Collection[str] = ()
    ) -> Clips | None:
        """Up to ``count`` clips of all videos, spaced as held-out ones are; None where there is
        none. For a model that was trained on other videos, to which all of these are new.

        Args:
            count: at most so many.
            clip_length: frames of each.
            but: SHA-256 of files that are passed over.
        """
        check_request(clip_length=clip_length, count=count)
        videos = [video for video in self.store.videos if video.sha256 not in but]
        lengths = np.array([video.length for video in videos], dtype=np.int64)
        span = self.augmentation.span(clip_length)
        windows = spaced_windows(lengths, span, count=count)
        return self._read(videos, windows) if windows else None

    def read(self, split: Split, windows: Sequence[Window]) -> Clips:
        """The frames of the named windows of a split, in that order; of each every stride-th."""
        return self._read(self.videos(split), windows)

    def _read(self, videos: Sequence[StoredVideo], windows: Sequence[Window]) -> Clips:
        length, stride = windows[0].length, self.augmentation.stride
        steps = -(-length // stride)
        video = np.empty((len(windows), steps, *stored_shape(self.frame_shape)), np.uint8)
        for row, window in enumerate(windows):
            source = videos[window.video]
            video[row] = self.store.frames(source, window.start, length)[::stride]
        return Clips(video=video)

    def check_clip_length(self, clip_length: int) -> None:
        """Raises :class:`DataError` if no training video has a clip of this length."""
        check_request(clip_length=clip_length)
        if not (self._lengths["train"] >= self.augmentation.span(clip_length)).any():
            raise self._no_clips(clip_length)

    def _no_clips(self, clip_length: int) -> DataError:
        longest = sorted(self.videos("train"), key=lambda video: -video.length)
        if not longest:
            return DataError(f"{self.store.path} has no training videos")
        listed = ", ".join(f"{video.source} {video.length}" for video in longest[:_LISTED])
        more = f" and {len(longest) - _LISTED} shorter ones" if len(longest) > _LISTED else ""
        return DataError(
            f"no training video of {self.name} has {self.augmentation.span(clip_length)} frames; "
            f"those with the most: {listed}{more}. Use clips of at most "
            f"{-(-longest[0].length // self.augmentation.stride)} frames, longer videos, or a "
            "higher frame rate"
        )


def _in_blocks(video: StoredVideo, gap: int | None) -> list[StoredVideo]:
    """A video in blocks of time, each as a video of its own; the video itself without a gap."""
    if gap is None:
        return [video]
    shares = np.cumsum([0.0, *(share for _, share in _BLOCKS)])
    places = (shares * video.length).round().astype(int).tolist()
    blocks = []
    for number, (split, _) in enumerate(_BLOCKS):
        start, stop = places[number], places[number + 1]
        # A gap is taken from training: held-out frames are few.
        start += gap if split == "train" and number else 0
        stop -= gap if split == "train" else 0
        if stop - start > 1:
            blocks.append(
                replace(video, split=split, offset=video.offset + start, length=stop - start)
            )
    return blocks
