"""One video watched from its first frame to its last: its events, segments and scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from dlh.analysis.event_methods import (
    BY_ENERGY,
    SHORTEST_SECONDS,
    Detector,
    Found,
    LevelDetector,
    MotionEnergy,
    other_thresholds,
)
from dlh.analysis.segments import Clusters, Stretch, level_stretches, plain_stretches
from dlh.analysis.surprise import Evidence
from dlh.commands.event_outputs import Request
from dlh.commands.kept_frames import PAIRS, FirstFrames, Strongest
from dlh.commands.options import EventsOptions, form_of
from dlh.data.clips import DataError
from dlh.data.video.decode import Video
from dlh.evaluation.events import EventScores, timed_scores
from dlh.event_files.answer import Answer, Segment, TimedEvent, ranks
from dlh.event_files.document import LevelColumns
from dlh.event_files.labels import Label, labels_of
from dlh.files.writing import Say
from dlh.pretrained import TrainedModel
from dlh.reports.figures.events import Pair
from dlh.video import VideoError

SAME_TIME = 5e-4
"""Seconds that a time stamp may be off an even spacing."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What was found in a video.

    Attributes:
        answer: the events that are listed, and the segments between them.
        states: the segments between all changes, also those that are not listed.
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
    states: tuple[Segment, ...]
    detector: Detector
    thresholds: list[dict[str, Any]]
    columns: tuple[LevelColumns, ...]
    seconds: np.ndarray | None
    scores: dict[int | None, EventScores] | None
    labels: tuple[float, ...] | None
    frames: np.ndarray
    pairs: tuple[Pair, ...]
    retimed_to: float | None

    @property
    def reason(self) -> str:
        """Of the threshold."""
        default = self.answer.threshold == self.detector.threshold
        return self.detector.reason if default else "as asked for"


def watch(
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
    truth = (labels_of(labels, request.name, only=only) if labels else None) or None
    by_level = options.method == "level"

    def opened() -> Video:
        return dlh.open(
            request.path,
            fps=options.fps,
            crop=options.crop,
            fit=options.fit,
            form=form_of(options),
            as_trained=by_level,
        )

    video = opened()
    if resizing := dlh.describe_resizing(video):
        say(resizing)
    if by_level and not dlh.decides_piecewise:
        say(f"{request.name}: this kind of model looks ahead: the whole video is held in memory")
    first, energy, strongest = FirstFrames(), MotionEnergy(), Strongest(PAIRS)

    def pieces() -> Iterator[np.ndarray]:
        announced = video.expected_frames
        with tqdm(
            total=announced, desc=about or None, unit="frame", leave=False, disable=None
        ) as bar:
            for number, piece in enumerate(dlh.pieces(video)):
                if number == 0 and by_level and (unlike := dlh.describe_unlikeness(piece)):
                    say(f"{request.name}: {unlike}")
                first.add(piece)
                yield piece
                bar.update(len(piece))

    try:
        if by_level:
            evidence = _observe(dlh, pieces(), options.seed, strongest)
            frames = evidence.frames
            detector = LevelDetector(evidence=evidence, level=options.level)
            columns = _level_columns(evidence)
            others = [
                Pass(LevelDetector(evidence=_again(dlh, opened(), seed), level=options.level))
                for seed in range(options.seed + 1, options.seed + options.passes)
            ]
        else:
            for piece in pieces():
                strongest.add(piece, energy.add(piece))
            frames, evidence = len(energy.whole()), None
            if frames < 2:
                raise VideoError(f"a change needs at least 2 frames, found {frames}")
            kind = BY_ENERGY[options.method]
            detector = kind(energy=energy.whole(), fps=video.fps)
            columns = ()
            later = math.ceil(SHORTEST_SECONDS * video.fps)
            others = [
                Pass(kind(energy=energy.whole()[first:], fps=video.fps), first)
                for first in range(later, later * options.passes, later)
                if frames - first > later
            ]
    except VideoError as error:
        raise DataError(f"{request.path}: {error}") from error
    times = frame_times(video, frames)
    chosen = detector.threshold if options.min_surprise is None else options.min_surprise
    found = detector.at(chosen)
    listed = _listed(found, times, options.top)
    if options.passes > 1:
        listed = _with_confidence(listed, others, chosen, times, options.tolerance)
    if evidence is None:
        columns = (_energy_columns(energy.whole(), listed),)
    changes = found if evidence is None else detector.at(-np.inf)
    states = _states(changes, evidence, frames, times, video.fps, options.level, clusters)
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
        segments=_joined(states, listed),
    )
    evenly = times[0] + np.arange(frames) / video.fps
    return Watched(
        answer=answer,
        states=states,
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


@dataclass(frozen=True)
class Pass:
    """A further pass over a video: what it found, and the frame at which it began."""

    detector: Detector
    first: int = 0


def _again(dlh: TrainedModel, video: Video, seed: int) -> Evidence:
    """The evidence of another pass, whose states are drawn anew."""
    return Evidence.concatenate(list(dlh.evidence(dlh.pieces(video), seed=seed)))


def _with_confidence(
    events: Sequence[TimedEvent],
    others: Sequence[Pass],
    threshold: float,
    times: np.ndarray,
    tolerance: float,
) -> tuple[TimedEvent, ...]:
    """The events with the share of the passes, this one included, that found them within the
    tolerance (seconds); a pass that began too late to see an event does not count.
    """
    levels = {event.level for event in events}
    passes: list[tuple[float, dict[int | None, np.ndarray]]] = []
    for each in others:
        found, shifted = each.detector.at(threshold), times[each.first :]
        by_level = {n: shifted[[one.frame for one in found if one.level == n]] for n in levels}
        passes.append((shifted[0] + SHORTEST_SECONDS if each.first else -math.inf, by_level))

    def confidence(event: TimedEvent) -> float:
        agree = [
            bool((np.abs(found[event.level] - event.seconds) <= tolerance + SAME_TIME).any())
            for begins, found in passes
            if event.seconds > begins
        ]
        return (1 + sum(agree)) / (1 + len(agree))

    return tuple(replace(event, confidence=confidence(event)) for event in events)


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


def frame_times(video: Video, frames: int) -> np.ndarray:
    """The time stamp of each of the frames that were read, seconds, float64 (frames,)."""
    return np.asarray(video.times[:frames], dtype=float)


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


def _states(
    events: Sequence[Found],
    evidence: Evidence | None,
    frames: int,
    times: np.ndarray,
    fps: float,
    only: int | None,
    clusters: Clusters,
) -> tuple[Segment, ...]:
    """The segments between these events."""
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


def _joined(states: Sequence[Segment], events: Sequence[TimedEvent]) -> tuple[Segment, ...]:
    """The segments between the listed events: a change that is not listed ends none."""
    begins = {(event.level, event.frame) for event in events}
    joined: list[Segment] = []
    for state in states:
        if state.frame == 0 or (state.level, state.frame) in begins:
            joined.append(state)
            continue
        before = joined[-1]
        joined[-1] = replace(before, frames=before.frames + state.frames, stop=state.stop)
    return tuple(joined)


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
        row |= ratios(_scores(events, truth, times, options)[None])
    return row


def ratios(scores: EventScores) -> dict[str, Any]:
    """Precision, recall and F1 of a document."""
    return {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}
