"""Array files (.npy, .npz, HDF5) with video in them, read frame by frame."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.opening import first_bytes

HDF5_SUFFIXES = frozenset({".h5", ".hdf5"})
ARRAY_SUFFIXES = frozenset({".npy", ".npz"}) | HDF5_SUFFIXES
# What reading of a damaged file raises, in the standard library, numpy and h5py.
DAMAGE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
_KEY = "video"
_LAYOUTS = (
    "(frames, height, width), (frames, height, width, channel) or (clips, frames, height, width, "
    "channel)"
)
_MOST_PIXELS = 2**26  # of one frame: a few bytes of header could ask for any amount of memory
_HDF5_CACHE_BYTES = 2**25
_HDF5_BLOCK_BYTES = 2**26


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How frames lie in an array; a single video is one clip."""

    clips: int
    length: int
    height: int
    width: int
    channels: int
    dtype: np.dtype

    @classmethod
    def of(cls, shape: Sequence[int], dtype: np.dtype) -> Layout:
        """Raises :class:`DataError`, without a path, for an array that is not a video."""
        if dtype.hasobject:
            raise DataError("holds Python objects (a pickle), which are never loaded")
        if dtype != np.uint8 and dtype.kind != "f":
            raise DataError(f"holds {dtype}; frames are uint8, or floats in [0, 1]")
        if len(shape) not in (3, 4, 5):
            raise DataError(f"has the shape {tuple(shape)}; a video is {_LAYOUTS}")
        if min(shape) < 1:
            raise DataError(f"is empty: its shape is {tuple(shape)}")
        sizes = [int(size) for size in shape]
        if len(sizes) == 3:  # grey
            sizes.append(1)
        if len(sizes) == 4:  # one clip
            sizes.insert(0, 1)
        clips, length, height, width, channels = sizes
        if channels not in (1, 3):
            hint = "; move the channels to the end" if shape[-3] in (1, 3) else ""
            raise DataError(
                f"has the shape {tuple(shape)}: its last dimension would be the channels, 1 (grey) "
                f"or 3 (colour); a video is {_LAYOUTS}{hint}"
            )
        if height * width > _MOST_PIXELS:
            raise DataError(f"has frames of {width} x {height}, more than {_MOST_PIXELS:,} pixels")
        if clips > 1 and length < 2:
            raise DataError("holds clips of one frame; a video has at least two")
        return cls(
            clips=clips, length=length, height=height, width=width, channels=channels, dtype=dtype
        )

    @property
    def frame_bytes(self) -> int:
        return self.height * self.width * self.channels * self.dtype.itemsize


class ArrayFile(Protocol):
    """An open array: one video, or several clips of one length. Memory is that of a few frames.

    Clips are cheapest in order: a compressed file can only be read forward.
    """

    layout: Layout

    def frames(self, clip: int) -> Iterator[np.ndarray]:
        """The frames of a clip, (height, width, channel), in the file's own type."""
        ...

    def close(self) -> None:
        """May be called twice."""
        ...


def open_array(path: Path) -> ArrayFile:
    """Opens an array file; its first bytes say what it is, whatever its name.

    Raises:
        DataError: the file is missing, damaged, or holds no video; HDF5 without h5py.
    """
    head = first_bytes(path, 8)
    try:
        if head.startswith(b"\x93NUMPY"):
            return _closed_on_error(open(path, "rb"))
        if head.startswith(b"PK\x03\x04"):
            archive = zipfile.ZipFile(path)
            try:
                names = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
                return _closed_on_error(archive.open(f"{_chosen(names)}.npy"), archive)
            except BaseException:
                archive.close()
                raise
        if head == b"\x89HDF\r\n\x1a\n":
            return _Hdf5Array(path)
    except DataError as error:
        raise DataError(f"{path} {error}", code=error.code) from None
    except DAMAGE as error:
        raise DataError(f"{path} is damaged, or was cut off ({error})") from error
    raise DataError(f"{path} is not an array file: neither .npy, .npz nor HDF5 begins like this")


class _StreamedArray:
    """The array of a .npy file, or of one in a zip archive. Read, not mapped: the pages of a map
    would count as this process's memory, and a zip archive has none.
    """

    def __init__(self, file: IO[bytes], archive: zipfile.ZipFile | None = None) -> None:
        self._file, self._archive = file, archive
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):  # a later one is for the names of fields
            raise DataError(f"is of the .npy version {version[0]}.{version[1]}, which no video has")
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran_order, dtype = read_header(file)
        self.layout = Layout.of(shape, dtype)
        if fortran_order:
            raise DataError(
                "is in Fortran order, where no frame lies in one piece; save it again with "
                "numpy.ascontiguousarray"
            )
        self._begin = file.tell()

    def frames(self, clip: int) -> Iterator[np.ndarray]:
        layout, file = self.layout, self._file
        place = self._begin + clip * layout.length * layout.frame_bytes
        if file.tell() != place:
            file.seek(place)
        for _ in range(layout.length):
            data = file.read(layout.frame_bytes)
            if len(data) < layout.frame_bytes:
                raise EOFError("the file ends here")
            yield np.frombuffer(data, layout.dtype).reshape(
                layout.height, layout.width, layout.channels
            )
        if clip == layout.clips - 1:
            file.read(1)  # a zip archive compares its checksum at the end

    def close(self) -> None:
        self._file.close()
        if self._archive is not None:
            self._archive.close()


class _Hdf5Array:
    """The array of an HDF5 file, read in blocks of its own chunks."""

    def __init__(self, path: Path) -> None:
        try:
            import h5py
        except ImportError:
            raise DataError(
                "is an HDF5 file, and h5py is not installed: pip install 'dlh[hdf5]'",
                code="missing-extra",
            ) from None
        self._file = h5py.File(path, "r", rdcc_nbytes=_HDF5_CACHE_BYTES)
        try:
            arrays: dict[str, h5py.Dataset] = {}

            def keep(name: str, entry: object) -> None:
                if isinstance(entry, h5py.Dataset):
                    arrays[name] = entry

            self._file.visititems(keep)  # follows no link to another file
            self._data = arrays[_chosen(list(arrays))]
            if self._data.external or self._data.is_virtual:
                raise DataError("names other files instead of holding its frames")
            self.layout = Layout.of(self._data.shape or (), self._data.dtype)
            time_axis = max(0, len(self._data.shape) - 4)
            chunk = self._data.chunks[time_axis] if self._data.chunks else 1
            self._block = max(1, min(chunk, _HDF5_BLOCK_BYTES // self.layout.frame_bytes))
        except BaseException:
            self._file.close()
            raise

    def frames(self, clip: int) -> Iterator[np.ndarray]:
        layout = self.layout
        for first in range(0, layout.length, self._block):
            frames = slice(first, min(first + self._block, layout.length))
            block = self._data[clip, frames] if self._data.ndim == 5 else self._data[frames]
            yield from block.reshape(-1, layout.height, layout.width, layout.channels)

    def close(self) -> None:
        self._file.close()


def _closed_on_error(file: IO[bytes], archive: zipfile.ZipFile | None = None) -> _StreamedArray:
    try:
        return _StreamedArray(file, archive)
    except BaseException:
        file.close()
        raise


def _chosen(names: list[str]) -> str:
    """The array with the frames: the one called video, or the only one."""
    if _KEY in names:
        return _KEY
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    raise DataError(
        f"holds {len(names)} arrays ({shown}); call the one with the frames {_KEY!r}"
        if names
        else "holds no array"
    )
