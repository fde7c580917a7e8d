"""One process builds a store at a time."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dlh.data.clips import DataError
from dlh.files.lock import Lock
from dlh.files.writing import os_errors_as


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
        DataError: another process builds it (code "already-running"), or ``path`` cannot be
            written.
    """
    path = Path(os.path.abspath(path))
    lock = Lock(path.with_name(f".{path.name}.lock"), doing=f"building {path}", error=DataError)
    with os_errors_as(DataError, f"{path} cannot be made"):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock.acquire(wait=wait)
    try:
        yield Claim(path=path, unfinished=path.with_name(f".{path.name}.unfinished"))
    finally:
        with suppress(OSError):  # Windows removes no open file
            lock.path.unlink()  # before it is released: nobody may lock a file that is about to go
        lock.release()
