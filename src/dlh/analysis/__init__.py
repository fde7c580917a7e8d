"""What a model has understood, read from its trace: surprise, foresight, divergences, levels.

What asks the model again, to decode or to predict, is in ``dlh.analysis.exchange`` (one level
exchanged or rolled forward). What only Moving Ball knows is in ``dlh.analysis.moving_ball``.
"""

from dlh.analysis.divergences import LevelDivergences, level_divergences
from dlh.analysis.foresight import Foresight, Reliability, foresight, of_trace, reliability
from dlh.analysis.pooled import Pooled, pooled_mean
from dlh.analysis.surprise import (
    Event,
    EventList,
    Evidence,
    LevelEvents,
    Surprise,
    event_list,
    list_events,
    surprise,
)

__all__ = [
    "Event",
    "EventList",
    "Evidence",
    "Foresight",
    "LevelDivergences",
    "LevelEvents",
    "Pooled",
    "Reliability",
    "Surprise",
    "event_list",
    "foresight",
    "level_divergences",
    "list_events",
    "of_trace",
    "pooled_mean",
    "reliability",
    "surprise",
]
