"""The errors of training; each message says what to do."""

from __future__ import annotations

from pathlib import Path

from dlh.errors import DlhError


class TrainingError(DlhError, RuntimeError):
    """Training cannot start or go on; the message says what was found and what to do."""

    code = "training"


class RunFolderError(TrainingError):
    """A run folder that cannot be created, opened, locked, read or written."""

    code = "run-folder"


class CheckpointError(TrainingError):
    """A checkpoint that cannot be written, read, or used for this model."""

    code = "checkpoint"


class DamagedCheckpointError(CheckpointError):
    """A checkpoint whose content is not what was written: cut off, or changed since."""

    code = "damaged-checkpoint"


class NonFiniteError(TrainingError):
    """A loss or gradient that is not finite, refused before it reached the weights.

    Attributes:
        step: the step that was refused; the weights are those of the step before.
        term: the first term found not finite: a name of ``metrics.jsonl``, or "gradient".
        level: the level n of that term, counted from 1 at the pixels; None where it has none.
    """

    code = "non-finite"

    def __init__(self, message: str, *, step: int, term: str, level: int | None = None) -> None:
        super().__init__(message)
        self.step, self.term, self.level = step, term, level


class Interrupted(TrainingError):
    """Somebody stopped the run: Ctrl-C, SIGTERM or a closed terminal.

    Attributes:
        folder: the run's folder, from which it can be resumed.
        step: the step from which a resumed run goes on.
    """

    code = "interrupted"
    exit_status = 130

    def __init__(self, *, folder: Path, step: int) -> None:
        super().__init__(
            f"the run was interrupted; its folder {folder} holds everything up to step {step}, "
            "and resuming it continues there"
        )
        self.folder, self.step = folder, step
