"""What a clip store of many clips takes: memory, time to open, time to read a batch.

python benchmarks/many_clips.py --videos 1000 --frames 1019 --json many.json

The frames of the store are holes in files, so it takes no room on the disk.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from dlh.data.store.shards import HEADER_BYTES, npy_header
from dlh.data.store.source import StoreSource
from dlh.data.store.store import INDEX, Index, Store, StoredVideo, shard_file

SIDE = 32
CLIP_LENGTH = 20
BATCH_SIZE = 20
STEPS = 50
SHARDS = 8


def write_store(folder: Path, *, videos: int, frames: int) -> None:
    """A store of so many videos, of so many black frames each."""
    share = -(-videos // SHARDS)
    sizes = [len(range(first, min(first + share, videos))) for first in range(0, videos, share)]
    for number, size in enumerate(sizes):
        shape = (size * frames, SIDE, SIDE, 3)
        with open(folder / shard_file(number), "wb") as file:
            file.write(npy_header(shape))
            file.truncate(HEADER_BYTES + int(np.prod(shape)))
    index = Index(
        name="many",
        frame_shape=(3, SIDE, SIDE),
        shard_frames=tuple(size * frames for size in sizes),
        videos=tuple(
            StoredVideo(
                source=f"{number:07d}.mp4",
                split="train",
                shard=number // share,
                offset=number % share * frames,
                length=frames,
                fps=25.0,
                sha256="0" * 64,
                crc32="0" * 8,
                source_size=(SIDE, SIDE),
            )
            for number in range(videos)
        ),
    )
    (folder / INDEX).write_text(index.to_json(), "utf-8")


def measure(folder: Path) -> dict[str, float]:
    """Open the store as a training does, and read batches."""
    before, clock = _peak(), time.process_time()
    source = StoreSource(Store.open(folder))
    opened, clock = time.process_time() - clock, time.process_time()
    for step in range(STEPS):
        source.batch(step, batch_size=BATCH_SIZE, clip_length=CLIP_LENGTH, seed=0)
    read = (time.process_time() - clock) / STEPS
    lengths = [video.length for video in source.videos("train")]
    return {
        "videos": len(lengths),
        "clips": sum(length - CLIP_LENGTH + 1 for length in lengths),
        "index_mb": (folder / INDEX).stat().st_size / 1e6,
        "open_seconds": opened,
        "batch_milliseconds": 1e3 * read,
        "memory_mb": _peak() - before,
    }


def _peak() -> float:
    """The most memory that this process had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main(arguments: list[str] | None = None) -> None:
    """Write a store in a process that ends, then measure it in this one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=1019)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        writer = multiprocessing.get_context("spawn").Process(
            target=write_store,
            args=(Path(place),),
            kwargs={"videos": options.videos, "frames": options.frames},
        )
        writer.start()
        writer.join()
        found = measure(Path(place))
    for name, value in found.items():
        print(f"{name:<20} {value:,.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
