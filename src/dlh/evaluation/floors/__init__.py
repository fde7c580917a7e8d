"""Trivial baselines ("floors") to compare with: still frames, and the futures of other clips."""

from dlh.evaluation.floors.known import KnownFutures
from dlh.evaluation.floors.trivial import (
    StillFrame,
    black_frame,
    floors,
    last_frame,
    mean_frame,
    mean_training_frame,
)

__all__ = [
    "KnownFutures",
    "StillFrame",
    "black_frame",
    "floors",
    "last_frame",
    "mean_frame",
    "mean_training_frame",
]
