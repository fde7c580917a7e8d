"""Files that are either as they were or complete, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write ``parts`` one after the other to ``path``; a failure leaves what was there before.

    The bytes go to a temporary file in the same folder and reach the disk before it takes the name,
    so that neither a kill nor a power cut shows a half-written file. Raises what the operating
    system raises.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def is_leftover(path: Path) -> bool:
    """Whether this is the temporary file of a write: a left-over once its process is gone."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove the temporary files that killed processes left in a folder, and return them.

    Only for a folder in which nobody else writes.
    """
    leftovers = [path for path in folder.iterdir() if is_leftover(path)] if folder.is_dir() else []
    for path in leftovers:
        path.unlink(missing_ok=True)
    return leftovers


def _sync_folder(folder: Path) -> None:
    # The new name itself must reach the disk. Some file systems cannot sync a folder; the file is
    # complete anyway.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
