"""How sure is a mean over clips? The bootstrap over clips answers without assuming a shape."""

from __future__ import annotations

import numpy as np

RESAMPLES = 1000
COVERAGE = 0.95


class Bootstrap:
    """Resamples of the clips, drawn once, so that all rows of a table are resampled alike.

    Args:
        clips: how many there are.
        seed: of the resamples.
        resamples: how many.
    """

    def __init__(self, clips: int, *, seed: int, resamples: int = RESAMPLES) -> None:
        self.clips = clips
        self._chosen = np.random.default_rng(seed).integers(clips, size=(resamples, clips))

    def interval(self, values: np.ndarray) -> tuple[float, float] | None:
        """The central 95 % of the resampled means of (clips,) values; None for a single clip."""
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (self.clips,):
            raise ValueError(f"there is one value per clip, {self.clips}, found {values.shape}")
        if self.clips < 2:
            return None
        tails = (1 - COVERAGE) / 2
        low, high = np.quantile(values[self._chosen].mean(1), [tails, 1 - tails])
        return float(low), float(high)
