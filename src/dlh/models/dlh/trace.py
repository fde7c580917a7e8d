"""What inference takes and gives: the noise, the carried state, the trace, the rollout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian
from dlh.models.dlh.config import DLHConfig


class Tensors:
    """A frozen dataclass of tensors and Gaussians, on all of which one function can be applied."""

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same record with ``function`` applied to every tensor: a slice, another device."""
        return type(self).zip([self], lambda parts: function(parts[0]))

    @classmethod
    def zip(cls, records: Sequence[Self], function: Callable[[Sequence[Tensor]], Tensor]) -> Self:
        """One record from several: ``function`` of each tensor's versions, say concatenation."""
        joined: dict[str, Any] = {}
        for field in fields(cls):  # ty: ignore[invalid-argument-type]
            parts = [getattr(record, field.name) for record in records]
            if isinstance(parts[0], Gaussian):
                joined[field.name] = Gaussian(
                    function([part.mean for part in parts]), function([part.std for part in parts])
                )
            else:
                joined[field.name] = function(parts)
        return cls(**joined)

    @classmethod
    def concatenate(cls, records: Sequence[Self], dim: int) -> Self:
        """Records joined along the batch (0) or time (1)."""
        return cls.zip(records, lambda parts: torch.cat(list(parts), dim))


@dataclass(frozen=True, kw_only=True)
class Noise(Tensors):
    """All the randomness of a pass over time, as an argument: two code paths can have the same.

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
    ) -> Noise:
        """Fresh noise with the type and on the device of ``like``."""
        shape = (batch, steps, config.num_levels)
        normal = torch.empty(*shape, config.state_size, device=like.device, dtype=like.dtype)
        uniform = torch.empty(shape, device=like.device, dtype=like.dtype)
        return cls(
            normal=normal.normal_(generator=generator),
            uniform=uniform.uniform_(generator=generator),
        )


@dataclass(frozen=True, kw_only=True)
class Carried(Tensors):
    """All that the future needs of the past; so a piece, a rollout and a step are one thing.

    Attributes:
        state: the sample s_t.
        belief: b_t, the posterior that a level holds; the static prior of step t + 1.
        memory: d_{t+1}, which step t + 1 reads.
        context: c_t.
        changed: the last decision e_t.
        factor: the hidden state of the prior factor's GRU.
        seen: whether a step has been seen; every level changes at a first step.
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
        """Nothing seen: d_1 = 0, and the rest is overwritten by the first step."""
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
        """Each sequence ``samples`` times, neighbours together: its futures are one batch."""
        return self.map(lambda part: part.repeat_interleave(samples, 0))


@dataclass(frozen=True, kw_only=True)
class Trace(Tensors):
    """All that was inferred about a video, step by step: what the bound and every analysis read.

    Lists over levels start at the pixels, ``[..., 0]`` is level 1.

    Attributes:
        state: the sample s_t.
        posterior: q_t = b_t, inferred where ``reachable``, held elsewhere (Eq. 13).
        static_prior: b_{t-1}, the component e = 0 (Eq. 3).
        change_prior: p(s | d_t, c_t), the component e = 1 (Eq. 14).
        memory: d_t.
        context: c_t (of the top level: 0).
        frame_context: c_t^0, which the decoder turns into the frame's mean.
        changed: the decisions e_t.
        reachable: e_t^{n-1} = 1; level 1 always is.
        first: whether this was the sequence's first step, where every level changes.
        change_logit: logit of p(e_t = 1) (Eq. 15); 0 at level 1, which has no factor.
        change_divergence: KL[q' || p'] of the selection, nats; 0 at level 1, which is not tested.
        static_divergence: KL[q' || b_{t-1}] of the selection, nats; 0 at level 1.
        change_estimate: q(e_t = 1): of Eq. 34 where decisions are drawn from it, else the decision
            of Eq. 4 before nesting.
    """

    state: Float[Tensor, "batch time levels state"]
    posterior: Gaussian
    static_prior: Gaussian
    change_prior: Gaussian
    memory: Float[Tensor, "batch time levels memory"]
    context: Float[Tensor, "batch time levels context"]
    frame_context: Float[Tensor, "batch time features"]
    changed: Bool[Tensor, "batch time levels"]
    reachable: Bool[Tensor, "batch time levels"]
    first: Bool[Tensor, "batch time"]
    change_logit: Float[Tensor, "batch time levels"]
    change_divergence: Float[Tensor, "batch time levels"]
    static_divergence: Float[Tensor, "batch time levels"]
    change_estimate: Float[Tensor, "batch time levels"]


@dataclass(frozen=True, kw_only=True)
class Rollout(Tensors):
    """What was drawn without evidence.

    Attributes:
        state: s_t.
        changed: e_t.
        frame_context: c_t^0, which the decoder turns into the frame's mean.
    """

    state: Float[Tensor, "batch time levels state"]
    changed: Bool[Tensor, "batch time levels"]
    frame_context: Float[Tensor, "batch time features"]


def full_precision(like: Tensor) -> torch.autocast:
    """Where decisions, divergences and what is carried are computed: never in half precision."""
    return torch.autocast(like.device.type, enabled=False)
