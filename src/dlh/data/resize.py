"""Any picture to the form that is stored: uint8 (height, width, channel), upright."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dlh.data.clips import DataError

if TYPE_CHECKING:
    import av

_FORMATS = {1: "gray", 3: "rgb24"}


def check_target(height: int, width: int, channels: int) -> None:
    """Raise :class:`DataError` for a size of frame that cannot be made."""
    if height < 1 or width < 1:
        raise DataError(f"frames are at least 1 x 1 pixels, found height {height}, width {width}")
    if channels not in _FORMATS:
        raise DataError(f"frames have 1 channel (grey) or 3 (red, green, blue), found {channels}")


class Resizer:
    """Resizes decoded frames, squashing the aspect ratio as the field does.

    Area averaging: every source pixel counts once when a frame shrinks (no aliasing) and, unlike
    bicubic, nothing overshoots, so a black background stays exactly black. Enlarging is bilinear.
    Colour ranges and matrices are the file's; luma 16 becomes 0 and 235 becomes 255, in grey too.
    """

    def __init__(self, *, height: int, width: int, channels: int) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        check_target(height, width, channels)
        self._size = (height, width)
        self._channels = channels
        self._reformatter = VideoReformatter()  # one for all frames: it keeps its tables
        self._interleave = VideoReformatter()
        # Without the second flag white comes out as 253.
        self._interpolation = Interpolation.AREA | Interpolation.FULL_CHR_H_INT

    def __call__(self, frame: av.VideoFrame, orientation: Orientation | None = None) -> np.ndarray:
        """One frame, uint8 (height, width, channel), turned upright."""
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
            format="gbrp" if by_planes else _FORMATS[self._channels],
            interpolation=self._interpolation,
            threads=1,  # a small picture is done before other threads would have woken up
        )
        if by_planes:
            resized = self._interleave.reformat(resized, format="rgb24", threads=1)
        pixels = resized.to_ndarray().reshape(height, width, self._channels)
        return pixels if orientation is None else orientation.upright(pixels)


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
