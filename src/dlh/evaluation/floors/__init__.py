"""Models to compare with: the floors, which know nothing about motion or about this clip."""

from dlh.evaluation.floors.known import KnownFutures
from dlh.evaluation.floors.trivial import (
    StillFrame,
    black_frame,
    floors,
    last_frame,
    mean_frame,
)

__all__ = ["KnownFutures", "StillFrame", "black_frame", "floors", "last_frame", "mean_frame"]
