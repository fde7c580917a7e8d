"""Tables of events: CSV, and the tabular events of BORIS."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from dlh.event_files.answer import Answer, Segment, ranks
from dlh.event_files.timecode import clock

CSV_COLUMNS = (
    "video",
    "rank",
    "level",
    "frame",
    "seconds",
    "timecode",
    "surprise",
    "method",
    "segment_seconds",
    "cluster",
    "confidence",
)
BORIS_COLUMNS = (
    "Observation id",
    "Observation date",
    "Description",
    "Observation type",
    "Source",
    "Time offset (s)",
    "Coding duration",
    "Media duration (s)",
    "FPS (frame/s)",
    "Subject",
    "Behavior",
    "Behavioral category",
    "Behavior type",
    "Time",
    "Media file name",
    "Image index",
    "Comment",
)


def events_csv(answer: Answer) -> str:
    """One row an event, in order of time; ``timecode`` is HH:MM:SS.mmm.

    ``segment_seconds`` and ``cluster`` are of the segment that the event begins.
    """
    return _csv(CSV_COLUMNS, csv_rows(answer))


def overview_csv(answers: Sequence[Answer]) -> str:
    """The rows of several videos in one table, each with its rank among all events."""
    rows = [row for answer in answers for row in csv_rows(answer)]
    of_all = ranks([event.surprise for answer in answers for event in answer.events])
    joined = [(*row, rank) for row, rank in zip(rows, of_all, strict=True)]
    return _csv((*CSV_COLUMNS, "rank_of_all"), joined)


def csv_rows(answer: Answer) -> list[tuple[object, ...]]:
    """The rows of one video, of :data:`CSV_COLUMNS`."""
    begun = {(segment.level, segment.frame): segment for segment in answer.segments}
    rows = []
    for event in answer.events:
        segment = begun.get((event.level, event.frame))
        rows.append(
            (
                answer.video,
                event.rank,
                "" if event.level is None else event.level,
                event.frame,
                f"{event.seconds:.6f}",
                clock(event.seconds),
                f"{event.surprise:.6g}",
                answer.method,
                "" if segment is None else f"{segment.stop - segment.start:.6f}",
                "" if segment is None or segment.cluster is None else segment.cluster,
                "" if event.confidence is None else f"{event.confidence:.3g}",
            )
        )
    return rows


def boris_events(answer: Answer) -> str:
    """The events as BORIS exports them ("Tabular events", CSV), one row each.

    Each segment is a state with a START and a STOP; its behaviour is ``level 2, state 3`` (of the
    cluster) or ``level 2`` where there are no clusters. ``Time`` counts from the file's first
    time stamp of 0, as a player does.
    """
    name = PurePath(answer.video).stem

    def row(segment: Segment, kind: str, time: float, frame: int, comment: str) -> Sequence[object]:
        return (
            name,
            "",
            f"events by the method {answer.method}; surprise in {answer.unit}",
            "Media file(s)",
            f"player #1:{answer.video}",
            "0",
            f"{answer.duration:.3f}",
            f"{answer.duration:.3f}",
            f"{answer.fps:.6g}",
            "No focal subject",
            behaviour(segment),
            "" if segment.level is None else f"level {segment.level}",
            kind,
            f"{time:.3f}",
            answer.video,
            frame,
            comment,
        )

    surprises = {(event.level, event.frame): event for event in answer.events}
    rows = []
    for segment in answer.segments:
        event = surprises.get((segment.level, segment.frame))
        comment = "" if event is None else f"surprise {event.surprise:.6g}, rank {event.rank}"
        rows.append(row(segment, "START", segment.start, segment.frame, comment))
        rows.append(row(segment, "STOP", segment.stop, segment.frame + segment.frames, ""))
    # A state that ends comes before the one that begins at the same time.
    rows.sort(key=lambda each: (float(str(each[13])), each[12] == "START"))
    return _csv(BORIS_COLUMNS, rows)


def behaviour(segment: Segment) -> str:
    """What a segment is called in programs for behaviour: its level, and its state's number."""
    level = "segment" if segment.level is None else f"level {segment.level}"
    return level if segment.cluster is None else f"{level}, state {segment.cluster}"


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
