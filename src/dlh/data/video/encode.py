"""Stored frames to a video file that people can watch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.retime import check_rate
from dlh.files.writing import replacing

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
    path = Path(path)
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
    if scale < 1:
        raise DataError(f"scale is a whole number of at least 1, found {scale}")
    if path.suffix.lower() != ".mp4":
        raise DataError(f"the name of a video must end in .mp4, found {path}")
    rate = check_rate(fps)
    import av

    try:
        with replacing(path) as unfinished:
            _encode(unfinished, frames, rate, scale)
    except (OSError, av.error.FFmpegError) as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error


def _encode(path: Path, frames: Film, rate: Fraction, scale: int) -> None:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    height, width = frames.shape[1:3]
    # yuv420p stores colour for 2 x 2 pixels at a time: even sizes only.
    even = np.zeros(
        (height * scale + height * scale % 2, width * scale + width * scale % 2, 3), np.uint8
    )
    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16"})
        stream.height, stream.width, stream.pix_fmt = even.shape[0], even.shape[1], "yuv420p"
        # Players guess the colours of a film that does not name them by its height.
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries = context.color_trc = _BT709
        for frame in frames:
            even[: height * scale, : width * scale] = frame.repeat(scale, axis=0).repeat(
                scale, axis=1
            )
            picture = av.VideoFrame.from_ndarray(even, format="rgb24")
            picture = picture.reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
