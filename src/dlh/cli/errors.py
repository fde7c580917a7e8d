"""What failed, in one line on standard error; only what nobody foresaw shows a traceback."""

from __future__ import annotations

import errno
import sys
import traceback

from dlh.pretrained import PretrainedError
from dlh.training.errors import Interrupted, TrainingError

FORESEEN = (ValueError, TypeError, OSError, ImportError, PretrainedError, TrainingError)


def explain(error: Exception) -> int:
    """Print the error; return the exit status."""
    if isinstance(error, Interrupted):
        print(
            f"\ndlh: stopped; everything up to step {error.step} is saved. Go on with\n"
            f"  dlh train --resume {error.folder}",
            file=sys.stderr,
        )
        return 130
    if not _foreseen(error):
        traceback.print_exception(error)
        print("dlh: this is a bug; please report it with the output of `dlh info`", file=sys.stderr)
        return 1
    message = " ".join(_message(error).split())
    notes = [" ".join(note.split()) for note in getattr(error, "__notes__", [])]
    print("dlh: error: " + " ".join([message, *notes]), file=sys.stderr)
    return 1


def _foreseen(error: Exception) -> bool:
    if isinstance(error, PretrainedError | TrainingError | OSError):
        return True
    # A ValueError of our own, not one of a library that met something we failed to check.
    last = traceback.extract_tb(error.__traceback__)[-1].filename.replace("\\", "/")
    return isinstance(error, FORESEEN) and "/dlh/" in last


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason += "; free some space"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason += "; choose a folder that you may write to"
        return f"{error.filename}: {reason}" if error.filename else reason
    return str(error)
