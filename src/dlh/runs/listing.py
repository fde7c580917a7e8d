"""The runs in a folder: which there are, how they stand, and how good they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dlh.files.text_table import text_table
from dlh.training.errors import RunFolderError
from dlh.training.metrics import Best, best_of
from dlh.training.run import EXPERIMENT, RunFolder

DEPTH = 3
"""Folders below the one that is looked in."""
UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run.

    Attributes:
        run: its folder.
        preset: what it began from; empty where that cannot be read.
        state: of :class:`dlh.training.run.RunStatus`, or "unreadable".
        step: updates done, as far as is known without opening a checkpoint.
        steps: updates asked for; 0 where it has not begun.
        best: the best validation so far.
        updated: when it last wrote, in seconds since 1970; 0 where it never did.
        message: why it failed, or cannot be read; empty otherwise.
    """

    run: str
    preset: str
    state: str
    step: int
    steps: int
    best: Best | None
    updated: float
    message: str


def find_runs(folder: Path) -> list[Path]:
    """The folders of runs, sorted by name; a run is not looked into."""
    return sorted(_walk(folder, DEPTH))


def describe_run(path: Path) -> RunLine:
    """The status of a run; a run that cannot be read gets a status of its own, not an error."""
    run = RunFolder(path)
    preset, best, message = "", None, ""
    state, step, steps, updated = UNREADABLE, 0, 0, 0.0
    try:
        preset, planned = _experiment(run)
        status = run.status()
        state, step, steps = status.state, status.step, status.steps or planned
        updated, message = status.updated, status.message
        parts = [run, *(RunFolder(part) for part in sorted(path.glob("starts/*")))]
        for part in parts:
            entries = part.metrics.read()
            if entries:
                updated = max(updated, part.metrics.path.stat().st_mtime)
            if state in ("running", "killed") and part is run and entries:
                step = max(step, entries[-1]["step"])
            found = best_of(entries)
            if found is not None and (best is None or found.value > best.value):
                best = found
    except (RunFolderError, OSError) as error:
        state, message = UNREADABLE, str(error)
    return RunLine(
        run=str(path),
        preset=preset,
        state=state,
        step=step,
        steps=steps,
        best=best,
        updated=updated,
        message=message,
    )


def as_table(lines: list[RunLine], *, now: float) -> Iterator[str]:
    """The runs in columns, and below them what is known of those that went wrong."""
    head = ("run", "preset", "status", "step", "best held-out bound", "updated")
    rows = [head]
    for line in lines:
        best = f"{line.best.value:.2f} at step {line.best.step}" if line.best else "-"
        age = _age(now - line.updated) if line.updated else "-"
        done = f"{line.step}/{line.steps}" if line.steps else "-"
        rows.append((line.run, line.preset or "-", line.state, done, best, age))
    yield from text_table(rows)
    for line in lines:
        if line.message:
            yield f"{line.run}: {' '.join(line.message.split())}"
    if any(line.state in ("killed", "interrupted") for line in lines):
        yield "those that were killed or interrupted continue with `dlh train --resume RUN`"


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / EXPERIMENT).is_file():
        yield folder
    elif depth:
        try:
            below = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
        except OSError:  # somebody else's folder
            return
        for path in below:
            yield from _walk(path, depth - 1)


def _experiment(run: RunFolder) -> tuple[str, int]:
    """Preset and steps, also of a run of another version of dlh, as far as it says them."""
    saved = run.read_json(EXPERIMENT)
    try:
        experiment = saved["experiment"]
        return str(experiment["preset"]), int(experiment["training"]["steps"])
    except (TypeError, KeyError, ValueError):
        raise RunFolderError(
            f"{run.path / EXPERIMENT} does not say preset and steps; it was edited or is of "
            "another version"
        ) from None


def _age(seconds: float) -> str:
    """How long ago, roughly."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"
