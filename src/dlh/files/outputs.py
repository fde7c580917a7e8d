"""Files that a command is asked to write: refused before the work, or written whole."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from dlh.errors import OutputError, UsageError
from dlh.files.atomic import write_atomically
from dlh.files.os_errors import os_errors_as

Say = Callable[[str], None]
"""Takes a line for a person."""


def check_name(path: Path, suffix: str) -> None:
    """Refuse the name of a file to be written, before anything is made.

    Raises:
        UsageError: the name does not end in ``suffix``, or is that of a folder.
    """
    if path.suffix.lower() != suffix:
        raise UsageError(f"{path} must end in {suffix}, found {path.suffix or 'no ending'}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it")


def check_writable(path: Path, suffix: str) -> None:
    """Make the folder of a file to be written, and refuse now what would fail after the work.

    Raises:
        UsageError: as by :func:`check_name`.
        OutputError: nothing can be written there.
    """
    check_name(path, suffix)
    with os_errors_as(OutputError, f"cannot write {path}"):
        _make_writable(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it.

    Raises:
        OutputError: it cannot be made, or nothing can be written in it.
    """
    with os_errors_as(OutputError, f"cannot write in {folder}"):
        _make_writable(folder)


def check_with_picture(path: Path, suffix: str) -> Path:
    """The picture beside a file, of its name and .png, after both were checked as by
    :func:`check_writable`.
    """
    check_writable(path, suffix)
    picture = path.with_suffix(".png")
    if picture.is_dir():
        raise UsageError(
            f"the picture beside {path} is to be {picture}, which is a folder; choose another --out"
        )
    return picture


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, as a whole or not at all; OutputError where that cannot be."""
    with os_errors_as(OutputError, f"cannot write {path}"):
        write_atomically(path, content)


def _make_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
