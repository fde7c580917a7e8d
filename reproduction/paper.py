"""What the paper printed about Moving Ball, and the marks that a reproduction is held against."""

from __future__ import annotations

from collections.abc import Mapping

MEAN_DEPTH: Mapping[str, tuple[float, float]] = {
    "2": (1.22, 0.05),
    "3": (1.24, 0.05),
    "4": (1.32, 0.12),
    "5": (1.38, 0.07),
}
"""Table 2: L-bar by number of levels, with the spread printed there."""
TOTAL_STATE_KL: Mapping[str, tuple[float, float]] = {
    "2": (41.9, 0.3),
    "3": (42.8, 1.1),
    "4": (41.1, 1.0),
    "5": (43.1, 2.1),
}
"""Table 2: nats, most plausibly per 100 frames."""
LEVEL_KL: tuple[str, ...] = ("34 - 36", "6.5 - 7.8", "at most .3", "at most .3", "at most .3")
"""Table 5, by level."""
PREDICTED_CHANGE: Mapping[str, tuple[float, float]] = {
    "0": (0.97, 0.007),
    "0.1": (0.82, 0.074),
    "0.3": (0.73, 0.167),
}
"""Table 3, by lambda: mean p(e^2 = 1) where e^2 was inferred 1 and 0."""

DEPTH_WITHIN = 0.1
NO_ACCIDENT = 0.95
"""Event F1 below which a right mean depth is an accident."""
UPPER_SHARE = 0.01
CHANGE_AT_LEAST = 0.95
STATIC_AT_MOST = 0.02
F1_AT_LEAST = 0.98
CLEAR_AT_LEAST = 0.95
SWITCHES_WITHIN = 0.10
STEPS_AT_LEAST = 60.0
