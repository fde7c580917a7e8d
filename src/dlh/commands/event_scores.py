"""The events of one or several videos at other thresholds, and against labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

from dlh.analysis.event_methods import Found, Method, other_thresholds
from dlh.commands.options import EventsOptions
from dlh.commands.watching import SAME_TIME, Watched
from dlh.evaluation.events import EventScores, timed_scores
from dlh.event_files.answer import TimedEvent

Scores = dict[int | None, EventScores]
"""Of every level with events, and of all events together (None)."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The threshold of one or several videos, and how good their events are.

    Attributes:
        threshold: that was taken; None where each of several videos has its own.
        reason: why.
        thresholds: what this one and others give, summed over the videos: ``min_surprise`` (None
            as above), ``events`` by level, ``default`` and, with labels, the ratios of all events.
        scores: pooled over the videos with labels; None without.
        labelled: the number of these videos.
    """

    threshold: float | None
    reason: str
    thresholds: list[dict[str, Any]]
    scores: Scores | None
    labelled: int


def assess(videos: Sequence[Watched], options: EventsOptions) -> Assessment:
    """Compare thresholds, and the listed events with the labels, over one or several videos."""
    pooled = _Pooled(videos)
    chosen = pooled.threshold if options.min_surprise is None else options.min_surprise
    rows = [_row(pooled, value, options) for value in other_thresholds(pooled, chosen)]
    scored = [_scores(video, video.answer.events, options) for video in videos if video.labels]
    return Assessment(
        threshold=pooled.named(chosen),
        reason=pooled.reason if chosen == pooled.threshold else "as asked for",
        thresholds=rows,
        scores=_pool_levels(scored) if scored else None,
        labelled=len(scored),
    )


def _row(pooled: _Pooled, threshold: float, options: EventsOptions) -> dict[str, Any]:
    """What a threshold gives, all events listed."""
    named = pooled.named(threshold)
    found = [
        (video, video.at(video.detector.threshold if named is None else named))
        for video in pooled.videos
    ]
    counts = Counter(
        "all" if event.level is None else str(event.level)
        for _, events in found
        for event in events
    )
    row = {
        "min_surprise": named,
        "events": dict(counts) or {"all": 0},
        "default": threshold == pooled.threshold,
    }
    if scored := [_scores(video, events, options) for video, events in found if video.labels]:
        row |= _pool(scores[None] for scores in scored).to_plain()
    return row


@dataclass(frozen=True)
class _Pooled:
    """One or several videos as one :class:`Detector`: its events are theirs, one video after the
    other, its threshold the median of theirs, which differ only by ``changepoint``.
    """

    videos: Sequence[Watched]

    @property
    def method(self) -> Method:
        return self.videos[0].detector.method

    @property
    def unit(self) -> str:
        return self.videos[0].detector.unit

    @property
    def thresholds(self) -> list[float]:
        return [video.detector.threshold for video in self.videos]

    @property
    def differ(self) -> bool:
        """Whether the thresholds do."""
        return len(set(self.thresholds)) > 1

    @property
    def threshold(self) -> float:
        return float(np.median(self.thresholds))

    @property
    def reason(self) -> str:
        first = self.videos[0].detector.reason
        if not self.differ:
            return first
        least, most = min(self.thresholds), max(self.thresholds)
        return f"each video's own, {least:.4g} to {most:.4g}; of the first one {first}"

    def at(self, threshold: float) -> tuple[Found, ...]:
        return tuple(event for video in self.videos for event in video.at(threshold))

    def named(self, threshold: float) -> float | None:
        """None for the default where each video has its own."""
        return None if self.differ and threshold == self.threshold else threshold


def _scores(video: Watched, events: Iterable[Found | TimedEvent], options: EventsOptions) -> Scores:
    """Of one video. Neither labels at the first frame or before, nor after the last, count: nothing
    can change there.
    """
    times, levelled = video.times, [(event.level, event.frame) for event in events]
    assert video.labels is not None
    inside = [
        label for label in video.labels if times[0] + SAME_TIME < label <= times[-1] + SAME_TIME
    ]

    def of(frames: Iterable[int]) -> EventScores:
        found = np.unique(times[[*frames]]).tolist()
        return timed_scores(found, inside, tolerance=options.tolerance, steps=len(times) - 1)

    levels = sorted({level for level, _ in levelled if level is not None})
    by_level: Scores = {
        level: of(frame for other, frame in levelled if other == level) for level in levels
    }
    return by_level | {None: of(frame for _, frame in levelled)}


def _pool_levels(videos: Sequence[Scores]) -> Scores:
    """The scores of several videos; a level without events in one of them missed all its labels."""
    levels = sorted({level for scores in videos for level in scores if level is not None})

    def of(scores: Scores, level: int | None) -> EventScores:
        silent = replace(scores[None], inferred_events=0, matched=0)
        return scores.get(level, silent)

    return {level: _pool(of(scores, level) for scores in videos) for level in (*levels, None)}


def _pool(scores: Iterable[EventScores]) -> EventScores:
    return EventScores(*map(sum, zip(*map(astuple, scores), strict=True)))
