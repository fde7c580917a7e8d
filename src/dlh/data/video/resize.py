"""Any picture to the form that is stored: uint8 (height, width, channel), upright."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from dlh.data.clips import DataError

if TYPE_CHECKING:
    import av

_FORMATS = {1: "gray", 3: "rgb24"}

Crop = tuple[int, int, int, int]
"""A part of a frame: x and y of its top left corner, its width, its height; in pixels."""
Fit = Literal["squash", "pad"]


def check_rate(fps: float) -> Fraction:
    """A frame rate as an exact number; raises :class:`DataError` for one that cannot be."""
    if not 0 < fps <= 1000:
        raise DataError(f"a frame rate is above 0 and at most 1000 frames a second, found {fps}")
    if fps >= 1:
        return Fraction(fps).limit_denominator(1001)
    seconds = 1 / Fraction(fps)  # from one frame to the next
    return 1 / seconds.limit_denominator(1001)


def check_framing(crop: Crop | None, fit: Fit) -> None:
    """Raises :class:`DataError` for a part that no frame has, or an unknown way to fit."""
    if crop is not None and (len(crop) != 4 or min(crop[:2]) < 0 or min(crop[2:]) < 1):
        raise DataError(
            f"a crop is X Y WIDTH HEIGHT in pixels, X and Y at least 0, found {list(crop)}"
        )
    if fit not in get_args(Fit):
        raise DataError(f"fit is one of {', '.join(get_args(Fit))}, found {fit!r}")


@dataclass(frozen=True, kw_only=True)
class Target:
    """The form that every frame is brought to.

    Attributes:
        height, width: pixels.
        channels: 3 for colour, 1 for grey.
        fps: the rate to which a video is re-timed (frames are repeated or left out), and the rate
            of pictures and arrays, which have none; None keeps every frame.
        crop: the part of a frame that is used, (x, y, width, height) in its pixels, from the top
            left corner as it is displayed; None uses all of it.
        fit: of another shape than the target's, frames are squashed, or keep their shape between
            black bars ("pad").

    Raises:
        DataError: no frame can have this form.
    """

    height: int
    width: int
    channels: int
    fps: float | None = None
    crop: Crop | None = None
    fit: Fit = "squash"

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise DataError(
                f"frames are at least 1 x 1 pixels, found height {self.height}, width {self.width}"
            )
        if self.channels not in _FORMATS:
            raise DataError(f"channels are 1 (grey) or 3 (red, green, blue), found {self.channels}")
        if self.fps is not None:
            check_rate(self.fps)
        check_framing(self.crop, self.fit)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channel)."""
        return self.height, self.width, self.channels

    @property
    def rate(self) -> Fraction | None:
        """``fps`` as an exact number."""
        return None if self.fps is None else check_rate(self.fps)


class Resizer:
    """Resizes decoded frames, or a part of each, squashing the aspect ratio as the field does or
    keeping it.

    Area averaging: every source pixel counts once when a frame shrinks (no aliasing) and, unlike
    bicubic, nothing overshoots, so a black background stays exactly black. Enlarging is bilinear.
    Colour ranges and matrices are the file's; luma 16 becomes 0 and 235 becomes 255, in grey too.
    """

    def __init__(self, target: Target) -> None:
        from av import VideoFormat
        from av.video.reformatter import Interpolation, VideoReformatter

        self._size = (target.height, target.width)
        self._crop, self._pads = target.crop, target.fit == "pad"
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
        """A frame of the size and the colours that are stored; :meth:`pixels` turns it upright.

        Raises:
            DataError: the part that is wanted is not in the frame.
        """
        if self._crop is not None or self._pads:
            return self._framed(frame, orientation)
        return self._scaled(frame, self._size, orientation)

    def _framed(self, frame: av.VideoFrame, orientation: Orientation | None) -> av.VideoFrame:
        """A part of a frame, or a frame between black bars; upright, as a person sees it."""
        name = _FORMATS[self._channels]
        if _may_be_transparent(frame.format.name):
            frame = _over_black(frame)
        whole = self._reformatter.reformat(frame, format=self._format, interpolation=self._flags)
        seen = _pixels_of(whole, self._channels)
        if orientation is not None:
            seen = orientation.upright(seen)
        if self._crop is not None:
            seen = part_of(seen, self._crop)
        part = _frame_of(seen, name)
        if not self._pads:
            return self._scaled(part, self._size)
        height, width = self._size
        scale = min(height / part.height, width / part.width)
        inner = max(1, round(part.height * scale)), max(1, round(part.width * scale))
        picture = np.zeros((height, width, self._channels), np.uint8)
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        scaled = self._scaled(part, inner)
        picture[top : top + inner[0], left : left + inner[1]] = _pixels_of(scaled, self._channels)
        return _frame_of(picture, name)

    def _scaled(
        self,
        frame: av.VideoFrame,
        size: tuple[int, int],
        orientation: Orientation | None = None,
    ) -> av.VideoFrame:
        height, width = size
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
        pixels = _pixels_of(scaled, self._channels)
        turn = self._turn_left(orientation)
        return pixels if turn is None else turn.upright(pixels)

    def copy(self, scaled: av.VideoFrame, to: memoryview, orientation: Orientation | None) -> None:
        """Writes what :meth:`scale` gave as bytes, height x width x channel of them."""
        (plane,) = scaled.planes
        if (
            self._turn_left(orientation) is None
            and plane.line_size == scaled.width * self._channels
        ):
            to[:] = memoryview(plane)
        else:
            to[:] = np.ascontiguousarray(self.pixels(scaled, orientation)).data.cast("B")

    def _turn_left(self, orientation: Orientation | None) -> Orientation | None:
        """What is still to be turned after :meth:`scale`."""
        return None if self._crop is not None or self._pads else orientation


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


def _pixels_of(frame: av.VideoFrame, channels: int) -> np.ndarray:
    """A view of a frame of packed bytes, uint8 (height, width, channel)."""
    # Half the cost of to_ndarray, which makes a second copy.
    (plane,), row = frame.planes, frame.width * channels
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(frame.height, plane.line_size)
    return rows[:, :row].reshape(frame.height, frame.width, channels)


def _frame_of(pixels: np.ndarray, name: str) -> av.VideoFrame:
    import av

    packed = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return av.VideoFrame.from_ndarray(packed, format=name)


def part_of(pixels: np.ndarray, crop: Crop) -> np.ndarray:
    """Raises :class:`DataError` where the frame has no such part."""
    x, y, width, height = crop
    if y + height > pixels.shape[0] or x + width > pixels.shape[1]:
        raise DataError(
            f"a crop of {width} x {height} pixels at {x}, {y} is not inside frames of "
            f"{pixels.shape[1]} x {pixels.shape[0]}; give a smaller one"
        )
    return pixels[y : y + height, x : x + width]


def _over_black(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame laid over black; before resizing, so that hidden colours do not bleed in."""
    import av

    pixels = frame.to_ndarray(format="rgba")
    alpha = pixels[..., 3:].astype(np.uint16)
    flat = pixels[..., :3]
    if alpha.min() < 255:
        flat = ((flat * alpha + 127) // 255).astype(np.uint8)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(flat), format="rgb24")
