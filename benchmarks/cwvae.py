"""How fast CW-VAE trains: its step over DLH's, and over a plain transcription of itself.

    python benchmarks/cwvae.py --threads 1 --json cwvae.json

A step is the forward and the backward pass of the objective, without the optimizer, on 8 clips of
100 RGB frames of 64 px, for CW-VAE in its published configuration. Each model is timed in float32
and default layout (``plain``), and as ``--speed auto`` trains it here. The transcription goes one
frame, one level and one term at a time.

All take turns, round after round, and a ratio is the median over the rounds of the ratio within a
round. Frames a second are of the processor's time with one thread, and of the clock's with several.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from dlh.models.cwvae import CWVAE, CWVAEConfig, Noise, mazes
from dlh.training.speed import resolve

sys.path.append(str(Path(__file__).parent))
import step
from step_sides import WIDE, Case, as_trained, halved, training_step

sys.path.pop()  # for who imports this: `training`, beside it, would hide a folder of the tests

from models.cwvae import slow_cwvae  # of the tests, whose folder step_sides put first

CLIPS, FRAMES = 8, 100


def transcription(model: CWVAE, video: Tensor, noise: Noise) -> None:
    """A step of the slow reference."""
    slow_cwvae.loss(model, video, noise)[0].backward()


def measure(config: CWVAEConfig, clips: int, frames: int, rounds: int) -> dict:
    """Frames a second of every side, and the ratios."""
    case = Case(size=config.height, levels=3, batch=clips, frames=frames, convolutions=WIDE)
    dlh, video, dlh_noise = case.build()
    cwvae, noise = CWVAE(config), Noise.draw(config, clips, frames, like=video)
    fast_dlh, fast_video = as_trained(dlh, video)
    fast_cwvae, _ = as_trained(cwvae, video)
    sides: dict[str, tuple[Callable[..., None], tuple]] = {
        "cwvae": (training_step, (cwvae, video, noise)),
        "dlh": (training_step, (dlh, video, dlh_noise)),
        "transcription": (transcription, (cwvae, video, noise)),
        "cwvae_trained": (halved(training_step), (fast_cwvae, fast_video, noise)),
        "dlh_trained": (halved(training_step), (fast_dlh, fast_video, dlh_noise)),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, (side, given) in sides.items():
            elapsed = step.seconds(side, *given)
            if turn:  # the first is a warm-up
                times[name].append(elapsed)

    def speed_over(one: str, other: str) -> float:
        pairs = zip(times[one], times[other], strict=True)
        return statistics.median(theirs / mine for mine, theirs in pairs)

    return {
        "clips": clips,
        "frames": frames,
        "size": config.height,
        "threads": torch.get_num_threads(),
        "trained_speed": resolve("auto", video.device),
        "frames_a_second": {
            name: clips * frames / statistics.median(seconds) for name, seconds in times.items()
        },
        "speed_over_dlh": speed_over("cwvae", "dlh"),
        "trained_speed_over_dlh": speed_over("cwvae_trained", "dlh_trained"),
        "speed_over_transcription": speed_over("cwvae", "transcription"),
    }


def main() -> None:
    """Measure, print, and write what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch; 1 unless given")
    parser.add_argument("--rounds", type=int, default=5, help="of the measurement; 5 unless given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="what was measured goes here too")
    options = parser.parse_args()
    if options.threads < 1 or options.rounds < 1:
        parser.error(
            f"threads and rounds are at least 1, found {options.threads} and {options.rounds}"
        )
    torch.set_num_threads(options.threads)
    found = measure(mazes(), CLIPS, FRAMES, options.rounds)
    rows = [
        {"side": name.replace("_", ", "), "speed": speed}
        for name, speed in found["frames_a_second"].items()
    ]
    print(step.table(rows, {"side": "{side}", "frames a second": "{speed:.0f}"}))
    print(
        f"\nCW-VAE's frames a second over DLH's: {found['speed_over_dlh']:.2f}; as trained "
        f"({found['trained_speed']}): {found['trained_speed_over_dlh']:.2f}; over the "
        f"transcription's: {found['speed_over_transcription']:.2f}"
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
