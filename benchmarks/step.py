"""How long a training step takes, against what its arithmetic alone would take.

    python benchmarks/step.py --threads 1 --json step.json
    python benchmarks/step.py --threads 1 --growth

A step is the forward and the backward pass of the objective, without the optimizer, in float32. It
is timed over

    arithmetic      the same multiply-adds, each as one batched call over all frames of all clips,
                    with no recurrence: what the step would cost if no frame had to wait for the one
                    before it (the limit; a test counts them on both sides);
    convolutions    the frame encoder and decoder alone;
    transcription   the equations of the paper one frame, one level and one term at a time: the slow
                    reference that the tests hold the model against.

Three more sides are computed as ``--speed auto`` trains here, or against it:

    trained         the step, its convolutions as ``auto`` has them: channels-last or bfloat16;
    fast            the arithmetic, computed so too;
    nets of torch   the encoder and the decoder alone, in float32 and default layout, and where the
                    decoder begins with one pixel torch's own transposed convolution.

All take turns, round after round, and a ratio is the median over the rounds of the ratio
within a round: what else the machine does then falls on both sides alike. Seconds are medians too.
With one thread they are the processor's, the same as the clock's on an idle machine; with several
they are the clock's, and worth as much as the machine was idle.

With ``--growth``: seconds and memory of a step against the number of frames, levels and clips, each
in a process of its own. ``step MB`` is the peak of resident memory above what the process held with
the model and the video loaded; it includes what torch allocates once, about 20 MB. Clips of more
than 200 frames are computed piece by piece, each piece twice.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from dlh.models.dlh import DynamicLatentHierarchy, Noise
from dlh.training.speed import resolve

sys.path.append(str(Path(__file__).parent))
from step_sides import (
    NARROW,
    WIDE,
    Case,
    arithmetic,
    as_trained,
    convolutions,
    halved,
    training_step,
    transcription,
    with_nets_of_torch,
)

sys.path.pop()

CASES = (
    Case(size=32, levels=2, batch=16, frames=50, convolutions=NARROW),
    Case(size=64, levels=3, batch=8, frames=50, convolutions=WIDE),
)


def seconds(step: Callable, model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> float:
    """Seconds of one call: of the processor with one thread, of the wall clock with several."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    model.zero_grad(set_to_none=True)
    gc.collect()
    start = clock()
    step(model, video, noise)
    return clock() - start


def measure(case: Case, rounds: int) -> dict:
    """One case: the model's seconds, and the ratios."""
    built = case.build()
    model, video, noise = built
    fast_model, fast_video = as_trained(model, video)
    fast = (fast_model, fast_video, noise)
    sides: dict[str, tuple[Callable[..., None], tuple]] = {
        "step": (training_step, built),
        "arithmetic": (arithmetic(*built), built),
        "convolutions": (convolutions, built),
        "transcription": (transcription, built),
        "trained": (halved(training_step), fast),
        "fast": (halved(arithmetic(*fast)), fast),
        "nets_of_torch": (convolutions, (with_nets_of_torch(model), video, noise)),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, (step, given) in sides.items():
            elapsed = seconds(step, *given)
            if turn:  # the first is a warm-up
                times[name].append(elapsed)

    def over(one: str, other: str) -> float:
        return statistics.median(
            mine / theirs for mine, theirs in zip(times[one], times[other], strict=True)
        )

    pairs = [("step", name) for name in ("arithmetic", "convolutions", "transcription")]
    pairs += [("trained", name) for name in ("arithmetic", "fast", "nets_of_torch")]
    with torch.no_grad():
        changed = model.observe(video, noise=noise)[0].changed
    sizes = {name: value for name, value in asdict(case).items() if name != "convolutions"}
    return {
        **sizes,
        "threads": torch.get_num_threads(),
        "speed": "plain",
        "trained_speed": resolve("auto", video.device),
        "precision": "float32",
        "change_rates": changed.float().mean((0, 1)).tolist(),
        "seconds": statistics.median(times["step"]),
        **{f"{one}_over_{other}": over(one, other) for one, other in pairs},
    }


def memory_peak_and_now() -> tuple[float, float]:
    """Megabytes resident at most since the process began, and now (Linux)."""
    lines = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if line
    )
    return tuple(int(lines[name].split()[0]) / 1024 for name in ("VmHWM", "VmRSS"))


def grow(case: Case, rounds: int, threads: int) -> dict:
    """Seconds and memory of one case, to be called in a process of its own: the peak is its own."""
    torch.set_num_threads(threads)
    built = case.build()
    _, loaded = memory_peak_and_now()
    training_step(*built)
    peak, _ = memory_peak_and_now()
    elapsed = statistics.median(seconds(training_step, *built) for _ in range(rounds))
    return {
        "size": case.size,
        "levels": case.levels,
        "batch": case.batch,
        "frames": case.frames,
        "threads": threads,
        "seconds": elapsed,
        "step_megabytes": peak - loaded,
        "peak_megabytes": peak,
    }


def growth(rounds: int, threads: int) -> list[dict]:
    """A step against the number of frames (T), of levels (N) and of clips (B), 32 px."""
    base = Case(size=32, levels=2, batch=8, frames=50, convolutions=NARROW)
    cases = [replace(base, frames=frames) for frames in (50, 100, 200, 400, 1000)]
    cases += [replace(base, levels=levels) for levels in (1, 2, 3, 4, 5)]
    cases += [replace(base, batch=batch) for batch in (4, 8, 16, 32)]
    results = []
    for case in cases:
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            results.append(process.submit(grow, case, rounds, threads).result())
    return results


def table(rows: list[dict], columns: dict[str, str]) -> str:
    """Markdown, a column for each ``title: format`` over the keys of the rows."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(text.format(**row) for text in columns.values()) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch; 1 unless given")
    parser.add_argument("--rounds", type=int, default=7, help="of the measurement; 7 unless given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="what was measured goes here too")
    parser.add_argument("--growth", action="store_true", help="also against T, N and batch")
    options = parser.parse_args()
    if options.threads < 1 or options.rounds < 1:
        parser.error(
            f"threads and rounds are at least 1, found {options.threads} and {options.rounds}"
        )
    torch.set_num_threads(options.threads)

    report = {"torch": torch.__version__, "cases": []}
    for case in CASES:
        print(f"measuring {case} ...", file=sys.stderr)
        report["cases"].append(measure(case, options.rounds))
    print(
        table(
            report["cases"],
            {
                "step": "{batch} x {frames} frames, {size} px, N = {levels}",
                "threads": "{threads}",
                "seconds": "{seconds:.3f}",
                "over arithmetic": "{step_over_arithmetic:.2f}",
                "over convolutions": "{step_over_convolutions:.2f}",
                "over transcription": "{step_over_transcription:.2f}",
                "trained": "{trained_speed}",
                "over arithmetic ": "{trained_over_arithmetic:.2f}",
                "over fast": "{trained_over_fast:.2f}",
                "over nets of torch": "{trained_over_nets_of_torch:.2f}",
            },
        )
    )
    if options.growth:
        print("measuring growth ...", file=sys.stderr)
        report["growth"] = growth(min(options.rounds, 3), options.threads)
        columns = {
            "T": "{frames}",
            "N": "{levels}",
            "batch": "{batch}",
            "seconds": "{seconds:.3f}",
            "step MB": "{step_megabytes:.0f}",
            "peak MB": "{peak_megabytes:.0f}",
        }
        print("\n" + table(report["growth"], columns))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
