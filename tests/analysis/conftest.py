from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from dlh.distributions import Gaussian
from dlh.models.dlh import Trace


def hand_made_trace(
    changed: list[list[list[int]]],
    *,
    probability: list[list[list[float]]] | None = None,
    static: list[list[list[float]]] | None = None,
    change: list[list[list[float]]] | None = None,
) -> Trace:
    """A trace of clips from their first step on; every list is (batch, time, levels)."""
    decisions = torch.tensor(changed).bool()
    batch, time, levels = decisions.shape
    reachable = torch.ones_like(decisions)
    reachable[..., 1:] = decisions[..., :-1]
    first = torch.zeros(batch, time, dtype=torch.bool)
    first[:, 0] = True
    zeros = torch.zeros(batch, time, levels, 2)
    gaussian = Gaussian(zeros, torch.ones_like(zeros))

    def numbers(values: list[list[list[float]]] | None) -> torch.Tensor:
        return torch.zeros(batch, time, levels) if values is None else torch.tensor(values)

    return Trace(
        state=zeros,
        posterior=gaussian,
        static_prior=gaussian,
        change_prior=gaussian,
        memory=zeros,
        context=zeros,
        frame_context=zeros[:, :, 0],
        changed=decisions,
        reachable=reachable,
        first=first,
        change_logit=torch.logit(numbers(probability)) if probability else numbers(None),
        change_divergence=numbers(change),
        static_divergence=numbers(static),
        change_estimate=decisions.float(),
    )


@pytest.fixture
def make_trace() -> Callable[..., Trace]:
    return hand_made_trace
