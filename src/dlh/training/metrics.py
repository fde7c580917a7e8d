"""metrics.jsonl: what a run has measured, one JSON object a line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlh.files.writing import explain, os_errors_as, strict_json, write_atomically
from dlh.training.errors import RunFolderError

VALIDATION = "validation."
"""What the names of held-out figures start with."""
BEST_STEP = "best_step"
"""In a line of held-out figures: the step whose bound is the highest so far."""
BEST_BY = "best_by"
"""Beside it, of a model that is not judged by its bound: the name of the figure that is."""


def is_training_entry(entry: Mapping[str, Any]) -> bool:
    """Whether a line holds training figures; otherwise it holds held-out ones, never both."""
    return "loss" in entry or "stage" in entry


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best validation of a run so far.

    Attributes:
        step: at which it was.
        value: of the figure by which the model is judged.
        by: the figure's name; "elbo", the held-out bound in nats per frame, of most models.
    """

    step: int
    value: float
    by: str = "elbo"

    def to_plain(self) -> dict[str, Any]:
        """``{"step": ..., "elbo": ...}``, as the JSON files of a run have it."""
        return {"step": self.step, self.by: self.value}


def best_of(entries: Sequence[Mapping[str, Any]]) -> Best | None:
    """What the lines of metrics.jsonl say was best; None before the first validation."""
    steps = [entry[BEST_STEP] for entry in entries if BEST_STEP in entry]
    by = next((entry[BEST_BY] for entry in entries if BEST_BY in entry), "elbo")
    for entry in entries:
        value = entry.get(VALIDATION + by)
        if steps and entry["step"] == steps[-1] and value is not None:
            return Best(step=steps[-1], value=value, by=by)
    return None


class Metrics:
    """The file, which need not exist yet.

    Every line has ``step``, the updates done when it was written. A figure that is not finite is
    null.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line that has reached the disk when this returns."""
        with (
            os_errors_as(RunFolderError, f"cannot write {self.path}"),
            open(self.path, "a", encoding="utf-8") as file,
        ):
            file.write(strict_json(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[dict[str, Any]]:
        """All lines in order, without a last one that is, or will for ever be, half-written.

        Raises:
            RunFolderError: another line is not a JSON object with a step.
        """
        lines = self._lines()
        entries = [_parse(line) for line in lines]
        for number, entry in enumerate(entries[:-1], start=1):
            if entry is None:
                raise RunFolderError(
                    f"line {number} of {self.path} is not a JSON object with a step: "
                    f"{lines[number - 1][:60]!r}; remove that line"
                )
        return [entry for entry in entries if entry is not None]

    def rewind(self, *, step: int, validated: int) -> int:
        """Drop the lines that a resumed run will write again, atomically; return how many.

        A checkpoint is written before the validation of its step, so the two kinds of lines end at
        different steps: training figures after ``step``, held-out ones after ``validated``. Damaged
        lines go too.
        """
        lines = self._lines()
        kept = [line for line in lines if _belongs(_parse(line), step=step, validated=validated)]
        if len(kept) < len(lines):
            content = "".join(line + "\n" for line in kept)
            with os_errors_as(RunFolderError, f"cannot write {self.path}"):
                write_atomically(self.path, content.encode())
        return len(lines) - len(kept)

    def _lines(self) -> list[str]:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunFolderError(f"cannot read {self.path}: {explain(error)}") from error
        *complete, last = text.split("\n")  # not splitlines(), which splits at more than newlines
        # Without its newline the last line is half-written, even where it happens to parse.
        return [*complete, "half-written"] if last else complete


def _parse(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    is_entry = isinstance(entry, dict) and isinstance(entry.get("step"), int)
    return entry if is_entry else None


def _belongs(entry: dict[str, Any] | None, *, step: int, validated: int) -> bool:
    if entry is None:
        return False
    return entry["step"] <= (step if is_training_entry(entry) else validated)
