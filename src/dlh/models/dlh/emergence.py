"""What helps a hierarchy to emerge: memories read now and then, exploration, annealed likelihood.

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
LOG_STD, PAID = "initial.log_std", "initial.paid"
"""Names in :attr:`dlh.interfaces.Update.carried`: the two means of :class:`Rest`, and the two
arguments of :func:`next_log_std`."""

SETTLED = 100
"""Updates after which the states' divergences say something; at first they are hundreds of nats. In
a long training, whose divergences weigh little for longer, half of the updates to ``anneal_from``.
"""
BAND = math.log(2.0)
"""As long as what is paid is within this factor of what is to be paid, the initial std stays."""
GAIN = 0.02
"""How far its logarithm moves in an update outside; so it changes by a factor of 7 in 100."""


def next_log_std(step: float, log_std: float, paid: float, config: EmergenceConfig) -> float:
    """The logarithm of the initial std for the update after ``step`` updates.

    Where the states cost more than twice ``initial_nats``, the std grows: a blunter likelihood pays
    less for what they say. Where they cost less than half of it, the std shrinks.

    Args:
        step: updates done.
        log_std: of the update before.
        paid: state divergences in that update, of all levels, nats per frame.
        config: what they are to cost, and until when.
    """
    settled = max(SETTLED, config.anneal_from / 2)
    if not config.initial_nats or not settled <= step <= config.anneal_from:
        return log_std
    off = math.log(max(paid, 1e-6) / config.initial_nats)
    return log_std if abs(off) <= BAND else log_std + math.copysign(GAIN, off)


def likelihood_std(
    step: float, final: float, config: EmergenceConfig, *, initial: float | None = None
) -> float:
    """The standard deviation of a pixel (Eq. 8a) in the update after ``step`` updates.

    It moves geometrically from the initial to the final one.

    Args:
        step: updates done.
        final: the model's own, reached at ``anneal_until``.
        config: the initial one, and the updates between which it moves.
        initial: replaces the configuration's initial one; None: it holds.
    """
    initial = config.initial_likelihood_std if initial is None else initial
    if not initial or step >= config.anneal_until:
        return final
    if step <= config.anneal_from:
        return initial
    share = (step - config.anneal_from) / (config.anneal_until - config.anneal_from)
    return initial * (final / initial) ** share


def reads_memory(step: float, config: EmergenceConfig) -> bool:
    """Whether memories are read in the update after ``step`` updates."""
    early = step < config.memory_from
    return not early or (bool(config.memory_every) and step % config.memory_every == 0)


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
        log_std: logarithm of the initial std, if the run finds it; otherwise None.
    """

    config: DLHConfig
    likelihood_std: float | None = None
    limits: Tensor | None = None
    rest: Rest | None = None
    decay: float = 0.0
    log_std: float | None = None

    @classmethod
    def at(cls, update: Update, config: DLHConfig, *, like: Tensor) -> Guidance:
        """The guidance of one update; outside training it changes nothing."""
        emergence = config.emergence
        log_std = _log_std(update, emergence)
        std = likelihood_std(
            update.number,
            config.likelihood_std,
            emergence,
            initial=None if log_std is None else math.exp(log_std),
        )
        reads = reads_memory(update.number, emergence)
        found = cls(
            config=config if reads else replace(config, memory="none"),
            likelihood_std=None if std == config.likelihood_std else std,
            log_std=log_std,
        )
        if not explores(update.number, emergence):
            return found
        rest = Rest.start(config.num_levels, like=like)
        if NATS in update.carried:
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
        carried: dict[str, Tensor] = {}
        if self.log_std is not None:
            paid = objective["state_kl"].detach().sum(2).mean()
            carried |= {LOG_STD: paid.new_tensor(self.log_std), PAID: paid}
        if self.rest is not None:
            rest = self.rest.after(rested, decay=self.decay)
            carried |= {NATS: rest.nats, SHARE: rest.share}
        return replace(objective, carried=carried) if carried else objective


def _log_std(update: Update, config: EmergenceConfig) -> float | None:
    """The logarithm of the initial std at an update; None where the configuration's holds."""
    if not config.initial_nats or update.number >= config.anneal_until:
        return None
    if LOG_STD not in update.carried:
        return math.log(config.initial_likelihood_std)
    before, paid = float(update.carried[LOG_STD]), float(update.carried[PAID])
    return next_log_std(update.number, before, paid, config)
