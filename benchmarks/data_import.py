"""The parts of benchmarks/data.py that decode videos."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
from moving_scenes import Kind
from turns import ratio, seconds, take_turns

from dlh.data.claim import claim
from dlh.data.published.first_channel import open_first_channel
from dlh.data.store.discover import find_sources
from dlh.data.store.folder import import_folder
from dlh.data.store.importing import Import
from dlh.data.store.read_ahead import MOST_AT_ONCE
from dlh.data.store.splits import Shares
from dlh.data.store.store import Store
from dlh.data.video.resize import Target

KINDS = (
    Kind(name="h264 mp4", width=640, height=480, files=3, frames=500),
    Kind(name="h264 mp4", width=320, height=240, files=4, frames=1000),
    Kind(
        name="XVID avi (as KTH)",
        width=160,
        height=120,
        files=12,
        frames=480,
        channels=1,
        suffix=".avi",
        codec="mpeg4",
        tag="XVID",
        options={"b": "400k"},
    ),
    Kind(
        name="h264 mp4 (as Moving MNIST)",
        width=64,
        height=64,
        files=8,
        frames=1000,
        channels=1,
        opener=open_first_channel,
    ),
)


def decode(path: Path, threads: int) -> int:
    """Plain decoding with PyAV: the number of frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = "AUTO", threads
        return sum(1 for _ in container.decode(stream))


def decode_side_by_side(paths: list[Path], threads: int) -> int:
    """The same, each file by one of so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda path: decode(path, 1), paths))


def bring_in(kind: Kind, files: Path, out: Path) -> Store:
    """The import, as the commands do it."""
    if kind.opener is None:
        import_folder(files, out, height=64, width=64, channels=kind.channels)
        return Store.open(out)
    plan = Import(
        root=files,
        found=find_sources(files),
        target=Target(height=64, width=64, channels=kind.channels),
        rule=Shares((0.8, 0.1, 0.1), seed=0),
        opener=kind.opener,
    )
    with claim(out, wait=False) as claimed:
        return plan.build(claimed, None)


def measure_import(folder: Path, rounds: int, quick: bool) -> list[dict]:
    """Folders of files of one kind, each into a store of 64 px."""
    results = []
    for number, kind in enumerate(KINDS):
        if quick:
            kind = replace(kind, files=2, frames=8)
        files, stores = folder / str(number), folder / f"stores-{number}"
        paths = kind.write(files)
        threads = min(MOST_AT_ONCE, os.cpu_count() or 1, kind.files)
        made: list[Store] = []
        stores.mkdir()

        def imported(kind=kind, files=files, stores=stores, made=made) -> None:
            made.append(bring_in(kind, files, stores / str(len(made))))

        times = take_turns(
            {
                "import": imported,
                "plain": lambda paths=paths, n=threads: [decode(path, n) for path in paths],
                "side": lambda paths=paths, n=threads: decode_side_by_side(paths, n),
            },
            rounds,
        )
        frames = sum(video.length for video in made[0].videos)
        if frames != decode_side_by_side(paths, threads):
            raise AssertionError("the sides did not decode the same frames")
        results.append(
            {
                "kind": kind.name,
                "width": kind.width,
                "height": kind.height,
                "channels": kind.channels,
                "files": kind.files,
                "frames": frames,
                "threads": threads,
                "frames_a_second": frames / seconds(times["import"]),
                "over_plain": ratio(times["import"], times["plain"]),
                "over_plain_processor": ratio(times["import"], times["plain"], clock=1),
                "over_side": ratio(times["import"], times["side"]),
                "over_side_processor": ratio(times["import"], times["side"], clock=1),
            }
        )
    return results


def import_peak(video: str, out: str) -> float:
    """Megabytes resident at most; to be called in a process of its own."""
    import_folder(video, out, height=32, width=32, channels=3)
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def measure_memory(folder: Path, rounds: int, quick: bool) -> list[dict]:
    """A hundred times as many frames. ``rounds`` is not used: a peak is no rate."""
    results = []
    for frames in (50, 200) if quick else (1_000, 100_000):
        kind = Kind(name="h264 mp4", width=64, height=48, files=1, frames=frames)
        (path,) = kind.write(folder / str(frames))
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            peak = process.submit(import_peak, str(path), str(folder / f"store-{frames}")).result()
        results.append({"frames": frames, "width": 64, "height": 48, "peak_megabytes": peak})
    return results
