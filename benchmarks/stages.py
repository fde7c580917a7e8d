"""What an update of each later stage costs, per frame, over a joint update.

    python benchmarks/stages.py --threads 1 --json stages.json
    python benchmarks/stages.py --preset videos --threads 1

The sides take turns, round after round; a ratio is the median over the rounds. Keeping the clips,
once when a stage begins, is timed apart: seconds per kept frame, over those of a joint update.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlh.models.dlh.config import DLHConfig, DynamicsConfig
from dlh.runs.build import build_model, open_source
from dlh.runs.experiment import Experiment
from dlh.runs.presets import preset
from dlh.training.iteration import Iterations

STEPS = 1_000
"""Of every stage; more than are timed."""


def staged(name: str, threads: int, dynamics: DynamicsConfig) -> Experiment:
    """A preset with the later stages."""
    experiment = preset(name)
    assert isinstance(experiment.model, DLHConfig)
    return replace(
        experiment,
        model=replace(experiment.model, dynamics=dynamics),
        training=replace(
            experiment.training, steps=STEPS, starts=1, later_steps=(STEPS, STEPS), threads=threads
        ),
    )


def measure(experiment: Experiment, dynamics: DynamicsConfig, rounds: int) -> dict[str, Any]:
    """Seconds per frame of an update of each stage, and of keeping the clips."""
    training = experiment.training
    sides: dict[str, Iterations] = {}
    keeping = 0.0
    for name in ("joint", "dynamics", "events"):
        sides[name] = Iterations(build_model(experiment), open_source(experiment), training)
    frames = dict.fromkeys(sides, dynamics.batch_size * dynamics.clip_length)
    frames["joint"] = training.batch_size * training.clip_length
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, iterations in sides.items():
            stage = next(one for one in iterations.stages if one.stage.name == name)
            start = time.perf_counter()
            iterations.run(stage.start + turn)
            seconds = time.perf_counter() - start
            if turn:
                times[name].append(seconds / frames[name])
            elif name == "dynamics":
                keeping = seconds
    per_frame = {name: statistics.median(found) for name, found in times.items()}
    kept = dynamics.clips * dynamics.clip_length
    update = per_frame["dynamics"] * frames["dynamics"]
    return {
        "preset": experiment.preset,
        "threads": training.threads,
        "frames_of_an_update": frames,
        "seconds_per_frame": per_frame,
        "over_joint": {
            name: statistics.median(a / b for a, b in zip(times[name], times["joint"], strict=True))
            for name in ("dynamics", "events")
        },
        "keeping_over_joint": max(0.0, keeping - update) / kept / per_frame["joint"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="moving-ball")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clips", type=int, default=200, help="that are kept")
    parser.add_argument("--clip-length", type=int, default=100, help="of them, frames")
    parser.add_argument("--batch-size", type=int, default=64, help="kept clips of an update")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    dynamics = DynamicsConfig(
        clips=given.clips, clip_length=given.clip_length, batch_size=given.batch_size
    )
    found = measure(staged(given.preset, given.threads, dynamics), dynamics, given.rounds)
    text = json.dumps(found, indent=1)
    if given.json:
        given.json.write_text(text + "\n", "utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
