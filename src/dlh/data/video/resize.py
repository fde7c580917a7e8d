"""Any picture to the form that is stored: uint8 (height, width, channel), upright."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.retime import check_rate

if TYPE_CHECKING:
    import av

_FORMATS = {1: "gray", 3: "rgb24"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """The form that every frame is brought to.

    Attributes:
        height, width: pixels.
        channels: 3 for colour, 1 for grey.
        fps: the rate to which a video is re-timed (frames are repeated or left out), and the rate
            of pictures and arrays, which have none; None keeps every frame.

    Raises:
        DataError: no frame can have this form.
    """

    height: int
    width: int
    channels: int
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise DataError(
                f"frames are at least 1 x 1 pixels, found height {self.height}, width {self.width}"
            )
        if self.channels not in _FORMATS:
            raise DataError(f"channels are 1 (grey) or 3 (red, green, blue), found {self.channels}")
        if self.fps is not None:
            check_rate(self.fps)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channel)."""
        return self.height, self.width, self.channels

    @property
    def rate(self) -> Fraction | None:
        """``fps`` as an exact number."""
        return None if self.fps is None else check_rate(self.fps)


class Resizer:
    """Resizes decoded frames, squashing the aspect ratio as the field does.

    Area averaging: every source pixel counts once when a frame shrinks (no aliasing) and, unlike
    bicubic, nothing overshoots, so a black background stays exactly black. Enlarging is bilinear.
    Colour ranges and matrices are the file's; luma 16 becomes 0 and 235 becomes 255, in grey too.
    """

    def __init__(self, target: Target) -> None:
        from av import VideoFormat
        from av.video.reformatter import Interpolation, VideoReformatter

        self._size = (target.height, target.width)
        self._channels = target.channels
        self._reformatter = VideoReformatter()  # one for all frames: it keeps its tables
        self._interleave = VideoReformatter()
        # Without the second flag white comes out as 253. Formats and flags are looked up here: by
        # their names, for each frame, that takes a tenth of the time of a small one.
        self._flags = int(Interpolation.AREA | Interpolation.FULL_CHR_H_INT)
        # PyAV takes formats too; its annotations know of names only.
        self._format: Any = VideoFormat(_FORMATS[target.channels])
        self._planes: Any = VideoFormat("gbrp")

    def __call__(self, frame: av.VideoFrame, orientation: Orientation | None = None) -> np.ndarray:
        """One frame, uint8 (height, width, channel), turned upright; may be the frame's own memory,
        so it is to be read only.
        """
        return self.pixels(self.scale(frame, orientation), orientation)

    def scale(self, frame: av.VideoFrame, orientation: Orientation | None = None) -> av.VideoFrame:
        """A frame of the size and the colours that are stored, not turned yet."""
        height, width = self._size
        if orientation is not None and orientation.transposes:
            height, width = width, height
        if _may_be_transparent(frame.format.name):
            frame = _over_black(frame)
        # swscale makes planes of colour twice as fast, and they are the same colours to the byte
        # where it averages three rows or more.
        by_planes = self._channels == 3 and 3 * height < 2 * frame.height and width <= frame.width
        resized = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=self._planes if by_planes else self._format,
            interpolation=self._flags,
            threads=1,  # a small picture is done before other threads would have woken up
        )
        if by_planes:
            resized = self._interleave.reformat(resized, format=self._format, threads=1)
        return resized

    def pixels(self, scaled: av.VideoFrame, orientation: Orientation | None = None) -> np.ndarray:
        """What :meth:`scale` gave, uint8 (height, width, channel), turned upright."""
        # Half the cost of to_ndarray, which makes a second copy.
        (plane,), row = scaled.planes, scaled.width * self._channels
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(scaled.height, plane.line_size)
        pixels = rows[:, :row].reshape(scaled.height, scaled.width, self._channels)
        return pixels if orientation is None else orientation.upright(pixels)

    def copy(self, scaled: av.VideoFrame, to: memoryview, orientation: Orientation | None) -> None:
        """Writes what :meth:`scale` gave as bytes, height x width x channel of them."""
        (plane,) = scaled.planes
        if orientation is None and plane.line_size == scaled.width * self._channels:
            to[:] = memoryview(plane)
        else:
            to[:] = np.ascontiguousarray(self.pixels(scaled, orientation)).data.cast("B")


class Orientation:
    """How a stored picture is turned and mirrored for display, in right angles.

    Args:
        matrix: (a, b, c, d) of FFmpeg's display matrix: x' = a x + c y, y' = b x + d y.
    """

    def __init__(self, matrix: tuple[int, int, int, int]) -> None:
        a, b, c, d = matrix
        self.transposes = abs(b) > abs(a)
        self._flip_rows = (b if self.transposes else d) < 0
        self._flip_columns = (c if self.transposes else a) < 0

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Orientation | None:
        """What the file says about this frame; None where it is stored upright."""
        data = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return None
        a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
        upright = a > 0 and d > 0 and abs(b) < a and abs(c) < d
        return None if upright else cls((a, b, c, d))

    def upright(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (height, width, channel) as they are to be seen."""
        if self.transposes:
            pixels = pixels.swapaxes(0, 1)
        rows = slice(None, None, -1) if self._flip_rows else slice(None)
        columns = slice(None, None, -1) if self._flip_columns else slice(None)
        return pixels[rows, columns]


@cache
def _may_be_transparent(pixel_format: str) -> bool:
    import av

    form = av.VideoFormat(pixel_format)
    return form.has_palette or any(component.is_alpha for component in form.components)


def _over_black(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame laid over black; before resizing, so that hidden colours do not bleed in."""
    import av

    pixels = frame.to_ndarray(format="rgba")
    alpha = pixels[..., 3:].astype(np.uint16)
    flat = pixels[..., :3]
    if alpha.min() < 255:
        flat = ((flat * alpha + 127) // 255).astype(np.uint8)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(flat), format="rgb24")
