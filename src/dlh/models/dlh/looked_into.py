"""The levels looked into one by one: frames of other states of a level (Figs. 5a, 5b, 10, 11).

All other levels' states stay as they were inferred; the contexts, which are functions of states,
are computed anew from the top down to the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dlh.interfaces import ObservedLevels
from dlh.models.dlh.bound import Bound
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.trace import Trace

FRAMES_AT_ONCE = 512


def observed(trace: Trace, found: Bound) -> ObservedLevels:
    """What the levels inferred; what a level expects is its change prior (Eq. 14).

    A change is foreseen where the level below changes, since p is conditioned on that, and where
    the step is not a sequence's first.
    """
    foreseen = trace.reachable & ~trace.first[..., None]
    return ObservedLevels(
        state=trace.state,
        prior_mean=trace.change_prior.mean,
        prior_std=trace.change_prior.std,
        state_kl=found.state_kl,
        event_kl=found.event_kl,
        elbo=found.elbo,
        changed=trace.changed,
        change_probability=trace.change_logit.sigmoid(),
        foreseen=torch.cat((torch.zeros_like(foreseen[..., :1]), foreseen[..., 1:]), -1),
        source=trace,
    )


def decode_states(
    levels: Sequence[Level],
    decoder: Callable[[Tensor], Tensor],
    context_size: int,
    state: Float[Tensor, "*batch levels state"],
) -> Float[Tensor, "*batch channel height width"]:
    """Frames of states of all levels: Eq. 11 from the top down, then the decoder, in [0, 1]."""

    def decoded(part: Tensor) -> Tensor:
        context = part.new_zeros(len(part), context_size)  # c^N = 0
        for index in reversed(range(len(levels))):
            context = levels[index].top_down(part[:, index], context)
        return decoder(context).clamp(0, 1)

    flat = state.flatten(0, -3)
    frames = torch.cat([decoded(part) for part in flat.split(FRAMES_AT_ONCE)])
    return frames.unflatten(0, state.shape[:-2])


def rolled_states(
    level: Level,
    index: int,
    config: DLHConfig,
    trace: Trace,
    clip: Int[Tensor, "moments"],
    step: Int[Tensor, "moments"],
    *,
    steps: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "moments steps levels state"]:
    """The states of all levels while one makes transitions, and the others keep theirs.

    Each is a draw from its change prior p(s | d, c) (Eq. 14) under the context that it has, after
    which its memory moves (Eq. 12).
    """
    state = trace.state[clip, step].clone()
    context = trace.context[clip, step][:, index]
    memory = trace.memory[clip, step + 1][:, index]  # d_{t+1}
    states = [state]
    for _ in range(steps):
        prior = level.change_prior(memory, context)
        noise = torch.randn(
            prior.mean.shape, generator=generator, device=state.device, dtype=state.dtype
        )
        state = state.clone()
        state[:, index] = prior.sample(noise)
        if config.memory != "none":
            memory = level.transition.step(state[:, index], memory)
        states.append(state)
    return torch.stack(states, 1)
