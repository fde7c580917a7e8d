"""Clips of a store, named by file, SHA-256 and first frame: any store of those files has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dlh.data.clips import SPLITS, Clips, ClipSource, DataError, Split
from dlh.data.named.generated import mismatch
from dlh.data.sampling import Window, spaced_windows
from dlh.data.store.source import StoreSource
from dlh.data.store.store import Store, StoredVideo, checksum, damaged

Select = Literal["spaced", "first"]
"""How clips are chosen: evenly spaced over all videos and in each, or the first frames of each."""


@dataclass(frozen=True, kw_only=True)
class StoredClip:
    """One clip.

    Attributes:
        source: the file, as the store names it.
        sha256: of that file.
        fps: frames a second as stored, since frame numbers count those.
        first_frame: from 0.
        length: frames.
    """

    source: str
    sha256: str
    fps: float
    first_frame: int
    length: int

    def __post_init__(self) -> None:
        if self.first_frame < 0:
            raise DataError(f"a clip begins at frame 0 or later, found {self}")

    def __str__(self) -> str:
        return f"{self.length} frames of {self.source} from frame {self.first_frame}"


@dataclass(frozen=True, kw_only=True)
class StoredClips:
    """The source of a manifest: clips of a store.

    Attributes:
        store_sha256: of the store that they were chosen from (``Store.digest``): the same digest
            means the same pixels.
        select: how the clips were chosen.
        clips: in the order in which they are evaluated.
    """

    store_sha256: str
    select: Select
    clips: tuple[StoredClip, ...]

    @classmethod
    def choose(
        cls, store: Store, split: Split, *, context: int, horizon: int, count: int, select: Select
    ) -> StoredClips:
        """Up to ``count`` clips of a split, fewer where there are no more.

        Raises:
            DataError: the split has no clip of that length, or there is no such ``select``.
        """
        if select not in ("spaced", "first"):
            raise DataError(f"clips are selected spaced or first, found {select!r}")
        videos, length = [v for v in store.videos if v.split == split], context + horizon
        lengths = np.array([video.length for video in videos], dtype=np.int64)
        if select == "spaced":
            windows = spaced_windows(lengths, length, count=count)
        else:
            fitting = np.flatnonzero(lengths >= length)[:count]
            windows = [Window(int(video), 0, length) for video in fitting]
        if not windows:
            raise DataError(_no_clips(store, split, context, horizon), code="no-clips")
        chosen = [(videos[window.video], window) for window in windows]
        return cls(
            store_sha256=store.digest(),
            select=select,
            clips=tuple(
                StoredClip(
                    source=video.source,
                    sha256=video.sha256,
                    fps=float(video.fps),
                    first_frame=window.start,
                    length=window.length,
                )
                for video, window in chosen
            ),
        )

    def check(self, split: Split, data: Store | ClipSource) -> None:
        """Raises :class:`DataError` if the data lack a clip; :meth:`windows` says when."""
        self.windows(split, _store_of(data))

    def read(self, split: Split, data: Store | ClipSource, numbers: Sequence[int]) -> Clips:
        """The clips of these numbers, and their true events where the store knows them."""
        store = _store_of(data)
        windows = self.windows(split, store)
        return StoreSource(store).read(split, [windows[number] for number in numbers])

    def verified(self, split: Split, data: Store | ClipSource) -> Iterator[np.ndarray]:
        """The clips one after the other; each video is compared with its checksum first."""
        store = _store_of(data)
        windows = self.windows(split, store)
        videos = [video for video in store.videos if video.split == split]
        return self._verified(store, videos, windows)

    @staticmethod
    def _verified(
        store: Store, videos: list[StoredVideo], windows: list[Window]
    ) -> Iterator[np.ndarray]:
        intact = set()
        for window in windows:
            video = videos[window.video]
            if window.video not in intact and checksum(store.frames(video)) != video.crc32:
                raise damaged(store.path, f"has other frames of {video.source} than were stored")
            intact.add(window.video)
            yield np.array(store.frames(video, window.start, window.length))

    def windows(self, split: Split, store: Store) -> list[Window]:
        """Where the clips lie in a store; ``video`` counts within the split.

        Any store of the same files will do, whatever the size of its frames.

        Raises:
            DataError: a file is missing, another one, in another split (a clip may then have been
                trained on), of another frame rate, or too short.
        """
        videos = {video.source: video for video in store.videos}
        places = {
            source: place
            for place, source in enumerate(s for s, v in videos.items() if v.split == split)
        }
        windows = []
        for clip in self.clips:
            where, video = f"{clip.source} in {store.path}", videos.get(clip.source)
            if video is None:
                raise mismatch(f"{store.path} has no {clip.source}, whose clips the manifest names")
            if video.split != split:
                raise mismatch(
                    f"{where} is in the {video.split} split, in the manifest in the {split} split; "
                    "import the videos with the manifest's split"
                )
            if video.sha256 != clip.sha256:
                raise mismatch(
                    f"{where} is another file than the manifest's: SHA-256 "
                    f"{video.sha256[:12]}..., expected {clip.sha256[:12]}..."
                )
            if video.fps != clip.fps:
                raise mismatch(
                    f"{where} has {video.fps:g} frames a second, the manifest counts "
                    f"{clip.fps:g}; import the videos at that rate"
                )
            if clip.first_frame + clip.length > video.length:
                raise mismatch(
                    f"{where} has {video.length} frames, the manifest names {clip.length} from "
                    f"frame {clip.first_frame}"
                )
            windows.append(Window(places[clip.source], clip.first_frame, clip.length))
        return windows


def _store_of(data: Store | ClipSource) -> Store:
    store = data.store if isinstance(data, StoreSource) else data
    if not isinstance(store, Store):
        raise mismatch(
            f"the manifest names clips of a store, found the generator {store.name}; name the "
            "store with --data"
        )
    return store


def _no_clips(store: Store, split: Split, context: int, horizon: int) -> str:
    lengths = [video.length for video in store.videos if video.split == split]
    if not lengths:
        counts = {name: sum(v.split == name for v in store.videos) for name in SPLITS}
        there = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        return f"{store.path} has no {split} videos (videos: {there}); choose another split"
    return (
        f"no {split} video of {store.path} has {context + horizon} frames (context {context} + "
        f"horizon {horizon}); the longest of {len(lengths)} has {max(lengths)}: choose a shorter "
        "horizon, or another split"
    )
