"""Trainings in child processes that are stopped, killed or denied something."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dlh.training.checkpoint import Checkpoints
from dlh.training.config import TrainingConfig
from dlh.training.errors import CheckpointError, Interrupted, RunFolderError
from dlh.training.metrics import Metrics
from dlh.training.run import RunFolder
from refusals import refused
from rights import give_up_rights
from training.tiny_training import CONFIG, TinyModel, train_tiny, validate

_PROCESSES = multiprocessing.get_context("forkserver")
# What takes seconds to import is imported once; torch imports _dynamo with the first optimizer.
_PROCESSES.set_forkserver_preload(["dlh.training.loop", "torch._dynamo", "pytest"])


def start_child(function: Callable[..., None], *arguments: Any) -> Any:
    process = _PROCESSES.Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


def exit_code(function: Callable[..., None], *arguments: Any) -> int:
    """Run in a child process: the exit code, or minus the signal that killed it."""
    process = start_child(function, *arguments)
    process.join(60)
    assert process.exitcode is not None, "the child process hangs"
    return process.exitcode


def child_trains(path: Path, config: TrainingConfig = CONFIG, pause: float = 0.0) -> None:
    """Exit code 0 when finished, 3 when interrupted."""
    run = RunFolder.open(path)
    try:
        train_tiny(run, config, on_log=lambda entry: time.sleep(pause))
    except Interrupted:
        sys.exit(3)


BEST_FILES = "checkpoints/*best.pt*"
"""best.pt, and the name that is to replace it."""

MOMENTS = (
    "before the first checkpoint",
    "in a step",
    "in an update",
    "while a checkpoint is written",
    "before a checkpoint gets its name",
    "after a checkpoint",
    "before a log line",
    "after a log line",
    "in a validation",
    "after the last validation",
    "before the best checkpoint has a second name",
    "before the best checkpoint replaces the one before",
    "after the best checkpoint",
)


def child_is_killed(path: Path, moment: str) -> None:
    """Train until SIGKILL falls at the moment named."""
    model, held_out = TinyModel(), validate
    if moment == "before the first checkpoint":
        model.objective = _dies(model.objective, call=2)
    elif moment == "in a step":
        model.objective = _dies(model.objective, call=8)
    elif moment == "in an update":
        torch.optim.Adam.step = _dies(torch.optim.Adam.step, call=8, afterwards=True)
    elif moment == "while a checkpoint is written":
        os.fsync = _dies(os.fsync, when=lambda: bool(list(path.glob("checkpoints/.step-0000006*"))))
    elif moment == "before a checkpoint gets its name":
        os.replace = _dies(
            os.replace, when=lambda: bool(list(path.glob("checkpoints/.step-0000006*")))
        )
    elif moment == "after a checkpoint":
        Checkpoints.save = _dies(Checkpoints.save, call=4, afterwards=True)
    elif moment == "before a log line":
        Metrics.append = _dies(Metrics.append, call=3)
    elif moment == "after a log line":
        Metrics.append = _dies(Metrics.append, call=3, afterwards=True)
    elif moment == "in a validation":
        held_out = _dies(validate, call=2)
    elif moment == "after the last validation":
        held_out = _dies(validate, call=3, afterwards=True)
    elif moment == "before the best checkpoint has a second name":
        os.link = _dies(os.link, call=2)
    elif moment == "before the best checkpoint replaces the one before":
        os.replace = _dies(os.replace, when=lambda: len([*path.glob(BEST_FILES)]) == 2)
    elif moment == "after the best checkpoint":
        Checkpoints.keep_as_best = _dies(Checkpoints.keep_as_best, call=2, afterwards=True)
    train_tiny(RunFolder.open(path), model=model, validate=held_out)


def child_is_killed_drawing(path: Path, config: TrainingConfig) -> None:
    """Train until SIGKILL falls in the second drawing."""
    train_tiny(RunFolder.open(path), config, draw_samples=_dies(lambda model, step: None, call=2))


def child_is_denied_the_best(path: Path) -> None:
    """Exit code 6 where there is no room for the second best checkpoint, whichever way."""
    link = os.link

    def full(source: Any, target: Any) -> None:
        if "step-0000010" in str(source):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        link(source, target)

    os.link = shutil.copyfile = full
    with refused(CheckpointError, "best.pt"):
        train_tiny(RunFolder.open(path))
    sys.exit(6)


def _dies(
    function: Callable[..., Any],
    *,
    call: int = 0,
    when: Callable[[], bool] = lambda: False,
    afterwards: bool = False,
) -> Any:
    """The function, but SIGKILL falls before or after this call of it, or when something is so."""
    calls = 0

    def mortal(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        due = calls == call or when()
        result = function(*arguments, **named) if afterwards or not due else None
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return mortal


def child_fills_the_disk(path: Path, limit: int) -> None:
    """Exit code 4 where saving fails with one clear error."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with refused(CheckpointError, "step-0000004.pt", "ulimit"):
        train_tiny(RunFolder.open(path))
    sys.exit(4)


def child_holds_the_lock(path: Path) -> None:
    """Take the lock, say so with a file, and sleep."""
    with RunFolder(path).lock():
        RunFolder(path).write_status("running", step=1, steps=2)
        (path / "locked").touch()
        time.sleep(60)


def child_without_permission(path: Path) -> None:
    """Exit code 5 where neither a run folder can be made nor one locked."""
    give_up_rights()
    with refused(RunFolderError, path / "new"):
        RunFolder.create(path / "new")
    with (
        refused(RunFolderError, path),
        RunFolder(path).lock(),
    ):
        pass
    sys.exit(5)
