"""How a hierarchy is helped to emerge: memories that are read late, changes that are explored, and
a likelihood that sharpens.

All three act during training only and are off by default. In evaluation Eq. 4 alone decides, and
memories and likelihood are the configuration's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Tensors
from dlh.interfaces import Objective, Update
from dlh.models.dlh.config import DLHConfig, EmergenceConfig
from dlh.models.dlh.trace import Trace

NATS, SHARE = "rest.nats", "rest.share"
"""Names of what one update leaves for the next: the two means of :class:`Rest`."""


def likelihood_std(step: float, final: float, config: EmergenceConfig) -> float:
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


def explores(step: float, config: EmergenceConfig) -> bool:
    """Whether changes are explored in the update after ``step`` updates; never outside training,
    where the number is infinite.
    """
    over = config.exploration_until and step >= config.exploration_until
    return bool(config.exploration) and math.isfinite(step) and not over


@dataclass(frozen=True, kw_only=True)
class Rested(Tensors):
    """Where the levels rested in the clips of an update, without a gradient.

    Attributes:
        static_divergence: KL[q' || b_{t-1}] of the selection, nats; 0 at level 1.
        rested: where a level was reachable and did not change, the first step left out.
    """

    static_divergence: Float[Tensor, "batch time levels"]
    rested: Bool[Tensor, "batch time levels"]

    @classmethod
    def of(cls, trace: Trace) -> Rested:
        """Read off a trace."""
        return cls(
            static_divergence=trace.static_divergence.detach(),
            rested=trace.reachable & ~trace.changed & ~trace.first[..., None],
        )


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

    def after(self, found: Rested, *, decay: float) -> Rest:
        """The means after one more update, in which those so far have the weight ``decay``."""
        rested, cost = found.rested, found.static_divergence
        nats = torch.where(rested, cost, 0.0).mean((0, 1)).to(self.nats)
        share = rested.to(cost.dtype).mean((0, 1)).to(self.share)
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


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """What an update of a training does differently from the model that is evaluated.

    Attributes:
        config: the model's, without memory as long as none is read.
        likelihood_std: of a pixel, in place of the configuration's; None: the configuration's.
        limits: of the static divergences, above which levels change; None: none.
        rest: what it has cost the levels to rest so far; None where nothing is explored.
        decay: of those means.
    """

    config: DLHConfig
    likelihood_std: float | None = None
    limits: Tensor | None = None
    rest: Rest | None = None
    decay: float = 0.0

    @classmethod
    def at(cls, update: Update, config: DLHConfig, *, like: Tensor) -> Guidance:
        """That of one update; outside a training, none."""
        emergence = config.emergence
        std = likelihood_std(update.number, config.likelihood_std, emergence)
        found = cls(
            config=replace(config, memory="none")
            if update.number < emergence.memory_from
            else config,
            likelihood_std=None if std == config.likelihood_std else std,
        )
        if not explores(update.number, emergence):
            return found
        rest = Rest.start(config.num_levels, like=like)
        if update.carried:
            rest = Rest(nats=update.carried[NATS].to(like), share=update.carried[SHARE].to(like))
        return replace(
            found,
            limits=rest.limits(emergence.exploration, like=like),
            rest=rest,
            decay=emergence.exploration_decay,
        )

    def complete(self, objective: Objective, rested: Rested) -> Objective:
        """The objective with what the next update needs to know of this one."""
        if self.likelihood_std is not None:
            schedule = {**objective.schedule, "likelihood_std": self.likelihood_std}
            objective = replace(objective, schedule=schedule)
        if self.rest is None:
            return objective
        rest = self.rest.after(rested, decay=self.decay)
        return replace(objective, carried={NATS: rest.nats, SHARE: rest.share})
