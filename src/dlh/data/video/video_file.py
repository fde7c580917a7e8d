"""The frames of one video file, streamed; damage is detected and noted in one line."""

from __future__ import annotations

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

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg"),
        *(".m2ts", ".mts", ".wmv", ".flv", ".ogv", ".3gp", ".y4m"),
    }
)
# Only containers that hold their own pictures. FFmpeg also takes play lists and scripts, which name
# other files of this machine, and renders plain text as a video.
_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,gif,apng,mpegts,mpeg,mpegvideo,m4v,ogg,flv,asf,yuv4mpegpipe"
)
_MOST_DECODER_THREADS = 8
# Up to this many pixels, handing a frame from thread to thread costs more than it gains.
_PIXELS_FOR_ONE_THREAD = 400 * 300
_MOST_IN_TURN, _BYTES_IN_TURN = 31, 2**22
_FALLBACK_RATE = Fraction(25)


class VideoFile(Frames):
    """The frames of one video file.

    Frames before a damage are kept, and ``notes`` names the frame at which it was met: what FFmpeg
    puts in place of damaged frames is made up.
    """

    def __init__(self, path: Path, target: Target) -> None:
        self._resizer = Resizer(target)
        self._orientation: Orientation | None = None
        self._container, self._stream = _open(path)
        rate = self._stream.average_rate or self._stream.guessed_rate
        is_assumed = not rate or rate > 1000
        self._source_rate = rate = _FALLBACK_RATE if is_assumed else rate
        announced = self._stream.frames or None
        if announced is not None and target.rate is not None:
            announced = round(announced * target.rate / rate)
        super().__init__(path, target, float(target.rate or rate), announced)
        if is_assumed:
            self.notes.append(f"the file has no frame rate; {float(rate):g} a second assumed")

    @property
    def threads(self) -> int:
        """The number of threads that decode it."""
        return self._stream.thread_count

    def use_one_thread(self) -> None:
        """Decodes with one thread, whatever its size; to be called before the first frame."""
        self._stream.thread_count = 1

    def __iter__(self) -> Iterator[np.ndarray]:
        before, pixels = None, None
        for frame in self._frames():
            if pixels is None or frame is not before:  # re-timing repeats frames
                before = frame
                pixels = self._resizer.pixels(self._scaled(frame), self._orientation)
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
            for frame in frames:
                if scaled is None or frame is not before:  # re-timing repeats frames
                    before, scaled = frame, self._scaled(frame)
                done.append(scaled)
            for picture in done:
                to = block.data.cast("B")[filled * size : (filled + 1) * size]
                self._resizer.copy(picture, to, self._orientation)
                filled += 1
                if filled == count:
                    yield block
                    block, filled = np.empty_like(block), 0
        if filled:
            yield block[:filled]

    def _frames(self) -> Iterator[av.VideoFrame]:
        """Decoded frames at the rate that is wanted; the first says how they are turned."""
        with self._container:
            frames = (frame for _, frame in self._timed())
            if (rate := self.target.rate) is not None:
                frames = retime(
                    self._timed(), fps=rate, source_fps=self._source_rate, notes=self.notes
                )
            for frame in frames:
                if self.source_size is None:
                    self._orientation = Orientation.of(frame)
                    turned = self._orientation is not None and self._orientation.transposes
                    self.source_size = (
                        (frame.height, frame.width) if turned else (frame.width, frame.height)
                    )
                yield frame

    def _scaled(self, frame: av.VideoFrame) -> av.VideoFrame:
        import av

        try:
            return self._resizer.scale(frame, self._orientation)
        except (av.error.FFmpegError, ValueError) as error:
            raise DataError(
                f"{self.path}: its pixels ({frame.format.name}) cannot be converted ({error})"
            ) from error

    def _timed(self) -> Iterator[tuple[Fraction | None, av.VideoFrame]]:
        """Frames with their times in seconds, up to the first damage."""
        number, before = 0, None
        shortest = longest = longest_at = 0
        for frame in self._decoded():
            time = None
            if frame.pts is not None:
                if self.target.fps is not None and frame.time_base:
                    time = frame.pts * frame.time_base
                if before is not None and frame.pts > before:
                    step = frame.pts - before
                    shortest = min(shortest or step, step)
                    if step > longest:
                        longest, longest_at = step, number
                before = frame.pts
            yield time, frame
            number += 1
        if number == 0:
            raise DataError(
                f"{self.path}: not a single frame could be decoded; the file is damaged"
            )
        if self.target.fps is None and longest > 1.5 * shortest:
            seconds = float(longest * (self._stream.time_base or 0))
            self.notes.append(
                f"the frame rate varies, or frames are missing (longest gap: {seconds:.3g} s "
                f"before frame {longest_at}); give a frame rate to re-time it"
            )
        self._note_missing_end(number, before)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        import av

        number = 0
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
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

    def _note_missing_end(self, frames: int, last: int | None) -> None:
        """A file that was cut off often decodes without an error; its header gives it away."""
        if any(note.startswith("damaged at") for note in self.notes):
            return
        announced = self._stream.frames
        if not announced:
            seconds = _announced_seconds(self._stream)
            if seconds is None or last is None or not self._stream.time_base:
                return
            first = self._stream.start_time or 0
            reached = (last - first) * self._stream.time_base
            announced = frames - 1 + int((seconds - reached) * self._source_rate)
        if frames < announced - max(2, announced // 50):
            self.notes.append(f"the end is missing: found {frames} of about {announced} frames")


def _in_turns(frames: Iterator[av.VideoFrame]) -> Iterator[list[av.VideoFrame]]:
    """Several frames at a time, as many as take little memory."""
    for frame in frames:
        size = max(1, frame.width * frame.height * 3 // 2)
        yield [frame, *islice(frames, min(_MOST_IN_TURN, _BYTES_IN_TURN // size))]


def _open(path: Path) -> tuple[InputContainer, VideoStream]:
    import av

    head = first_bytes(path, 64)
    try:
        container = av.open(
            f"file:{path}", options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
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
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        container.close()
        raise DataError(f"{path} holds no video, found {kinds}; name a file with one")
    stream = streams[0]
    stream.thread_type = "AUTO"  # decodes ahead while a frame is resized
    stream.thread_count = decoder_threads(stream.codec_context.width, stream.codec_context.height)
    return container, stream


def decoder_threads(width: int, height: int) -> int:
    """How many threads decode frames of a size."""
    if width * height <= _PIXELS_FOR_ONE_THREAD:
        return 1
    return min(_MOST_DECODER_THREADS, os.cpu_count() or 1)


def _announced_seconds(stream: VideoStream) -> Fraction | None:
    """The length that Matroska and WebM files write beside a stream, as h:m:s."""
    text = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = (Fraction(part) for part in text.split(":"))
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds
