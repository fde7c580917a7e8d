"""The right to build a store: one process has it at a time, and loses it when it is gone."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dlh.data.clips import DataError

try:
    import fcntl
except ImportError:  # Windows: two builders of one store are not kept apart there
    fcntl = None


@dataclass(frozen=True)
class Claim:
    """A folder that this process alone builds, made by :func:`claim`.

    Attributes:
        path: where the finished store will be.
        unfinished: the folder beside it in which it grows; survives a killed build, whose work the
            next one uses.
    """

    path: Path
    unfinished: Path


@contextmanager
def claim(path: str | os.PathLike[str], *, wait: bool) -> Generator[Claim]:
    """Holds the right to build ``path`` while the block runs; makes the folders above it.

    Args:
        wait: until another process that builds the same is done; otherwise that is an error.

    Raises:
        DataError: another process builds it, or one may not write there.
    """
    path = Path(os.path.abspath(path))
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(lock, path, wait=wait)
    except OSError as error:
        raise DataError(f"{path} cannot be made: {error.strerror} ({error.filename})") from None
    try:
        yield Claim(path=path, unfinished=path.with_name(f".{path.name}.unfinished"))
    finally:
        with suppress(OSError):  # Windows removes no open file
            lock.unlink()  # before it is released: nobody may lock a file that is about to go
        os.close(descriptor)


def _lock(lock: Path, path: Path, *, wait: bool) -> int:
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_the_file_at(lock, descriptor):
                os.truncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
                return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode() or "unknown"
            os.close(descriptor)
            raise DataError(
                f"another process (pid {holder}) is building {path}; wait for it, or choose "
                "another place"
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder removed it while we waited: lock its successor


def _is_the_file_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
