"""A manifest: on exactly which clips of which files a number was computed.

It holds no frames. It names files by their content, so it is small, can be kept beside the numbers,
and picks the same clips out of any store of the same files, of whatever size its frames are.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dlh.data.clips import SPLITS, Clips, DataError, Split
from dlh.data.sampling import Window, spaced_windows
from dlh.data.shards import sync_folder, write_durably
from dlh.data.source import StoreSource
from dlh.data.store import Store
from dlh.settings import SettingsError, from_plain, to_plain

FORMAT = "dlh-manifest"
VERSION = 1

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


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Clips for an evaluation; :func:`of_store` makes one.

    Attributes:
        name: of the data set, for people.
        store_sha256: of the store that it was made from (``Store.digest``): the same digest means
            the same pixels.
        split: the split that all clips are of.
        context: frames of a clip that a model is shown.
        horizon: frames after them, which it predicts.
        select: how the clips were chosen.
        clips: each of context + horizon frames, in the order in which they are evaluated.
    """

    name: str
    store_sha256: str
    split: Split
    context: int
    horizon: int
    select: Select
    clips: tuple[ManifestClip, ...]

    def __post_init__(self) -> None:
        for name, value in (("context", self.context), ("horizon", self.horizon)):
            if value < 1:
                raise DataError(f"{name} is at least 1, found {value}")
        if not self.clips:
            raise DataError("a manifest holds at least one clip")
        for clip in self.clips:
            if clip.length != self.clip_length or clip.first_frame < 0:
                raise DataError(
                    f"a clip is {self.clip_length} frames (context {self.context} + horizon "
                    f"{self.horizon}) from frame 0 or later, found {clip.length} frames of "
                    f"{clip.source} from frame {clip.first_frame}"
                )
        if len(set(self.clips)) < len(self.clips):
            raise DataError("a manifest holds no clip twice")

    @property
    def clip_length(self) -> int:
        """context + horizon, frames."""
        return self.context + self.horizon

    def canonical_json(self) -> str:
        """The one text of these values: sorted names, no spaces, ASCII."""
        return _canonical(to_plain(self))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: two equal digests are the same clips."""
        return hashlib.sha256(self.canonical_json().encode("ascii")).hexdigest()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes JSON with the digest in it, as a whole or not at all; an old file is replaced.

        Raises:
            DataError: it cannot be written.
        """
        path = Path(path)
        about = {"format": FORMAT, "version": VERSION, "sha256": self.digest()}
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
        try:
            try:
                write_durably(unfinished, json.dumps(about | to_plain(self), indent=1) + "\n")
                os.replace(unfinished, path)
                sync_folder(path.parent)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Reads what :meth:`save` wrote.

        Raises:
            DataError: there is no such file, it is something else, of a newer version, or not what
                was written.
        """
        path = Path(path)
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            written = {key: plain.pop(key) for key in ("format", "version", "sha256")}
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise DataError(f"{path} is not a manifest of clips; {_MAKE}") from None
        if written["format"] != FORMAT or type(written["version"]) is not int:
            raise DataError(
                f"{path} is not a manifest of clips: it says {written['format']!r}; {_MAKE}"
            )
        if written["version"] > VERSION:
            raise DataError(
                f"{path} is of version {written['version']} and this dlh reads up to version "
                f"{VERSION}; update dlh"
            )
        found = hashlib.sha256(_canonical(plain).encode("ascii")).hexdigest()
        if found != written["sha256"]:
            raise DataError(
                f"{path} was changed after it was made: its SHA-256 is {found[:12]}... and it says "
                f"{str(written['sha256'])[:12]}...; {_MAKE}"
            )
        try:
            return from_plain(cls, plain)
        except SettingsError as error:
            raise DataError(f"{path} is not a manifest of clips: {error}; {_MAKE}") from None

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
    for name, value in (("context", context), ("horizon", horizon), ("clips", count)):
        if value < 1:
            raise DataError(f"{name} is at least 1, found {value}")
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


_MAKE = "make one with `dlh data manifest STORE`"


def _canonical(plain: object) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


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
