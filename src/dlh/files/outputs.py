"""Files that a command is asked to write: found to be writable before the work, written whole."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from dlh.errors import OutputError, UsageError
from dlh.files.atomic import write_atomically
from dlh.training.errors import explain

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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"cannot write {path}: {explain(error)}") from error


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
    try:
        write_atomically(path, content)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {explain(error)}") from error


class ArrayFile:
    """An .npz that takes its arrays piece by piece: a large one never is in memory as a whole.

    Use it as a context; the file has its name only if all went well.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> ArrayFile:
        self._archive = zipfile.ZipFile(self._temporary, "w")
        return self

    def write(self, name: str, shape: tuple[int, ...], pieces: Iterable[np.ndarray]) -> None:
        """Write a float32 array of this shape, whose pieces come in the order of its elements."""
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with self._archive.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_2_0(file, header)
            for piece in pieces:
                file.write(np.ascontiguousarray(piece, "<f4").data)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._archive.close()
            if kind is None:
                os.replace(self._temporary, self._path)
        finally:
            self._temporary.unlink(missing_ok=True)
