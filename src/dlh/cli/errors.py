"""What failed, in one line on standard error; only what nobody foresaw shows a traceback."""

from __future__ import annotations

import shlex
import traceback

import torch

from dlh.analysis.figures.canvas import MissingExtraError
from dlh.cli.output import complain
from dlh.data.clips import DataError
from dlh.experiments.errors import OutputError
from dlh.pretrained import PretrainedError
from dlh.settings import SettingsError
from dlh.training.errors import Interrupted, TrainingError
from dlh.training.errors import explain as reason
from dlh.video import VideoError

FORESEEN = (
    DataError,
    MissingExtraError,
    OSError,
    OutputError,
    PretrainedError,
    SettingsError,
    TrainingError,
    VideoError,
)


def explain(error: Exception) -> int:
    """Print the error; return the exit status."""
    notes = getattr(error, "__notes__", [])
    if isinstance(error, Interrupted):
        saved = f"everything up to step {error.step} is saved"
        resume = f"`dlh train --resume {shlex.quote(str(error.folder))}`"
        complain("interrupted", "; ".join([f"{saved}; go on with {resume}", *notes]))
        return 130
    if _out_of_memory(error):
        complain(
            "error",
            f"out of memory ({str(error).splitlines()[0] if str(error) else 'no more is there'}); "
            "ask for fewer samples or a shorter horizon, or train with a smaller "
            "--training.batch-size or --training.clip-length",
        )
        return 1
    if not isinstance(error, FORESEEN):
        traceback.print_exception(error)
        complain("error", "this is a bug; please report it with the output of `dlh info`")
        return 1
    complain("error", " ".join([_message(error), *notes]))
    return 1


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename}: {reason(error)}" if error.filename else reason(error)
    return str(error)


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
