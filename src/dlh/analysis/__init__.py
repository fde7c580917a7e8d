"""What a model has understood, read from its trace: events, depth, divergences; and pictures."""

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
from dlh.analysis.surprise import Event, EventList, LevelEvents, Surprise, event_list, surprise

__all__ = [
    "Event",
    "EventList",
    "EventScores",
    "LevelDivergences",
    "LevelEvents",
    "PredictedChange",
    "Surprise",
    "change_rates",
    "event_list",
    "event_scores",
    "level_divergences",
    "mean_depth",
    "mean_depth_with_first",
    "predicted_change",
    "surprise",
]
