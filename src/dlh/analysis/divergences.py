"""How much each level has to say: divergences per level and sequence, in nats (Tables 2 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

from dlh.models.dlh.bound import Bound


@dataclass(frozen=True, kw_only=True)
class LevelDivergences:
    """Nats per sequence, summed over time and averaged over sequences; index 0 is level 1.

    Attributes:
        state: divergence of the latent states (Eq. 8b).
        event: divergence of the change indicators (Eq. 8c); 0 at level 1.
    """

    state: tuple[float, ...]
    event: tuple[float, ...]

    @property
    def total_state(self) -> float:
        """The "total KL" of Table 2, nats per sequence."""
        return sum(self.state)

    @property
    def state_share(self) -> tuple[float, ...]:
        """Each level's part of the total, in [0, 1]; all 0 where the total is 0."""
        total = self.total_state
        return tuple(value / total if total > 0 else 0.0 for value in self.state)


def level_divergences(objective: Bound) -> LevelDivergences:
    """What each level pays per sequence under an objective of clips of one length."""
    return LevelDivergences(
        state=tuple(objective.state_kl.detach().sum(1).mean(0).tolist()),
        event=tuple(objective.event_kl.detach().sum(1).mean(0).tolist()),
    )
