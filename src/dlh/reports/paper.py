"""The paper's numbers that belong beside those of an analysis."""

from __future__ import annotations

from dataclasses import dataclass

from dlh.analysis.compute import Findings
from dlh.data.worlds.moving_ball import MovingBallClips
from reproduction import paper

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
    data = findings.subject.experiment.data
    if not (data.is_moving_ball and isinstance(findings.clips, MovingBallClips)):
        return Printed()
    chance, levels = f"{data.ball.colour_change_probability:g}", str(len(findings.levels))
    known = chance == "0" and levels in paper.MEAN_DEPTH
    nats = known and findings.trace.changed.shape[1] == PAPER_STEPS
    return Printed(
        mean_depth="{:.2f} ± {:.2f}".format(*paper.MEAN_DEPTH[levels]) if known else "",
        total_state_kl="{:.1f} ± {:.1f}".format(*paper.TOTAL_STATE_KL[levels]) if nats else "",
        level_kl=paper.LEVEL_KL[: len(findings.levels)] if nats else (),
        predicted_change=tuple(f"{p:g}" for p in paper.PREDICTED_CHANGE.get(chance, ())),
    )
