"""Trained models side by side on Moving Ball: the same clips, the same context, the same scores.

Each model is evaluated twice, at temperature 1 and at the temperature that its validation clips
choose; what the ball does is read off exactly the futures that were scored. All that is found is in
the folder of the comparison, and what is there already is not computed again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlh.analysis.moving_ball.ball import BallReading, read_ball
from dlh.analysis.moving_ball.rollouts import Tracking, ideal_tracking
from dlh.analysis.moving_ball.scored_futures import BallFutures, read_scored_futures, switches_in
from dlh.commands.compare import check_same_protocol, table_of
from dlh.commands.evaluate import Opened, evaluate, open_evaluation
from dlh.commands.options import EvaluateOptions
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig
from dlh.errors import UsageError
from dlh.evaluation.protocol import Protocol
from dlh.evaluation.results import CURVES, SCORES, read_scores
from dlh.evaluation.rows import MODEL
from dlh.evaluation.work import futures_of_clip
from dlh.files.writing import Say, write_bytes, write_json
from dlh.interfaces import Temperature
from dlh.reports.analysis_figures import colour_band
from dlh.reports.figures import canvas
from dlh.reports.figures.rollouts import COLUMNS, rollouts_figure
from dlh.runs.subject import Subject, open_subject, run_of
from dlh.runs.summary import SUMMARY
from dlh.runs.temperature import AUTO, resolve_temperature
from dlh.video import to_stored
from reproduction.comparison_page import render

NUMBERS, PAGE, PICTURE = "comparison.json", "comparison.md", "futures.png"
BALL, TEMPERATURE = "ball.json", "temperature.json"
AS_LEARNT, CHOSEN = "temperature-1", "temperature-chosen"
TRAINING = ("steps", "seconds", "cpu_seconds", "frames", "seconds_a_step", "cpu_seconds_a_step")
SHOWN_FUTURES = 3
"""Of each model: the best one, and others."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How models are compared.

    Attributes:
        context, horizon, samples, clips: as of ``dlh evaluate``; None: those of its protocol.
        seed: of the draws.
        temperatures: whether each model is also scored at the temperature that its validation clips
            choose.
        processes: that score clips; None: one a core.
    """

    context: int | None = None
    horizon: int | None = None
    samples: int | None = None
    clips: int | None = None
    seed: int = 0
    temperatures: bool = True
    processes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A model's scores at one temperature.

    Attributes:
        folder: of the scores.
        opened: what was scored.
        protocol: of the scores.
        scores: what scores.json holds.
        ball: what the ball does in the futures.
    """

    folder: Path
    opened: Opened
    protocol: Protocol
    scores: dict[str, Any]
    ball: dict[str, Any]


def compare_models(runs: Sequence[Path], out: Path, asked: Asked, *, say: Say = print) -> dict:
    """Score every run, and write comparison.json, comparison.md and futures.png.

    Args:
        runs: finished runs on one world of Moving Ball; their folders' names name the models.
        out: the folder of the comparison.
        asked: how they are compared.
        say: takes a line for each thing done.

    Returns:
        What comparison.json holds.

    Raises:
        UsageError: two runs have one name, a run is of another world, or the protocols differ.
        PretrainedError, RunFolderError, DataError: a run cannot be used.
        OutputError: a file cannot be written.
    """
    names = [run.resolve().name for run in runs]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            f"the models are named by their folders, found {double[0]} {names.count(double[0])} "
            "times; rename one of the folders"
        )
    subjects = {name: open_subject(str(run)) for name, run in zip(names, runs, strict=True)}
    ball = _one_world(subjects)
    found: dict[str, dict[str, Scored]] = {}
    for name, subject in subjects.items():
        say(f"{name}: a model of the kind {subject.model.config.kind}")
        run = runs[names.index(name)]
        found[name] = _at_temperatures(run, subject, ball, out / name, asked, say)
    first = {name: at[AS_LEARNT] for name, at in found.items()}
    check_same_protocol({name: scored.protocol for name, scored in first.items()})
    numbers = {
        "protocol": _protocol(next(iter(first.values())).scores),
        "colour_change_probability": ball.colour_change_probability,
        "models": {
            name: _of_model(runs[names.index(name)], subjects[name], found[name]) for name in names
        },
        "ideal_observer": _ideal(subjects[names[0]], first[names[0]].protocol, ball),
    }
    table = table_of({name: (scored.protocol, scored.scores) for name, scored in first.items()})
    write_json(out / NUMBERS, numbers)
    pictures = canvas.drawn(PICTURE, lambda: canvas.png_bytes(_picture(first, ball)))
    for name, png in pictures.items():
        write_bytes(out / name, png)
    write_bytes(out / PAGE, render(numbers, table=table, pictures=list(pictures)).encode())
    say(f"written: {out / PAGE} and {out / NUMBERS}")
    return numbers


def _one_world(subjects: Mapping[str, Subject]) -> MovingBallConfig:
    (first, world), *others = (
        (name, (subject.experiment.data.is_moving_ball, subject.experiment.data.ball))
        for name, subject in subjects.items()
    )
    of_ball, ball = world
    if not of_ball or not ball.plain:
        raise UsageError(
            f"models are compared on a plain Moving Ball, found {subjects[first].source.name} "
            f"({first}); `dlh evaluate` and `dlh compare` take any data"
        )
    for name, other in others:
        if other != world:
            raise UsageError(
                f"models are compared on one world: that of {first} is {world[1]}, that of {name} "
                f"is {other[1]}"
            )
    return ball


def _at_temperatures(
    run: Path, subject: Subject, ball: MovingBallConfig, folder: Path, asked: Asked, say: Say
) -> dict[str, Scored]:
    """The scores at temperature 1, and at the chosen one where that is another."""
    options = EvaluateOptions(
        model=str(run),
        context=asked.context,
        horizon=asked.horizon,
        samples=asked.samples,
        clips=asked.clips,
        seed=asked.seed,
        num_processes=asked.processes,
        out=folder / AS_LEARNT,
    )
    found = {AS_LEARNT: _scored(options, ball, say)}
    if asked.temperatures:
        chosen = _chosen(subject, found[AS_LEARNT].protocol, folder / TEMPERATURE, say)
        if chosen != Temperature():
            found[CHOSEN] = _scored(
                replace(
                    options,
                    temperature=chosen.states,
                    decision_temperature=chosen.decisions,
                    out=folder / CHOSEN,
                ),
                ball,
                say,
            )
    return found


def _scored(options: EvaluateOptions, ball: MovingBallConfig, say: Say) -> Scored:
    opened, folder = open_evaluation(options), options.folder
    protocol = opened.evaluation.protocol(
        name=opened.name, samples=opened.samples, seed=options.seed, model=opened.model
    )
    done = (folder / SCORES).exists() and read_scores(folder)[0].digest() == protocol.digest()
    if not done:
        evaluate(options, say=say)
    _, scores = read_scores(folder)
    read = _kept(folder / BALL, protocol.digest())
    if read is None:
        futures = read_scored_futures(opened.evaluation, protocol, ball)
        read = {"protocol_sha256": protocol.digest(), **_ball(futures)}
        write_json(folder / BALL, read)
    return Scored(folder=folder, opened=opened, protocol=protocol, scores=scores, ball=read)


def _chosen(subject: Subject, protocol: Protocol, path: Path, say: Say) -> Temperature:
    """The temperature that validation clips choose, and its record."""
    key = protocol.digest()
    kept = _kept(path, key)
    if kept is None:
        chosen = resolve_temperature(
            subject,
            AUTO,
            1.0,
            context=protocol.context or 1,
            horizon=protocol.horizon,
            samples=protocol.samples,
            seed=protocol.seed,
            say=say,
        )
        kept = {"protocol_sha256": key, **chosen.to_plain()}
        write_json(path, kept)
    return Temperature(states=kept["states"], decisions=kept["decisions"])


def _kept(path: Path, digest: str) -> dict[str, Any] | None:
    """What a file holds that was found under this protocol; None where there is none."""
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return kept if kept.get("protocol_sha256") == digest else None


def _ball(futures: BallFutures) -> dict[str, Any]:
    return {"world": asdict(futures.world), "tracking": _tracking(futures.tracking)}


def _tracking(tracking: Tracking) -> dict[str, Any]:
    return {
        "radius": tracking.radius,
        "median_steps_best": tracking.median_best,
        "median_steps_mean": tracking.median_mean,
    }


def _ideal(subject: Subject, protocol: Protocol, ball: MovingBallConfig) -> dict[str, Any]:
    """An observer's place of the ball in the clips that were scored: the first test clips."""
    assert protocol.context is not None
    length = protocol.context + protocol.horizon
    clips = subject.source.held_out("test", count=protocol.data.clips, clip_length=length)
    assert isinstance(clips, MovingBallClips)
    return _tracking(
        ideal_tracking(
            clips,
            ball,
            context_steps=protocol.context,
            samples=protocol.samples,
            seed=protocol.seed,
        )
    )


def _protocol(scores: Mapping[str, Any]) -> dict[str, Any]:
    """What all the scores have in common."""
    names = ("data", "context", "horizon", "samples", "seed", "metrics")
    return {name: scores["protocol"][name] for name in names}


def _of_model(run: Path, subject: Subject, at: Mapping[str, Scored]) -> dict[str, Any]:
    network = subject.model.model
    assert isinstance(network, torch.nn.Module)
    temperature = _kept(at[AS_LEARNT].folder.parent / TEMPERATURE, at[AS_LEARNT].protocol.digest())
    events = at[AS_LEARNT].scores.get("events")
    return {
        "preset": subject.experiment.preset,
        "kind": subject.model.config.kind,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training": training_of(run, subject),
        "events": events,
        "temperature": temperature,
        "at": {
            name: {
                "states": scored.protocol.model.temperature,
                "decisions": scored.protocol.model.decision_temperature,
                "scores": scored.scores["rows"][MODEL],
                "floors": {
                    row: entries for row, entries in scored.scores["rows"].items() if row != MODEL
                },
                "distribution": scored.scores["distribution"],
                "samples": scored.scores["samples"][MODEL],
                "world": scored.ball["world"],
                "tracking": scored.ball["tracking"],
            }
            for name, scored in at.items()
        },
    }


def training_of(run: Path, subject: Subject) -> dict[str, Any]:
    """What the training of a run took, as far as the run says it.

    ``cpu_seconds`` and ``frames`` count all starts. A run that does not say its frames has them
    computed, where it has one stage and one start. ``seconds_a_step`` and ``cpu_seconds_a_step``
    are of the first stage.
    """
    folder, training = run_of(str(run)), subject.experiment.training
    if folder is None:  # a model without its run
        return dict.fromkeys(TRAINING)
    summary = folder.read_json(SUMMARY) if (folder.path / SUMMARY).exists() else {}
    frames = summary.get("frames")
    if frames is None and not any(training.later_steps) and training.starts == 1:
        frames = training.steps * training.batch_size * training.clip_length
    joint = [entry for entry in folder.metrics.read() if "loss" in entry and "stage" not in entry]
    last = joint[-1] if joint else {}
    values = (
        summary.get("steps"),
        summary.get("seconds", {}).get("train"),
        summary.get("cpu_seconds"),
        frames,
        last["seconds"] / last["step"] if last else None,
        last["cpu_seconds"] / last["step"] if "cpu_seconds" in last else None,
    )
    return dict(zip(TRAINING, values, strict=True))


def _picture(found: Mapping[str, Scored], ball: MovingBallConfig) -> Any:
    """Of one clip: the truth, and of every model the best future and others, where the true colour
    switches most often (Fig. 6).
    """
    first = next(iter(found.values()))
    clips = first.opened.evaluation.clips
    truths = [read_ball(clips.read(clip).truth, ball) for clip in range(clips.count)]
    clip = max(range(clips.count), key=lambda number: _switches(truths[number]))
    truth = truths[clip]
    names, futures = [], []
    for name, scored in found.items():
        frames = torch.cat(
            [
                part.cpu()
                for part in futures_of_clip(scored.opened.evaluation, scored.protocol, clip)
            ]
        )
        beside = json.loads((scored.folder / CURVES).read_text("utf-8"))
        best = beside["per_clip"][MODEL]["psnr"]["best_sample"][clip]
        others = [number for number in range(len(frames)) if number != best]
        for number in (best, *others[: SHOWN_FUTURES - 1]):
            names.append(f"{name}, best" if number == best else name)
            futures.append(frames[number])
    drawn = torch.stack(futures)
    return rollouts_figure(
        to_stored(drawn),
        truth=to_stored(clips.read(clip).truth),
        changed=None,
        colours=colour_band(read_ball(drawn, ball), ball),
        true_colours=colour_band(truth, ball),
        names=names,
        first=switches_in(truth, window=COLUMNS),
    )


def _switches(truth: BallReading) -> int:
    changed = truth.colour[1:] != truth.colour[:-1]
    return int(np.count_nonzero((changed & truth.clear[1:] & truth.clear[:-1]).numpy()))
