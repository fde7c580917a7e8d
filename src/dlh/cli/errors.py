"""An error as one line on standard error; a traceback only for a bug."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Generator
from contextlib import contextmanager

from dlh.cli.output import complain
from dlh.errors import DlhError
from dlh.files.os_errors import explain as reason
from dlh.training.errors import Interrupted

REPEAT = "give the same command again to go on"


def explain(error: Exception) -> int:
    """Print the error; return the exit status."""
    if isinstance(error, Interrupted):
        resume = f"`dlh train --resume {shlex.quote(str(error.folder))}`"
        _interrupted(error, f"go on with {resume}")
        return error.exit_status
    if isinstance(error, DlhError | OSError):
        notes = getattr(error, "__notes__", [])
        complain("error", " ".join([_message(error), *notes]))
        return error.exit_status if isinstance(error, DlhError) else 1
    from dlh.training.memory import is_out_of_memory

    if is_out_of_memory(error):
        found = str(error).splitlines()[0] if str(error) else "no more is there"
        complain(
            "error",
            f"out of memory ({found}); ask for fewer samples or a shorter horizon, or train with a "
            "smaller --training.batch-size or --training.clip-length",
        )
        return 1
    traceback.print_exception(error)
    complain("error", "this is a bug; please report it with the output of `dlh info`")
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
