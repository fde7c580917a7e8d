"""Files that a command is asked to write: found to be writable before the work, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


class OutputError(RuntimeError):
    """A file that cannot be written where it was asked for."""


def check_writable(path: Path, *suffixes: str) -> None:
    """Raise :class:`OutputError` now if ``path`` could not be written later; makes its folder.

    Args:
        path: the file to be written.
        suffixes: the endings that it may have; any when none are given.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise OutputError(f"{path} must end in {' or '.join(suffixes)}, found {path.suffix or 'no ending'!r}")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that you may write to"
        ) from error


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a temporary file beside ``path`` and give it the name when it is complete."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
