"""Which settings of a run may change when it goes on, and the record that they did."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dlh.errors import UsageError
from dlh.files.writing import os_errors_as
from dlh.runs.experiment import Experiment, rewrite_snapshot
from dlh.runs.starts import read_starts
from dlh.runs.summary import SUMMARY
from dlh.settings import to_plain
from dlh.training.checkpoint import BEST, newest_step
from dlh.training.errors import RunFolderError
from dlh.training.run import RunFolder
from dlh.training.schedule import REWARM_STEPS
from dlh.training.speed import uncompiled

Change = Callable[[Experiment], Experiment]
"""From the experiment of a run to the one that is asked for now."""

MAY_CHANGE = (
    "training.steps",
    "training.later_steps",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "training.log_every",
    "training.validate_every",
    "training.held_out_clips",
    "training.patience",
    "training.minutes",
    "training.sample_every",
    "training.accumulate",
    "training.recompute",
    "training.trackers",
    "training.threads",
    "training.device",
)
"""What decides how long a run goes on, where, and how it is watched; not what a step computes."""

LENGTH = {"training.steps", "training.later_steps"}
"""What decides how long a run is."""

REWARMING = ("training.rewarm_from", "training.steps_before")
"""What follows from more steps, see :func:`with_rewarming`."""

_REASONS = {
    "model": "its weights are those of that model",
    "data": "it has learnt from those clips",
    "init": "it began from those weights",
    "preset": "it began from that preset",
    "training": "that decides what every step computes",
}


def changed_settings(saved: Experiment, asked: Experiment) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, by dotted name: what the run has, and what is asked for."""
    before, after = _flat(to_plain(saved)), _flat(to_plain(asked))
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def with_rewarming(run: RunFolder, saved: Experiment, asked: Experiment) -> Experiment:
    """``asked``, whose learning rate rises slowly where it had begun to fall and is to have more
    steps.
    """
    steps, done = saved.training.steps, run.status().step
    if asked.training.steps <= steps or done <= steps - saved.training.cooldown_steps:
        return asked
    rising = replace(asked.training, rewarm_from=done, steps_before=steps)
    return replace(asked, training=rising)


def take_over(run: RunFolder, saved: Experiment, asked: Experiment) -> list[str]:
    """Make ``asked`` the experiment of a run and record what changed; say it in lines for a person.

    The caller has the run's lock.

    Raises:
        UsageError: a setting that may not change does, or the steps asked for are done already. The
            message names them, and nothing is changed.
        RunFolderError: the folder cannot be read or written.
    """
    changes = changed_settings(saved, asked)
    if not changes:
        return []
    _refuse(run, saved, asked, changes)
    done = run.status().step
    lines = [
        f"{name} is {new} from now on; it was {old}"
        for name, (old, new) in changes.items()
        if name not in REWARMING
    ]
    if "training.steps" in changes and REWARMING[0] in changes:
        lines.append(
            f"the learning rate had begun to fall: it rises again, over {REWARM_STEPS} steps, "
            f"and falls over the last {asked.training.cooldown_steps} of the "
            f"{asked.training.steps} steps"
        )
    if LENGTH & changes.keys():
        with os_errors_as(RunFolderError, f"cannot write in {run.path}"):
            (run.path / SUMMARY).unlink(missing_ok=True)  # of the run as it was
    rewrite_snapshot(run, asked, step=done, changes=changes)
    return lines


def _refuse(
    run: RunFolder,
    saved: Experiment,
    asked: Experiment,
    changes: Mapping[str, tuple[Any, Any]],
) -> None:
    longer = REWARMING if "training.steps" in changes else ()
    refused = [name for name in changes if name not in (*MAY_CHANGE, *longer)]
    if "training.speed" in refused:
        old, new = map(uncompiled, changes["training.speed"])
        if old == new:  # a run may come to where there is no compiler
            refused.remove("training.speed")
    if refused:
        found = "; ".join(
            f"{name} is {changes[name][0]} in the run in {run.path} and cannot become "
            f"{changes[name][1]}: {_REASONS[name.partition('.')[0]]}"
            for name in refused
        )
        allowed = ", ".join(name.replace("_", "-") for name in MAY_CHANGE)
        raise UsageError(
            f"{found}; start another run (`dlh train {saved.preset} --init "
            f"{shlex.quote(str(run.path))}` begins with its weights); what may change is {allowed}"
        )
    unchosen = saved.training.starts > 1 and read_starts(run) is None
    if unchosen and "training.held_out_clips" in changes:
        raise UsageError(
            f"training.held_out_clips cannot change while the {saved.training.starts} starts of "
            f"the run in {run.path} are compared on these clips; change it once one is chosen"
        )
    if not LENGTH & changes.keys():
        return
    status, steps = run.status(), asked.training.total_steps
    began_later = newest_step(run.checkpoints) > saved.training.steps
    if "training.steps" in changes and began_later and sum(saved.training.later_steps):
        raise UsageError(
            f"the run in {run.path} has done the {saved.training.steps} steps of its first stage "
            f"and goes on with the next; --steps {asked.training.steps} cannot change that any "
            "more, --training.later-steps can make the last stage longer"
        )
    done = max(status.step if status.state == "finished" else 0, newest_step(run.checkpoints))
    if steps < done:
        raise UsageError(
            f"the run in {run.path} has done {done} steps, {_asked_for(asked)} was asked for; ask "
            f"for at least {done}"
        )
    has_state = newest_step(run.checkpoints) or (run.checkpoints / BEST).exists()
    if done and not has_state:
        raise UsageError(
            f"the run in {run.path} has no checkpoint any more, so it cannot go on to step "
            f"{steps}; start another with its weights: `dlh train {saved.preset} --init "
            f"{shlex.quote(str(run.path))}`"
        )


def _asked_for(experiment: Experiment) -> str:
    """The steps of an experiment, as options."""
    settings = experiment.training
    later = " ".join(map(str, settings.later_steps))
    return f"--steps {settings.steps}" + (f" --training.later-steps {later}" if later else "")


def _flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
