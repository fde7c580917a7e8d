"""What a build is of, and what it has done so far, so that the next one goes on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dlh.data.store.shards import HEADER_BYTES
from dlh.data.store.store import Skipped, StoredVideo, checksum, shard_file


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides the bytes of a store; a build is continued only by one of the same recipe.

    Attributes:
        frame_shape: (channel, height, width).
        settings: recorded in the index (frame rate, seed, ...); of JSON's types.
        inputs: the source files, each with whatever changes when the file does (size, time of
            change).
        has_events: whether every video comes with its true events.
    """

    frame_shape: tuple[int, int, int]
    settings: Mapping[str, object]
    inputs: tuple[tuple[str, ...], ...]
    has_events: bool = False

    def digest(self) -> str:
        """SHA-256 of the recipe."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


Entry = StoredVideo | Skipped


class Journal:
    """A file of one JSON object per line. A line is written after the frames it speaks of."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Entry) -> None:
        """Adds one line."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_to_line(entry))

    def replace(self, entries: list[Entry]) -> None:
        """Makes these the only lines."""
        self.path.write_text("".join(map(_to_line, entries)), encoding="utf-8")

    def entries(self) -> list[Entry]:
        """The lines, up to the first that is cut off or damaged."""
        entries: list[Entry] = []
        if not self.path.exists():
            return entries
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entries.append(_from_line(line))
            except (ValueError, TypeError, KeyError):
                break
        return entries


def intact(entries: list[Entry], folder: Path, item_shape: tuple[int, ...]) -> list[Entry]:
    """The entries up to the first whose frames are not in the shards as written.

    Closed shards are on the disk for certain and their size is enough; the last one is read and
    compared.
    """
    last = max((entry.shard for entry in entries if isinstance(entry, StoredVideo)), default=-1)
    good: list[Entry] = []
    for entry in entries:
        if isinstance(entry, StoredVideo):
            path = folder / shard_file("frames", entry.shard)
            end = HEADER_BYTES + (entry.offset + entry.length) * int(np.prod(item_shape))
            if not path.exists() or path.stat().st_size < end:
                break
            if entry.shard == last:
                shape = (entry.offset + entry.length, *item_shape)
                frames = np.memmap(path, np.uint8, mode="r", offset=HEADER_BYTES, shape=shape)
                if checksum(frames[entry.offset :]) != entry.crc32:
                    break
        good.append(entry)
    return good


def _to_line(entry: Entry) -> str:
    return json.dumps(asdict(entry)) + "\n"


def _from_line(line: str) -> Entry:
    values = json.loads(line)
    if "reason" in values:
        return Skipped(**values)
    return StoredVideo(
        **values | {"source_size": tuple(values["source_size"]), "notes": tuple(values["notes"])}
    )
