"""What failed, in one line on standard error; only what nobody foresaw shows a traceback."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Generator
from contextlib import contextmanager

import torch

from dlh.cli.output import complain
from dlh.data.clips import DataError
from dlh.errors import OutputError
from dlh.pretrained import PretrainedError
from dlh.reports.figures.canvas import MissingExtraError
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


REPEAT = "give the same command again to go on"


def explain(error: Exception) -> int:
    """Print the error; return the exit status."""
    notes = getattr(error, "__notes__", [])
    if isinstance(error, Interrupted):
        resume = f"`dlh train --resume {shlex.quote(str(error.folder))}`"
        _interrupted(error, f"go on with {resume}")
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


@contextmanager
def goes_on_when_repeated() -> Generator[None]:
    """What is stopped within it is a command of several runs, which goes on where it is given
    again: to resume the run that it was at would finish that one only.

    Raises:
        SystemExit: it was stopped; how to go on is said.
    """
    try:
        yield
    except Interrupted as error:
        _interrupted(error, REPEAT, f" of {error.folder}")
        raise SystemExit(130) from None
    except KeyboardInterrupt:
        complain("interrupted", f"what is finished is saved; {REPEAT}")
        raise SystemExit(130) from None


def _interrupted(error: Interrupted, advice: str, where: str = "") -> None:
    saved = f"everything up to step {error.step}{where} is saved"
    complain("interrupted", "; ".join([saved, advice, *getattr(error, "__notes__", [])]))


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename}: {reason(error)}" if error.filename else reason(error)
    return str(error)


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
