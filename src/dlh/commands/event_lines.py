"""What a person is told about the events of one video, and of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dlh.commands.options import EventsOptions
from dlh.commands.watching import Watched
from dlh.event_files.timecode import clock
from dlh.files.text_table import text_table

MOST_LINES = 10


def summary_of(watched: Watched) -> str:
    """One video in one line."""
    answer = watched.answer
    number = len(answer.events)
    events = f"{number} event{'' if number == 1 else 's'}"
    said = (
        f"{answer.video}: {events} by the method {answer.method} in {answer.frames} frames "
        f"({clock(answer.duration)})"
    )
    if watched.scores is not None:
        said += (
            f", F1 {watched.scores[None].f1:.2f} against {watched.scores[None].true_events} labels"
        )
    return said


def lines_of(watched: Watched, options: EventsOptions) -> Iterator[str]:
    """What is found in one video, for a person."""
    answer = watched.answer
    yield summary_of(watched)
    if answer.events:
        yield f"the most surprising first, in {answer.unit}:"
        begun = {(segment.level, segment.frame): segment for segment in answer.segments}
        head = ("  rank", "time", "frame", "level", "surprise", "state")
        sure = answer.events[0].confidence is not None
        rows = [(*head, *(("confidence",) if sure else ()))]
        for event in answer.ranked[:MOST_LINES]:
            segment = begun.get((event.level, event.frame))
            cluster = None if segment is None else segment.cluster
            rows.append(
                (
                    f"  {event.rank}",
                    clock(event.seconds),
                    str(event.frame),
                    "-" if event.level is None else str(event.level),
                    f"{event.surprise:.2f}",
                    "-" if cluster is None else str(cluster),
                    *(() if event.confidence is None else (f"{event.confidence:.0%}",)),
                )
            )
        yield from text_table(rows)
        if len(answer.events) > MOST_LINES:
            yield f"  and {len(answer.events) - MOST_LINES} more"
    yield from _threshold_lines(watched)
    if watched.scores is not None:
        yield f"against {options.truth}, a pair at most {options.tolerance:g} s apart:"
        for level, scores in watched.scores.items():
            name = "all events" if level is None else f"level {level}"
            yield (
                f"  {name}: precision {scores.precision:.2f}, recall {scores.recall:.2f}, F1 "
                f"{scores.f1:.2f} ({scores.matched} pairs of {scores.inferred_events} events and "
                f"{scores.true_events} labels)"
            )


def _threshold_lines(watched: Watched) -> Iterator[str]:
    """The threshold, why, and what others would give."""
    answer = watched.answer
    yield f"threshold {answer.threshold:g}: {watched.reason}"
    levels = sorted({level for row in watched.thresholds for level in row["events"]})
    labelled = watched.labels is not None
    names = ["events" if level == "all" else f"level {level}" for level in levels]
    rows = [("  min-surprise", *names, *(("precision", "recall", "F1") if labelled else ()), "")]
    for row in watched.thresholds:
        ratios = [f"{row[name]:.2f}" for name in ("precision", "recall", "f1")] if labelled else []
        marks = ["taken"] if row["min_surprise"] == answer.threshold else []
        marks += ["default"] if row["default"] else []
        counts = [str(row["events"].get(level, 0)) for level in levels]
        rows.append((f"  {row['min_surprise']:.4g}", *counts, *ratios, ", ".join(marks)))
    yield from text_table(rows)


def overview_table(rows: Sequence[dict[str, Any]], labelled: bool) -> Iterator[str]:
    """Several videos, a line each."""
    head = ("  video", "events", "duration", "a minute", "strongest at", "surprise")
    table = [(*head, *(("F1",) if labelled else ()))]
    for row in rows:
        at, surprise = row["strongest_seconds"], row["strongest_surprise"]
        table.append(
            (
                f"  {row['video']}",
                str(row["events"]),
                clock(row["duration"]),
                f"{60 * row['events'] / row['duration']:.1f}",
                "-" if at is None else clock(at),
                "-" if surprise is None else f"{surprise:.2f}",
                *((f"{row['f1']:.2f}" if "f1" in row else "-",) if labelled else ()),
            )
        )
    yield from text_table(table)
