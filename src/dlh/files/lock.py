"""One process per run folder."""

from __future__ import annotations

import errno
import os
import socket
import time
import warnings
from pathlib import Path

from dlh.training.errors import RunFolderError, explain

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_ATTEMPTS, _PAUSE = 5, 0.05  # somebody who only asks holds the lock for an instant


class FolderLock:
    """A lock on a file that the operating system releases when its holder dies, however it dies.

    It may be acquired several times by the object that holds it, and is released with the last
    release.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._depth = 0

    def acquire(self) -> None:
        """Take the lock, or raise :class:`RunFolderError` naming the process that has it."""
        if self._depth == 0:
            self._descriptor = self._open_locked()
        self._depth += 1

    def release(self) -> None:
        """Give back one acquisition."""
        self._depth -= 1
        if self._depth == 0 and self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_held(self) -> bool:
        """Whether a living process, this one or another, holds the lock."""
        if self._depth:
            return True
        if fcntl is None:
            return False
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except OSError:
            return False
        try:
            return not _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _open_locked(self) -> int:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunFolderError(
                f"cannot write in {self._path.parent}: {explain(error)}"
            ) from error
        for attempt in range(_ATTEMPTS):
            if fcntl is None or _try_lock(descriptor, fcntl.LOCK_EX):
                break
            if attempt + 1 == _ATTEMPTS:
                holder = os.read(descriptor, 200).decode(errors="replace").strip()
                os.close(descriptor)
                raise RunFolderError(
                    f"another process is training in {self._path.parent} ({holder or 'unknown'}); "
                    "wait for it, stop it, or choose another folder"
                )
            time.sleep(_PAUSE)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        return descriptor


def _try_lock(descriptor: int, kind: int) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        # Some cluster file systems have no locks. Training there is worth more than the guard.
        warnings.warn(
            f"this file system cannot lock files ({explain(error)}): nothing keeps a second "
            "process out of this run folder",
            stacklevel=2,
        )
    return True
