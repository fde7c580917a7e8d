"""The events of a stream, as JSON lines, while it runs."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from dlh.analysis.event_methods import DECIDED, NOISE_FACTOR, CausalMotion, MotionEnergy
from dlh.commands.options import EventsOptions
from dlh.data.video.decode import VideoWarning
from dlh.data.video.live import LiveVideo
from dlh.data.video.resize import Target
from dlh.errors import UsageError
from dlh.event_files.timecode import clock
from dlh.files.writing import Say, strict_json
from dlh.pretrained import TrainedModel
from dlh.pretrained.trained_model import UnsupportedError, retimed_to
from dlh.pretrained.trained_on import TrainedOn
from dlh.runs.trained import open_trained

_OF_FILES = ("out", "write", "page", "images", "split", "top", "truth", "passes")


def stream_events(options: EventsOptions, *, say: Say) -> None:
    """Say each event of a stream as a JSON line, as soon as its frame was observed.

    What is decided depends on no later frame: ``level`` is the model's own decision at the frame
    and its threshold is constant; ``motion`` compares with the minute before. So an event is said
    when its frame was computed; a re-timed stream waits for the frame that follows, which may be
    the one on show. Each line has ``delay``, the seconds from when its frame could be decoded to
    the line. How the stream is re-timed, and that it is unlike the training, goes to standard
    error. When nobody reads the lines any more, as after ``| head -1``, the stream is left at its
    next frame.

    Raises:
        UsageError: more than one stream, or an option that a stream cannot have.
        UnsupportedError: the model looks ahead.
        DataError: the stream cannot be read.
    """
    _check(options)
    dlh = open_trained(options.model)
    if options.method == "level":
        check_level(dlh, options)
    (path,) = options.videos
    level = options.method == "level"
    video = _opened(dlh, path, options)
    if resizing := dlh.describe_resizing(video):
        _tell(resizing)
    threshold = options.min_surprise
    if threshold is None:
        threshold = DECIDED if level else NOISE_FACTOR
    unit = "nats" if level else "robust standard deviations of motion energy above its median"
    about = {
        "stream": str(path),
        "model": options.model,
        "method": options.method,
        "unit": unit,
        "min_surprise": threshold,
        "fps": video.fps,
        "source_fps": video.source_fps,
        "delay_frames": 0 if video.target.fps is None else 1,
    }
    with _reader() as reader:
        say(strict_json(about))
        live = _Live(video, reader)
        found = (
            _levels(dlh, live, options, threshold) if level else _motion(live, threshold, video.fps)
        )
        events = 0
        for frame, of_level, surprise in found:
            event = {
                "frame": frame,
                "seconds": round(live.seconds, 6),
                "timecode": clock(live.seconds),
                "level": of_level,
                "surprise": float(f"{surprise:.5g}"),
                "method": options.method,
                "delay": round(time.monotonic() - live.arrived, 4),
            }
            events += 1
            say(strict_json(event))
        say(strict_json({"end": True, "frames": live.count, "events": events}))


def _opened(dlh: TrainedModel, path: Path, options: EventsOptions) -> LiveVideo:
    """The stream in the model's size, at the rate at which a file is read."""
    channels, height, width = dlh.model.frame_shape
    known = dlh.trained_on or TrainedOn()
    fit = options.fit or known.fit
    target = Target(height=height, width=width, channels=channels, crop=options.crop, fit=fit)
    video = LiveVideo(path, target)
    trained = known.fps if options.method == "level" else None
    if rate := options.fps or retimed_to(video.source_fps, trained):
        video.retime_to(rate)
    return video


def _tell(line: str) -> None:
    """A line for a person, on standard error: the standard output is for programs."""
    with contextlib.suppress(OSError):  # nobody reads that either
        print(f"dlh: {line}", file=sys.stderr, flush=True)


def check_level(dlh: TrainedModel, options: EventsOptions) -> None:
    """Raise UsageError unless the model decides frame by frame, on a level that it has."""
    dlh.check_decides()
    if not dlh.decides_piecewise:
        raise UnsupportedError(
            f"a model of the kind {dlh.config.kind} looks ahead, so it cannot follow a stream; "
            "take one of the kind dlh, or --method motion",
            kind=dlh.config.kind,
            asked="stream",
        )
    levels = getattr(dlh.config, "num_levels", 2)
    if levels < (options.level or 2):
        raise UsageError(
            f"{options.model} has {levels} level{'' if levels == 1 else 's'}, expected "
            f"{options.level or 2} at least; take another model or --method motion"
        )


def _check(options: EventsOptions) -> None:
    if len(options.videos) > 1:
        found = ", ".join(map(str, options.videos))
        raise UsageError(f"one stream is watched at a time, found {found}")
    for name in _OF_FILES:
        if getattr(options, name) != getattr(EventsOptions, name):
            raise UsageError(
                f"--{name} is for a file: the events of a stream are said as JSON lines, before "
                "its end is known"
            )
    if options.method in ("changepoint", "cut"):
        raise UsageError(
            f"--method {options.method} looks at the frames that follow; of a stream, take level "
            "or motion"
        )


@contextlib.contextmanager
def _reader() -> Generator[int | None]:
    """A descriptor of what reads the standard output; None where that is no file of the system.

    It is a copy, so that it still stands for the same reader when a failed line has turned the
    standard output elsewhere.
    """
    try:
        copy = os.dup(sys.stdout.fileno())
    except (OSError, ValueError):
        yield None
        return
    try:
        yield copy
    finally:
        os.close(copy)


def _has_left(reader: int | None) -> bool:
    """Whether the standard output is a pipe whose other end is closed."""
    if reader is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(reader, 0)
    return any(happened & select.POLLERR for _, happened in poll.poll(0))


class _Live:
    """The frames of a stream, with the number, time stamp and arrival of the last one; until its
    end, or until the reader of the events has left.
    """

    def __init__(self, video: LiveVideo, reader: int | None) -> None:
        self.video, self._reader = video, reader
        self.count, self.seconds, self.arrived = 0, 0.0, 0.0

    def __iter__(self) -> Iterator[np.ndarray]:
        """One at a time, uint8 (1, height, width, channel)."""
        for frame in self.video:
            if _has_left(self._reader):
                return
            for note in self.video.notes:
                warnings.warn(f"{self.video.path}: {note}", VideoWarning, stacklevel=2)
            self.video.notes.clear()
            self.seconds, self.arrived = frame.seconds, frame.arrived
            self.count += 1
            yield frame.pixels[None]


def _compared(dlh: TrainedModel, live: _Live) -> Iterator[np.ndarray]:
    """The frames as they are; once as many were observed as tell, a warning if they are unlike what
    the model was trained on.
    """
    first, steps = list[np.ndarray](), (dlh.trained_on or TrainedOn()).steps
    for piece in live:
        yield piece
        if live.count > steps:
            continue
        first.append(piece)
        if live.count == steps:
            if unlike := dlh.describe_unlikeness(np.concatenate(first)):
                warnings.warn(f"{live.video.path}: {unlike}", VideoWarning, stacklevel=2)
            first.clear()


def _levels(
    dlh: TrainedModel, live: _Live, options: EventsOptions, threshold: float
) -> Iterator[tuple[int, int | None, float]]:
    for evidence in dlh.evidence(_compared(dlh, live), seed=options.seed):
        levels = range(2, evidence.levels + 1) if options.level is None else (options.level,)
        for level in levels:
            surprise = float(evidence.surprise[0, level - 1])
            if len(evidence.frames_of(level)) and surprise >= threshold:
                yield live.count - 1, level, surprise


def _motion(live: _Live, threshold: float, fps: float) -> Iterator[tuple[int, int | None, float]]:
    energy, usual = MotionEnergy(keep=False), CausalMotion(fps)
    for piece in live:
        height = usual.next(float(energy.add(piece)[0]), threshold)
        if height is not None:
            yield live.count - 1, None, height
