"""One process at a time."""

from __future__ import annotations

import errno
import os
import socket
import warnings
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

from dlh.errors import DlhError
from dlh.files.writing import explain

ALREADY_RUNNING = "already-running"
"""The code of the error where another process holds the lock."""
_PATIENCE, _PAUSE = 0.25, 0.05  # seconds; a process that only asks holds the lock for an instant
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


class Lock:
    """A lock on a file that the operating system releases when its holder dies, however it dies.

    The file holds the number of the process and the name of its machine. The object that holds the
    lock may acquire it again; the last release gives it back.
    """

    def __init__(self, path: Path, *, doing: str, error: type[DlhError]) -> None:
        """A lock that nobody holds yet.

        Args:
            path: the file; made where it is missing.
            doing: what the holder does, for the message: "training in runs/a".
            error: the error that is raised where the lock cannot be had.
        """
        self.path, self._doing, self._error = path, doing, error
        self._lock = FileLock(path, thread_local=False, on_acquired=_sign)

    def acquire(self, *, wait: bool = False) -> None:
        """Take the lock.

        Args:
            wait: until the process that holds it gives it back; otherwise that is an error.

        Raises:
            DlhError: of the kind that was asked for: another process holds the lock (the code is
                "already-running"), or the file cannot be written.
        """
        try:
            self._lock.acquire(timeout=-1 if wait else _PATIENCE, poll_interval=_PAUSE)
        except Timeout:
            raise self._error(
                f"{self._doing} is already running ({_holder(self.path)}); wait for it, stop it, "
                "or choose another folder",
                code=ALREADY_RUNNING,
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise self._error(
                    f"cannot write in {self.path.parent}: {explain(error)}"
                ) from error
            # Some cluster file systems have no locks. Working there is worth more than the guard.
            warnings.warn(
                f"this file system cannot lock files ({explain(error)}): nothing keeps a second "
                f"process from {self._doing}",
                stacklevel=2,
            )

    def release(self) -> None:
        """Give back one acquisition."""
        self._lock.release()

    def is_held(self) -> bool:
        """Whether a living process, this one or another, holds the lock."""
        return self._lock.is_locked or _is_locked(self.path)


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())


def _holder(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8", errors="replace").strip() or "process unknown"
    return "process unknown"  # Windows lets nobody read a locked file


def _is_locked(path: Path) -> bool:
    for flags in (os.O_RDWR, os.O_RDONLY):  # some file systems lock only what may be written
        with suppress(OSError):
            descriptor = os.open(path, flags)
            try:
                return not lock_descriptor(descriptor, blocking=False)
            finally:
                os.close(descriptor)  # this gives the lock back
    return False
