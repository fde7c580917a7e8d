"""Equal terms: the same core-hours for every model, or the same training frames.

A training is scaled by one number, its *share* of the experiment's length: joint and later
updates, the schedules that belong to them, warm-up and stored clips all follow. Its cost is
proportional to the share, so a short measurement says what share a budget buys.

Of a budget of core-hours a model spends the measurement, a tenth on each of three trials that
differ in the learning rate alone, and all that is left on its run. The energy score of predictions
of validation clips decides the learning rate (:func:`best_trial`). Validations, pages and scores
cost no model anything, whoever needs them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dlh.data.clips import DataError
from dlh.evaluation.temperature import try_temperature
from dlh.files.writing import Say, write_json
from dlh.interfaces import AS_LEARNT, shortest_context
from dlh.models.dlh import DLHConfig
from dlh.models.lmc import LMCConfig
from dlh.runs.experiment import Experiment
from dlh.runs.subject import open_subject
from dlh.training.device import choose_device
from dlh.training.errors import NonFiniteError, TrainingError
from dlh.training.run import RunFolder
from dlh.video import from_stored
from reproduction.sweep import of_length, train_or_resume

FACTORS = (1 / math.sqrt(10), 1.0, math.sqrt(10))
"""Of the preset's learning rate, in the three trials."""
TRIAL = 0.1
"""Of the budget, each."""
EQUAL = 0.01
"""Share of the lowest energy score by which a trial may be worse and still count as equal to it."""
MEASURED = 30
"""Joint updates of the measurement."""
CLIPS, SAMPLES, HORIZON = 16, 8, 100
"""Validation clips on which trials are judged, futures of each, predicted frames at most."""
CONTEXT = 30
"""Frames observed, unless others are asked for."""
TERMS = "terms.json"


@dataclass(frozen=True, kw_only=True)
class Took:
    """A training that is over.

    Attributes:
        share: of the experiment's length.
        seconds: of all cores; by the clock where a GPU computes.
        frames: of clips that it took.
    """

    share: float
    seconds: float
    frames: int


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A short training with one learning rate.

    Attributes:
        learning_rate: of its joint updates.
        took: what it took.
        energy: mean energy score of its predictions of validation clips; None where its loss became
            infinite.
    """

    learning_rate: float
    took: Took
    energy: float | None


def scaled(base: Experiment, share: float) -> Experiment:
    """The experiment with so large a share of its length; at least one joint update."""
    experiment = of_length(base, max(1, round(share * base.training.steps)))
    model = experiment.model
    if isinstance(model, DLHConfig) and (clips := model.dynamics.clips):
        fewest = min(clips, model.dynamics.batch_size)
        stored = replace(model.dynamics, clips=max(fewest, round(share * clips)))
        experiment = replace(experiment, model=replace(model, dynamics=stored))
    if isinstance(model, LMCConfig):  # its first iterations are shorter, and so cheaper
        warm = max(1, round(share * model.warmup_iterations))
        experiment = replace(experiment, model=replace(model, warmup_iterations=warm))
    return experiment


def share_of(experiment: Experiment, base: Experiment) -> float:
    """The inverse of :func:`scaled`, after rounding."""
    return experiment.training.steps / base.training.steps


def took(run: RunFolder, share: float, experiment: Experiment) -> Took:
    """What a training took, by the last line of metrics.jsonl that counts it."""
    last = next((entry for entry in run.metrics.read()[::-1] if "seconds" in entry), None)
    if last is None:
        return Took(share=share, seconds=0.0, frames=0)
    seconds = last.get("cpu_seconds")
    if seconds is None or choose_device(experiment.training.device).type != "cpu":
        seconds = last["seconds"]
    settings = experiment.training
    frames = last.get("frames", settings.steps * settings.batch_size * settings.clip_length)
    return Took(share=share, seconds=seconds, frames=frames)


def train_equal_hours(
    base: Experiment,
    folder: Path,
    *,
    core_hours: float,
    horizon: int,
    context: int = CONTEXT,
    say: Say = print,
) -> tuple[Path, dict[str, Any]]:
    """Spend a budget on a model: measure, try learning rates, train.

    Args:
        base: of any length.
        folder: of all runs of the cell; what is finished in it is not done again.
        core_hours: in all.
        horizon: predicted frames of the table; trials are judged on as many, up to HORIZON.
        context: frames observed, in the table and by trials.
        say: takes the lines for a person.

    Returns:
        The folder of the run, and what terms.json says.

    Raises:
        TrainingError: every trial's loss became infinite, or the run's did.
        UsageError, DataError: as of a training.
    """
    budget = core_hours * 3600
    measured = _train(base, MEASURED / base.training.steps, folder / "measured", say)
    rate = measured.seconds / measured.share
    trials = []
    for number, factor in enumerate(FACTORS, start=1):
        learning_rate = float(f"{base.training.learning_rate * factor:.2g}")
        tried = _at(base, learning_rate)
        place = folder / f"trial-{number}"
        share = TRIAL * budget / rate
        try:
            cost = _train(tried, share, place, say)
        except NonFiniteError as error:
            say(f"learning rate {learning_rate:g}: {error}")
            spent = took(RunFolder.open(place), share, tried)
            trials.append(Trial(learning_rate=learning_rate, took=spent, energy=None))
            continue
        energy = validation_energy(place, horizon=min(horizon, HORIZON), context=context)
        say(f"learning rate {learning_rate:g}: energy score {energy:.4f} of validation clips")
        trials.append(Trial(learning_rate=learning_rate, took=cost, energy=energy))
    best = best_trial(trials)
    if best is None:
        raise TrainingError(
            f"in {folder} the loss became infinite with each of the learning rates "
            + ", ".join(f"{trial.learning_rate:g}" for trial in trials)
        )
    spent = measured.seconds + sum(trial.took.seconds for trial in trials)
    share = max(0.0, budget - spent) * best.took.share / best.took.seconds
    chosen = _at(base, best.learning_rate)
    final = _train(chosen, share, folder / "run", say, present=True)
    terms = {
        "core_hours": core_hours,
        "spent_seconds": spent + final.seconds,
        "measured": asdict(measured),
        "trials": [asdict(trial) for trial in trials],
        "learning_rate": best.learning_rate,
        "run": asdict(final),
    }
    write_json(folder / TERMS, terms)
    return folder / "run", terms


def train_equal_frames(
    base: Experiment, folder: Path, *, frames: int, terms: Mapping[str, Any], say: Say = print
) -> Path:
    """Train a model until it has taken so many frames, with the learning rate that was chosen.

    Args:
        base: of any length.
        folder: of the run.
        frames: of clips.
        terms: of the same model's equal hours.
        say: takes the lines for a person.
    """
    chosen = _at(base, terms["learning_rate"])
    _train(chosen, share_for(frames, terms), folder, say, present=True)
    return folder


def share_for(frames: int, terms: Mapping[str, Any]) -> float:
    """Which share of its length takes so many frames, by what the run of equal hours took."""
    return frames * terms["run"]["share"] / terms["run"]["frames"]


def seconds_for(frames: int, terms: Mapping[str, Any]) -> float:
    """What it should cost to take so many frames."""
    return frames * terms["run"]["seconds"] / terms["run"]["frames"]


def best_trial(trials: list[Trial]) -> Trial | None:
    """The lowest learning rate whose energy score is within :data:`EQUAL` of the lowest one; None
    where all became infinite. A higher one that is no better in a short trial can explode later.
    """
    limit = (1 + EQUAL) * min((t.energy for t in trials if t.energy is not None), default=0.0)
    equal = [trial for trial in trials if trial.energy is not None and trial.energy <= limit]
    return min(equal, key=lambda trial: trial.learning_rate, default=None)


def validation_energy(run: Path, *, horizon: int, context: int = CONTEXT) -> float:
    """The mean energy score of a model's predictions of its validation clips, at temperature 1.

    Args:
        run: finished.
        horizon: predicted frames; fewer where validation clips are shorter.
        context: frames observed.
    """
    asked = {"context": context, "horizon": horizon, "clips": CLIPS, "samples": SAMPLES}
    path = run / "validation-energy.json"
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if kept.get("asked") == asked:
        return kept["energy_score"]
    subject = open_subject(str(run))
    model = subject.model.model
    context = max(context, shortest_context(model))
    for predicted in (horizon, horizon // 2, horizon // 4):
        clips = subject.source.held_out(
            "validation", count=CLIPS, clip_length=context + max(1, predicted)
        )
        if clips is not None:
            break
    else:
        raise DataError(
            f"{subject.source.name} has no validation clip of {context + max(1, horizon // 4)} "
            "frames, on which a learning rate could be chosen; give longer videos with --data"
        )
    video = from_stored(clips.video, subject.model.device)
    tried = try_temperature(
        model, video[:, :context], video[:, context:], AS_LEARNT, samples=SAMPLES
    )
    energy = float(tried.energy.mean())
    found = {"clips": len(video), "horizon": video.shape[1] - context}
    write_json(path, {"energy_score": energy, "asked": asked, **found})
    return energy


def _at(base: Experiment, learning_rate: float) -> Experiment:
    return replace(base, training=replace(base.training, learning_rate=learning_rate))


def _train(
    base: Experiment, share: float, folder: Path, say: Say, *, present: bool = False
) -> Took:
    experiment = scaled(base, share)
    train_or_resume(experiment, folder, present=present, say=say)
    return took(RunFolder.open(folder), share_of(experiment, base), experiment)
