"""What a model decided held against the true events of its clips, beside other detectors: trivial
ones, and VPR's rule over the trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from dlh.analysis.moving_ball.recalls import colour_recalls, event_recalls, mostly_missed
from dlh.data.clips import Clips, ClipSource, DataError
from dlh.evaluation.event_floors import floor_scores, vpr_events
from dlh.evaluation.events import (
    EventScores,
    detectors_to_plain,
    event_scores,
    levels_to_plain,
    scores_by_level,
)
from dlh.models.dlh import Trace

CLIPS = 32
"""Training clips on which thresholds are fitted."""
SEED = 0


@dataclass(frozen=True, kw_only=True)
class EventFindings:
    """What the decisions are worth; empty where the clips do not know their events.

    Attributes:
        level_2: its scores; None also of a model with one level.
        higher: of the levels above it that have true events of their own, by level.
        other_detectors: of trivial detectors and VPR's rule, against the truth of level 2, by name.
        higher_detectors: the same for the levels of ``higher``, by level.
        recalls: of bounces and of random changes of the ball, where there are both, by name.
        colour_recalls: of each change of the ball's colour, by name, "green to cyan".
    """

    level_2: EventScores | None = None
    higher: Mapping[int, EventScores] = field(default_factory=dict)
    other_detectors: Mapping[str, EventScores] = field(default_factory=dict)
    higher_detectors: Mapping[int, Mapping[str, EventScores]] = field(default_factory=dict)
    recalls: Mapping[str, float] = field(default_factory=dict)
    colour_recalls: Mapping[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> tuple[str, ...]:
        """Changes of the ball's colour that are missed more often than found."""
        return mostly_missed(self.colour_recalls)

    def to_plain(self) -> dict[str, Any]:
        """As JSON files have the scores; what there is not is absent."""
        found: dict[str, Any] = {}
        if self.level_2 is not None:
            found["events"] = self.level_2.to_plain()
        if self.higher:
            higher: dict[str, dict[str, Any]] = {**levels_to_plain(self.higher)}
            for level, others in self.higher_detectors.items():
                if others:
                    higher[f"L{level}"]["other_detectors"] = detectors_to_plain(others)
            found["higher_events"] = higher
        if self.other_detectors:
            found["other_detectors"] = detectors_to_plain(self.other_detectors)
        return found


def find_events(
    changed: Tensor,
    clips: Clips,
    *,
    train: Clips | None,
    trace: Trace | None,
    colours: Sequence[str] = (),
) -> EventFindings:
    """Hold decisions against the true events of their clips.

    Args:
        changed: bool (clips, steps, levels), in the first steps of the clips.
        clips: with what is known of them.
        train: training clips with their events; None: no trivial detector is fitted.
        trace: of the same steps; None, or of one level: there is no VPR's rule.
        colours: the cycle of Moving Ball, in which every event advances by one.
    """
    of_levels = scores_by_level(changed, clips)
    seen = clips.first(steps=changed.shape[1])
    return EventFindings(
        level_2=of_levels.pop(2, None),
        higher=of_levels,
        other_detectors=other_detectors(seen, train, trace),
        higher_detectors={
            level: other_detectors(seen, train, trace, level=level) for level in of_levels
        },
        recalls=event_recalls(changed, clips),
        colour_recalls=colour_recalls(changed, clips, colours),
    )


def threshold_clips(source: ClipSource, *, lengths: tuple[int, ...]) -> Clips | None:
    """Training clips that know their events, of the first length of which there are some."""
    for length in lengths:
        try:
            clips = source.batch(0, batch_size=CLIPS, clip_length=length, seed=SEED)
        except DataError:  # no training video is that long
            continue
        return None if clips.events is None else clips
    return None


def other_detectors(
    clips: Clips, train: Clips | None, trace: Trace | None, *, level: int = 2
) -> dict[str, EventScores]:
    """Scores against the truth of a level of every trivial detector and of VPR's rule, by name.

    Empty where the clips do not know their events.

    Args:
        clips: with what is known of them.
        train: training clips with their events; None: no trivial detector is fitted.
        trace: of the clips; None, or without the level: there is no VPR's rule.
        level: from 2 on.
    """
    if (truth := clips.truth(level)) is None:
        return {}
    found = {} if train is None else floor_scores(train, clips, level)
    if trace is None or trace.changed.shape[2] < level:
        return found
    of_level = (trace.change_divergence[..., level - 1], trace.static_divergence[..., level - 1])
    for name, claimed in vpr_events(*(part.numpy() for part in of_level)).items():
        found[name] = event_scores(claimed, truth)
    return found
