"""The values that every writer takes: the events of one video, and the segments between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TimedEvent:
    """Something changed; ``frame`` is the first of the new state.

    Attributes:
        rank: 1 for the most surprising event of the video.
        level: n, from 2; None of a method without levels.
        frame: index, from 0.
        seconds: the frame's time stamp.
        surprise: in the unit of the answer.
        confidence: share of the passes that found it, from 0 to 1; None of a single pass.
    """

    rank: int
    level: int | None
    frame: int
    seconds: float
    surprise: float
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """From one event of a level, or from the first frame, to the next, or to the end.

    Attributes:
        level: n, from 2; None of a method without levels.
        frame: its first frame, from 0.
        frames: how many it has.
        start, stop: seconds; the stop is the time of the first frame after it.
        state: mean of the level's posterior at its first frame; None where the method has none.
        cluster: segments of one level with the same number hold the same state; from 1; None where
            the method has no states.
    """

    level: int | None
    frame: int
    frames: int
    start: float
    stop: float
    state: tuple[float, ...] | None = None
    cluster: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The events of one video.

    Attributes:
        video: its file, as it was named.
        method: how they were found, such as "level".
        unit: of the surprise, such as "nats".
        threshold: the least surprise of an event that is listed.
        frames: number of frames.
        fps: mean frames per second.
        start: time of the first frame, seconds.
        duration: from the first frame to the end of the last, seconds.
        size: (width, height) of the source as displayed, pixels; None where it is not known.
        events: in order of time.
        segments: of every level, in order of level and time.
    """

    video: str
    method: str
    unit: str
    threshold: float
    frames: int
    fps: float
    start: float
    duration: float
    size: tuple[int, int] | None = None
    events: tuple[TimedEvent, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def end(self) -> float:
        """When the last frame ends, seconds."""
        return self.start + self.duration

    @property
    def moments(self) -> tuple[TimedEvent, ...]:
        """One event for each frame with any: of the highest level, as it stands for all below it.

        A video is cut into chapters, clips and shots at these.
        """
        highest: dict[int, TimedEvent] = {}
        for event in self.events:
            before = highest.get(event.frame)
            if before is None or (event.level or 0) > (before.level or 0):
                highest[event.frame] = event
        return tuple(highest[frame] for frame in sorted(highest))

    @property
    def ranked(self) -> tuple[TimedEvent, ...]:
        """The events, the most surprising first."""
        return tuple(sorted(self.events, key=lambda event: event.rank))


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of a video between two moments: a chapter, a clip, a shot.

    Attributes:
        event: that it begins with; None for the first one.
        frame, frames: its first frame, from 0, and how many it has.
        start, stop: seconds.
    """

    event: TimedEvent | None
    frame: int
    frames: int
    start: float
    stop: float

    @property
    def title(self) -> str:
        """In a few words: "level 2, surprise 14.2"."""
        return "start" if self.event is None else title(self.event)


def spans(answer: Answer) -> tuple[Span, ...]:
    """The video cut at its events, without gaps. An event at the first frame cuts nothing."""
    cuts: list[TimedEvent | None] = [None, *(event for event in answer.moments if event.frame)]

    def place(event: TimedEvent | None) -> tuple[int, float]:
        return (0, answer.start) if event is None else (event.frame, event.seconds)

    places = [*map(place, cuts), (answer.frames, answer.end)]
    return tuple(
        Span(event=event, frame=frame, frames=following - frame, start=start, stop=stop)
        for event, (frame, start), (following, stop) in zip(
            cuts, places[:-1], places[1:], strict=True
        )
    )


def title(event: TimedEvent) -> str:
    """An event in a few words."""
    level = "" if event.level is None else f"level {event.level}, "
    return f"{level}surprise {event.surprise:.3g}"


def ranks(surprises: Sequence[float]) -> list[int]:
    """The rank of each, from 1 for the largest; of equals the earlier one comes first."""
    order = sorted(range(len(surprises)), key=lambda index: -surprises[index])
    found = [0] * len(surprises)
    for rank, index in enumerate(order, start=1):
        found[index] = rank
    return found
