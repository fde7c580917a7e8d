"""A manifest: on exactly which clips of which files a number was computed.

It holds no frames. It names files by their content, so it is small, can be kept beside the numbers,
and picks the same clips out of any store of the same files, of whatever size its frames are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dlh.data.clips import SPLITS, Clips, ClipSource, DataError, Split
from dlh.data.named import manifest_file
from dlh.data.named.generated_manifest import GeneratedManifest
from dlh.data.named.manifest_file import check_numbers
from dlh.data.named.named_clips import NamedClips
from dlh.data.sampling import Window, spaced_windows
from dlh.data.store.source import StoreSource
from dlh.data.store.store import Store, checksum

Select = Literal["spaced", "first"]
"""How clips are chosen: evenly spaced over all videos and in each, or the first frames of each."""


@dataclass(frozen=True, kw_only=True)
class ManifestClip:
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

    def __str__(self) -> str:
        return f"{self.length} frames of {self.source} from frame {self.first_frame}"


@dataclass(frozen=True, kw_only=True)
class Manifest(NamedClips):
    """Clips for an evaluation; :func:`of_store` makes one.

    Attributes:
        store_sha256: of the store that it was made from (``Store.digest``): the same digest means
            the same pixels.
        select: how the clips were chosen.
        clips: each of context + horizon frames, in the order in which they are evaluated.
    """

    store_sha256: str
    select: Select
    clips: tuple[ManifestClip, ...]

    def __post_init__(self) -> None:
        starts = [clip.first_frame for clip in self.clips]
        self.check_clips(
            self.clips, starts=starts, begin="from frame 0 or later", identities=self.clips
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Reads what :meth:`save` wrote; see :func:`load_manifest`, which reads either kind."""
        found = load_manifest(path)
        if not isinstance(found, cls):
            raise DataError(f"{path} names clips of the generator {found.name}, not of a store")
        return found

    def check(self, store: Store) -> None:
        """Raises :class:`DataError` where the store lacks a clip; :meth:`windows` says when."""
        self.windows(store)

    def windows(self, store: Store) -> list[Window]:
        """Where the clips lie in a store; ``video`` counts within the split.

        Any store of the same files will do, whatever the size of its frames; whether its pixels are
        those the manifest was made from is ``store.digest() == manifest.store_sha256``.

        Raises:
            DataError: a file is missing, another one, in another split (a clip may then have been
                trained on), of another frame rate, or too short.
        """
        videos = [video for video in store.videos if video.split == self.split]
        places = {video.source: place for place, video in enumerate(videos)}
        elsewhere = {v.source: v.split for v in store.videos if v.split != self.split}
        windows = []
        for clip in self.clips:
            place = places.get(clip.source)
            if place is None:
                split = elsewhere.get(clip.source)
                raise DataError(
                    f"{store.path} has no {clip.source}, of which the manifest names a clip"
                    if split is None
                    else f"{store.path} has {clip.source} in its {split} split, the manifest in "
                    f"the {self.split} split; import the videos with the manifest's split"
                )
            video = videos[place]
            if video.sha256 != clip.sha256:
                raise DataError(
                    f"{clip.source} in {store.path} is another file than the manifest's: SHA-256 "
                    f"{video.sha256[:12]}..., expected {clip.sha256[:12]}..."
                )
            if video.fps != clip.fps:
                raise DataError(
                    f"{clip.source} in {store.path} has {video.fps:g} frames a second, the "
                    f"manifest counts {clip.fps:g}; import the videos at that rate"
                )
            if clip.first_frame + clip.length > video.length:
                raise DataError(
                    f"{clip.source} in {store.path} has {video.length} frames, the manifest names "
                    f"{clip.length} from frame {clip.first_frame} on"
                )
            windows.append(Window(place, clip.first_frame, clip.length))
        return windows


def of_store(
    store: Store,
    *,
    context: int,
    horizon: int,
    count: int,
    split: Split = "test",
    select: Select = "spaced",
) -> Manifest:
    """Names up to ``count`` clips of a store; fewer where there are no more.

    Args:
        context, horizon: frames to watch and to predict; a clip has both.
        select: "spaced": without overlap, evenly over all videos of the split and within each;
            "first": the first frames of each video that is long enough, in the order of the store.

    Raises:
        DataError: a number cannot be, or the split has no clip of that length.
    """
    check_numbers(context=context, horizon=horizon, clips=count)
    if split not in SPLITS:
        raise DataError(f"a split is one of {', '.join(SPLITS)}, found {split!r}")
    if select not in ("spaced", "first"):
        raise DataError(f"clips are selected spaced or first, found {select!r}")
    videos = [video for video in store.videos if video.split == split]
    lengths = np.array([video.length for video in videos], dtype=np.int64)
    if select == "spaced":
        windows = spaced_windows(lengths, context + horizon, count=count)
    else:
        fitting = np.flatnonzero(lengths >= context + horizon)[:count]
        windows = [Window(int(video), 0, context + horizon) for video in fitting]
    if not windows:
        raise DataError(_no_clips(store, split, context, horizon))
    return Manifest(
        name=store.index.name,
        store_sha256=store.digest(),
        split=split,
        context=context,
        horizon=horizon,
        select=select,
        clips=tuple(
            ManifestClip(
                source=videos[window.video].source,
                sha256=videos[window.video].sha256,
                fps=float(videos[window.video].fps),
                first_frame=window.start,
                length=window.length,
            )
            for window in windows
        ),
    )


def read_clips(manifest: Manifest, store: Store, rows: range | None = None) -> Clips:
    """The frames of a manifest's clips, in its order, and their true events where they are known.

    Args:
        rows: which clips, for reading a long manifest in parts; None for all.

    Raises:
        DataError: the store does not have the clips.
    """
    windows = manifest.windows(store)
    chosen = windows if rows is None else [windows[row] for row in rows]
    if not chosen:
        raise DataError(f"no clip was asked for; the manifest holds {len(windows)}")
    return StoreSource(store).read(manifest.split, chosen)


def load_manifest(path: str | os.PathLike[str]) -> Manifest | GeneratedManifest:
    """Reads a manifest of either kind: of clips in a store, or of generated ones.

    Raises:
        DataError: there is no such file, it is something else, of a newer version, or not what was
            written.
    """
    path = Path(path)
    plain = manifest_file.read(path)
    kind = GeneratedManifest if "generator" in plain else Manifest
    return manifest_file.parse(kind, plain, path)


def open_clips(
    manifest: Manifest | GeneratedManifest, source: Store | ClipSource
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The clips of a manifest one after the other, each compared with what the manifest names.

    Args:
        source: the store, or a source of it; for generated clips the generator, which
            :meth:`GeneratedManifest.generator` makes.

    Returns an iterator of (context, truth): uint8 (context frames, height, width, channel) and
    (horizon frames, height, width, channel), in the order of the manifest. No more than one clip is
    held at a time.

    Raises:
        DataError: at once where the source is not the one that the manifest names, in words that
            say what differs; at the clip where its frames are not those that were written.
    """
    if isinstance(manifest, GeneratedManifest):
        clips = manifest.read(source)
    else:
        store = source.store if isinstance(source, StoreSource) else source
        if not isinstance(store, Store):
            raise DataError(
                f"the manifest names clips of a store of {manifest.name}, found the generator "
                f"{store.name}"
            )
        clips = _compared(manifest, store, manifest.windows(store))
    context = manifest.context
    return ((clip[:context], clip[context:]) for clip in clips)


def _compared(manifest: Manifest, store: Store, windows: list[Window]) -> Iterator[np.ndarray]:
    """Clips out of a store; the checksum of each video is compared before its first clip."""
    videos = [video for video in store.videos if video.split == manifest.split]
    intact = set()
    for window in windows:
        video = videos[window.video]
        if window.video not in intact and checksum(store.frames(video)) != video.crc32:
            raise DataError(
                f"{video.source} in {store.path} is damaged: its frames are not those that were "
                "stored; remove the store and import the videos again"
            )
        intact.add(window.video)
        yield np.array(store.frames(video, window.start, window.length))


def _no_clips(store: Store, split: Split, context: int, horizon: int) -> str:
    lengths = [video.length for video in store.videos if video.split == split]
    if not lengths:
        there = ", ".join(
            f"{name} {count}"
            for name in SPLITS
            if (count := sum(video.split == name for video in store.videos))
        )
        return f"{store.path} has no {split} videos (videos: {there}); choose another split"
    return (
        f"no {split} video of {store.path} has {context + horizon} frames (context {context} + "
        f"horizon {horizon}); the longest of {len(lengths)} has {max(lengths)}: choose a shorter "
        "horizon, or another split"
    )
