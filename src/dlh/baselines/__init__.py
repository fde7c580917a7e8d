"""Models to compare with: the floors, which know nothing about motion or about this clip."""

from dlh.baselines.floors import (
    StillFrame,
    black_frame,
    floors,
    last_frame,
    mean_frame,
)
from dlh.baselines.known import KnownFutures

__all__ = ["KnownFutures", "StillFrame", "black_frame", "floors", "last_frame", "mean_frame"]
