"""What a training costs beside its steps.

    python benchmarks/training.py --part processes,checkpoints,start --json training.json
    python benchmarks/training.py --part speed --threads 1
    python benchmarks/training.py --part speed --preset moving-ball-paper --clips 8 --frames 25

``speed``        seconds of a training step, computed as each ``--speed`` does it, over the plain
                 one; in turn, round after round, the median of the ratios. Of the loop over time
                 alone likewise, compiled over plain; and the seconds of the first compiled step
                 above those of the later ones: what compiling takes, less what was kept on disk.
``memory``       peak of a step's memory on 8 clips of 1,000 frames over that on 8 of 100, each in a
                 process of its own (Linux).
``processes``    seconds of the same training (the same global batch) in two processes over one.
``checkpoints``  seconds of a checkpoint over those of the steps between two, at the default
                 interval of the preset.
``start``        seconds from the command to the first step of the preset.

On a machine that does something else too, seconds say little; the ratios are taken within a run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dlh.models.dlh import Carried, Noise
from dlh.models.dlh.decide import Evidence, decide_all
from dlh.runs.experiment import Experiment
from dlh.runs.presets import preset
from dlh.training.checkpoint import Checkpoints
from dlh.training.run import RunFolder
from dlh.training.speed import multiplies_bf16
from dlh.video import from_stored

sys.path.append(str(Path(__file__).parent))

from stepper import Stepper

sys.path.pop()

CPU = torch.device("cpu")
CHECKPOINTS_OF = "moving-ball"
CLIPS = 8
"""Of --part memory; the fewer there are, the more weighs what does not depend on their length."""


def with_settings(name: str, **settings: Any) -> Experiment:
    """A preset with other training settings."""
    experiment = preset(name)
    return replace(experiment, training=replace(experiment.training, **settings))


def measure_speed(
    name: str, rounds: int, threads: int, size: dict[str, int] | None = None
) -> dict[str, Any]:
    """The step in each way of computing it, over the plain one; and what compiling is worth.

    ``size`` has another ``batch_size`` or ``clip_length`` than the preset.
    """
    torch.set_num_threads(threads)
    ways = ("plain", "channels-last", "bf16", "compiled")
    steppers = {way: Stepper(with_settings(name, speed=way, **(size or {}))) for way in ways}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for way, step in steppers.items():
            seconds = step()
            if turn:
                times[way].append(seconds)
            else:
                first = seconds  # in the end that of the last way, which compiles
    over = {
        way: statistics.median(a / b for a, b in zip(times[way], times["plain"], strict=True))
        for way in ways
    }
    return {
        "preset": name,
        **{key: getattr(steppers["plain"].config, key) for key in ("batch_size", "clip_length")},
        "threads": threads,
        "hardware_bf16": multiplies_bf16(CPU),
        "seconds": {way: statistics.median(found) for way, found in times.items()},
        "over_plain": over,
        "compile_seconds": first - statistics.median(times["compiled"]),
        "compiled_over_channels_last": statistics.median(
            a / b for a, b in zip(times["compiled"], times["channels-last"], strict=True)
        ),
        "loop": measure_loop(steppers["compiled"], rounds),
    }


@torch.no_grad()
def measure_loop(stepper: Stepper, rounds: int) -> dict[str, float]:
    """The loop over time alone, on the clips of a step: compiled over plain."""
    model, settings = stepper.model, stepper.config
    stored = stepper.source.batch(
        0, batch_size=settings.batch_size, clip_length=settings.clip_length, seed=settings.seed
    )
    video = from_stored(stored.video, CPU)
    levels, config = list(model.levels), model.config
    seen = Evidence.of(levels, model.encode(video))  # ty: ignore[invalid-argument-type]
    noise = Noise.draw(config, *video.shape[:2], like=video)
    carried = Carried.start(config, len(video), like=video)
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(3 * rounds):  # a loop is short
        for compiled, found in times.items():
            start = time.perf_counter()
            decide_all(levels, config, seen, carried, noise, compiled=compiled)  # ty: ignore[invalid-argument-type]
            found.append(time.perf_counter() - start)
    plain, fast = times[False], times[True]
    return {
        "plain_seconds": statistics.median(plain),
        "compiled_seconds": statistics.median(fast),
        "compiled_over_plain": statistics.median(b / a for a, b in zip(plain, fast, strict=True)),
    }


def peak_of_a_step(frames: int) -> float:
    """Megabytes that a step on clips of so many frames takes at most, above what was there before;
    to be called in a process of its own.
    """
    torch.set_num_threads(1)
    stepper = Stepper(with_settings("moving-ball", batch_size=CLIPS, clip_length=frames))

    def resident(name: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

    before = resident("VmRSS")
    stepper()
    return resident("VmHWM") - before


def measure_memory() -> dict[str, Any]:
    """Long clips are computed piece by piece: what a step takes at most hardly grows."""
    found = {}
    for frames in (100, 200, 1000):
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            found[frames] = process.submit(peak_of_a_step, frames).result()
    return {"megabytes": found, "1000_over_100": found[1000] / found[100]}


def train(words: list[str], folder: Path) -> tuple[float, RunFolder]:
    """Run ``dlh train`` and return the seconds that its steps took, and its run."""
    run = folder / "run"
    subprocess.run(
        [sys.executable, "-m", "dlh", "train", *words, "--run", str(run)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    done = RunFolder.open(run)
    return max(entry["seconds"] for entry in done.metrics.read() if "seconds" in entry), done


def measure_processes(steps: int) -> dict[str, Any]:
    """The same training in one process and in two, of one thread each."""
    words = ["moving-ball", "--steps", str(steps), "--training.starts", "1"]
    words += ["--training.threads", "1", "--training.validate-every", "0"]
    words += ["--training.held-out-clips", "0", "--training.sample-every", "0"]
    seconds = []
    for more in ([], ["--num-processes", "2"]):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(train(words + more, Path(folder))[0])
    return {"steps": steps, "seconds": seconds, "two_over_one": seconds[1] / seconds[0]}


def measure_checkpoints(rounds: int) -> dict[str, Any]:
    """What saving costs, beside the steps between two saves."""
    stepper = Stepper(with_settings(CHECKPOINTS_OF))
    step_seconds = statistics.median(stepper() for _ in range(rounds + 1))
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder))
        checkpoints.register("model", stepper.model)
        checkpoints.register("optimizer", stepper.optimizer)
        found = []
        for step in range(1, rounds + 1):
            start = time.perf_counter()
            checkpoints.save(step)
            found.append(time.perf_counter() - start)
    every, save_seconds = stepper.config.checkpoint_every, statistics.median(found)
    return {
        "checkpoint_every": every,
        "save_seconds": save_seconds,
        "step_seconds": step_seconds,
        "share": save_seconds / (every * step_seconds),
    }


def measure_start() -> dict[str, Any]:
    """From the command to the first line of metrics.jsonl, less the step it reports."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = ["train", "moving-ball", "--run", str(run), "--training.starts", "1"]
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "dlh", *words, "--training.log-every", "1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        metrics = run / "metrics.jsonl"
        while not (metrics.exists() and metrics.stat().st_size):
            if process.poll() is not None:
                raise RuntimeError(f"dlh {' '.join(words)} ended with status {process.returncode}")
            time.sleep(0.01)
        elapsed = time.perf_counter() - start
        process.terminate()
        process.wait()
        first = json.loads(metrics.read_text().splitlines()[0])["seconds"]
    return {"seconds": elapsed - first, "first_step_seconds": first}


def main() -> None:
    """Measure, print, and write what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ("speed", "memory", "processes", "checkpoints", "start")
    parser.add_argument("--part", default=",".join(parts), help=f"of {', '.join(parts)}")
    parser.add_argument("--preset", default="moving-ball", help="of --part speed")
    parser.add_argument("--threads", type=int, default=1, help="of --part speed")
    parser.add_argument("--clips", type=int, help="of --part speed, in place of the preset's")
    parser.add_argument("--frames", type=int, help="of --part speed, likewise")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="of --part processes")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    asked = options.part.split(",")
    if unknown := set(asked) - set(parts):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; they are {', '.join(parts)}")
    counts = (options.threads, options.rounds, options.steps, options.clips, options.frames)
    if min(count for count in counts if count is not None) < 1:
        parser.error("threads, rounds, steps, clips and frames are at least 1")
    size = {"batch_size": options.clips, "clip_length": options.frames}
    size = {name: number for name, number in size.items() if number is not None}

    report: dict[str, Any] = {"torch": torch.__version__, "processors": os.cpu_count()}
    work = {
        "speed": lambda: measure_speed(options.preset, options.rounds, options.threads, size),
        "memory": measure_memory,
        "processes": lambda: measure_processes(options.steps),
        "checkpoints": lambda: measure_checkpoints(options.rounds),
        "start": measure_start,
    }
    for part in asked:
        print(f"measuring {part} ...", file=sys.stderr)
        report[part] = work[part]()
        print(json.dumps({part: report[part]}, indent=2), flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
