"""The operating system's errors as messages for a person."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager

from dlh.errors import DlhError

_ADVICE = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f) and try again",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that can be written to",
}


def explain(error: OSError) -> str:
    """The operating system's reason for a failed write or read, and what to do about it."""
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0)
    return f"{reason}; {advice}" if advice else reason


@contextmanager
def os_errors_as(kind: type[DlhError], what: str) -> Generator[None]:
    """Within it an OSError becomes an error of this kind: ``what``, the reason and the advice.

    Args:
        kind: the error that is raised instead.
        what: the beginning of its message, such as "cannot write runs/a/status.json".
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {explain(error)}") from error
