"""What a person is told about the events of one video, and of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from dlh.commands.event_scores import Assessment
from dlh.commands.options import EventsOptions
from dlh.commands.watching import Watched
from dlh.event_files.timecode import clock
from dlh.files.text_table import text_table
from dlh.reports.render import plural

MOST_LINES = 10


def summary_of(watched: Watched, assessment: Assessment) -> str:
    """One video in one line."""
    answer = watched.answer
    said = (
        f"{answer.video}: {plural(len(answer.events), 'event')} by the method {answer.method} in "
        f"{answer.frames} frames ({clock(answer.duration)})"
    )
    if assessment.scores is not None:
        scores = assessment.scores[None]
        said += f", F1 {scores.f1:.2f} against {plural(scores.true_events, 'label')}"
    return said


def lines_of(watched: Watched, assessment: Assessment, options: EventsOptions) -> Iterator[str]:
    """What is found in one video, for a person."""
    answer = watched.answer
    yield summary_of(watched, assessment)
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
    if watched.by_energy:
        counts = ", ".join(f"{method} {count}" for method, count in watched.by_energy.items())
        yield f"no level changes; events by motion alone (--method): {counts}"
    yield from _threshold_lines(assessment)
    yield from _score_lines(assessment, options)


def _threshold_lines(assessment: Assessment) -> Iterator[str]:
    """The threshold, why, and what others would give."""
    taken, scored = assessment.threshold, assessment.scores is not None
    yield f"threshold{'' if taken is None else f' {taken:g}'}: {assessment.reason}"
    levels = sorted({level for row in assessment.thresholds for level in row["events"]})
    names = ["events" if level == "all" else f"level {level}" for level in levels]
    rows = [("  min-surprise", *names, *(("precision", "recall", "F1") if scored else ()), "")]
    for row in assessment.thresholds:
        value = row["min_surprise"]
        ratios = [f"{row[name]:.2f}" for name in ("precision", "recall", "f1")] if scored else []
        marks = ["taken"] if value == taken else []
        marks += ["default"] if row["default"] else []
        counts = [str(row["events"].get(level, 0)) for level in levels]
        shown = "own" if value is None else f"{value:.4g}"
        rows.append((f"  {shown}", *counts, *ratios, ", ".join(marks)))
    yield from text_table(rows)


def _score_lines(assessment: Assessment, options: EventsOptions, where: str = "") -> Iterator[str]:
    """Precision, recall and F1 of every level and of all events."""
    if assessment.scores is None:
        return
    yield f"against {options.truth}, a pair at most {options.tolerance:g} s apart{where}:"
    for level, scores in assessment.scores.items():
        name = "all events" if level is None else f"level {level}"
        yield (
            f"  {name}: precision {scores.precision:.2f}, recall {scores.recall:.2f}, F1 "
            f"{scores.f1:.2f} ({plural(scores.matched, 'pair')} of "
            f"{plural(scores.inferred_events, 'event')} and {plural(scores.true_events, 'label')})"
        )


def overview_lines(
    videos: Sequence[Watched],
    rows: Sequence[dict[str, Any]],
    assessment: Assessment,
    options: EventsOptions,
) -> Iterator[str]:
    """What is found in several videos, for a person."""
    resized = Counter(video.resizing for video in videos if video.resizing)
    for resizing, count in resized.items():
        names = (video.answer.video for video in videos if video.resizing == resizing)
        yield f"{next(names) if count == 1 else plural(count, 'video')}: {resizing}"
    yield from _overview_table(rows, labelled=options.truth is not None)
    yield from _threshold_lines(assessment)
    where = f", in {assessment.labelled} of {plural(len(videos), 'video')}"
    yield from _score_lines(assessment, options, where)


def _overview_table(rows: Sequence[dict[str, Any]], *, labelled: bool) -> Iterator[str]:
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
