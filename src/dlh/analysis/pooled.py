"""A mean over the steps of several clips, with the error that so few clips leave."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """A mean and how far it can be trusted.

    Attributes:
        mean: over all steps counted, pooled over clips.
        error: its standard error between clips, whose steps are not independent; None with fewer
            than two clips that have such a step.
        count: steps counted.
    """

    mean: float
    error: float | None
    count: int


def pooled_mean(values: np.ndarray, counted: np.ndarray | None = None) -> Pooled | None:
    """The mean of ``values`` where ``counted``, with the clip as the unit of chance.

    The error is that of a ratio: of the sum over a clip's steps to their number.

    Args:
        values: (clips, time), or (clips,) of one value each.
        counted: bool, of the same shape; all where None.

    Returns:
        None where nothing is counted.
    """
    values = np.asarray(values, dtype=float)
    counted = np.ones(values.shape, bool) if counted is None else np.asarray(counted, bool)
    if values.shape != counted.shape or values.ndim not in (1, 2):
        raise ValueError(
            "values and what is counted of them have one shape, (clips,) or (clips, time), found "
            f"{values.shape} and {counted.shape}"
        )
    each = np.where(counted, values, 0.0).reshape(len(values), -1).sum(1)
    steps = counted.reshape(len(counted), -1).sum(1)
    total, clips = int(steps.sum()), int((steps > 0).sum())
    if not total:
        return None
    mean = float(each.sum() / total)
    error = None
    if clips > 1:
        residuals = float(np.square(each - mean * steps).sum())
        error = math.sqrt(clips / (clips - 1) * residuals) / total
    return Pooled(mean=mean, error=error, count=total)
