"""Videos in array files (.npy, .npz, HDF5), read frame by frame: memory is that of a few frames."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from dlh.data.clips import DataError
from dlh.data.reading import first_bytes
from dlh.data.video.frames import Pictures
from dlh.data.video.resize import Target

if TYPE_CHECKING:
    import h5py

HDF5_SUFFIXES = frozenset({".h5", ".hdf5"})
ARRAY_SUFFIXES = frozenset({".npy", ".npz"}) | HDF5_SUFFIXES
_OF_SEVERAL = ARRAY_SUFFIXES | {".tfrecord"}  # files that hold several videos
# What reading of a damaged file raises, in the standard library, numpy and h5py.
_DAMAGE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
# The names under which files hold their frames, the surest first.
_KEYS = ("video", "videos", "obs", "observation", "observations", "image", "images", "frames")
_LAYOUTS = (
    "(frames, height, width), (frames, height, width, channel) or (clips, frames, height, width, "
    "channel), the channels also before the height, or none in (clips, frames, height, width)"
)
LAYOUTS = ("thw", "thwc", "tchw", "nthw", "nthwc", "ntchw")
"""The axes that an array can have; a frame lies in one piece, and frames follow each other."""
_WITH_ALPHA = (2, 4)  # channels: grey or colour, and alpha
_MOST_PIXELS = 2**26  # of one frame: a few bytes of header could ask for any amount of memory
_HDF5_CACHE_BYTES = 2**25
_HDF5_BLOCK_BYTES = 2**26


@dataclass(frozen=True, kw_only=True)
class ArrayForm:
    """What a person says of an array of frames; None is recognised.

    Attributes:
        key: the name of the array in its file, whole or its last part; of a recording with several
            cameras, the camera.
        layout: the axes in order: n clips, t frames, h height, w width, c channel.
        scale: the value of white; 1 for floats, 255 for bytes, 65535 for 16-bit pictures.

    Raises:
        DataError: there is no such layout, or the scale is not above 0.
    """

    key: str | None = None
    layout: str | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        if self.layout is not None and self.layout not in LAYOUTS:
            raise DataError(f"a layout is one of {', '.join(LAYOUTS)}, found {self.layout!r}")
        if self.scale is not None and not 0 < self.scale < float("inf"):
            raise DataError(f"the scale is the value of white, above 0, found {self.scale}")


RECOGNISED = ArrayForm()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How frames lie in an array; a single video is one clip.

    ``channels_first`` is whether a frame lies there as (channel, height, width), and ``axes`` says
    in words what is unusual.
    """

    clips: int
    length: int
    height: int
    width: int
    channels: int
    dtype: np.dtype
    channels_first: bool = False
    axes: str | None = None

    @classmethod
    def of(cls, shape: Sequence[int], dtype: np.dtype, form: ArrayForm = RECOGNISED) -> Layout:
        """Raises :class:`DataError`, without a path, for an array that is not a video."""
        if dtype.hasobject:
            raise DataError("holds Python objects (a pickle), which are never loaded")
        if (
            dtype != np.uint8
            and dtype.kind != "f"
            and (form.scale is None or dtype.kind not in "bui")
        ):
            raise DataError(
                f"holds {dtype}; frames are uint8, or floats in [0, 1]; of whole numbers say the "
                "value of white (--scale)"
            )
        if len(shape) not in (3, 4, 5):
            raise DataError(f"has the shape {tuple(shape)}; a video is {_LAYOUTS}")
        if min(shape) < 1:
            raise DataError(f"is empty: its shape is {tuple(shape)}")
        sizes = [int(size) for size in shape]
        channels_first, axes = False, None
        if form.layout is not None:
            if len(sizes) != len(form.layout):
                raise DataError(
                    f"has the shape {tuple(shape)}, and the layout {form.layout} has "
                    f"{len(form.layout)} axes"
                )
            channels_first = form.layout.endswith("chw")
            if channels_first:
                sizes.append(sizes.pop(-3))
            elif not form.layout.endswith("c"):
                sizes.append(1)
        elif len(sizes) == 4 and not {1, 3} & {sizes[-1], sizes[-3]}:
            if sizes[-1] in _WITH_ALPHA:
                raise DataError(
                    f"has the shape {tuple(shape)}, which ends as with an alpha channel; a video "
                    f"has 1 channel (grey) or 3 (colour): store array[..., :{sizes[-1] - 1}], or "
                    "say --layout nthw of grey clips that are so narrow"
                )
            sizes.append(1)
            axes = "(clips, frames, height, width), grey"
        elif len(sizes) > 3 and sizes[-1] not in (1, 3) and sizes[-3] in (1, 3):
            sizes.append(sizes.pop(-3))
            channels_first, axes = True, "(..., channel, height, width)"
        elif len(sizes) == 3:  # grey
            sizes.append(1)
        if len(sizes) == 4:  # one clip
            sizes.insert(0, 1)
        clips, length, height, width, channels = sizes
        if channels not in (1, 3):
            raise DataError(
                f"has the shape {tuple(shape)}, of which no dimension can be the channels, 1 "
                f"(grey) or 3 (colour); a video is {_LAYOUTS}"
                if form.layout is None
                else f"has the shape {tuple(shape)}, which gives {channels} channels in the layout "
                f"{form.layout}; there are 1 (grey) or 3 (colour)"
            )
        if height * width > _MOST_PIXELS:
            raise DataError(
                f"has frames of {width} x {height} pixels; at most {_MOST_PIXELS:,} are read"
            )
        if clips > 1 and length < 2:
            raise DataError("holds clips of one frame; a video has at least two")
        return cls(
            clips=clips,
            length=length,
            height=height,
            width=width,
            channels=channels,
            dtype=dtype,
            channels_first=channels_first,
            axes=axes,
        )

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """As a frame lies in the file."""
        sizes = self.height, self.width, self.channels
        return (sizes[2], *sizes[:2]) if self.channels_first else sizes

    def upright(self, frame: np.ndarray) -> np.ndarray:
        """A frame of the file as (height, width, channel)."""
        return np.moveaxis(frame, 0, -1) if self.channels_first else frame

    @property
    def frame_bytes(self) -> int:
        return int(np.prod(self.frame_shape)) * self.dtype.itemsize


@dataclass(frozen=True)
class ArrayFile:
    """An open array: one video, or several clips of one length.

    Clips are cheapest in order: a compressed file can only be read forward.

    Attributes:
        layout: how the frames lie in it.
        frames: gives the frames of a clip as they lie there, in the file's own type.
        close: closes the file; may be called twice.
        chosen: what was recognised: which array of several is read; None where there is one, or a
            person has named it.
    """

    layout: Layout
    frames: Callable[[int], Iterator[np.ndarray]]
    close: Callable[[], None]
    chosen: str | None = None


def open_array(path: Path, form: ArrayForm = RECOGNISED) -> ArrayFile:
    """Opens an array file; its first bytes tell the format, whatever its name.

    Args:
        path: the file.
        form: what is known of it.

    Raises:
        DataError: the file is missing, damaged, or holds no video, or not the array or layout that
            was said; HDF5 without h5py.
    """
    chosen = None
    head = first_bytes(path, 8)
    with ExitStack() as opened:
        try:
            if head.startswith(b"\x93NUMPY"):
                layout, frames = _streamed(opened.enter_context(open(path, "rb")), form)
            elif head.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # the latter is empty
                archive = opened.enter_context(zipfile.ZipFile(path))
                names = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
                name, chosen = chosen_array(names, form.key)
                member = archive.open(f"{name}.npy")
                layout, frames = _streamed(opened.enter_context(member), form)
            elif head == b"\x89HDF\r\n\x1a\n":
                layout, frames, chosen = _hdf5(opened.enter_context(_open_hdf5(path)), form)
            else:
                raise DataError("is not an array file; .npy, .npz and HDF5 begin otherwise")
        except DataError as error:
            raise DataError(f"{path} {error}", code=error.code) from None
        except _DAMAGE as error:
            raise DataError(f"{path} is damaged, or was cut off ({error})") from error
        return ArrayFile(layout, frames, opened.pop_all().close, chosen)


def _streamed(
    file: IO[bytes], form: ArrayForm
) -> tuple[Layout, Callable[[int], Iterator[np.ndarray]]]:
    """The array of a .npy file, or of one in a zip archive. Read, not mapped: the pages of a map
    would count as this process's memory, and a zip archive has none.
    """
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):  # a later one is for the names of fields
        raise DataError(f"is of the .npy version {version[0]}.{version[1]}, which no video has")
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran_order, dtype = read_header(file)
    layout = Layout.of(shape, dtype, form)
    if fortran_order:
        raise DataError(
            "is in Fortran order, where no frame lies in one piece; save it again with "
            "numpy.ascontiguousarray"
        )
    begin = file.tell()

    def frames(clip: int) -> Iterator[np.ndarray]:
        place = begin + clip * layout.length * layout.frame_bytes
        if file.tell() != place:
            file.seek(place)
        for _ in range(layout.length):
            data = file.read(layout.frame_bytes)
            if len(data) < layout.frame_bytes:
                raise EOFError("the file ends here")
            yield np.frombuffer(data, layout.dtype).reshape(layout.frame_shape)
        if clip == layout.clips - 1:
            file.read(1)  # a zip archive compares its checksum at the end

    return layout, frames


def _open_hdf5(path: Path) -> h5py.File:
    try:
        import h5py
    except ImportError:
        raise DataError(
            "is an HDF5 file, and h5py is not installed: pip install 'dlh[hdf5]'",
            code="missing-extra",
        ) from None
    return h5py.File(path, "r", rdcc_nbytes=_HDF5_CACHE_BYTES)


def _hdf5(
    file: h5py.File, form: ArrayForm
) -> tuple[Layout, Callable[[int], Iterator[np.ndarray]], str | None]:
    """The array of an HDF5 file, read in blocks of its own chunks."""
    import h5py

    arrays: dict[str, h5py.Dataset] = {}

    def keep(name: str, entry: object) -> None:
        if isinstance(entry, h5py.Dataset):
            arrays[name] = entry

    file.visititems(keep)  # follows no link to another file
    name, chosen = chosen_array(list(arrays), form.key)
    data = arrays[name]
    if data.external or data.is_virtual:
        raise DataError("names other files instead of holding its frames")
    layout = Layout.of(data.shape or (), data.dtype, form)
    several = layout.clips > 1 or data.ndim == 5
    time_axis = 1 if several else 0
    chunk = data.chunks[time_axis] if data.chunks else 1
    length = max(1, min(chunk, _HDF5_BLOCK_BYTES // layout.frame_bytes))

    def frames(clip: int) -> Iterator[np.ndarray]:
        for first in range(0, layout.length, length):
            times = slice(first, min(first + length, layout.length))
            block = data[clip, times] if several else data[times]
            yield from block.reshape(-1, *layout.frame_shape)

    return layout, frames, chosen


def chosen_array(names: Sequence[str], key: str | None = None) -> tuple[str, str | None]:
    """The array with the frames: the one that was said, by its name, or the only one.

    Returns:
        Its name, and what was recognised in words; None where there was nothing to choose.

    Raises:
        DataError: there is none, without a path.
    """
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    if key is not None:
        named = [name for name in names if key in (name, name.rpartition("/")[2])]
        if len(named) != 1:
            found = f"found {shown or 'none'}" if not named else f"{len(named)} have this name"
            raise DataError(f"holds no array of the name {key!r} (--key): {found}", code="no-key")
        return named[0], None
    by_last = {name.rpartition("/")[2].lower(): name for name in reversed(names)}
    for key in _KEYS:
        if key in by_last:
            said = (
                f"the array {by_last[key]} of {len(names)} ({shown}) is read; --key names another"
            )
            return by_last[key], said if len(names) > 1 else None
    if len(names) == 1:
        return names[0], None
    raise DataError(
        f"holds {len(names)} arrays ({shown}); say which one has the frames with --key, or call it "
        f"{_KEYS[0]!r}"
        if names
        else "holds no array"
    )


def read_clip(
    array: ArrayFile, clip: int, path: Path, target: Target, form: ArrayForm = RECOGNISED
) -> Pictures:
    """One clip of an array file. The file is closed after the pass over its last clip."""

    def read() -> Iterator[np.ndarray]:
        number, scale = 0, form.scale
        try:
            for frame in array.frames(clip):
                if scale is None and number == 0 and is_of_bytes(frame):
                    scale = 255.0
                    video.notes.append("floats from 0 to 255, as its first frame has above 1")
                yield stored(array.layout.upright(frame), f"{path}: frame {number}", scale=scale)
                number += 1
        except DataError:
            raise
        except _DAMAGE as error:
            if number == 0:
                raise DataError(f"{path}: not a single frame can be read ({error})") from error
            video.notes.append(
                f"damaged at frame {number}: only the frames before it are used ({error})"
            )
        finally:
            if clip == array.layout.clips - 1:
                array.close()

    kind = "arrays" if clip == 0 else None  # one note for a file, not one for each of its clips
    video = Pictures(path, target, read(), kind=kind, expected_frames=array.layout.length)
    if clip == 0 and array.chosen is not None:
        video.notes.append(array.chosen)
    if clip == 0 and array.layout.axes is not None:
        video.notes.append(f"read as {array.layout.axes}")
    return video


def read_clips(
    path: Path, target: Target, form: ArrayForm = RECOGNISED
) -> Iterator[tuple[int | None, Pictures]]:
    """Every clip of an array file with its number, which is None for an only one."""
    with closing(open_array(path, form)) as array:
        clips = array.layout.clips
        for clip in range(clips):
            yield (clip if clips > 1 else None), read_clip(array, clip, path, target, form)


def is_of_bytes(frame: np.ndarray) -> bool:
    """Whether the floats of a frame can only be those of bytes: some are above 1, none above 255,
    and all are whole or nearly.
    """
    if frame.dtype == np.uint8:
        return False
    low, high = float(frame.min()), float(frame.max())
    if not (low >= 0 and 1 < high <= 255):
        return False
    return high > 2 and float(np.abs(frame - np.rint(frame)).max()) < 1e-2


def stored(frame: np.ndarray, where: str, *, scale: float | None = None) -> np.ndarray:
    """uint8; a value of ``scale`` is 255. None: 255 for bytes, 1 for floats.

    Raises:
        DataError: a value is not in [0, ``scale``].
    """
    if scale is None:
        scale = 255.0 if frame.dtype == np.uint8 else 1.0
    if frame.dtype == np.uint8 and scale == 255:
        return frame
    low, high = float(frame.min()), float(frame.max())
    if not (low >= 0 and high <= scale):  # so that NaN, of which nothing is true, ends here too
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"{where} holds {'NaN' if low != low else 'infinity'}; values are finite and lie "
                f"in [0, {scale:g}]: replace it"
            )
        raise DataError(
            f"{where} holds values from {low:g} to {high:g}; they lie in [0, {scale:g}]: say the "
            "value of white (--scale), or store uint8"
        )
    return np.rint(frame.astype(np.float32) * (255 / scale)).astype(np.uint8)


def clip_name(file: str, clip: int | None) -> str:
    """The name of a clip; one that is the only one of its file has the file's."""
    return file if clip is None else f"{file}#{clip}"


def file_of(name: str) -> str:
    """The file that a video is of: all clips of a file lie on one side of a split."""
    file, mark, clip = name.rpartition("#")
    several = mark and clip.isdecimal() and Path(file).suffix.lower() in _OF_SEVERAL
    return file if several else name
