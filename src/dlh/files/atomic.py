"""Files that are either as they were or complete, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write ``parts`` one after the other to ``path``; see :func:`replacing`."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        for part in parts:
            file.write(part)


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Replace ``path`` by the file that the block writes under the name it is given.

    That name is a temporary one in the same folder. The file takes its own name when the block
    ends, once all of it has reached the disk, so that neither a kill nor a power cut shows a
    half-written file. After an error ``path`` is as it was. Raises what the operating system
    raises.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # of a killed process of the same number
    try:
        yield temporary
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(made: Path, path: Path) -> None:
    """Give a finished file or folder its name, once it has reached the disk.

    A file of that name is replaced; a folder must not be there yet. Raises what the operating
    system raises.
    """
    if made.is_dir():
        sync_folder(made)
    else:
        with open(made, "r+b") as file:
            os.fsync(file.fileno())
    os.replace(made, path)
    sync_folder(path.parent)


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


def sync_folder(folder: Path) -> None:
    """Make sure that the disk knows the names in a folder, where the file system can do that."""
    with contextlib.suppress(OSError):  # Windows opens no folder; the files are complete anyway
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
