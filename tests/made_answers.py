"""An answer with all that a writer can meet: two levels, a frame with both, a start offset."""

from __future__ import annotations

from dlh.event_files.answer import Answer, Segment, TimedEvent


def event(rank: int, level: int | None, frame: int, surprise: float) -> TimedEvent:
    return TimedEvent(
        rank=rank, level=level, frame=frame, seconds=0.5 + frame / 25, surprise=surprise
    )


def segment(level: int | None, frame: int, stop: int, cluster: int | None) -> Segment:
    return Segment(
        level=level,
        frame=frame,
        frames=stop - frame,
        start=0.5 + frame / 25,
        stop=0.5 + stop / 25,
        state=None if cluster is None else (0.25 * cluster, -1.0),
        cluster=cluster,
    )


ANSWER = Answer(
    video="mice/box = 1; #2.mp4",
    method="level",
    unit="nats",
    threshold=0.0,
    frames=250,
    fps=25.0,
    start=0.5,
    duration=10.0,
    size=(640, 480),
    events=(event(2, 2, 50, 14.25), event(1, 2, 125, 120.5), event(3, 3, 125, 1.5)),
    segments=(
        segment(2, 0, 50, 1),
        segment(2, 50, 125, 2),
        segment(2, 125, 250, 1),
        segment(3, 0, 125, 1),
        segment(3, 125, 250, 2),
    ),
)
NOTHING = Answer(
    video="still.mp4",
    method="motion",
    unit="robust standard deviations",
    threshold=5.0,
    frames=20,
    fps=10.0,
    start=0.0,
    duration=2.0,
    segments=(Segment(level=None, frame=0, frames=20, start=0.0, stop=2.0),),
)
