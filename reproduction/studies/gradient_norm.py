"""Whether a limit on the gradient's norm keeps a run from losing what it has found.

    python -m reproduction.studies.gradient_norm full-lambda0.1-seed1 --seed 5 --at 850 --until 1000

An experiment of `python -m reproduction`, with the one start that went on (`starts.chosen` in its
record), is trained up to a step, and from there on once with each limit; all else is the same, bit
for bit.
"""

from __future__ import annotations

import argparse
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlh.commands.train import resume, start
from dlh.runs.experiment import Experiment, rewrite_snapshot
from dlh.training.errors import Interrupted
from dlh.training.run import RunFolder
from reproduction.catalogue import experiments

OnLog = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Continued:
    """What became of a run after the step at which it was forked.

    Attributes:
        largest_norm: of a gradient, before it is cut.
        largest_loss, last_loss: nats per frame.
        recall: of events, at the last validation.
    """

    largest_norm: float
    largest_loss: float
    last_loss: float
    recall: float | None


def stop_after(step: int) -> OnLog:
    """Interrupts the training that calls it, as Ctrl-C does, so that what it has is saved."""

    def on_log(line: dict[str, Any]) -> None:
        if line["step"] >= step and "loss" in line:
            signal.raise_signal(signal.SIGINT)

    return on_log


def train_to(experiment: Experiment, step: int, folder: Path) -> Experiment:
    """Train an experiment from its beginning to a step and leave it there, every step logged."""
    training = replace(experiment.training, starts=1, log_every=1, checkpoint_every=step)
    experiment = replace(experiment, training=training)
    with suppress(Interrupted):
        start(experiment, folder, on_log=stop_after(step))
    return experiment


def continued(
    experiment: Experiment, base: Path, norm: float, *, at: int, until: int, folder: Path
) -> Continued:
    """Go on with a copy of a run, from step ``at`` to ``until``, under another limit."""
    shutil.copytree(base, folder)
    other = replace(experiment, training=replace(experiment.training, gradient_norm=norm))
    change = (experiment.training.gradient_norm, norm)
    run = RunFolder.open(folder)
    rewrite_snapshot(run, other, step=at, changes={"training.gradient_norm": change})
    with suppress(Interrupted):
        resume(folder, on_log=stop_after(until + 1))  # one more: the last is validated
    lines = [line for line in run.metrics.read() if at < line["step"] <= until]
    trained = [line for line in lines if "loss" in line]
    recalls = [line["validation.events.recall"] for line in lines if "validation.elbo" in line]
    return Continued(
        largest_norm=max(line["gradient_norm"] for line in trained),
        largest_loss=max(line["loss"] for line in trained),
        last_loss=trained[-1]["loss"],
        recall=recalls[-1] if recalls else None,
    )


def main() -> None:
    """Train, fork, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", help="its name in `python -m reproduction list`")
    parser.add_argument("--seed", type=int, required=True, help="of the start that went on")
    parser.add_argument("--at", type=int, required=True, help="the step to fork at")
    parser.add_argument("--until", type=int, required=True, help="the step to stop at")
    parser.add_argument("--norms", type=float, nargs="+", default=[1000.0, 60.0])
    parser.add_argument("--out", type=Path, default=Path("runs/gradient-norm"))
    options = parser.parse_args()
    named = [each.experiment for each in experiments() if each.name == options.experiment]
    if not named:
        parser.error(
            f"there is no experiment {options.experiment}; see python -m reproduction list"
        )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
    training = replace(named[0].training, seed=options.seed)
    base = options.out / "base"
    experiment = train_to(replace(named[0], training=training), options.at, base)
    print("| limit | largest norm | largest loss | last loss | recall |\n|---|---|---|---|---|")
    for norm in options.norms:
        folder = options.out / f"norm-{norm:g}"
        found = continued(experiment, base, norm, at=options.at, until=options.until, folder=folder)
        recall = "-" if found.recall is None else f"{found.recall:.3f}"
        print(
            f"| {norm:g} | {found.largest_norm:.0f} | {found.largest_loss:.1f} | "
            f"{found.last_loss:.1f} | {recall} |"
        )


if __name__ == "__main__":
    main()
