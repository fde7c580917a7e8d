"""Boundaries between segments: at every step READ, a segment begins, or COPY, it goes on.

A pair over the last axis holds (READ, COPY), in this order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from dlh.distributions import Tensors

READ, COPY = 0, 1
GUMBEL_MARGIN = 1e-4
"""Uniform numbers are kept so far from 0 and 1 before they become Gumbel noise."""
FORCED_LOGIT = math.log(0.999 / 0.001)
"""Of a boundary that a limit forces, and minus this of the other: 6.9068."""


def temperature(update: float) -> float:
    """Of the relaxed boundaries at an update, counted from 1: from 1 down to 0.1, its limit at inf.

    0.9 * 0.999^(update / 100) + 0.1.

    Raises:
        ValueError: the number is below 1.
    """
    if update < 1:
        raise ValueError(f"updates are counted from 1, found {update}")
    return 0.9 * 0.999 ** (update / 100) + 0.1


def gumbel(uniform: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """-log(-log v) with v uniform in (1e-4, 1 - 1e-4), made from uniform numbers in [0, 1)."""
    kept = GUMBEL_MARGIN + (1 - 2 * GUMBEL_MARGIN) * uniform
    return -(-kept.log()).log()


@dataclass(frozen=True)
class Boundary(Tensors):
    """Which of the two a step is, or steps are: one of the numbers is 1, the other 0.

    As numbers they carry a gradient, the straight-through one of a relaxed sample.

    Attributes:
        read: 1 where a segment begins.
        copy: 1 where it goes on.
    """

    read: Float[Tensor, "*batch"]
    copy: Float[Tensor, "*batch"]

    @classmethod
    def where(cls, read: Bool[Tensor, "*batch"], like: Tensor) -> Boundary:
        """Decided boundaries, without a gradient, as numbers of the type of ``like``."""
        return cls(read.to(like.dtype), (~read).to(like.dtype))

    def select(
        self, new: Float[Tensor, "*batch size"], held: Float[Tensor, "*batch size"]
    ) -> Float[Tensor, "*batch size"]:
        """READ * new + COPY * held: ``new`` where a segment begins, ``held`` where it goes on."""
        return self.read[..., None] * new + self.copy[..., None] * held


@dataclass(frozen=True)
class RelaxedBoundary:
    """The two-way relaxed one-hot distribution of a boundary, in log space (Gumbel-softmax).

    Attributes:
        logits: of READ and COPY.
        temperature: beta, positive; the lower, the closer a sample is to one of the two.
    """

    logits: Float[Tensor, "*batch 2"]
    temperature: float

    def log_sample(self, uniform: Float[Tensor, "*batch 2"] | None) -> Float[Tensor, "*batch 2"]:
        """log softmax((logits + Gumbel noise) / beta); without noise where none is given."""
        noisy = self.logits if uniform is None else self.logits + gumbel(uniform)
        return (noisy / self.temperature).log_softmax(-1)

    def log_density(self, log_sample: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
        """Of a log sample l, nats: sum(a - beta l) - 2 logsumexp(a - beta l).

        Up to log(beta), which is the same for every distribution of this temperature.
        """
        difference = self.logits - self.temperature * log_sample
        return difference.sum(-1) - 2 * difference.logsumexp(-1)

    @property
    def read_probability(self) -> Float[Tensor, "*batch"]:
        """softmax(logits / beta) of READ."""
        return (self.logits / self.temperature).softmax(-1)[..., READ]


def harden(log_sample: Float[Tensor, "*batch 2"]) -> Boundary:
    """The likelier of the two, with the gradient of the relaxed sample (straight-through)."""
    relaxed = log_sample.exp()
    hard = one_hot(log_sample.argmax(-1), 2) + (relaxed - relaxed.detach())
    return Boundary(hard[..., READ], hard[..., COPY])


@dataclass(frozen=True)
class Counters(Tensors):
    """What the limits on segments count, from the first step of a window or a rollout.

    Attributes:
        length: steps of the present segment.
        segments: segments that have begun.
    """

    length: Int[Tensor, "*batch"]
    segments: Int[Tensor, "*batch"]

    @classmethod
    def start(cls, batch: int, *, like: Tensor) -> Counters:
        """Before the first step."""
        zeros = torch.zeros(batch, dtype=torch.long, device=like.device)
        return cls(zeros, zeros)

    def after(self, read: Bool[Tensor, "*batch"]) -> Counters:
        """The counters after one more step."""
        return Counters(torch.where(read, 1, self.length + 1), self.segments + read)

    @classmethod
    def over(cls, read: Bool[Tensor, "batch time"]) -> Counters:
        """The counters after each step of a window: :meth:`after` folded, without a loop."""
        steps = torch.arange(read.shape[1], device=read.device).expand_as(read)
        latest = torch.where(read, steps, 0).cummax(1).values
        return cls(steps + 1 - latest, read.cumsum(1))

    def limit(
        self, logits: Float[Tensor, "*batch 2"], *, max_length: int, max_segments: int
    ) -> Float[Tensor, "*batch 2"]:
        """The boundary prior's logits of the next step, under the limits.

        COPY is forced where there are ``max_segments`` segments; where the present one has
        ``max_length`` steps, READ is, whatever the number of segments.
        """
        forced = logits.new_tensor([FORCED_LOGIT, -FORCED_LOGIT])
        enough = (self.segments >= max_segments)[..., None]
        too_long = (self.length >= max_length)[..., None]
        return torch.where(too_long, forced, torch.where(enough, -forced, logits))
