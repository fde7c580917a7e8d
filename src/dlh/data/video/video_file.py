"""The frames of one video file, streamed; damage is detected and noted in one line."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlh.data.clips import DataError
from dlh.data.reading import first_bytes
from dlh.data.video.frames import Frames
from dlh.data.video.resize import Orientation, Resizer, Target
from dlh.data.video.retime import retime
from dlh.data.video.stamps import agreeing_rate, in_time, measured_rate

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg"),
        *(".ts", ".m2ts", ".mts", ".wmv", ".flv", ".ogv", ".3gp", ".y4m"),
    }
)
# Only containers that hold their own pictures. FFmpeg also takes play lists and scripts, which name
# other files of this machine, and renders plain text as a video.
CONTAINERS = "mov,mp4,matroska,webm,avi,gif,apng,mpegts,mpeg,mpegvideo,m4v,ogg,flv,asf,yuv4mpegpipe"
_MOST_DECODER_THREADS = 8
# Up to this many pixels, handing a frame from thread to thread costs more than it gains.
_PIXELS_FOR_ONE_THREAD = 400 * 300
_MOST_IN_TURN, _BYTES_IN_TURN = 31, 2**22
FALLBACK_RATE = Fraction(25)
PACKETS_LOOKED_AT, BYTES_LOOKED_AT = 96, 2**25


class VideoFile(Frames):
    """The frames of one video file.

    Frames before a damage are kept, and ``notes`` names the frame at which it was met: what FFmpeg
    puts in place of damaged frames is made up.
    """

    def __init__(self, path: Path, target: Target) -> None:
        self._resizer = Resizer(target)
        self._orientation: Orientation | None = None
        self._container, self._stream = open_stream(path)
        self._packets = _Packets(self._container.demux(self._stream))
        self._announced = announced_rates(self._stream)
        rate = measured_rate(self._packets.stamps(), self._announced)
        is_assumed = rate is None and not self._announced
        self._source_rate = rate = rate or next(iter(self._announced), FALLBACK_RATE)
        self._lasts = 1 / rate
        super().__init__(path, target, float(target.rate or rate), self._expected(target.rate))
        self.source_fps = None if is_assumed else float(rate)
        if is_assumed:
            self.notes.append(f"the file has no frame rate; {float(rate):g} a second assumed")
        if (streams := len(_pictures_in_motion(self._container))) > 1:
            context = self._stream.codec_context
            self.notes.append(
                f"the file holds {streams} videos; number {self._stream.index} of its streams is "
                f"read ({context.width} x {context.height})"
            )

    @property
    def threads(self) -> int:
        """The number of threads that decode it."""
        return self._stream.thread_count

    def use_one_thread(self) -> None:
        """Decodes with one thread, whatever its size; to be called before the first frame."""
        self._stream.thread_count = 1

    def __iter__(self) -> Iterator[np.ndarray]:
        before, pixels = None, None
        for time, frame in self._frames():
            if pixels is None or frame is not before:  # re-timing repeats frames
                before = frame
                pixels = self._resizer.pixels(self._scaled(frame), self._orientation)
            self.times.append(float(time))
            yield pixels

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """See :meth:`Frames.blocks`."""
        size = int(np.prod(self.target.shape))
        block, filled = np.empty((count, *self.target.shape), np.uint8), 0
        before, scaled = None, None
        for frames in _in_turns(self._frames()):
            # Decoder, scaler and copying in turns, each with its own code and tables in the
            # processor's caches: a fifth less time than frame by frame.
            done = []
            for time, frame in frames:
                if scaled is None or frame is not before:  # re-timing repeats frames
                    before, scaled = frame, self._scaled(frame)
                done.append((time, scaled))
            for time, picture in done:
                to = block.data.cast("B")[filled * size : (filled + 1) * size]
                self._resizer.copy(picture, to, self._orientation)
                self.times.append(float(time))
                filled += 1
                if filled == count:
                    yield block
                    block, filled = np.empty_like(block), 0
        if filled:
            yield block[:filled]

    def _expected(self, rate: Fraction | None) -> int | None:
        """The number of frames that the header promises, at the rate that is wanted."""
        frames, duration = self._stream.frames, self._stream.duration
        if not frames:
            return None
        seconds = frames / self._source_rate
        if duration and self._stream.time_base:  # what an edit list leaves out is not in it
            seconds = duration * self._stream.time_base
        if rate is not None:
            return round(seconds * rate)
        shown = round(seconds * next(iter(self._announced), self._source_rate))
        return shown if shown < 0.95 * frames else frames

    def _frames(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """Decoded frames at the rate that is wanted; the first says how they are turned."""
        with self._container:
            frames = self._timed()
            if (rate := self.target.rate) is not None:
                frames = retime(frames, fps=rate, lasts=lambda: self._lasts, notes=self.notes)
            for time, frame in frames:
                if self.source_size is None:
                    self._orientation = Orientation.of(frame)
                    self.source_size = displayed_size(frame)
                yield time, frame

    def _scaled(self, frame: av.VideoFrame) -> av.VideoFrame:
        import av

        try:
            return self._resizer.scale(frame, self._orientation)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None
        except (av.error.FFmpegError, ValueError) as error:
            raise DataError(
                f"{self.path}: its pixels ({frame.format.name}) cannot be converted ({error})"
            ) from error

    def _timed(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """Frames with their times in seconds, up to the first damage."""
        number, first, before = 0, None, Fraction(0)
        shortest = longest = Fraction(0)
        longest_at = 0
        stamped = self._stamped()
        for time, frame in in_time(stamped, period=1 / self._source_rate, notes=self.notes):
            step = None
            if first is None:
                first = time
            else:
                step = time - before
                shortest = min(shortest or step, step)
                if step > longest:
                    longest, longest_at = step, number
            before = time
            self._lasts = seconds_on_show(frame, step, period=1 / self._source_rate)
            yield time, frame
            number += 1
        if first is None:
            raise DataError(
                f"{self.path}: not a single frame could be decoded; the file is damaged"
            )
        if self.target.fps is None and longest > 1.5 * shortest:
            self.notes.append(
                f"the frame rate varies, or frames are missing (longest gap: {float(longest):.3g} "
                f"s before frame {longest_at}); give a frame rate (--fps) to re-time it"
            )
        if number > 1:
            self._settle_rate((number - 1) / (before - first))
        self._note_missing_end(number, before)

    def _settle_rate(self, mean: Fraction) -> None:
        """The rate of all frames, where it is another than that of the first."""
        if agreeing_rate(mean, [self._source_rate]) is None:
            rate = agreeing_rate(mean, self._announced) or mean
            if self.target.fps is None:
                self.fps = round(float(rate), 3)

    def _stamped(self) -> Iterator[tuple[Fraction | None, av.VideoFrame]]:
        """Decoded frames with their time stamps in seconds."""
        frames: Iterator[tuple[int | None, av.VideoFrame]] = (
            (frame.pts, frame) for frame in self._decoded()
        )
        if self._packets.are_unordered(self._stream):
            frames = self._packets.stamped_in_order(self._decoded(), self._stream.start_time)
        for stamp, frame in frames:
            unit = frame.time_base or self._stream.time_base
            yield (None if stamp is None or not unit else stamp * unit), frame

    def _decoded(self) -> Iterator[av.VideoFrame]:
        import av

        number = 0
        may_be_joined = self._container.format.name == "mpegts"
        try:
            for packet in self._packets:
                # Where recordings were joined the counter of a transport stream jumps, which marks
                # packets that are whole: there the decoder's word counts.
                if packet.is_corrupt and not may_be_joined:
                    self._note_damage(number)
                    return
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    if number == 0:  # a recording that was cut out of a longer one begins with such
                        continue
                    raise
                for frame in frames:
                    if frame.is_corrupt:
                        self._note_damage(number)
                        return
                    yield frame
                    number += 1
        except av.error.FFmpegError as error:
            self._note_damage(number, f" (FFmpeg: {error.strerror})")

    def _note_damage(self, number: int, reason: str = "") -> None:
        if number:  # else there is nothing to use, which is an error
            self.notes.append(
                f"damaged at frame {number}: only the frames before it are used{reason}"
            )

    def _note_missing_end(self, frames: int, last: Fraction) -> None:
        """A file that was cut off often decodes without an error; its header gives it away."""
        if any(note.startswith("damaged at") for note in self.notes):
            return
        start, end = _announced_times(self._stream)
        if end is None:
            return
        missing = end - (last + self._lasts)
        if missing > max(2 / self._source_rate, (end - start) / 50):
            announced = frames + round(missing * self._source_rate)
            self.notes.append(f"the end is missing: found {frames} of about {announced} frames")


class _Packets:
    """The packets of a stream, of which the first are looked at before they are decoded."""

    def __init__(self, packets: Iterator[av.Packet]) -> None:
        import av

        self._rest = packets
        self._first: list[av.Packet] = []
        self._error: av.error.FFmpegError | None = None
        self._passed: list[int] | None = None  # stamps of the packets given out, if kept: a heap
        size = 0
        try:
            for packet in packets:
                self._first.append(packet)
                size += packet.size
                if len(self._first) >= PACKETS_LOOKED_AT or size > BYTES_LOOKED_AT:
                    break
        except av.error.FFmpegError as error:
            self._error = error

    def __iter__(self) -> Iterator[av.Packet]:
        for packet in itertools.chain(self._first, self._rest):
            if self._passed is not None and (stamp := _stamp(packet)) is not None:
                heapq.heappush(self._passed, stamp)
            yield packet
        if self._error is not None:
            raise self._error

    def stamps(self) -> list[Fraction]:
        """The times of the first frames in seconds, as they are stored."""
        stamps = ((_stamp(packet), packet.time_base) for packet in self._first)
        return [stamp * unit for stamp, unit in stamps if stamp is not None]

    def are_unordered(self, stream: VideoStream) -> bool:
        """Whether the decoder changes the order of frames, and the stamps do not know.

        Such are files whose container has no stamps of display, as AVI: there the stamps are those
        of the packets.
        """
        stamps = [(_stamp(packet), packet.dts) for packet in self._first]
        delays = [shown - read for shown, read in stamps if shown is not None and read is not None]
        reorders = bool(stream.codec_context.has_b_frames)
        return reorders and len(delays) > 2 and len(set(delays)) == 1

    def stamped_in_order(
        self, frames: Iterator[av.VideoFrame], start: int | None
    ) -> Iterator[tuple[int | None, av.VideoFrame]]:
        """Each frame with the lowest stamp of the packets that were read and not yet shown; the
        first is at ``start``.
        """
        passed = self._passed = list[int]()
        offset = 0
        for number, frame in enumerate(frames):
            stamp = heapq.heappop(passed) if passed else None
            if number == 0 and stamp is not None and start is not None:
                offset = start - stamp
            yield (None if stamp is None else stamp + offset), frame


def _stamp(packet: av.Packet) -> int | None:
    """When its frame is displayed; None where none is: an edit list leaves some out."""
    return packet.pts if packet.size and not packet.is_discard else None


def _in_turns(
    frames: Iterator[tuple[Fraction, av.VideoFrame]],
) -> Iterator[list[tuple[Fraction, av.VideoFrame]]]:
    """Several frames at a time, as many as take little memory."""
    for time, frame in frames:
        size = max(1, frame.width * frame.height * 3 // 2)
        yield [(time, frame), *islice(frames, min(_MOST_IN_TURN, _BYTES_IN_TURN // size))]


def displayed_size(frame: av.VideoFrame) -> tuple[int, int]:
    """(width, height) of a frame turned upright."""
    orientation = Orientation.of(frame)
    turned = orientation is not None and orientation.transposes
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def seconds_on_show(frame: av.VideoFrame, step: Fraction | None, *, period: Fraction) -> Fraction:
    """Of a frame ``step`` seconds after another, if nothing follows it."""
    duration = (frame.duration or 0) * (frame.time_base or Fraction(0))
    # Browsers write a millisecond.
    return duration if (step or period) / 2 < duration < 2 * period else period


def open_stream(path: Path) -> tuple[InputContainer, VideoStream]:
    """The container, and of its videos the one that players show.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    import av

    head = first_bytes(path, 64)
    try:
        container = av.open(
            f"file:{path}", options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        )
    except av.error.FFmpegError:
        if head[4:8] == b"ftyp":
            raise DataError(
                f"{path} is an mp4 or mov file without its index: it was cut off, or its "
                "recording did not end properly; get the whole file"
            ) from None
        raise DataError(
            f"{path} is not a video that can be read; expected a file such as "
            f"{', '.join(sorted(VIDEO_SUFFIXES))}"
        ) from None
    streams = _pictures_in_motion(container)
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        container.close()
        raise DataError(f"{path} holds no video, found {kinds}; name a file with one")
    stream = max(streams, key=_preference)
    if stream.codec_context is None:
        container.close()
        raise DataError(
            f"{path} holds a video that no decoder here can read: it is protected (DRM), or its "
            "codec is unknown; convert it to H.264 where it can be played"
        )
    stream.thread_type = "AUTO"  # decodes ahead while a frame is resized
    stream.thread_count = decoder_threads(stream.codec_context.width, stream.codec_context.height)
    return container, stream


def _pictures_in_motion(container: InputContainer) -> list[VideoStream]:
    """The video streams that are no cover pictures."""
    return [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]


def _preference(stream: VideoStream) -> tuple[bool, bool, bool, int, int]:
    """Which of several videos is meant: the default one, else the largest, else the first.

    One that cannot be decoded, or announces a single frame, comes last.
    """
    context = stream.codec_context
    pixels = 0 if context is None else context.width * context.height
    is_default = bool(stream.disposition & stream.disposition.default)
    return context is not None, stream.frames != 1, is_default, pixels, -stream.index


def decoder_threads(width: int, height: int) -> int:
    """How many threads decode frames of a size."""
    if width * height <= _PIXELS_FOR_ONE_THREAD:
        return 1
    return min(_MOST_DECODER_THREADS, os.cpu_count() or 1)


def announced_rates(stream: VideoStream) -> list[Fraction]:
    """The rates that the header gives, the best first."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return [rate for rate in rates if rate and rate < 1000]


def _announced_times(stream: VideoStream) -> tuple[Fraction, Fraction | None]:
    """When the header says that a stream begins and ends, in seconds; None where it does not."""
    unit = stream.time_base or Fraction(0)
    start = (stream.start_time or 0) * unit
    if stream.frames:
        return start, start + stream.duration * unit if stream.duration else None
    # Matroska and WebM files write it beside a stream, as h:m:s
    text = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = (Fraction(part) for part in text.split(":"))
    except ValueError:
        return start, None
    return start, hours * 3600 + minutes * 60 + seconds
