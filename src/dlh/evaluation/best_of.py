"""How the best of K samples depends on K, exactly and from one set of samples.

A best-of-100 says little unless one knows how much of it K samples buy; the curve against K does.
"""

from __future__ import annotations

import functools
import math

import numpy as np


def expected_best(values: np.ndarray, *, higher_is_better: bool) -> np.ndarray:
    """The expected best of K of the S samples, drawn without replacement, for K = 1 .. S.

    Of the S values in order, worst first, the i-th is the best of K drawn ones with probability
    C(i - 1, K - 1) / C(S, K). So K = 1 gives the mean, K = S the best, and nothing in between has
    to be simulated.

    Args:
        values: (..., samples), scores.
        higher_is_better: of the scores.

    Returns:
        (..., samples): entry K - 1 is for K samples. It never gets worse with K.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    if not higher_is_better:
        ordered = ordered[..., ::-1]
    return ordered @ _chances(ordered.shape[-1])


@functools.lru_cache(maxsize=8)
def _chances(samples: int) -> np.ndarray:
    """(samples, samples): the chance that place i is the best of K, at [i - 1, K - 1]."""
    chances = np.zeros((samples, samples))
    for drawn in range(1, samples + 1):
        ways = math.comb(samples, drawn)
        for place in range(drawn, samples + 1):
            chances[place - 1, drawn - 1] = math.comb(place - 1, drawn - 1) / ways
    return chances
