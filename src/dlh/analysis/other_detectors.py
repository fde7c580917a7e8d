"""What other detectors find on the same clips: trivial ones, and VPR's rule over the trace."""

from __future__ import annotations

from dlh.data.clips import Clips, ClipSource, DataError
from dlh.evaluation.event_floors import floor_scores, vpr_events
from dlh.evaluation.events import EventScores, event_scores
from dlh.models.dlh import Trace

CLIPS = 32
"""Training clips on which thresholds are fitted."""
SEED = 0


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
    clips: Clips, train: Clips | None, trace: Trace | None
) -> dict[str, EventScores]:
    """Scores against the truth of level 2 of every trivial detector and of VPR's rule, by name.

    Empty where the clips do not know their events.

    Args:
        clips: with what is known of them.
        train: training clips with their events; None: no trivial detector is fitted.
        trace: of the clips; None, or of one level: there is no VPR's rule.
    """
    if clips.events is None:
        return {}
    found = {} if train is None else floor_scores(train, clips)
    if trace is None or trace.changed.shape[2] < 2:
        return found
    of_level = (trace.change_divergence[..., 1], trace.static_divergence[..., 1])
    for name, claimed in vpr_events(*(part.numpy() for part in of_level)).items():
        found[name] = event_scores(claimed, clips.events)
    return found
