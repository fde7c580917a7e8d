"""When something changed in videos: JSON for programs, pictures and lines for people."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dlh.analysis.event_methods import (
    ChangePointDetector,
    Detector,
    Found,
    LevelDetector,
    MotionDetector,
    MotionEnergy,
    check_change_points,
    other_thresholds,
)
from dlh.analysis.segments import Clusters, Stretch, level_stretches, plain_stretches
from dlh.analysis.surprise import Evidence
from dlh.commands.event_frames import write_frames
from dlh.commands.event_outputs import OVERVIEW_CSV, OVERVIEW_JSON, Plan, Request, plan_outputs
from dlh.commands.live_events import stream_events
from dlh.commands.options import EventsOptions
from dlh.data.clips import DataError
from dlh.data.video.decode import Video
from dlh.data.video.live import is_stream
from dlh.errors import UsageError
from dlh.evaluation.events import EventScores, timed_scores
from dlh.event_files.answer import Answer, Segment, TimedEvent, ranks
from dlh.event_files.document import LevelColumns, events_json
from dlh.event_files.formats import FORMATS
from dlh.event_files.labels import Label, labels_of, read_labels
from dlh.event_files.tables import overview_csv
from dlh.event_files.timecode import clock
from dlh.files.text_table import text_table
from dlh.files.writing import Say, write_bytes, write_json, write_text
from dlh.pretrained import TrainedModel, open_model
from dlh.reports.figures.canvas import MissingExtraError, png_bytes
from dlh.reports.figures.events import Pair, events_figure
from dlh.training.device import choose_device
from dlh.video import VideoError

MOST_LINES = 10
MOST_BYTES = 2**24
"""Of frames that are kept for the picture: of 32 x 32 pixels in colour they are 5,400."""
PAIRS = 8
"""Strongest events whose frames before and after are in the picture."""
SAME_TIME = 5e-4
"""Seconds that a time stamp may be off an even spacing."""


def find_events(options: EventsOptions, *, say: Say = print) -> None:
    """Find the events of videos or of a stream; the memory it takes is that of a piece of a video,
    and some 60 bytes for each frame and level.

    A model that looks ahead (VTA) holds a whole video in memory. Of several videos one that cannot
    be used is left out, and the error at the end names it. ``say`` takes a line for each thing
    found or done.

    Raises:
        UsageError: the model has no events, or not of that level; an output exists or has an
            invalid name.
        DataError: a video cannot be read, or has a single frame.
        LabelError: the labels cannot be read, or are of no video.
        PretrainedError: there is no such model.
        OutputError: an output cannot be written.
    """
    if any(map(is_stream, options.videos)):
        stream_events(options, say=say)
        return
    plan = plan_outputs(options, say=say)
    dlh = open_model(options.model, choose_device("auto"))
    check_method(dlh, options)
    labels = None if options.truth is None else _labels(options.truth)
    if plan.folder is None:
        watched = _watch(dlh, plan.requests[0], options, labels, Clusters(), say=say, only=True)
        for line in _lines(watched, options):
            say(line)
        written, missing = _write(watched, plan.requests[0], options, say)
        said = ", ".join(map(str, written))
        say(f"written: {said} (no picture: {missing})" if missing else f"written: {said}")
        return
    _several(dlh, plan, options, labels, say)


def check_method(dlh: TrainedModel, options: EventsOptions) -> None:
    """Raise UsageError where the model has no such events, or a package is missing."""
    if options.method == "changepoint":
        check_change_points()
    if options.method != "level":
        return
    levels = getattr(dlh.config, "num_levels", 2)
    if levels < 2:
        raise UsageError(
            f"{options.model} has one level, which changes at every frame: it has no events; "
            "--method motion or changepoint asks no level"
        )
    dlh.check_decides()
    if options.level is not None and options.level > levels:
        raise UsageError(f"{options.model} has {levels} levels, found --level {options.level}")


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What was found in a video.

    Attributes:
        answer: the events that are listed, and the segments.
        detector: gives the events at other thresholds.
        thresholds: with the numbers of events and, with labels, the scores.
        columns: of every level, for the document.
        seconds: of every frame; None where they are evenly spaced.
        scores: of every level, and of all together (None), where there are labels.
        labels: the times of the labels; None without.
        frames: the first ones, for the picture.
        pairs: the strongest events with the frames before and after.
        retimed_to: the rate at which the video was read; None where every frame was.
    """

    answer: Answer
    detector: Detector
    thresholds: list[dict[str, Any]]
    columns: tuple[LevelColumns, ...]
    seconds: np.ndarray | None
    scores: dict[int | None, EventScores] | None
    labels: tuple[float, ...] | None
    frames: np.ndarray
    pairs: tuple[Pair, ...]
    retimed_to: float | None


def _several(
    dlh: TrainedModel,
    plan: Plan,
    options: EventsOptions,
    labels: tuple[Label, ...] | None,
    say: Say,
) -> None:
    assert plan.folder is not None
    clusters, done, failed = Clusters(), list[tuple[Request, Watched]](), list[tuple[str, str]]()
    for number, request in enumerate(plan.requests, start=1):
        try:
            watched = _watch(
                dlh,
                request,
                options,
                labels,
                clusters,
                say=say,
                about=f"{number} of {len(plan.requests)}",
            )
            _write(watched, request, options, say)
        except (DataError, VideoError) as error:
            failed.append((request.name, str(error)))
            say(f"left out: {error}")
            continue
        done.append((request, watched))
        say(_summary(watched))
    rows = [_overview_row(request, watched) for request, watched in done]
    about: dict[str, Any] = {
        "model": options.model,
        "seed": options.seed,
        "method": options.method,
    }
    left_out = [{"video": name, "reason": reason} for name, reason in failed]
    overview = about | {"videos": rows, "left_out": left_out}
    if labels is not None:
        overview["tolerance"] = options.tolerance
    write_json(plan.folder / OVERVIEW_JSON, overview)
    write_text(plan.folder / OVERVIEW_CSV, [overview_csv(watched.answer for _, watched in done)])
    if done:
        for line in _overview_table(rows, labels is not None):
            say(line)
    say(f"written: {plan.folder / OVERVIEW_JSON}, {OVERVIEW_CSV}, and files for each video")
    if failed:
        names = ", ".join(name for name, _ in failed[:5])
        raise DataError(
            f"{len(failed)} of {len(plan.requests)} videos could not be used: {names}; the others "
            f"are in {plan.folder}"
        )


def _watch(
    dlh: TrainedModel,
    request: Request,
    options: EventsOptions,
    labels: tuple[Label, ...] | None,
    clusters: Clusters,
    *,
    say: Say,
    only: bool = False,
    about: str = "",
) -> Watched:
    """Find the events of one video."""
    truth = None if labels is None else labels_of(labels, request.name, only=only)
    video = dlh.open(request.path, fps=options.fps, crop=options.crop, fit=options.fit)
    if resizing := dlh.describe_resizing(video):
        say(resizing)
    if options.method == "level" and not dlh.decides_piecewise:
        say(f"{request.name}: this kind of model looks ahead: the whole video is held in memory")
    first, energy, strongest = FirstFrames(), MotionEnergy(), Strongest(PAIRS)

    def pieces() -> Iterator[np.ndarray]:
        announced = video.expected_frames
        with tqdm(
            total=announced, desc=about or None, unit="frame", leave=False, disable=None
        ) as bar:
            for number, piece in enumerate(dlh.pieces(video)):
                if number == 0 and (unlike := dlh.describe_unlikeness(piece)):
                    say(f"{request.name}: {unlike}")
                first.add(piece)
                yield piece
                bar.update(len(piece))

    try:
        if options.method == "level":
            evidence = _observe(dlh, pieces(), options.seed, strongest)
            frames, detector = (
                evidence.frames,
                LevelDetector(evidence=evidence, level=options.level),
            )
            columns = _level_columns(evidence)
        else:
            for piece in pieces():
                strongest.add(piece, energy.add(piece))
            frames, evidence = len(energy.whole()), None
            if frames < 2:
                raise VideoError(f"a change needs at least 2 frames, found {frames}")
            kind = MotionDetector if options.method == "motion" else ChangePointDetector
            detector = kind(energy=energy.whole(), fps=video.fps)
            columns = ()
    except VideoError as error:
        raise DataError(f"{request.path}: {error}") from error
    times = frame_times(video, frames)
    chosen = detector.threshold if options.min_surprise is None else options.min_surprise
    found = detector.at(chosen)
    listed = _listed(found, times, options.top)
    if evidence is None:
        columns = (_energy_columns(energy.whole(), listed),)
    answer = Answer(
        video=request.name,
        method=options.method,
        unit=detector.unit,
        threshold=chosen,
        frames=frames,
        fps=video.fps,
        start=float(times[0]),
        duration=float(times[-1] - times[0]) + 1 / video.fps,
        size=video.source_size,
        events=listed,
        segments=_segments(listed, evidence, frames, times, video.fps, options.level, clusters),
    )
    evenly = times[0] + np.arange(frames) / video.fps
    return Watched(
        answer=answer,
        detector=detector,
        thresholds=[
            _threshold(value, detector, times, truth, options)
            for value in other_thresholds(detector, chosen)
        ],
        columns=columns,
        seconds=None if np.abs(times - evenly).max() < SAME_TIME else times,
        scores=None if truth is None else _scores(listed, truth, times, options),
        labels=truth,
        frames=first.whole(),
        pairs=strongest.pairs(answer),
        retimed_to=video.retimed_to,
    )


def _observe(
    dlh: TrainedModel, pieces: Iterable[np.ndarray], seed: int, strongest: Strongest
) -> Evidence:
    """The evidence of the whole video; the frames at its strongest changes are kept."""
    waiting: list[np.ndarray] = []

    def seen() -> Iterator[np.ndarray]:
        for piece in pieces:
            waiting.append(piece)
            yield piece

    found = []
    for evidence in dlh.evidence(seen(), seed=seed):
        found.append(evidence)
        changed = evidence.changed[:, 1:] & ~np.isnan(evidence.surprise[:, 1:])
        scores = np.where(changed, evidence.surprise[:, 1:], -np.inf).max(1)
        for piece in waiting:  # one, but for a model that looks ahead
            strongest.add(piece, scores[: len(piece)])
            scores = scores[len(piece) :]
        waiting.clear()
    frames = sum(evidence.frames for evidence in found)
    if frames < 2:
        raise VideoError(f"a change needs at least 2 frames, found {frames}")
    return Evidence.concatenate(found)


class FirstFrames:
    """The first frames of a video, of which the picture shows some; no more than MOST_BYTES."""

    def __init__(self) -> None:
        self.count = 0
        self._pieces: list[np.ndarray] = []

    def add(self, piece: np.ndarray) -> None:
        """The next frames, uint8 (time, height, width, channel)."""
        room = MOST_BYTES // piece[0].nbytes
        if self.count < room:
            self._pieces.append(piece[: room - self.count])
            self.count += len(self._pieces[-1])

    def whole(self) -> np.ndarray:
        """All that are kept."""
        return np.concatenate(self._pieces)


class Strongest:
    """The frames before and after the strongest changes of a video that is read piece by piece.

    Args:
        count: of changes, at most.
    """

    def __init__(self, count: int) -> None:
        self._count, self._seen = count, 0
        self._last: np.ndarray | None = None
        self._kept: list[tuple[float, int, np.ndarray, np.ndarray]] = []

    def add(self, piece: np.ndarray, scores: np.ndarray) -> None:
        """The next frames, (time, height, width, channel), and how much each differs, (time,);
        minus infinity where there is no event.
        """
        for index in np.flatnonzero(np.isfinite(scores)).tolist():
            before = piece[index - 1] if index else self._last
            score, frame = float(scores[index]), self._seen + index
            full = len(self._kept) == self._count
            if before is None or (full and score <= self._kept[0][0]):
                continue
            kept = (score, -frame, before.copy(), piece[index].copy())
            (heapq.heapreplace if full else heapq.heappush)(self._kept, kept)
        self._seen += len(piece)
        self._last = piece[-1].copy()

    def pairs(self, answer: Answer) -> tuple[Pair, ...]:
        """Those that are events of the answer, the strongest first."""
        frames = {-frame: (before, after) for _, frame, before, after in self._kept}
        shown: dict[int, Pair] = {}
        for event in answer.ranked:
            if event.frame in frames and event.frame not in shown:
                before, after = frames[event.frame]
                shown[event.frame] = Pair(
                    before=before,
                    after=after,
                    frame=event.frame,
                    seconds=event.seconds,
                    surprise=event.surprise,
                )
        return tuple(shown.values())


def frame_times(video: Video, frames: int) -> np.ndarray:
    """The time stamp of each of the frames that were read, seconds, float64 (frames,)."""
    return np.asarray(video.times[:frames], dtype=float)


def _labels(path: Path) -> tuple[Label, ...]:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start})"
        ) from None
    return read_labels(text, name=str(path))


def _listed(found: Sequence[Found], times: np.ndarray, top: int | None) -> tuple[TimedEvent, ...]:
    ranked = zip(found, ranks([event.surprise for event in found]), strict=True)
    return tuple(
        TimedEvent(
            rank=rank,
            level=event.level,
            frame=event.frame,
            seconds=float(times[event.frame]),
            surprise=event.surprise,
        )
        for event, rank in ranked
        if top is None or rank <= top
    )


def _segments(
    events: Sequence[TimedEvent],
    evidence: Evidence | None,
    frames: int,
    times: np.ndarray,
    fps: float,
    only: int | None,
    clusters: Clusters,
) -> tuple[Segment, ...]:
    stretches: list[Stretch] = []
    if evidence is None:
        stretches += plain_stretches(frames, [event.frame for event in events])
    else:
        for level in range(2, evidence.levels + 1) if only is None else (only,):
            starts = [event.frame for event in events if event.level == level]
            stretches += level_stretches(evidence, level, starts, clusters)
    ends = [*times.tolist(), float(times[-1]) + 1 / fps]
    return tuple(
        Segment(
            level=stretch.level,
            frame=stretch.first,
            frames=stretch.stop - stretch.first,
            start=ends[stretch.first],
            stop=ends[stretch.stop],
            state=None if stretch.state is None else tuple(stretch.state.tolist()),
            cluster=stretch.cluster,
        )
        for stretch in stretches
    )


def _level_columns(evidence: Evidence) -> tuple[LevelColumns, ...]:
    names = (
        "changed",
        "surprise",
        "static_divergence",
        "change_divergence",
        "change_probability",
    )
    return tuple(
        LevelColumns(
            level=index + 1,
            columns={name: getattr(evidence, name)[:, index] for name in names},
        )
        for index in range(evidence.levels)
    )


def _energy_columns(energy: np.ndarray, events: Sequence[TimedEvent]) -> LevelColumns:
    changed = np.zeros(len(energy), dtype=bool)
    changed[[event.frame for event in events]] = True
    return LevelColumns(level=None, columns={"changed": changed, "motion_energy": energy})


def _scores(
    events: Sequence[TimedEvent],
    truth: Sequence[float],
    times: np.ndarray,
    options: EventsOptions,
) -> dict[int | None, EventScores]:
    """Of every level with events, and of all together. Neither labels at the first frame or before,
    nor after the last, count: nothing can change there.
    """
    inside = [time for time in truth if times[0] + SAME_TIME < time <= times[-1] + SAME_TIME]
    levels = sorted({event.level for event in events if event.level is not None})

    def of(chosen: Iterable[TimedEvent]) -> EventScores:
        found = sorted({event.seconds for event in chosen})
        return timed_scores(found, inside, tolerance=options.tolerance, steps=len(times) - 1)

    by_level: dict[int | None, EventScores] = {
        level: of(event for event in events if event.level == level) for level in levels
    }
    return by_level | {None: of(events)}


def _threshold(
    value: float,
    detector: Detector,
    times: np.ndarray,
    truth: Sequence[float] | None,
    options: EventsOptions,
) -> dict[str, Any]:
    """What a threshold gives, all events listed."""
    events = _listed(detector.at(value), times, None)
    counts: dict[str, int] = {}
    for event in events:
        level = "all" if event.level is None else str(event.level)
        counts[level] = counts.get(level, 0) + 1
    row: dict[str, Any] = {"min_surprise": value, "events": counts or {"all": 0}}
    row["default"] = value == detector.threshold
    if truth is not None:
        row |= _ratios(_scores(events, truth, times, options)[None])
    return row


def _ratios(scores: EventScores) -> dict[str, Any]:
    return {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}


def _write(
    watched: Watched, request: Request, options: EventsOptions, say: Say
) -> tuple[list[Path], str]:
    """Write all that was asked for of one video; returns the files and folders, and why there is no
    picture.
    """
    answer, outputs = watched.answer, request.outputs
    # What can be refused is made before anything is written.
    texts = {
        outputs.beside(FORMATS[name].suffix): FORMATS[name].write(answer)
        for name in dict.fromkeys(options.write)
    }
    drawn, missing = _draw(watched)
    about = {
        "video": request.given,
        "model": options.model,
        "seed": options.seed,
        "min_surprise": answer.threshold,
        "reason": _reason(watched),
        "thresholds": watched.thresholds,
    }
    if watched.scores is not None:
        about["scores"] = _scores_document(watched, options)
    frames = write_frames(
        answer,
        request.path,
        outputs,
        options,
        columns=watched.columns,
        seconds=watched.seconds,
        reason=_reason(watched),
        retimed_to=watched.retimed_to,
    )
    document = events_json(answer, about=about, levels=watched.columns, seconds=watched.seconds)
    write_text(outputs.document, document)
    written = [outputs.document]
    if drawn is not None:
        write_bytes(outputs.picture, drawn)
        written.append(outputs.picture)
    for path, text in texts.items():
        write_text(path, [text])
    return [*written, *texts, *frames], missing


def _scores_document(watched: Watched, options: EventsOptions) -> dict[str, Any]:
    assert watched.scores is not None
    levels = [
        {
            "level": level,
            "labels": scores.true_events,
            "events": scores.inferred_events,
            "matched": scores.matched,
            **_ratios(scores),
        }
        for level, scores in watched.scores.items()
    ]
    return {"truth": str(options.truth), "tolerance": options.tolerance, "levels": levels}


def _draw(watched: Watched) -> tuple[bytes | None, str]:
    """The picture; None, and why, where matplotlib is not installed."""
    answer = watched.answer
    if answer.method == "level":
        changed = np.stack([level.columns["changed"] for level in watched.columns], 1)
        columns = [level.columns["change_probability"] for level in watched.columns]
        probability = np.stack(columns, 1)
        known = not np.isnan(probability).all()
        probability = np.nan_to_num(probability, nan=1.0) if known else None
        lane = None
    else:
        changed = np.ones((answer.frames, 2), dtype=bool)
        changed[:, 1] = watched.columns[0].columns["changed"]
        probability, lane = None, answer.method
    try:
        figure = events_figure(
            watched.frames,
            changed,
            change_probability=probability,
            fps=answer.fps,
            pairs=watched.pairs,
            lane=lane,
        )
    except MissingExtraError as error:
        return None, str(error)
    return png_bytes(figure), ""


def _summary(watched: Watched) -> str:
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


def _lines(watched: Watched, options: EventsOptions) -> Iterator[str]:
    """What is found in one video, for a person."""
    answer = watched.answer
    yield _summary(watched)
    if answer.events:
        yield f"the most surprising first, in {answer.unit}:"
        begun = {(segment.level, segment.frame): segment for segment in answer.segments}
        rows = [("  rank", "time", "frame", "level", "surprise", "state")]
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
    yield f"threshold {answer.threshold:g}: {_reason(watched)}"
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


def _reason(watched: Watched) -> str:
    default = watched.answer.threshold == watched.detector.threshold
    return watched.detector.reason if default else "as asked for"


def _overview_row(request: Request, watched: Watched) -> dict[str, Any]:
    answer = watched.answer
    strongest = answer.ranked[0] if answer.events else None
    row: dict[str, Any] = {
        "video": answer.video,
        "events": len(answer.events),
        "frames": answer.frames,
        "fps": answer.fps,
        "duration": answer.duration,
        "strongest_seconds": None if strongest is None else strongest.seconds,
        "strongest_surprise": None if strongest is None else strongest.surprise,
        "document": str(request.outputs.document),
    }
    if watched.scores is not None:
        row |= _ratios(watched.scores[None])
    return row


def _overview_table(rows: Sequence[dict[str, Any]], labelled: bool) -> Iterator[str]:
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
                *((f"{row['f1']:.2f}",) if labelled else ()),
            )
        )
    yield from text_table(table)
