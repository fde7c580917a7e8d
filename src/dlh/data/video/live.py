"""Frames of a stream as they arrive: a pipe, standard input, or a camera."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.resize import Orientation, Resizer, Target
from dlh.data.video.retime import retime
from dlh.data.video.stamps import in_time, measured_rate
from dlh.data.video.video_file import (
    BYTES_LOOKED_AT,
    CONTAINERS,
    FALLBACK_RATE,
    PACKETS_LOOKED_AT,
    announced_rates,
    displayed_size,
    seconds_on_show,
)

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

STANDARD_INPUT = Path("-")
_CAMERAS = "/dev/video"
# Found out from the first half megabyte or second: more would delay the first event.
_SOON = {"probesize": "500000", "analyzeduration": "1000000"}
_LOOKED_AT = Fraction(1)


def is_stream(path: Path) -> bool:
    """Whether frames of this path arrive as time goes by: ``-``, a camera, a named pipe."""
    return path == STANDARD_INPUT or str(path).startswith(_CAMERAS) or path.is_fifo()


@dataclass(frozen=True, kw_only=True)
class LiveFrame:
    """A frame of a stream.

    Attributes:
        seconds: from the first frame, by the stream's clock.
        pixels: uint8 (height, width, channel).
        arrived: when it could be decoded, by :func:`time.monotonic`.
    """

    seconds: float
    pixels: np.ndarray
    arrived: float


class LiveVideo:
    """An open stream, whose frames can be read once.

    One thread decodes, so that no frame waits for the next ones; a stream with B-frames still
    delays each frame by those. Its rate is that of the stamps of its first second, or of three
    where the header gives another.

    Args:
        path: see :func:`is_stream`.
        target: the form of the frames, see :meth:`retime_to` for its rate.

    Attributes:
        path, target: as given.
        source_fps: frames a second of the stream; None where neither stamps nor header tell.
        source_size: (width, height) as displayed.
        notes: assumptions and jumps of the clock, for a person, who may clear them once read.

    Raises:
        DataError: there is no such stream, or it is no video.
    """

    def __init__(self, path: Path, target: Target) -> None:
        import av

        self.path, self.target, self.notes = path, target, list[str]()
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
        packets = _received(self._container.demux(self._stream))
        announced = announced_rates(self._stream)
        looked_at, rate = _look(packets, announced)
        self.source_fps = None if rate is None else float(rate)
        if rate is None:
            self.notes.append(f"the stream has no frame rate; {FALLBACK_RATE} a second assumed")
        self._period = self._lasts = 1 / (rate or FALLBACK_RATE)
        self._decoded = _decoded(itertools.chain(looked_at, packets))
        first = next(self._decoded, None)
        if first is None:
            self._container.close()
            raise DataError(f"{path} ended before a frame could be decoded")
        self._decoded = itertools.chain([first], self._decoded)
        self.source_size = displayed_size(first[1])

    @property
    def fps(self) -> float:
        """Frames a second of those given out."""
        return float(self.target.rate or 1 / self._period)

    def retime_to(self, fps: float) -> None:
        """Give out, at each tick of this rate, the frame that a file gives: the one on show, which
        is known when the next one arrives. To be called before the first frame is read.
        """
        self.target = replace(self.target, fps=fps)

    def __iter__(self) -> Iterator[LiveFrame]:
        """The frames as they arrive. A damaged part of the stream is skipped."""
        start, before, pixels = None, None, None
        frames = self._timed()
        if (rate := self.target.rate) is not None:
            frames = retime(frames, fps=rate, lasts=lambda: self._lasts, notes=self.notes)
        with self._container:
            for clock, (arrived, frame) in frames:
                start = clock if start is None else start
                if pixels is None or frame is not before:  # re-timing repeats frames
                    before, pixels = frame, self._resizer(frame, Orientation.of(frame)).copy()
                yield LiveFrame(seconds=float(clock - start), pixels=pixels, arrived=arrived)

    def _timed(self) -> Iterator[tuple[Fraction, tuple[float, av.VideoFrame]]]:
        """Decoded frames with their times in seconds."""
        stamped = ((_seconds(frame, frame.pts), (at, frame)) for at, frame in self._decoded)
        before = None
        for clock, (arrived, frame) in in_time(stamped, period=self._period, notes=self.notes):
            step = None if before is None else clock - before
            before = clock
            self._lasts = seconds_on_show(frame, step, period=self._period)
            yield clock, (arrived, frame)


def _received(packets: Iterable[av.Packet]) -> Iterator[tuple[float, av.Packet]]:
    """Packets with the time at which each arrived."""
    for packet in packets:
        yield time.monotonic(), packet


def _look(
    packets: Iterator[tuple[float, av.Packet]], announced: Sequence[Fraction]
) -> tuple[list[tuple[float, av.Packet]], Fraction | None]:
    """The first packets, as few as tell the rate, and the rate."""
    looked_at: list[tuple[float, av.Packet]] = []
    stamps, rate, size = list[Fraction](), None, 0
    for arrived, packet in packets:
        looked_at.append((arrived, packet))
        size += packet.size
        shown, read = _seconds(packet, packet.pts), _seconds(packet, packet.dts)
        if shown is None:
            if stamps:
                continue
            break  # a stream without stamps
        stamps.append(shown)
        # Frames that are still to come are shown no earlier than this one is read.
        known = [stamp for stamp in stamps if read is None or stamp <= read]
        rate = measured_rate(known, announced)
        seconds = max(known, default=shown) - min(stamps)
        enough = _LOOKED_AT if rate in announced else 3 * _LOOKED_AT
        if seconds >= enough or len(looked_at) == PACKETS_LOOKED_AT or size > BYTES_LOOKED_AT:
            break
    return looked_at, rate or next(iter(announced), None)


def _decoded(
    packets: Iterable[tuple[float, av.Packet]],
) -> Iterator[tuple[float, av.VideoFrame]]:
    import av

    for arrived, packet in packets:
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        for frame in frames:
            yield arrived, frame


def _seconds(of: av.Packet | av.VideoFrame, stamp: int | None) -> Fraction | None:
    """A stamp of a packet or a frame in seconds."""
    return None if stamp is None or not of.time_base else stamp * of.time_base


def _opened(path: Path) -> InputContainer:
    import av

    if path == STANDARD_INPUT:
        # Its buffer would wait for 32 kB, many seconds of a small video.
        pipe: Any = sys.stdin.buffer
        return av.open(pipe.raw, options={"format_whitelist": CONTAINERS, **_SOON})
    if str(path).startswith(_CAMERAS):
        return av.open(str(path), format="v4l2")
    return av.open(
        f"file:{path}",
        options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file", **_SOON},
    )
