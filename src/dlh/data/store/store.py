"""The clip store: videos on disk as memory-mapped uint8 arrays, with an index.

A store is a folder::

    index.json          what this file's classes hold
    frames-00000.npy    uint8 (frames, height, width, channel), no video in two shards
    events-00000.npy    bool (frames,), beside it where the data knows when something changes

Reading a clip is one slice of a memory map: nothing is decoded, and processes share the pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlh.data.clips import SPLITS, DataError, Split
from dlh.data.documents import read_document
from dlh.data.reading import reading
from dlh.data.store.shards import HEADER_BYTES

FORMAT = "dlh-clips"
VERSION = 1
INDEX = "index.json"
_AGAIN = "import the videos again"


@dataclass(frozen=True, kw_only=True)
class StoredVideo:
    """One video of a store.

    Attributes:
        source: its file, relative to the folder that was imported, or its name in the data set.
        split: train, validation or test; a video is in exactly one.
        shard, offset, length: where its frames are; offset and length in frames.
        fps: frames a second of what is stored.
        sha256: of the source file.
        crc32: of the stored bytes, as 8 hexadecimal digits.
        source_size: (width, height) of the source as displayed.
        notes: what a person should know: damage, assumptions.
    """

    source: str
    split: Split
    shard: int
    offset: int
    length: int
    fps: float
    sha256: str
    crc32: str
    source_size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, plain: Any) -> StoredVideo:
        """The inverse of ``dataclasses.asdict``, after JSON made lists of its tuples."""
        tuples = {name: tuple(plain[name]) for name in ("source_size", "notes")}
        return cls(**plain | tuples)


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file that could not be used, and why."""

    source: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Index:
    """All that ``index.json`` holds besides the format's name and version.

    Attributes:
        name: of the data set, for people.
        frame_shape: (channel, height, width).
        shard_frames: the number of frames of each shard.
        videos: in the order of their names.
        skipped: files that were found and not used.
        others: how many files of each suffix were not videos at all.
        settings: what the store was made with (frame rate, fractions of the splits, seed, ...).
    """

    name: str
    frame_shape: tuple[int, int, int]
    shard_frames: tuple[int, ...]
    videos: tuple[StoredVideo, ...]
    skipped: tuple[Skipped, ...] = ()
    others: dict[str, int] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of ``index.json``."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Index:
        """The index of the store in a folder; of its shards nothing is read.

        Raises:
            DataError: no store there, one of a newer version, or a damaged index.
        """
        path = folder / INDEX
        with reading(path):
            is_there = path.exists()
        if not is_there:
            raise DataError(f"{folder} is not a clip store: it has no {INDEX}", code="no-store")
        entries = read_document(path, FORMAT, VERSION, code="no-store", hint=_AGAIN)
        try:
            entries["videos"] = tuple(map(StoredVideo.from_plain, entries["videos"]))
            entries["skipped"] = tuple(Skipped(**skipped) for skipped in entries["skipped"])
            entries["frame_shape"] = tuple(entries["frame_shape"])
            entries["shard_frames"] = tuple(entries["shard_frames"])
            entries.pop("has_events", None)  # of the first stores: always false
            index = cls(**entries)
            index.check(path)
        except (TypeError, KeyError) as error:
            raise damaged(path, f"is damaged ({error})") from None
        return index

    def check(self, path: Path) -> None:
        """Raises :class:`DataError` where the entries contradict each other."""
        for video in self.videos:
            inside = (
                0 <= video.shard < len(self.shard_frames) and video.offset >= 0 and video.length > 0
            )
            if not inside or video.offset + video.length > self.shard_frames[video.shard]:
                raise damaged(path, f"is damaged: {video.source} lies outside its shard")
            if video.split not in SPLITS:
                raise damaged(path, f"is damaged: {video.source} is in a split {video.split!r}")


class Store:
    """An open store; reading only, by as many processes as like."""

    def __init__(self, path: Path, index: Index) -> None:
        self.path = path
        self.index = index
        self._shards = [
            map_shard(path / shard_file(number), (frames, *stored_shape(index.frame_shape)))
            for number, frames in enumerate(index.shard_frames)
        ]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Store:
        """Opens a store after checking its index and the size of every shard.

        Raises:
            DataError: no store there, one of a newer version, or one that is cut off.
        """
        path = Path(path)
        return cls(path, Index.read(path))

    def __reduce__(self):
        # A worker process opens the store anew; the default would send it a copy of every frame.
        return Store.open, (self.path,)

    @property
    def videos(self) -> tuple[StoredVideo, ...]:
        return self.index.videos

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        return self.index.frame_shape

    def digest(self) -> str:
        """SHA-256 of what is stored, wherever it lies: the frames' shape, and of each video its
        source, split, rate and stored bytes (by their checksum in the index).
        """
        names = ("source", "split", "length", "fps", "sha256", "crc32")
        videos = [[getattr(video, name) for name in names] for video in self.videos]
        content = json.dumps([list(self.frame_shape), videos])
        return hashlib.sha256(content.encode("ascii")).hexdigest()

    def frames(self, video: StoredVideo, start: int = 0, length: int | None = None) -> np.ndarray:
        """A view of frames, uint8 (time, height, width, channel), read when it is used."""
        length = video.length - start if length is None else length
        if start < 0 or length < 1 or start + length > video.length:
            raise DataError(
                f"{video.source} has {video.length} frames; asked for {length} from frame {start} "
                "on"
            )
        first = video.offset + start
        return self._shards[video.shard][first : first + length]


def is_store(path: Path) -> bool:
    """Whether a folder says that it is a clip store; :meth:`Store.open` checks it."""
    try:
        return f'"{FORMAT}"' in (path / INDEX).read_text(encoding="utf-8")[:1000]
    except (OSError, UnicodeDecodeError):
        return False


def stored_shape(frame_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """(height, width, channel) of frames of (channel, height, width)."""
    channels, height, width = frame_shape
    return height, width, channels


def shard_file(number: int) -> str:
    """The file name of a shard."""
    return f"frames-{number:05d}.npy"


def checksum(frames: np.ndarray) -> str:
    """CRC-32 of stored frames, 8 hexadecimal digits: finds a changed byte, not a forger."""
    crc = 0
    for block in np.array_split(frames, max(1, len(frames) // 1024)):
        crc = zlib.crc32(np.ascontiguousarray(block).data, crc)
    return f"{crc:08x}"


def map_shard(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A shard as a memory map; DataError where it is not the array that the index promises."""
    expected = HEADER_BYTES + int(np.prod(shape))
    with reading(path):
        if not path.exists():
            raise damaged(path, "is missing")
        if (size := path.stat().st_size) < expected:
            raise damaged(path, f"is cut off: {size:,} bytes, the index promises {expected:,}")
        try:
            mapped = np.load(path, mmap_mode="r")
        except ValueError as error:
            raise damaged(path, f"is damaged ({error})") from None
    if mapped.shape != shape or mapped.dtype != np.uint8:
        found = f"{mapped.dtype} {mapped.shape}"
        raise damaged(path, f"holds {found} and the index promises uint8 {shape}")
    return np.asarray(mapped)  # slices of a plain array cost a third of slices of numpy.memmap


def damaged(path: Path, what: str) -> DataError:
    """The error for a file of a store, or a video in it, that is not as it was written."""
    return DataError(f"{path} {what}; {_AGAIN}", code="damaged-store")
