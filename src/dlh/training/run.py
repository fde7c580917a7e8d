"""The run folder: everything one training run reads and writes, and who may write it.

::

    experiment.json       the whole configuration, written by who starts the run
    checkpoints/          step-0000600.pt, the newest few
    metrics.jsonl         what was measured, one JSON object a line
    status.json           running, finished, interrupted or failed, and at which step
    .lock                 held by the process that trains here
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from dlh.files.lock import Lock
from dlh.files.writing import (
    as_utf8,
    explain,
    is_leftover,
    os_errors_as,
    remove_leftovers,
    strict_json,
    write_atomically,
)
from dlh.training.checkpoint import newest_step
from dlh.training.errors import Interrupted, RunFolderError
from dlh.training.metrics import Metrics
from dlh.training.progress import Progress

EXPERIMENT = "experiment.json"
STATUS = "status.json"
LOCK = ".lock"
OUT_OF_TIME = "minutes are over"
"""In the message of a run that finished before its last update."""

State = Literal["new", "running", "killed", "interrupted", "failed", "finished"]


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """How a run stands.

    Attributes:
        state: "new" before its first start; "running" while a living process trains in the folder;
            "killed" where that process is gone without a word; "interrupted", "failed" or
            "finished" as it said itself.
        step: updates done when the status was last written.
        steps: updates asked for.
        updated: when that was, in seconds since 1970.
        message: why a run failed, or finished before its last update; empty otherwise.
    """

    state: State = "new"
    step: int = 0
    steps: int = 0
    updated: float = 0.0
    message: str = ""


class RunFolder:
    """One run's folder. Made with :meth:`create` or :meth:`open`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.metrics = Metrics(path / "metrics.jsonl")
        self._lock = Lock(path / LOCK, doing=f"training in {path}", error=RunFolderError)

    @classmethod
    def create(cls, path: str | Path) -> Self:
        """The folder of a new run, which must not exist or be empty: a run is never overwritten.

        Raises:
            RunFolderError: something is there already, or the folder cannot be made.
        """
        path = Path(path)
        found = _contents(path)
        if found:
            shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
            what = _describe(cls(path).status()) if EXPERIMENT in found else shown
            raise RunFolderError(
                f"the folder {path} is not empty ({what}); resume that run, choose another folder, "
                "or move this one aside"
            )
        with os_errors_as(RunFolderError, f"cannot make the folder {path}"):
            path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The folder of a run that was started before.

        Raises:
            RunFolderError: there is no such folder, or no run in it.
        """
        path = Path(path)
        found = _contents(path)
        if not path.exists():
            raise RunFolderError(f"there is no folder {path}; start a run there, or check the name")
        if EXPERIMENT not in found:
            raise RunFolderError(
                f"the folder {path} holds no run: it has no {EXPERIMENT}; name the folder of a run"
            )
        return cls(path)

    @classmethod
    def set_aside(cls, path: str | Path) -> Path | None:
        """Rename the run at ``path`` to ``path-1``, or the next free number, and return that.

        None where nothing was there.

        Raises:
            RunFolderError: a process is training in it, it is not a run, or it cannot be renamed.
        """
        path = Path(path)
        if not _contents(path):
            return None
        run = cls.open(path)
        with run.lock():
            number = 1
            while (aside := path.with_name(f"{path.name}-{number}")).exists():
                number += 1
            with os_errors_as(RunFolderError, f"cannot rename {path} to {aside}"):
                os.rename(path, aside)
        return aside

    @contextmanager
    def lock(self) -> Generator[None]:
        """Be the only process that writes here; the lock of a process that died is free.

        May be nested. The temporary files that a killed process left behind are removed.

        Raises:
            RunFolderError: another process has the lock (code "already-running"), or the folder
                cannot be written.
        """
        self._lock.acquire()
        try:
            for folder in (self.path, self.checkpoints):
                remove_leftovers(folder)
            yield
        finally:
            self._lock.release()

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Write a file of the run, as a whole or not at all; return its path."""
        path = self.path / name
        with os_errors_as(RunFolderError, f"cannot write {path}"):
            write_atomically(path, content)
        return path

    def write_text(self, name: str, content: str) -> Path:
        """Write a text file of the run, as a whole or not at all; return its path."""
        return self.write_bytes(name, as_utf8(content))

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON file of the run, as a whole or not at all; NaN and infinity become null."""
        return self.write_text(name, strict_json(value, indent=2) + "\n")

    def read_json(self, name: str) -> Any:
        """The value in a JSON file of the run; RunFolderError where it is missing or damaged."""
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunFolderError(f"cannot read {path}: {explain(error)}") from error
        except ValueError as error:
            raise RunFolderError(
                f"{path} is not JSON ({error}); restore it or start the run afresh"
            ) from error

    def status(self) -> RunStatus:
        """The status of the run; its lock distinguishes a running one from a killed one."""
        if not (self.path / STATUS).exists():
            return RunStatus()
        saved = self.read_json(STATUS)
        if not isinstance(saved, dict) or saved.keys() != asdict(RunStatus()).keys():
            raise RunFolderError(
                f"{self.path / STATUS} is of another version of dlh; use that version, or start "
                "the run afresh"
            )
        status = RunStatus(**saved)
        if status.state == "running" and not self._lock.is_held():
            return replace(status, state="killed")
        return status

    def write_status(self, state: State, *, step: int, steps: int, message: str = "") -> None:
        """Say how the run stands."""
        status = RunStatus(
            state=state, step=step, steps=steps, updated=time.time(), message=message
        )
        self.write_json(STATUS, asdict(status))

    @contextmanager
    def reported(self, progress: Progress, *, steps: int) -> Generator[None]:
        """A training whose beginning and end, whichever it is, are written to status.json.

        Raises:
            Interrupted: in place of the KeyboardInterrupt that stopped it.
        """
        self.write_status("running", step=progress.step, steps=steps)
        try:
            yield
        except KeyboardInterrupt:
            saved = newest_step(self.checkpoints)
            self._write_end("interrupted", progress, steps, message="")
            raise Interrupted(folder=self.path, step=saved) from None
        except Exception as error:
            self._write_end("failed", progress, steps, message=str(error))
            raise
        self.write_status("finished", step=progress.step, steps=steps)

    def _write_end(self, state: State, progress: Progress, steps: int, *, message: str) -> None:
        # What happened matters more than that it cannot be written down, say on a full disk.
        with suppress(RunFolderError):
            self.write_status(state, step=progress.step, steps=steps, message=message)


def run_of(name: str | Path) -> RunFolder | None:
    """The run of a model in a folder, its own or the one above: runs/mine/best is of runs/mine."""
    folder = Path(name)
    if not folder.is_dir():
        return None
    return next(
        (RunFolder(place) for place in (folder, folder.parent) if (place / EXPERIMENT).is_file()),
        None,
    )


def _contents(path: Path) -> list[str]:
    """What a folder holds, but for the traces of a run that was killed before it wrote anything."""
    try:
        return sorted(
            entry.name for entry in path.iterdir() if entry.name != LOCK and not is_leftover(entry)
        )
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        raise RunFolderError(
            f"{path} cannot be a folder: it, or a part of its path, is a file; choose another name"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot read the folder {path}: {explain(error)}") from error


def _describe(status: RunStatus) -> str:
    if status.state == "new":
        return "a run that has not started"
    return f"a {status.state} run, step {status.step} of {status.steps}"
