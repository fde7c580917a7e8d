"""Clips out of a store: training batches by number, held-out clips that can be named."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

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


class StoreSource:
    """A store as a source of clips; see :class:`dlh.data.clips.ClipSource`.

    It keeps no position: batch number k is a function of the seed and k, so a resumed run, or one
    of several processes, needs nothing from it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = store.index.name
        self._videos = {split: [v for v in store.videos if v.split == split] for split in SPLITS}
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
        """Training batch number ``step``: every (video, first frame) is equally likely."""
        rows = batch_rows(
            step,
            batch_size=batch_size,
            clip_length=clip_length,
            seed=seed,
            rank=rank,
            world_size=world_size,
        )
        windows = draw_windows(
            self._lengths["train"], clip_length, count=batch_size, seed=seed, step=step
        )
        if windows is None:
            raise self._no_clips(clip_length)
        return self.read("train", windows[rows.start : rows.stop])

    def held_out(self, split: Split, *, count: int, clip_length: int) -> Clips | None:
        """Up to ``count`` clips, evenly spaced and without overlap; None if none fits."""
        check_held_out(split, clip_length=clip_length, count=count)
        windows = spaced_windows(self._lengths[split], clip_length, count=count)
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
        windows = spaced_windows(lengths, clip_length, count=count)
        return self._read(videos, windows) if windows else None

    def read(self, split: Split, windows: Sequence[Window]) -> Clips:
        """The frames of the named windows of a split, in that order."""
        return self._read(self.videos(split), windows)

    def _read(self, videos: Sequence[StoredVideo], windows: Sequence[Window]) -> Clips:
        length = windows[0].length
        video = np.empty((len(windows), length, *stored_shape(self.frame_shape)), np.uint8)
        for row, window in enumerate(windows):
            source = videos[window.video]
            video[row] = self.store.frames(source, window.start, length)
        return Clips(video=video)

    def check_clip_length(self, clip_length: int) -> None:
        """Raises :class:`DataError` if no training video has a clip of this length."""
        check_request(clip_length=clip_length)
        if not (self._lengths["train"] >= clip_length).any():
            raise self._no_clips(clip_length)

    def _no_clips(self, clip_length: int) -> DataError:
        longest = sorted(self.videos("train"), key=lambda video: -video.length)
        if not longest:
            return DataError(f"{self.store.path} has no training videos")
        listed = ", ".join(f"{video.source} {video.length}" for video in longest[:_LISTED])
        more = f" and {len(longest) - _LISTED} shorter ones" if len(longest) > _LISTED else ""
        return DataError(
            f"no training video of {self.name} has {clip_length} frames; those with the most: "
            f"{listed}{more}. Use clips of at most {longest[0].length} frames, longer videos, or a "
            "higher frame rate"
        )
