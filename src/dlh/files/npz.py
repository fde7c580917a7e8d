"""An .npz written piece by piece and read where it lies, so that it may exceed the memory."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dlh.errors import DlhError
from dlh.files.writing import os_errors_as, replacing

_LOCAL_HEADER = 30  # bytes of a zip file's local header before the name


class ArchiveError(DlhError, ValueError):
    """A file of arrays that cannot be read; the message says what to do."""

    code = "array-archive"


class ArrayWriter:
    """Takes the arrays of an .npz one after the other, each in pieces."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def write(self, name: str, shape: tuple[int, ...], pieces: Iterable[np.ndarray]) -> None:
        """Write a float32 array of this shape, whose pieces come in the order of its elements."""
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with self._archive.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_2_0(file, header)
            for piece in pieces:
                file.write(np.ascontiguousarray(piece, "<f4").data)


@contextmanager
def writing_arrays(path: Path) -> Generator[ArrayWriter]:
    """Write an .npz that never is in memory as a whole; after an error ``path`` is as it was.

    Raises what the operating system raises.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        yield ArrayWriter(archive)


def map_arrays(path: Path, names: Sequence[str], scratch: Path) -> dict[str, np.ndarray]:
    """Those of the named arrays that an .npz holds, mapped into memory.

    ``numpy.load`` would read each as a whole. Compressed ones are unpacked into ``scratch`` first.

    Raises:
        ArchiveError: the file is missing, cut off, damaged or no .npz, or an array holds Python
            objects.
    """
    if not path.is_file():
        raise ArchiveError(f"there is no file {path}; name an .npz with truth and samples")
    try:
        with (
            os_errors_as(ArchiveError, f"{path} cannot be read"),
            zipfile.ZipFile(path) as archive,
        ):
            members = {info.filename: info for info in archive.infolist()}
            return {
                name: _map(path, archive, members[f"{name}.npy"], scratch)
                for name in names
                if f"{name}.npy" in members
            }
    except (zipfile.BadZipFile, EOFError) as error:
        raise ArchiveError(
            f"{path} cannot be read as an .npz: it is cut off, damaged, or something else "
            f"({error}); write it with numpy.savez(FILE, truth=..., samples=...)"
        ) from error


def _map(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, scratch: Path) -> np.ndarray:
    name = info.filename.removesuffix(".npy")
    with archive.open(info) as member:
        try:
            version = np.lib.format.read_magic(member)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read_header(member)
        except ValueError as error:
            raise ArchiveError(f"{path}: {name} is no array that numpy wrote ({error})") from error
        header = member.tell()
    if dtype.hasobject:
        raise ArchiveError(f"{path}: {name} holds Python objects, not numbers; save plain arrays")
    place, start = path, header
    if info.compress_type == zipfile.ZIP_STORED:
        with archive.open(info) as member:  # read to its end: a wrong checksum raises BadZipFile
            while member.read(2**20):
                pass
        start += _offset(path, info)
    else:
        scratch.mkdir(parents=True, exist_ok=True)
        place = scratch / f"{name}.npy"
        if not place.exists() or place.stat().st_size != info.file_size:
            with (
                replacing(place) as unfinished,
                archive.open(info) as packed,
                open(unfinished, "wb") as unpacked,
            ):
                shutil.copyfileobj(packed, unpacked, 2**20)
    if int(np.prod(shape)) == 0:
        return np.zeros(shape, dtype)
    if place.stat().st_size < start + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize:
        raise ArchiveError(f"{path} is cut off in {name}; write it again")
    return np.memmap(place, dtype, "r", offset=start, shape=shape, order="F" if fortran else "C")


def _offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Where the content of a member begins: its name and extra field stand before it."""
    with open(path, "rb") as file:
        file.seek(info.header_offset + _LOCAL_HEADER - 4)
        lengths = file.read(4)
    name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
    return info.header_offset + _LOCAL_HEADER + name + extra
