"""How a hierarchy is helped to emerge: changes that are explored, and a likelihood that sharpens.

Both act during training only and are off by default; in evaluation Eq. 4 alone decides, and the
likelihood is the configuration's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.models.dlh.trace import Tensors


@dataclass(frozen=True, kw_only=True)
class EmergenceConfig:
    """How training helps the hierarchy to emerge; the defaults switch all of it off.

    Attributes:
        exploration: a level above the first also changes where its static divergence exceeds so
            many times its running mean over the steps at which it rested; 0: never. It is VPR's
            second criterion, "unexpected change": a change that Eq. 4 never chooses is never
            learnt, and what is never learnt is never chosen.
        exploration_decay: of that running mean, per update.
        exploration_until: update from which Eq. 4 alone decides; 0: it explores to the end.
        initial_likelihood_std: standard deviation of a pixel (Eq. 8a) at which training begins;
            0: the model's own from the start.
        anneal_from: update until which the initial one holds.
        anneal_until: update from which the model's own holds. In between it moves geometrically.
    """

    exploration: float = 0.0
    exploration_decay: float = 0.995
    exploration_until: int = 0
    initial_likelihood_std: float = 0.0
    anneal_from: int = 0
    anneal_until: int = 0

    def __post_init__(self) -> None:
        for name in ("exploration", "initial_likelihood_std"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"{name} is a finite number from 0 (off), found {getattr(self, name)}"
                )
        if not 0 <= self.exploration_decay < 1:
            raise ValueError(
                f"exploration_decay is at least 0 and below 1, found {self.exploration_decay}"
            )
        for name in ("exploration_until", "anneal_from", "anneal_until"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is an update from 0, found {getattr(self, name)}")
        if self.initial_likelihood_std and self.anneal_until < self.anneal_from:
            raise ValueError(
                "anneal_until is not before anneal_from, found "
                f"{self.anneal_until} and {self.anneal_from}"
            )


def likelihood_std(step: int, final: float, config: EmergenceConfig) -> float:
    """The standard deviation of a pixel (Eq. 8a) in the update after ``step`` updates.

    Args:
        step: updates done.
        final: the model's own.
        config: where it begins, and between which updates it moves.
    """
    initial = config.initial_likelihood_std
    if not initial or step >= config.anneal_until:
        return final
    if step <= config.anneal_from:
        return initial
    share = (step - config.anneal_from) / (config.anneal_until - config.anneal_from)
    return initial * (final / initial) ** share


@dataclass(frozen=True, kw_only=True)
class Rest(Tensors):
    """What it costs the levels to rest, as running means over the updates, each (levels,).

    Both means are linear in what a batch holds, so the mean over the shares of a batch is that of
    the batch.

    Attributes:
        nats: static divergence of a step at which a level rested, 0 at any other, per step.
        share: of the steps, at which it rested.
    """

    nats: Float[Tensor, "levels"]
    share: Float[Tensor, "levels"]

    @classmethod
    def start(cls, num_levels: int, *, like: Tensor) -> Rest:
        """Nothing known yet."""
        return cls(nats=like.new_zeros(num_levels), share=like.new_zeros(num_levels))

    def after(
        self,
        static_divergence: Float[Tensor, "batch time levels"],
        rested: Bool[Tensor, "batch time levels"],
        *,
        decay: float,
    ) -> Rest:
        """The means after one more update.

        Args:
            static_divergence: KL[q' || b_{t-1}] of the selection, nats.
            rested: where a level was reachable and did not change.
            decay: weight of the means so far.
        """
        nats = torch.where(rested, static_divergence, 0.0).mean((0, 1)).to(self.nats)
        share = rested.to(static_divergence.dtype).mean((0, 1)).to(self.share)
        return Rest(
            nats=decay * self.nats + (1 - decay) * nats,
            share=decay * self.share + (1 - decay) * share,
        )

    def limits(self, factor: float, *, like: Tensor) -> Float[Tensor, "levels"]:
        """``factor`` times the mean cost of a step of rest; infinite for a level that never rested.

        A level changes where its static divergence is above its limit.
        """
        limits = factor * self.nats / self.share
        return torch.where(self.share > 0, limits, math.inf).to(like)


def explores(step: int, config: EmergenceConfig) -> bool:
    """Whether changes are explored in the update after ``step`` updates."""
    over = config.exploration_until and step >= config.exploration_until
    return bool(config.exploration) and not over
