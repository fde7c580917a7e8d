"""Short runs that differ in the likelihood's standard deviation alone, held against each other.

The paper "optimised [it] separately for each dataset". Bounds of two standard deviations are both
bounds on the density of the same frames, but a narrow one is paid for every pixel that is exact,
and most are. So two numbers stand beside the bound: the error that is left, and the bound that the
same states would have under the standard deviation that fits that error best.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dlh.commands.train import resume, start
from dlh.errors import UsageError
from dlh.files.text_table import text_table
from dlh.files.writing import Say, check_writable, strict_json, write_bytes
from dlh.models.dlh import DLHConfig
from dlh.runs.experiment import Experiment, read_snapshot
from dlh.runs.summary import SUMMARY
from dlh.runs.workers import settled
from dlh.training.config import TrainingConfig
from dlh.training.metrics import VALIDATION
from dlh.training.run import EXPERIMENT, RunFolder

TABLE = "sweep.json"
SCHEDULES: Mapping[str, str] = {
    "beta_warmup_steps": "warm-up of the divergences",
    "beta_low_steps": "steps of low weight in it",
    "cooldown_steps": "cooldown of the learning rate",
    "start_steps": "steps of each start",
}
"""Steps of a training that belong to its length."""
EMERGENCE = ("memory_from", "exploration_until", "anneal_from", "anneal_until")
"""Updates of the hierarchy's settings that do too."""
LEAST_ERROR = 1e-4
"""Of a pixel: what is more exact is called so exact."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One run of a sweep, as its last validation and its summary have it; None where it has none.

    Attributes:
        std: of the likelihood.
        steps: updates.
        elbo: nats per frame, as trained.
        pixel_error: root mean square, of the decoded frames.
        best_std_elbo: the bound of the same states under a standard deviation equal to that error,
            nats per frame; comparable between standard deviations.
        state_kl: nats per frame, of all levels.
        mean_depth: levels that change at a step.
        precision, recall: of level 2.
        psnr: of the best predicted future, dB.
    """

    std: float
    steps: int
    elbo: float | None
    pixel_error: float | None
    best_std_elbo: float | None
    state_kl: float | None
    mean_depth: float | None
    precision: float | None
    recall: float | None
    psnr: float | None


def of_length(experiment: Experiment, steps: int) -> Experiment:
    """The experiment with a training of so many joint steps, its schedules in proportion.

    With the schedules of a longer one the divergences would never have their whole weight, nor the
    learning rate its height, and the starts would be compared at the end.

    Raises:
        ValueError: so many steps cannot be.
    """
    training, model = experiment.training, experiment.model
    share = steps / training.steps
    scaled = {name: round(getattr(training, name) * share) for name in SCHEDULES}
    if training.starts > 1:
        scaled["start_steps"] = max(1, scaled["start_steps"])
    later = tuple(round(each * share) for each in training.later_steps)
    training = replace(training, steps=steps, later_steps=later, **scaled)
    if isinstance(model, DLHConfig):
        updates = {name: round(getattr(model.emergence, name) * share) for name in EMERGENCE}
        model = replace(model, emergence=replace(model.emergence, **updates))
    return replace(experiment, training=training, model=model)


def describe_length(before: TrainingConfig, after: TrainingConfig) -> str | None:
    """What :func:`of_length` changed, in a line for a person; None where that is nothing."""
    changed = [
        f"{what} {getattr(before, name)} -> {getattr(after, name)}"
        for name, what in SCHEDULES.items()
        if getattr(before, name) != getattr(after, name)
        and (name != "start_steps" or after.starts > 1)
    ]
    if not changed:
        return None
    return f"of the preset: steps {before.steps} -> {after.steps}, {', '.join(changed)}"


def run_sweep(
    experiment: Experiment, stds: Sequence[float], folder: Path, *, say: Say = print
) -> list[Swept]:
    """Train the experiment with each standard deviation, and print and write one table.

    A finished run is not run again, an unfinished one goes on.

    Args:
        experiment: what is swept.
        stds: the standard deviations.
        folder: of the runs and of sweep.json.
        say: takes the lines for a person.

    Raises:
        UsageError: there are fewer than two of them, one twice, or one cannot be; or a run there
            has other settings.
        TrainingError, DataError, PretrainedError: as of a training.
    """
    if len(set(stds)) < 2 or len(set(stds)) < len(stds):
        raise UsageError(
            f"a sweep compares two or more different standard deviations, found "
            f"{', '.join(map(str, stds)) or 'none'}"
        )
    try:
        runs = [
            replace(experiment, model=replace(experiment.model, likelihood_std=std)) for std in stds
        ]
    except ValueError as error:
        raise UsageError(str(error)) from error
    check_writable(folder / TABLE, ".json")
    found = []
    for number, (std, each) in enumerate(zip(stds, runs, strict=True), start=1):
        place = folder / f"std-{_name(std)}"
        say(f"[{number}/{len(stds)}] std {_name(std)}: {place}")
        train_or_resume(each, place, say=say)
        found.append(read_run(RunFolder.open(place), each))
    content = strict_json([asdict(row) for row in found], indent=2) + "\n"
    write_bytes(folder / TABLE, content.encode())
    for line in as_table(found):
        say(line)
    say(f"written: {folder / TABLE}")
    return found


def train_or_resume(
    experiment: Experiment, folder: Path, *, present: bool = True, say: Say = print
) -> None:
    """Train an experiment in its folder, or go on there; a finished run is only shown.

    Args:
        experiment: what to run.
        folder: of its run.
        present: measure it and write its page.
        say: takes the lines for a person.

    Raises:
        UsageError: the folder has a run of other settings.
        TrainingError, DataError, PretrainedError: as of a training.
    """
    if not (folder / EXPERIMENT).exists():
        start(experiment, folder, present=present, say=say)
        return
    if read_snapshot(RunFolder.open(folder)) != settled(experiment):
        raise UsageError(
            f"{folder} holds a run of other settings; choose another folder, or move it aside "
            f"(mv {shlex.quote(str(folder))} ...)"
        )
    resume(folder, present=present, say=say)


def read_run(run: RunFolder, experiment: Experiment) -> Swept:
    """The figures of a finished run."""
    validations = [row for row in run.metrics.read() if VALIDATION + "elbo" in row]
    last: Mapping[str, Any] = validations[-1] if validations else {}
    summary = run.read_json(SUMMARY)
    model: Any = experiment.model
    std, values = model.likelihood_std, math.prod(model.frame_shape)
    elbo, nats = last.get(VALIDATION + "elbo"), None
    error = best = None
    if elbo is not None:
        nats = sum(last[f"{VALIDATION}kl.L{level + 1}"] for level in range(model.num_levels))
        error, best = at_best_std(elbo, nats, std=std, values=values)
    events = summary.get("events", {})
    return Swept(
        std=std,
        steps=summary["steps"],
        elbo=elbo,
        pixel_error=error,
        best_std_elbo=best,
        state_kl=nats,
        mean_depth=summary.get("mean_depth"),
        precision=events.get("precision"),
        recall=events.get("recall"),
        psnr=summary.get("psnr", {}).get("model_best"),
    )


def at_best_std(elbo: float, nats: float, *, std: float, values: int) -> tuple[float, float]:
    """The error of a pixel, and the bound under a standard deviation equal to it (Eq. 8a solved).

    A Gaussian's log-likelihood of all values of a frame is -E / (2 std^2) - values log(std sqrt(2
    pi)) with E the squared error, which is therefore known from it; it is highest where std^2 = E /
    values, and is -values (log(std sqrt(2 pi)) + 1/2) there.

    Args:
        elbo: nats per frame.
        nats: all divergences, nats per frame.
        std: under which it was computed.
        values: of a frame.
    """
    constant = math.log(math.sqrt(2 * math.pi))
    reconstruction = elbo + nats
    squared = -2 * std**2 * (reconstruction + values * (math.log(std) + constant))
    error = max(math.sqrt(max(squared, 0.0) / values), LEAST_ERROR)
    return error, -values * (math.log(error) + constant + 0.5) - nats


def as_table(rows: Sequence[Swept]) -> Iterator[str]:
    """One line for each, the best of each comparable figure marked."""
    columns = (
        ("bound", "elbo", ".1f", None),
        ("pixel error", "pixel_error", ".4f", min),
        ("bound at best std", "best_std_elbo", ".1f", max),
        ("KL a frame", "state_kl", ".2f", None),
        ("mean depth", "mean_depth", ".3f", None),
        ("precision", "precision", ".3f", max),
        ("recall", "recall", ".3f", max),
        ("PSNR", "psnr", ".2f", max),
    )
    cells = [["std", *(heading for heading, *_ in columns)]]
    for row in rows:
        line = [_name(row.std)]
        for _, name, form, best in columns:
            values = [getattr(each, name) for each in rows]
            value, known = getattr(row, name), [v for v in values if v is not None]
            mark = "*" if best and value is not None and value == best(known) else ""
            line.append("-" if value is None else f"{value:{form}}{mark}")
        cells.append(line)
    yield from text_table(cells, align=">" * len(cells[0]))
    yield "* the best; bounds as trained do not compare between standard deviations"


def _name(std: float) -> str:
    """A standard deviation as people write it, and no other one's name."""
    short = f"{std:g}"
    return short if float(short) == std else repr(std)
