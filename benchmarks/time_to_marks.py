"""How long a training takes to find the events of Moving Ball, and to see 100 steps ahead.

    python benchmarks/time_to_marks.py runs/marks --seed 4020 --json marks.json

Two recipes train from the same seed, one after the other, on one core: *before*, what the preset
``moving-ball`` was until 28 November 2026 (800 joint updates and nothing else; here with one start
of its two), and *after*, what it is. Each has two marks, in updates and core-seconds of training:

``events``   held-out F1 of level 2 is at least .98, by the validations of the run;
``futures``  the best of 100 futures keeps the ball in place for 100 steps, in the median of 16
             validation clips, after 30 observed frames, by the checkpoints of the run.

Trainings are kept in the folder, and one that is there is not repeated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dlh.analysis.moving_ball.ball import read_ball
from dlh.analysis.moving_ball.rollouts import track
from dlh.commands.train import resume, start
from dlh.data.clips import ClipSource
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.interfaces import Temperature, TrainableModel
from dlh.models.dlh import DLHConfig, DynamicsConfig, EmergenceConfig
from dlh.runs.build import build_model, open_source
from dlh.runs.experiment import Experiment
from dlh.runs.presets import preset
from dlh.training.checkpoint import checkpoint_files, read_checkpoint
from dlh.training.metrics import VALIDATION
from dlh.training.run import EXPERIMENT, RunFolder
from dlh.video import from_stored

F1, IN_PLACE = 0.98, 100
"""The marks: of events, and predicted steps."""
CONTEXT, CLIPS, SAMPLES = 30, 16, 100
VALIDATE_EVERY, KEEP_EVERY = 25, 100

Point = dict[str, float]


def recipes(seed: int) -> dict[str, Experiment]:
    """Both trainings, with validations and checkpoints in which the marks can be looked up."""
    after = preset("moving-ball")
    assert isinstance(after.model, DLHConfig)
    before = replace(
        after,
        model=replace(after.model, emergence=EmergenceConfig(), dynamics=DynamicsConfig()),
        training=replace(after.training, steps=800, later_steps=(), gradient_norm=None),
    )
    return {
        name: replace(
            recipe,
            training=replace(
                recipe.training,
                seed=seed,
                threads=1,
                validate_every=VALIDATE_EVERY,
                checkpoint_every=KEEP_EVERY,
                keep_checkpoints=1_000,
            ),
        )
        for name, recipe in (("before", before), ("after", after))
    }


def trained(experiment: Experiment, folder: Path) -> RunFolder:
    """The run in that folder, trained where it is not finished."""
    if not (folder / EXPERIMENT).exists():
        start(experiment, folder, present=False)
    elif RunFolder.open(folder).status().state != "finished":
        resume(folder, present=False)
    return RunFolder.open(folder)


def event_mark(lines: list[Mapping[str, Any]]) -> Point | None:
    """When F1 first was at least the mark; None where it never was."""
    reached = (line for line in lines if line.get(VALIDATION + "events.f1", 0.0) >= F1)
    return next((_point(lines, line["step"]) for line in reached), None)


def _point(lines: list[Mapping[str, Any]], step: int) -> Point:
    spent = (line.get("cpu_seconds", 0.0) for line in lines if line["step"] <= step)
    return {"update": step, "core_seconds": max(spent, default=0.0)}


def futures_course(
    run: RunFolder, experiment: Experiment, temperature: Temperature, every: int
) -> Iterator[Point]:
    """Steps in place at every so many updates, until the mark is reached or the training ends."""
    ball = experiment.data.ball
    network, source = build_model(experiment), open_source(experiment)
    for path in checkpoint_files(run.checkpoints):
        saved = read_checkpoint(path)
        done = saved["progress"]
        if done["step"] % every:
            continue
        assert isinstance(network, nn.Module)
        network.load_state_dict(saved["model"])
        network.eval()
        steps = in_place(network, source, ball, temperature)
        point = {"update": done["step"], "core_seconds": done["cpu_seconds"], "in_place": steps}
        print(json.dumps(point), flush=True)
        yield point
        if steps >= IN_PLACE:
            return


@torch.no_grad()
def in_place(
    network: TrainableModel, source: ClipSource, ball: MovingBallConfig, temperature: Temperature
) -> float:
    """Predicted steps for which the best future keeps the ball, at most the mark; the median."""
    clips = source.held_out("validation", count=CLIPS, clip_length=CONTEXT + IN_PLACE)
    assert clips is not None
    best = []
    for clip, film in enumerate(from_stored(clips.video)):
        drawn = network.predict(
            film[None, :CONTEXT],
            horizon=IN_PLACE,
            samples=SAMPLES,
            generator=torch.Generator().manual_seed(clip),
            temperature=temperature,
        )
        centre = read_ball(drawn.frames[0], ball).centre
        truth = read_ball(film[CONTEXT:], ball).centre
        best.append(int(track(centre[None], truth[None], ball.radius).steps.max()))
    return float(torch.tensor(best, dtype=torch.double).quantile(0.5))


def main() -> None:
    """Train, look the marks up, print them, and write them where asked."""
    parser = argparse.ArgumentParser(description="Time until a training reaches two marks.")
    parser.add_argument("work", type=Path, metavar="FOLDER", help="of the trainings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float, default=0.7, help="of the states")
    parser.add_argument("--every", type=int, default=200, help="updates between looks at futures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.every < 1 or options.every % KEEP_EVERY:
        parser.error(f"--every is a multiple of {KEEP_EVERY}, found {options.every}")
    torch.set_num_threads(1)

    report: dict[str, Any] = {"seed": options.seed, "temperature": options.temperature}
    for name, experiment in recipes(options.seed).items():
        run = trained(experiment, options.work / name)
        lines = list(run.metrics.read())
        temperature = Temperature(states=options.temperature)
        course = list(futures_course(run, experiment, temperature, options.every))
        report[name] = {
            "whole": _point(lines, lines[-1]["step"]),
            "events": event_mark(lines),
            "futures": course[-1] if course and course[-1]["in_place"] >= IN_PLACE else None,
            "course_of_futures": course,
        }
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
