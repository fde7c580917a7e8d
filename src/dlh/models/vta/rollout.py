"""Generation: both levels run on their own priors after a context."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from dlh.interfaces import AS_LEARNT, Temperature
from dlh.models.vta.boundaries import READ, gumbel
from dlh.models.vta.factors import AbstractLevel, ObservationLevel
from dlh.models.vta.noise import RolloutNoise
from dlh.models.vta.step import carry, step
from dlh.models.vta.trace import Carried, Rollout

Boundaries = Literal["argmax", "sampled", "read"]
"""Where segments begin in a rollout: where the prior finds it likelier, where a draw from the prior
says so, or at every step ("jumpy": one frame a segment)."""


@torch.no_grad()
def imagine(
    abstract: AbstractLevel,
    observation: ObservationLevel,
    carried: Carried,
    noise: RolloutNoise,
    *,
    boundaries: Boundaries,
    limits: tuple[int, int] | None,
    temperature: Temperature = AS_LEARNT,
) -> tuple[Rollout, Carried]:
    """Draw the future from the priors, and nothing else.

    Args:
        abstract: the upper level.
        observation: the lower level.
        carried: into the first step.
        noise: of the steps to come; its length is their number.
        boundaries: where segments begin after the first step.
        limits: the longest segment and the most segments, counted from where ``carried`` counts;
            None for no limits.
        temperature: factor on the noise of the states, and on the Gumbel noise of boundaries.

    Returns:
        What was drawn, and what it leaves behind.
    """
    steps: list[Rollout] = []
    for *normal, uniform in zip(
        noise.abstract.unbind(1),
        noise.observation.unbind(1),
        noise.boundary.unbind(1),
        strict=True,
    ):
        done = step(
            abstract,
            observation,
            carried,
            (temperature.states * normal[0], temperature.states * normal[1]),
            abstract_state=abstract.prior,
            observation_state=lambda belief, feature: observation.prior(belief),
        )
        logits = done.boundary_logits
        if limits is not None:
            counted = carried.counters.after(done.read)
            logits = counted.limit(logits, max_length=limits[0], max_segments=limits[1])
        carried = carry(
            abstract, done, _begins(logits, uniform, boundaries, temperature.decisions), carried
        )
        steps.append(done)
    return Rollout.stack(steps), carried


def _begins(logits: Tensor, uniform: Tensor, boundaries: Boundaries, temperature: float) -> Tensor:
    """Whether the next step begins a segment, (batch,)."""
    if boundaries == "read":
        return torch.ones_like(logits[..., 0], dtype=torch.bool)
    if boundaries == "sampled":
        logits = logits + temperature * gumbel(uniform)
    return logits.argmax(-1) == READ
