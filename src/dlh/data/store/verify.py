"""Comparing a store with what was written: its index, its files, every byte of its videos."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.store.shards import HEADER_BYTES
from dlh.data.store.store import Index, StoredVideo, map_shard, shard_file, stored_shape

_BLOCK_BYTES = 2**22


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A file of the store, or a video in it, that differs from what was written, and how."""

    where: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result of a check.

    Attributes:
        path: of the store.
        videos: of the index.
        files: shards.
        compared: videos whose bytes were read and compared with their checksum; those in a file
            that is damaged as a whole are not.
        frames, bytes: of the videos that were compared.
        damage: empty if everything is as written.
    """

    path: Path
    videos: int
    files: int
    compared: int
    frames: int
    bytes: int
    damage: tuple[Damage, ...]


def verify_store(
    path: str | os.PathLike[str], *, progress: Callable[[int], None] | None = None
) -> Verification:
    """Reads a whole store and compares it with its index; memory does not grow with its size.

    Args:
        path: the folder of the store.
        progress: receives, from time to time, the number of bytes read since the last call.

    Raises:
        DataError: there is no store, or its index cannot be read, so that nothing can be checked.
    """
    path = Path(path)
    index = Index.read(path)
    damage = list(_contradictions(index))
    usable = []
    for number, frames in enumerate(index.shard_frames):
        found = _shard_damage(path, index, number, frames)
        damage += [] if found is None else [Damage(where=shard_file(number), what=found)]
        usable.append(found is None)
    checked = [video for video in index.videos if usable[video.shard]]
    size = int(np.prod(index.frame_shape))
    for video in checked:
        try:
            found = _stored_checksum(path, video, size, progress)
        except OSError as error:
            damage.append(Damage(where=video.source, what=f"cannot be read: {error.strerror}"))
            continue
        if found != video.crc32:
            damage.append(
                Damage(
                    where=video.source,
                    what=f"has changed: CRC-32 {found}, the index has {video.crc32} "
                    f"({shard_file(video.shard)}, frames {video.offset} to "
                    f"{video.offset + video.length - 1})",
                )
            )
    frames = sum(video.length for video in checked)
    return Verification(
        path=path,
        videos=len(index.videos),
        files=len(index.shard_frames),
        compared=len(checked),
        frames=frames,
        bytes=frames * size,
        damage=tuple(damage),
    )


def store_bytes(index: Index) -> int:
    """The number of bytes of all videos, for a progress bar."""
    return sum(video.length for video in index.videos) * int(np.prod(index.frame_shape))


def _contradictions(index: Index) -> Iterator[Damage]:
    """Damage that shows only between entries: a name that occurs twice, frames of two videos."""
    names: set[str] = set()
    for video in index.videos:
        if video.source in names:
            yield Damage(where=video.source, what="is in the index twice")
        names.add(video.source)
    in_order = sorted(index.videos, key=lambda video: (video.shard, video.offset))
    for first, second in pairwise(in_order):
        if first.shard == second.shard and second.offset < first.offset + first.length:
            yield Damage(where=second.source, what=f"shares frames with {first.source}")


def _shard_damage(path: Path, index: Index, number: int, frames: int) -> str | None:
    """What is wrong with a shard as a whole; None where nothing is."""
    file = path / shard_file(number)
    try:
        mapped = map_shard(file, (frames, *stored_shape(index.frame_shape)))
        surplus = file.stat().st_size - HEADER_BYTES - mapped.nbytes
        return f"has {surplus:,} bytes too many at its end" if surplus > 0 else None
    except (DataError, OSError) as error:
        return str(error).removeprefix(str(file)).partition(";")[0].strip()


def _stored_checksum(
    path: Path, video: StoredVideo, frame_bytes: int, progress: Callable[[int], None] | None
) -> str:
    # Read, not mapped: a disk that fails is then an error that can be told, not a signal.
    crc, rest = 0, video.length * frame_bytes
    with open(path / shard_file(video.shard), "rb") as file:
        file.seek(HEADER_BYTES + video.offset * frame_bytes)
        while rest and (block := file.read(min(rest, _BLOCK_BYTES))):
            crc = zlib.crc32(block, crc)
            rest -= len(block)
            if progress is not None:
                progress(len(block))
    return f"{crc:08x}"
