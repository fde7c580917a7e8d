"""What the clips cost: out of a store, out of a generator, and a training step that waits for them.

    python benchmarks/data.py --json data.json
    python benchmarks/data.py --part import --rounds 9

The parts:

    store       a batch of clips out of a store (warm cache) against numpy copying the same bytes
                out of one memory map, and against one copy of as many bytes in a row;
    wait        the share of a training step that is spent waiting for its clips, on the CPU;
    import      frames a second of an import, resizing included, against plain decoding of the same
                files with PyAV and as many threads: one file after the other with so many threads
                of FFmpeg's, and so many files side by side with one each;
    memory      the peak of an import's resident memory for a short and for a long video, each in a
                process of its own (Linux);
    generators  clips a second;
    verify      the bytes of a store compared with its checksums, a second.

Sides that are compared take turns, round after round, and a ratio is the median over the rounds of
the ratio within a round: what else the machine does then falls on both alike. For an import there
is a second ratio, of the processor's seconds: on a busy machine the clock favours whoever has more
threads. ``--quick`` does everything in seconds with sizes too small to say anything, for a test.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from dlh.data.clips import ClipSource, DataError
from dlh.data.sampling import draw_windows
from dlh.data.store.folder import import_folder
from dlh.data.store.source import StoreSource
from dlh.data.store.store import Store
from dlh.data.store.verify import verify_store
from dlh.data.worlds.digits import MNIST_5K, load_digits
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig

sys.path.append(str(Path(__file__).parent))
from data_import import measure_import, measure_memory
from turns import ratio, seconds, table, take_turns

sys.path.pop()  # for who imports this: `training`, beside it, would hide a folder of the tests


def make_store(folder: Path, *, videos: int, frames: int, size: int = 64) -> Store:
    """A store of random bytes, all for training."""
    (folder / "arrays").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(videos):
        video = random.integers(0, 256, (frames, size, size, 3), dtype=np.uint8)
        np.save(folder / "arrays" / f"{number:03d}.npy", video)
    import_folder(
        folder / "arrays",
        folder / "store",
        height=size,
        width=size,
        channels=3,
        split=(1.0, 0.0, 0.0),
    )
    return Store.open(folder / "store")


def measure_store(folder: Path, rounds: int, quick: bool) -> list[dict]:
    """Batches of the paper's size."""
    batch, length = (4, 10) if quick else (100, 100)
    store = make_store(folder, videos=2 if quick else 20, frames=20 if quick else 1000)
    source = StoreSource(store)
    mapped = np.load(store.path / "frames-00000.npy", mmap_mode="r")
    lengths = np.array([video.length for video in store.videos])
    windows = draw_windows(lengths, length, count=batch, seed=0, step=0)
    assert windows is not None
    starts = [store.videos[w.video].offset + w.start for w in windows]

    def same_bytes() -> np.ndarray:
        out = np.empty((batch, length, *mapped.shape[1:]), np.uint8)
        for row, start in enumerate(starts):
            out[row] = mapped[start : start + length]
        return out

    def through_source() -> np.ndarray:
        return source.batch(0, batch_size=batch, clip_length=length, seed=0).video

    if not np.array_equal(same_bytes(), through_source()):
        raise AssertionError("the two sides did not copy the same bytes")
    in_a_row = min(batch * length, len(mapped))
    times = take_turns(
        {
            "source": through_source,
            "same": same_bytes,
            "row": lambda: np.array(mapped[:in_a_row]),
        },
        rounds,
    )
    size = batch * length * mapped[0].nbytes
    return [
        {
            "batch": batch,
            "frames": length,
            "size": mapped.shape[1],
            "megabytes_a_second": size / seconds(times["source"]) / 1e6,
            "over_same_bytes": ratio(times["source"], times["same"]),
            "over_a_row": ratio(times["source"], times["row"])
            * (batch * length / in_a_row),  # per byte
        }
    ]


def measure_wait(folder: Path, rounds: int, quick: bool) -> list[dict]:
    """Training steps of the CPU presets, on the CPU: the clips' seconds over all."""
    import torch

    from dlh.runs.build import build_model
    from dlh.runs.presets import preset
    from dlh.training.iteration import Iterations

    def shares(name: str, source: ClipSource) -> dict:
        experiment = preset(name)
        channels, height, width = source.frame_shape
        sizes = replace(experiment.model, channels=channels, height=height, width=width)
        training = experiment.training
        if quick:
            training = replace(training, batch_size=2, clip_length=4)
        training = replace(training, speed="channels-last", device="cpu")
        iterations = Iterations(build_model(replace(experiment, model=sizes)), source, training)
        found, waited = [], []
        for step in range(rounds + 1):
            start = time.perf_counter()
            figures = iterations.run(step)
            if step:
                waited.append(figures["wait_seconds"])
                found.append(figures["wait_seconds"] / (time.perf_counter() - start))
        return {
            "preset": name,
            "data": source.name,
            "batch": training.batch_size,
            "frames": training.clip_length,
            "size": height,
            "threads": torch.get_num_threads(),
            "wait_milliseconds": 1000 * statistics.median(waited),
            "share": statistics.median(found),
        }

    store = make_store(folder, videos=2 if quick else 10, frames=20 if quick else 1000)
    videos = StoreSource(store)
    videos.name = "store"
    pairs: list[tuple[str, ClipSource]] = [
        ("moving-ball", MovingBall(preset("moving-ball").data.ball)),
        ("videos", videos),
    ]
    if (digits := moving_mnist(size=64)) is not None:
        pairs.insert(1, ("videos", digits))
    return [shares(name, source) for name, source in pairs]


def moving_mnist(*, size: int) -> MovingMNIST | None:
    """Digits that move; None, and said, where the package that carries them is not installed."""
    digit = min(28, size * 28 // 64)
    try:
        config = MovingMNISTConfig(size=size, digit_size=digit)
        return MovingMNIST(load_digits(MNIST_5K), config)
    except DataError as error:
        print(f"left out: {error}", file=sys.stderr)
        return None


def measure_generators(folder: Path, rounds: int, quick: bool) -> list[dict]:
    """A small batch and one of the paper's."""
    results = []
    for batch, frames, size in ((2, 4, 32),) if quick else ((16, 50, 32), (100, 100, 64)):
        ball = MovingBallConfig(size=size, radius=6 * size // 64, speed=6.0)
        sources = (MovingBall(ball), moving_mnist(size=size))
        for source in sources:
            if source is None:
                continue

            def draw(source=source, batch=batch, frames=frames) -> object:
                return source.batch(0, batch_size=batch, clip_length=frames, seed=0)

            times = take_turns({"draw": draw}, rounds)
            results.append(
                {
                    "data": source.name,
                    "batch": batch,
                    "frames": frames,
                    "size": size,
                    "clips_a_second": batch / seconds(times["draw"]),
                }
            )
    return results


def measure_verify(folder: Path, rounds: int, quick: bool) -> list[dict]:
    """A store in a warm cache."""
    store = make_store(folder, videos=2 if quick else 40, frames=20 if quick else 1000)
    times = take_turns({"verify": lambda: verify_store(store.path)}, rounds)
    size = verify_store(store.path).bytes
    return [{"megabytes": size / 1e6, "megabytes_a_second": size / seconds(times["verify"]) / 1e6}]


PARTS: dict[str, tuple[Callable[[Path, int, bool], list[dict]], dict[str, str]]] = {
    "store": (
        measure_store,
        {
            "batch": "{batch} clips x {frames} frames, {size} px",
            "MB a second": "{megabytes_a_second:.0f}",
            "over copying the same bytes": "{over_same_bytes:.2f}",
            "over one copy in a row": "{over_a_row:.2f}",
        },
    ),
    "wait": (
        measure_wait,
        {
            "preset": "{preset}",
            "clips from": "{data}",
            "batch": "{batch} x {frames} frames, {size} px",
            "ms": "{wait_milliseconds:.1f}",
            "share of a step": "{share:.2%}",
        },
    ),
    "import": (
        measure_import,
        {
            "files": "{kind}, {width} x {height}",
            "to": "64 px, {channels} ch.",
            "threads": "{threads}",
            "frames a second": "{frames_a_second:.0f}",
            "over plain decoding": "{over_plain:.2f}",
            "processor time": "{over_plain_processor:.2f}",
            "over files side by side": "{over_side:.2f}",
            "processor time ": "{over_side_processor:.2f}",
        },
    ),
    "memory": (
        measure_memory,
        {"frames": "{frames}", "peak MB": "{peak_megabytes:.1f}"},
    ),
    "generators": (
        measure_generators,
        {
            "data": "{data}",
            "batch": "{batch} clips x {frames} frames, {size} px",
            "clips a second": "{clips_a_second:.0f}",
        },
    ),
    "verify": (
        measure_verify,
        {"store, MB": "{megabytes:.0f}", "MB a second": "{megabytes_a_second:.0f}"},
    ),
}
"""What is measured, and the columns it is printed in."""


def main() -> None:
    """Measure, print, and write what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--rounds", type=int, default=7, help="of each measurement; 7 unless given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="what was measured goes here too")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, two rounds; for a test")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"there is at least one round, found {options.rounds}")
    rounds = 2 if options.quick else options.rounds
    report: dict = {"av": av.__version__, "numpy": np.__version__}
    for name in PARTS if options.part == "all" else [options.part]:
        print(f"measuring {name} ...", file=sys.stderr)
        measure, columns = PARTS[name]
        with tempfile.TemporaryDirectory(prefix="dlh-benchmark-") as folder:
            report[name] = measure(Path(folder), rounds, options.quick)
        print(f"\n{name}\n\n{table(report[name], columns)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
