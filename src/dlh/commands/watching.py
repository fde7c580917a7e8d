"""One video watched from its first frame to its last: its events and segments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from tqdm import tqdm

from dlh.analysis.event_methods import (
    BY_ENERGY,
    SHORTEST_SECONDS,
    ChangePointDetector,
    Detector,
    Found,
    LevelDetector,
    MotionEnergy,
)
from dlh.analysis.segments import (
    Clusters,
    Stretch,
    level_stretches,
    motion_stretches,
    plain_stretches,
)
from dlh.analysis.surprise import Evidence
from dlh.commands.event_outputs import Request
from dlh.commands.kept_frames import PAIRS, FirstFrames, Strongest
from dlh.commands.options import EventsOptions, form_of
from dlh.data.clips import DataError
from dlh.data.video.decode import Video
from dlh.evaluation.event_floors import has_ruptures
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
        columns: of every level, for the document.
        times: of every frame, seconds.
        labels: the times of the labels; None without.
        frames: the first ones, for the picture.
        pairs: the strongest events with the frames before and after.
        retimed_to: the rate at which the video was read; None where every frame was.
        resizing: what was done to the frames, for a person; None where they were taken as they are.
        by_energy: where no level changes, how many events each method of motion energy finds.
    """

    answer: Answer
    states: tuple[Segment, ...]
    detector: Detector
    columns: tuple[LevelColumns, ...]
    times: np.ndarray
    labels: tuple[float, ...] | None
    frames: np.ndarray
    pairs: tuple[Pair, ...]
    retimed_to: float | None
    resizing: str | None
    by_energy: Mapping[str, int] = field(default_factory=dict)
    _change_points: dict[float, tuple[Found, ...]] = field(default_factory=dict, repr=False)

    def at(self, threshold: float) -> tuple[Found, ...]:
        """The events of at least this surprise; change points, which take seconds, are kept."""
        if not isinstance(self.detector, ChangePointDetector):
            return self.detector.at(threshold)
        if threshold not in self._change_points:
            self._change_points[threshold] = self.detector.at(threshold)
        return self._change_points[threshold]

    @property
    def seconds(self) -> np.ndarray | None:
        """The times; None where they are evenly spaced."""
        evenly = self.times[0] + np.arange(self.answer.frames) / self.answer.fps
        return None if np.abs(self.times - evenly).max() < SAME_TIME else self.times

    def without_frames(self) -> Watched:
        """The same without what only its picture needs."""
        none = np.empty_like(self.frames, shape=(0, *self.frames.shape[1:]))
        return replace(self, frames=none, pairs=())


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
    resizing = dlh.describe_resizing(video)
    if only and resizing:
        say(resizing)
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
                height = energy.add(piece)
                if not by_level:
                    strongest.add(piece, height)
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
            for _ in pieces():
                pass
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
    states = _states(
        changes,
        detector if evidence is None else evidence,
        times,
        video.fps,
        options.level,
        clusters,
    )
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
    return Watched(
        answer=answer,
        states=states,
        detector=detector,
        columns=columns,
        times=times,
        labels=truth,
        frames=first.whole(),
        pairs=strongest.pairs(answer),
        retimed_to=video.retimed_to,
        resizing=resizing and resizing.removeprefix(f"{video.path}: "),
        by_energy=_by_energy(energy.whole(), video.fps) if by_level and not changes else {},
    )


def _by_energy(energy: np.ndarray, fps: float) -> dict[str, int]:
    """How many events each method of motion energy finds at its own threshold."""
    return {
        method: len((detector := kind(energy=energy, fps=fps)).at(detector.threshold))
        for method, kind in BY_ENERGY.items()
        if method != "changepoint" or has_ruptures()
    }


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
    seen: Evidence | Detector,
    times: np.ndarray,
    fps: float,
    only: int | None,
    clusters: Clusters,
) -> tuple[Segment, ...]:
    """The segments between these events."""
    stretches: list[Stretch] = []
    if isinstance(seen, Evidence):
        for level in range(2, seen.levels + 1) if only is None else (only,):
            starts = [event.frame for event in events if event.level == level]
            stretches += level_stretches(seen, level, starts, clusters)
    elif isinstance(seen, ChangePointDetector):
        stretches += motion_stretches(seen, [event.frame for event in events], clusters)
    else:
        stretches += plain_stretches(len(times), [event.frame for event in events])
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
