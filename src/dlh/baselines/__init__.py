"""Models to compare with: here the floors, which know nothing about motion."""

from dlh.baselines.floors import (
    StillFrame,
    black_frame,
    floors,
    last_frame,
    mean_frame,
)

__all__ = ["StillFrame", "black_frame", "floors", "last_frame", "mean_frame"]
