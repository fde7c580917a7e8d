"""What a model has understood, read from its trace: events, depth, divergences; and pictures.

What asks the model again, to decode or to predict, is in ``dlh.analysis.levels`` (one level
exchanged or rolled forward). What only Moving Ball knows is in ``dlh.analysis.moving_ball``.
"""

from dlh.analysis.divergences import LevelDivergences, level_divergences
from dlh.analysis.events import (
    EventScores,
    PredictedChange,
    change_rates,
    event_scores,
    mean_depth,
    mean_depth_with_first,
    predicted_change,
)
from dlh.analysis.pooled import Pooled, pooled_mean
from dlh.analysis.prediction import Foresight, Reliability, foresight, of_trace, reliability
from dlh.analysis.surprise import Event, EventList, LevelEvents, Surprise, event_list, surprise

__all__ = [
    "Event",
    "EventList",
    "EventScores",
    "Foresight",
    "LevelDivergences",
    "LevelEvents",
    "Pooled",
    "PredictedChange",
    "Reliability",
    "Surprise",
    "change_rates",
    "event_list",
    "event_scores",
    "foresight",
    "level_divergences",
    "mean_depth",
    "mean_depth_with_first",
    "of_trace",
    "pooled_mean",
    "predicted_change",
    "reliability",
    "surprise",
]
