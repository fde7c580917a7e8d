"""Frames of a stream as they arrive: a pipe, standard input, or a camera."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.resize import Orientation, Resizer, Target
from dlh.data.video.video_file import CONTAINERS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

STANDARD_INPUT = Path("-")
_CAMERAS = "/dev/video"
# Found out from the first half megabyte or second: more would delay the first event.
_SOON = {"probesize": "500000", "analyzeduration": "1000000"}
_FALLBACK_RATE = 25.0


def is_stream(path: Path) -> bool:
    """Whether frames of this path arrive as time goes by: ``-``, a camera, a named pipe."""
    return path == STANDARD_INPUT or str(path).startswith(_CAMERAS) or path.is_fifo()


class LiveVideo:
    """An open stream, whose frames can be read once.

    One thread decodes, so that no frame waits for the next ones; a stream with B-frames still
    delays each frame by those.

    Args:
        path: see :func:`is_stream`.
        target: the form of the frames; all frames are taken, whatever its rate.

    Attributes:
        fps: frames a second that the stream announces, otherwise 25.

    Raises:
        DataError: there is no such stream, or it is no video.
    """

    def __init__(self, path: Path, target: Target) -> None:
        import av

        self.path = path
        self._resizer = Resizer(target)
        try:
            self._container = _opened(path)
        except (OSError, av.error.FFmpegError) as error:
            raise DataError(
                f"{path} is no stream of video that can be read ({error.strerror or error}); pipe "
                "a container that can be read forward, such as MPEG-TS or Matroska: ffmpeg -i "
                "SOURCE -f mpegts -"
            ) from error
        if not self._container.streams.video:
            self._container.close()
            raise DataError(f"{path} holds no video; pipe a stream with one")
        self._stream: VideoStream = self._container.streams.video[0]
        self._stream.thread_count = 1
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate and rate <= 1000 else _FALLBACK_RATE

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """(seconds, frame): the time stamp, from 0 at the first frame, and uint8 (height, width,
        channel). A damaged part of the stream is skipped.
        """
        import av

        first, count = None, 0
        with self._container:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    continue
                for frame in frames:
                    orientation = Orientation.of(frame)
                    pixels = self._resizer(frame, orientation).copy()
                    seconds = count / self.fps
                    if frame.time is not None:
                        first = frame.time if first is None else first
                        seconds = frame.time - first
                    yield seconds, pixels
                    count += 1
        if not count:
            raise DataError(f"{self.path} ended before a frame could be decoded")


def _opened(path: Path) -> InputContainer:
    import av

    if path == STANDARD_INPUT:
        pipe: Any = sys.stdin.buffer
        return av.open(pipe, options={"format_whitelist": CONTAINERS, **_SOON})
    if str(path).startswith(_CAMERAS):
        return av.open(str(path), format="v4l2")
    return av.open(
        f"file:{path}",
        options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file", **_SOON},
    )
