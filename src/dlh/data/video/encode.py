"""Stored frames to a video file that people can watch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.resize import check_rate
from dlh.files.writing import replacing

if TYPE_CHECKING:
    from av.container import OutputContainer

CLOCK = Fraction(1, 90_000)
"""Seconds of a tick of frames that are given their times."""
_BT709 = 1  # ITU-T H.273


class Film(Protocol):
    """Frames one after the other: an array, or what draws each frame when it is its turn."""

    @property
    def dtype(self) -> Any: ...
    @property
    def ndim(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    def __iter__(self) -> Iterator[np.ndarray]: ...


def write_video(path: str | os.PathLike[str], frames: Film, fps: float, *, scale: int = 1) -> None:
    """Writes mp4 (H.264, yuv420p), complete or not at all; lossy, so never score it.

    Args:
        path: ends in .mp4; an existing file is replaced.
        frames: uint8 (time, height, width, channel), 1 or 3 channels. Odd sizes get a black row or
            column.
        scale: every pixel becomes scale x scale of them, so that small videos can be watched.

    Raises:
        DataError: the frames are not such, or the file cannot be written.
    """
    if (
        frames.dtype != np.uint8
        or frames.ndim != 4
        or frames.shape[3] not in (1, 3)
        or 0 in frames.shape
    ):
        raise DataError(
            f"found frames of {frames.dtype} {frames.shape}, expected uint8 (time, height, width, "
            "1 or 3), at least one"
        )
    height, width = frames.shape[1:3]
    with writing_film(path, fps, height=height, width=width, scale=scale) as film:
        for frame in frames:
            film.add(frame)


@contextlib.contextmanager
def writing_film(
    path: str | os.PathLike[str], fps: float, *, height: int, width: int, scale: int = 1
) -> Generator[FilmWriter]:
    """Writes a film as :func:`write_video` does, frame by frame as the block gives them.

    Raises:
        DataError: the size or name is invalid, or the file cannot be written.
    """
    path, rate = Path(path), check_rate(fps)
    if scale < 1:
        raise DataError(f"scale is a whole number of at least 1, found {scale}")
    if path.suffix.lower() != ".mp4":
        raise DataError(f"the name of a video must end in .mp4, found {path}")
    import av

    try:
        with (
            replacing(path) as unfinished,
            av.open(
                f"file:{unfinished}", "w", format="mp4", options={"movflags": "faststart"}
            ) as container,
        ):
            film = FilmWriter(container, rate, height=height, width=width, scale=scale)
            yield film
            film.finish()
    except (OSError, av.error.FFmpegError) as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error


class FilmWriter:
    """A film that is being encoded."""

    def __init__(
        self, container: OutputContainer, rate: Fraction, *, height: int, width: int, scale: int
    ) -> None:
        from av.video.reformatter import ColorRange, Colorspace

        self._container, self._scale, self._inside = (
            container,
            scale,
            (height * scale, width * scale),
        )
        height, width = self._inside
        # yuv420p stores colour for 2 x 2 pixels at a time: even sizes only.
        self._even = np.zeros((height + height % 2, width + width % 2, 3), np.uint8)
        self._stream = container.add_stream("libx264", rate=rate, options={"crf": "16"})
        self._stream.height, self._stream.width = self._even.shape[:2]
        self._stream.pix_fmt = "yuv420p"
        # Players guess the colours of a film that does not name them by its height.
        context = self._stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries = context.color_trc = _BT709
        self._last = -1

    def add(self, frame: np.ndarray, seconds: float | None = None) -> None:
        """The next frame, uint8 (height, width, 1 or 3).

        Args:
            frame: of the film's size.
            seconds: when it is shown, from 0 on, later than the frame before; at the film's rate
                where no frame has one.
        """
        import av
        from av.video.reformatter import ColorRange, Colorspace

        height, width = self._inside
        self._even[:height, :width] = frame.repeat(self._scale, axis=0).repeat(self._scale, axis=1)
        picture = av.VideoFrame.from_ndarray(self._even, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        if seconds is not None:
            if self._last < 0:
                self._stream.codec_context.time_base = CLOCK
            picture.time_base = CLOCK
            picture.pts = self._last = max(self._last + 1, round(seconds / CLOCK))
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Encode what is still waiting."""
        self._container.mux(self._stream.encode(None))
