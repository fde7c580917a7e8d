"""What to do with some minutes of a GPU: trainings at the paper's size, scores, and step times.

The tasks are in order of their worth, each with its share of the minutes; what one leaves goes to
the next. A training is measured first and then scaled so that it fits. When its time is over it is
stopped as by Ctrl-C: what it has done is saved, packed in parts, and goes on elsewhere.
"""

from __future__ import annotations

import os
import platform
import signal
import statistics
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from dlh.commands.evaluate import evaluate
from dlh.commands.options import EvaluateOptions
from dlh.commands.train import start
from dlh.data.published.catalogue import MOVING_BALL, MOVING_MNIST
from dlh.errors import DlhError, UsageError
from dlh.evaluation.results import SCORES
from dlh.files.writing import Say, make_folder, write_json
from dlh.pretrained.files import holds_model
from dlh.runs.build import build_model, open_source
from dlh.runs.experiment import Experiment
from dlh.runs.trained import BEST_MODEL
from dlh.training.ahead import made_ahead
from dlh.training.config import TrainingConfig
from dlh.training.device import choose_device
from dlh.training.errors import Interrupted
from dlh.training.iteration import Iterations
from dlh.training.run import RunFolder
from reproduction.packing import pack
from reproduction.table1.cells import MODELS, WORLDS, experiment
from reproduction.table1.terms import scaled

REPORT = "gpu.json"
RUNS, PARTS, EVALUATIONS = "runs", "parts", "scores"
LINES = 3
"""Log lines of the measurement of a training."""
CAREFUL = 0.9
"""Of the time that is left, for which a training is planned."""
WARM, TIMED = 3, 10
"""Steps before and in the measurement of a step time."""
CONTEXT = 30


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large everything is: for the GPU, or small, to rehearse.

    Attributes:
        size: of the models, as of Table 1.
        log_every: updates between two lines of metrics.jsonl.
        horizon, samples, clips: of the scores.
        timed: steps in a measurement of step times.
        step_models: whose step time is measured.
    """

    size: Any = "paper"
    log_every: int = 10
    horizon: int = 300
    samples: int = 100
    clips: int = 10
    timed: int = TIMED
    step_models: Sequence[str] = tuple(MODELS)


FULL = Scale()
SMALL = Scale(
    size="tiny", log_every=2, horizon=8, samples=2, clips=2, timed=1, step_models=("dlh3", "cwvae")
)


@dataclass(kw_only=True)
class Plan:
    """The tasks of one machine, and what became of them.

    Attributes:
        out: the folder of all that is made.
        scale: of everything.
        say: takes the lines for a person.
        report: what gpu.json holds.
    """

    out: Path
    scale: Scale
    say: Say = print
    report: dict[str, Any] = field(default_factory=dict)

    def train(self, world: str, model: str, seconds: float) -> dict[str, Any]:
        """Measure a training, make it fit, train, and pack what can go on elsewhere."""
        began = time.monotonic()
        base = experiment(WORLDS[world], model, self.scale.size)
        training = replace(base.training, log_every=self.scale.log_every)
        base = replace(base, training=training)
        name = f"{world}-{model}"
        share = LINES * self.scale.log_every / base.training.steps
        measured = self.out / RUNS / f"{name}-measured"
        start(scaled(base, share), measured, say=self.say, present=False)
        steps = scaled(base, share).training
        rates = stage_seconds(RunFolder(measured).metrics.read())
        rates += [rates[-1]] * (len(steps.later_steps) + 1 - len(rates))  # of a stage without lines
        took = time.monotonic() - began
        fixed = max(0.0, took - _seconds(steps, rates))
        left = CAREFUL * (seconds - took - fixed)
        share = min(1.0, max(0.0, left) / _seconds(base.training, rates))
        found = {
            "seconds_a_step": rates,
            "seconds_to_begin": fixed,
            "share": share,
            "steps": (planned := scaled(base, share)).training.total_steps,
        }
        self.say(f"{name}: {found['steps']} updates, {share:.0%} of the whole training")
        run = self.out / RUNS / name
        try:
            start(planned, run, say=self.say, present=False)
        finally:
            if (run / "checkpoints").is_dir():
                found["parts"] = [path.name for path in pack(run, self.out / PARTS / name)]
                self.report.setdefault("trained", {})[name] = found
        return found

    def score(self, world: str, model: str) -> dict[str, Any]:
        """Futures of a trained model beside the floors."""
        name, scale = f"{world}-{model}", self.scale
        run, out = self.out / RUNS / name, self.out / EVALUATIONS / name
        options = EvaluateOptions(
            model=str(run if holds_model(run) else run / BEST_MODEL),
            context=CONTEXT,
            horizon=scale.horizon,
            samples=scale.samples,
            clips=scale.clips,
            num_processes=1,
            out=out,
        )
        scores = evaluate(options, say=self.say)
        return {
            "scores": str((out / SCORES).relative_to(self.out)),
            "rows": scores["rows"]["model"],
        }

    def time_steps(self, world: str, until: float) -> dict[str, Any]:
        """Seconds of a training step of every model, as long as there is time."""
        found: dict[str, Any] = {}
        for model in self.scale.step_models:
            if time.monotonic() > until:
                found[model] = "no time was left"
                continue
            try:
                found[model] = step_seconds(
                    experiment(WORLDS[world], model, self.scale.size), rounds=self.scale.timed
                )
            except (DlhError, RuntimeError) as error:  # another model may fit into the memory
                found[model] = str(error).splitlines()[0]
            self.say(f"a step of {model}: {found[model]}")
        return found


def run_plan(minutes: float, out: Path, *, scale: Scale = FULL, say: Say = print) -> dict[str, Any]:
    """Do the tasks within the minutes, and write gpu.json after each.

    Args:
        minutes: for everything.
        out: a new folder.
        scale: of everything.
        say: takes the lines for a person.

    Returns:
        What gpu.json holds.

    Raises:
        UsageError: there is no GPU for a plan of the full scale, or the folder is not new.
        KeyboardInterrupt, Interrupted: somebody stopped it.
    """
    if scale is FULL and not torch.cuda.is_available():
        raise UsageError(
            "the plan is for a machine with a GPU, and torch finds none; --dry-run rehearses it "
            "on a CPU"
        )
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; name a new folder with --out")
    make_folder(out)
    plan = Plan(out=out, scale=scale, say=say)
    device = choose_device("auto")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    plan.report |= {"device": name, "torch": torch.__version__, "minutes": minutes, "tasks": {}}
    end = time.monotonic() + 60 * minutes
    owed = 0.0
    for title, share, work in TASKS:
        owed += share * 60 * minutes
        left = min(owed, end - time.monotonic())
        began = time.monotonic()
        say(f"== {title}: {left:.0f} s")
        record: dict[str, Any] = {"seconds_planned": left}
        with limited(left) as over:
            try:
                record |= work(plan, left)
                record["state"] = "done"
            except (KeyboardInterrupt, Interrupted):
                if not over.is_set():
                    raise
                record["state"] = "stopped, its time was over"
            except (DlhError, RuntimeError) as error:  # also where the GPU's memory is too small
                record["state"] = f"failed: {error}"
        took = time.monotonic() - began
        owed -= took
        record["seconds"] = took
        plan.report["tasks"][title] = record
        write_json(out / REPORT, plan.report)
        say(f"{title}: {record['state']}, {took:.0f} s")
    return plan.report


Work = Callable[[Plan, float], Mapping[str, Any]]
TASKS: Sequence[tuple[str, float, Work]] = (
    ("train DLH on Moving MNIST", 0.45, lambda p, s: p.train(MOVING_MNIST, "dlh3", s)),
    ("score DLH on Moving MNIST", 0.10, lambda p, s: p.score(MOVING_MNIST, "dlh3")),
    ("train DLH on Moving Ball, 64 px", 0.20, lambda p, s: p.train(MOVING_BALL, "dlh2", s)),
    ("score DLH on Moving Ball", 0.05, lambda p, s: p.score(MOVING_BALL, "dlh2")),
    (
        "time a step of every model",
        0.17,
        lambda p, s: p.time_steps(MOVING_MNIST, time.monotonic() + 0.8 * s),
    ),
)
"""By priority: title, share of the minutes, and work; some seconds are left to end in."""


def _seconds(training: TrainingConfig, rates: Sequence[float]) -> float:
    """Of all updates, by the seconds of one of each stage."""
    counts = (training.steps, *training.later_steps)
    return sum(count * rate for count, rate in zip(counts, rates, strict=True))


@contextmanager
def limited(seconds: float) -> Generator[threading.Event]:
    """Within it, the time limit comes as Ctrl-C does. The event says whether it came."""
    over = threading.Event()

    def stop() -> None:
        over.set()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(max(seconds, 0.0), stop)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()


def stage_seconds(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Seconds of an update of each stage, in their order, from the lines of metrics.jsonl.

    What a stage takes to begin, such as compiling, is in the time before its first line; it counts
    only where a stage has one line.
    """
    rates: list[float] = []
    before: Mapping[str, Any] = {"step": 0, "seconds": 0.0}
    stage, first = None, before
    lines = [row for row in rows if "seconds" in row and "step" in row]
    for row in lines:
        name = row.get("stage", "joint")
        if name != stage:
            stage, first = name, row
            rates.append((row["seconds"] - before["seconds"]) / (row["step"] - before["step"]))
        elif row["step"] > first["step"]:
            rates[-1] = (row["seconds"] - first["seconds"]) / (row["step"] - first["step"])
        before = row
    return rates


def step_seconds(tried: Experiment, *, rounds: int) -> dict[str, Any]:
    """The median time of an iteration of the first stage, clips included, and its frames.

    Raises:
        TrainingError: the model cannot be trained here.
    """
    source = open_source(tried)
    iterations = Iterations(build_model(tried), source, tried.training)
    device, found = iterations.processes.device, []
    with made_ahead(source, end=WARM + rounds, device=device) as ahead:
        for step in range(WARM + rounds):
            began = time.perf_counter()
            iterations.run(step, ahead=ahead)
            found.append(time.perf_counter() - began)
    settings = iterations.config
    return {
        "seconds": statistics.median(found[WARM:]),
        "first": found[0],
        "clips": settings.batch_size,
        "frames": settings.clip_length,
        "speed": settings.speed,
    }
