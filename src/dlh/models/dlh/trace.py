"""Arguments and results of inference and prediction: noise, carried state, trace, rollout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian, Tensors, normal, uniform
from dlh.interfaces import WHOLE, Share
from dlh.models.dlh.config import DLHConfig


@dataclass(frozen=True, kw_only=True)
class Noise(Tensors):
    """All the randomness of a pass over time, so that two code paths can be given the same.

    Attributes:
        normal: standard normal, one number per latent dimension.
        uniform: in [0, 1), one number per change indicator.
    """

    normal: Float[Tensor, "batch time levels state"]
    uniform: Float[Tensor, "batch time levels"]

    @classmethod
    def draw(
        cls,
        config: DLHConfig,
        batch: int,
        steps: int,
        *,
        like: Tensor,
        generator: torch.Generator | None = None,
        share: Share = WHOLE,
    ) -> Noise:
        """Noise for ``batch`` clips of ``steps`` frames, of the type and device of ``like``.

        The clips are a share of a batch: noise is drawn for the whole batch, and the share's part
        of it is returned.
        """
        shape = (batch * share.count, steps, config.num_levels)
        whole = cls(
            normal=normal((*shape, config.state_size), like=like, generator=generator),
            uniform=uniform(shape, like=like, generator=generator),
        )
        return whole.map(share.of)


@dataclass(frozen=True, kw_only=True)
class Carried(Tensors):
    """The state after step t: everything that step t + 1 reads of the past.

    Inference of a clip in pieces, a live stream and a rollout all start from it.

    Attributes:
        state: the sample s_t.
        belief: b_t, the posterior that a level holds; the static prior of step t + 1.
        memory: d_{t+1}.
        context: c_t; 0 at the top level.
        changed: the decision e_t.
        factor: the hidden state of the prior factor's GRU; unused at level 1.
        seen: whether there was a step; without one, every level changes at the next.
    """

    state: Float[Tensor, "batch levels state"]
    belief: Gaussian
    memory: Float[Tensor, "batch levels memory"]
    context: Float[Tensor, "batch levels context"]
    changed: Bool[Tensor, "batch levels"]
    factor: Float[Tensor, "batch levels factor"]
    seen: Bool[Tensor, "batch"]

    @classmethod
    def start(cls, config: DLHConfig, batch: int, *, like: Tensor) -> Carried:
        """Before the first step: d_1 = 0, and the first step replaces everything else."""
        shape = (batch, config.num_levels)
        state = like.new_zeros(*shape, config.state_size)
        return cls(
            state=state,
            belief=Gaussian(state, torch.ones_like(state)),
            memory=like.new_zeros(*shape, config.memory_size),
            context=like.new_zeros(*shape, config.context_size),
            changed=torch.zeros(*shape, dtype=torch.bool, device=like.device),
            factor=like.new_zeros(*shape, config.factor_size),
            seen=torch.zeros(batch, dtype=torch.bool, device=like.device),
        )

    def repeat(self, samples: int) -> Carried:
        """Each sequence ``samples`` times in a row, (batch * samples, ...), for its futures."""
        return self.map(lambda part: part.repeat_interleave(samples, 0))


@dataclass(frozen=True, kw_only=True)
class Components(Tensors):
    """The distributions and decisions that the bound compares (Eqs. 8b, 8c), step by step.

    Levels start at the pixels: ``[..., 0]`` is level 1.

    Attributes:
        posterior: q_t = b_t, inferred where ``reachable``, held elsewhere (Eq. 13).
        static_prior: b_{t-1}, the component e = 0 (Eq. 3).
        change_prior: p(s | d_t, c_t), the component e = 1 (Eq. 14).
        changed: the decisions e_t.
        change_estimate: q(e_t = 1): Eq. 34 if decisions are drawn from it, otherwise the decision
            of Eq. 4 before nesting, 0 or 1.
        change_logit: logit of p(e_t = 1) (Eq. 15); 0 at level 1, which has no factor.
        reachable: whether e_t^{n-1} = 1; level 1 always is.
        first: whether this is the sequence's first step, at which every level changes.
    """

    posterior: Gaussian
    static_prior: Gaussian
    change_prior: Gaussian
    changed: Bool[Tensor, "batch time levels"]
    change_estimate: Float[Tensor, "batch time levels"]
    change_logit: Float[Tensor, "batch time levels"]
    reachable: Bool[Tensor, "batch time levels"]
    first: Bool[Tensor, "batch time"]


@dataclass(frozen=True, kw_only=True)
class Trace(Components):
    """All that was inferred about a video, step by step. The bound and every analysis read it.

    Attributes:
        state: the sample s_t.
        memory: d_t.
        context: c_t; 0 at the top level.
        frame_context: c_t^0, which the decoder turns into the frame's mean.
        change_divergence: KL[q' || p'] of the selection, nats; 0 at level 1, which is not tested.
        static_divergence: KL[q' || b_{t-1}] of the selection, nats; 0 at level 1.
    """

    state: Float[Tensor, "batch time levels state"]
    memory: Float[Tensor, "batch time levels memory"]
    context: Float[Tensor, "batch time levels context"]
    frame_context: Float[Tensor, "batch time features"]
    change_divergence: Float[Tensor, "batch time levels"]
    static_divergence: Float[Tensor, "batch time levels"]


@dataclass(frozen=True, kw_only=True)
class Rollout(Tensors):
    """A future drawn from the priors, step by step.

    Attributes:
        state: the sample s_t.
        changed: the decisions e_t.
        frame_context: c_t^0, which the decoder turns into the frame's mean.
    """

    state: Float[Tensor, "batch time levels state"]
    changed: Bool[Tensor, "batch time levels"]
    frame_context: Float[Tensor, "batch time features"]
