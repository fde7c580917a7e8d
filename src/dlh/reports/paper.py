"""The paper's numbers that belong beside those of an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dlh.analysis.findings import Findings

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
PAPER_STEPS = 100
"""Frames that its divergences are most plausibly of."""


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What the paper printed of such a model in such a world; empty where it printed nothing.

    Attributes:
        mean_depth: Table 2, with the forced first step.
        total_state_kl: Table 2, nats.
        level_kl: Table 5, nats, from level 1.
        predicted_change: Table 3, where a change was inferred and where none was.
    """

    mean_depth: str = ""
    total_state_kl: str = ""
    level_kl: tuple[str, ...] = ()
    predicted_change: tuple[str, ...] = ()


def printed(findings: Findings) -> Printed:
    """For Moving Ball: Tables 2 and 5 where nothing changes at random, Table 3 for its lambdas."""
    ball = findings.shown.ball
    if ball is None or findings.shown.kind != "dlh":
        return Printed()
    chance, levels = f"{ball.colour_change_probability:g}", str(len(findings.levels))
    known = chance == "0" and levels in MEAN_DEPTH
    nats = known and findings.steps == PAPER_STEPS
    return Printed(
        mean_depth="{:.2f} ± {:.2f}".format(*MEAN_DEPTH[levels]) if known else "",
        total_state_kl="{:.1f} ± {:.1f}".format(*TOTAL_STATE_KL[levels]) if nats else "",
        level_kl=LEVEL_KL[: len(findings.levels)] if nats else (),
        predicted_change=tuple(f"{p:g}" for p in PREDICTED_CHANGE.get(chance, ())),
    )
