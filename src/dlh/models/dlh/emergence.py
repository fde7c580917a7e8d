"""What helps a hierarchy to emerge: memories that are read late, exploration, annealed likelihood.

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
"""Names of the two means of :class:`Rest` in :attr:`dlh.interfaces.Update.carried`."""


def likelihood_std(step: float, final: float, config: EmergenceConfig) -> float:
    """The standard deviation of a pixel (Eq. 8a) in the update after ``step`` updates.

    It moves geometrically from the initial to the final one.

    Args:
        step: updates done.
        final: the model's own, reached at ``anneal_until``.
        config: the initial one, and the updates between which it moves.
    """
    initial = config.initial_likelihood_std
    if not initial or step >= config.anneal_until:
        return final
    if step <= config.anneal_from:
        return initial
    share = (step - config.anneal_from) / (config.anneal_until - config.anneal_from)
    return initial * (final / initial) ** share


def explores(step: float, config: EmergenceConfig) -> bool:
    """Whether changes are explored in the update after ``step`` updates. Outside training the
    number is infinite, and the answer False.
    """
    over = config.exploration_until and step >= config.exploration_until
    return bool(config.exploration) and math.isfinite(step) and not over


@dataclass(frozen=True, kw_only=True)
class Rested(Tensors):
    """Where the levels rested in the clips of an update, without a gradient.

    Attributes:
        static_divergence: KL[q' || b_{t-1}] of the selection, nats; 0 at level 1.
        rested: where a level was reachable and did not change; False at the first step.
    """

    static_divergence: Float[Tensor, "batch time levels"]
    rested: Bool[Tensor, "batch time levels"]

    @classmethod
    def of(cls, trace: Trace) -> Rested:
        """From a trace."""
        return cls(
            static_divergence=trace.static_divergence.detach(),
            rested=trace.reachable & ~trace.changed & ~trace.first[..., None],
        )


@dataclass(frozen=True, kw_only=True)
class Rest(Tensors):
    """What each level pays at steps at which it rests, as two running means over the updates.

    ``nats / share`` is the mean static divergence of a step of rest. The two are kept apart because
    each is linear in the steps of a batch: the mean over a batch's shares is the batch's mean.

    Attributes:
        nats: mean over all steps of the static divergence where the level rested, 0 elsewhere.
        share: of all steps, at which the level rested, from 0 to 1.
    """

    nats: Float[Tensor, "levels"]
    share: Float[Tensor, "levels"]

    @classmethod
    def start(cls, num_levels: int, *, like: Tensor) -> Rest:
        """Before the first update: both 0."""
        return cls(nats=like.new_zeros(num_levels), share=like.new_zeros(num_levels))

    def after(self, found: Rested, *, decay: float) -> Rest:
        """The means after one more update: ``decay`` times these plus (1 - decay) times its own."""
        rested, cost = found.rested, found.static_divergence
        nats = torch.where(rested, cost, 0.0).mean((0, 1)).to(self.nats)
        share = rested.to(cost.dtype).mean((0, 1)).to(self.share)
        return Rest(
            nats=decay * self.nats + (1 - decay) * nats,
            share=decay * self.share + (1 - decay) * share,
        )

    def limits(self, factor: float, *, like: Tensor) -> Float[Tensor, "levels"]:
        """``factor`` times the mean static divergence of a step of rest, nats; infinite for a level
        that never rested. A level whose static divergence is above its limit changes.
        """
        limits = factor * self.nats / self.share
        return torch.where(self.share > 0, limits, math.inf).to(like)


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How the objective of one training update differs from the objective in evaluation.

    Attributes:
        config: the model's; without memory until memories are read.
        likelihood_std: standard deviation of a pixel; None: the configuration's.
        limits: a level whose static divergence (nats) is above its limit changes, (levels,). None:
            Eq. 4 alone decides.
        rest: the running means before this update; None if nothing is explored.
        decay: of these means, per update.
    """

    config: DLHConfig
    likelihood_std: float | None = None
    limits: Tensor | None = None
    rest: Rest | None = None
    decay: float = 0.0

    @classmethod
    def at(cls, update: Update, config: DLHConfig, *, like: Tensor) -> Guidance:
        """The guidance of one update; outside training it changes nothing."""
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
        """The objective with the std used, and with the means for the next update."""
        if self.likelihood_std is not None:
            schedule = {**objective.schedule, "likelihood_std": self.likelihood_std}
            objective = replace(objective, schedule=schedule)
        if self.rest is None:
            return objective
        rest = self.rest.after(rested, decay=self.decay)
        return replace(objective, carried={NATS: rest.nats, SHARE: rest.share})
