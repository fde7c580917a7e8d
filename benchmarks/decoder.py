"""What the transposed convolutions of `dlh.networks.transposed` save, against torch's own.

    python benchmarks/decoder.py --threads 1 --rounds 7

Two ratios for each size, medians over rounds in which both sides take turns, in the processor's
seconds with one thread:

    step       a training step as ``--speed auto`` computes it here, over the same with torch's
               layers;
    futures    30 predicted frames of 50 futures, weights laid out as a trained model's, over the
               same with torch's layers in torch's default layout.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from dlh.training.speed import lay_out, resolve

sys.path.append(str(Path(__file__).parent))
from step_sides import NARROW, WIDE, Case, halved, training_step, with_nets_of_torch

sys.path.pop()

CASES = (
    Case(size=32, levels=2, batch=16, frames=50, convolutions=NARROW),
    Case(size=64, levels=3, batch=8, frames=50, convolutions=(16, 32, 64, 128)),
    Case(size=64, levels=3, batch=8, frames=50, convolutions=WIDE),
)
SAMPLES, HORIZON, CONTEXT = 50, 30, 10


def seconds(call: Callable[[], object]) -> float:
    """Of one call: the processor's with one thread, by the clock with several."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    call()
    return clock() - began


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> float:
    """The median over rounds; a first round is not counted."""
    found = [seconds(ours) / seconds(theirs) for _ in range(rounds + 1)]
    return statistics.median(found[1:])


def measure(case: Case, rounds: int) -> tuple[float, float]:
    """The ratios of a step and of futures."""
    ours, video, noise = case.build()
    lay_out(ours, resolve("auto", video.device))
    theirs = with_nets_of_torch(ours)
    step = halved(training_step)
    of_step = ratio(lambda: step(ours, video, noise), lambda: step(theirs, video, noise), rounds)
    lay_out(ours, "channels-last")
    lay_out(theirs, "plain")

    def futures(model: torch.nn.Module) -> None:
        with torch.no_grad():
            model.predict(video[:1, :CONTEXT], horizon=HORIZON, samples=SAMPLES)

    return of_step, ratio(lambda: futures(ours), lambda: futures(theirs), rounds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch; 1 unless given")
    parser.add_argument("--rounds", type=int, default=7, help="of the measurement; 7 unless given")
    options = parser.parse_args()
    if options.threads < 1 or options.rounds < 1:
        parser.error(
            f"threads and rounds are at least 1, found {options.threads} and {options.rounds}"
        )
    torch.set_num_threads(options.threads)
    print("| step | convolutions | step over torch's | futures over torch's |\n|---|---|---|---|")
    for case in CASES:
        of_step, of_futures = measure(case, options.rounds)
        widths = ", ".join(map(str, case.convolutions))
        print(f"| {case} | {widths} | {of_step:.2f} | {of_futures:.2f} |", flush=True)


if __name__ == "__main__":
    main()
