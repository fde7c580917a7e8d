"""What each level holds: frames with one level's state exchanged, or one level rolled forward.

All other levels' states stay as they were inferred; the contexts, which are functions of states,
are computed anew from the top down to the frame (Figs. 5a, 5b, 10, 11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from dlh.models.dlh import DynamicLatentHierarchy, Trace
from dlh.models.dlh.level import Level

FRAMES_AT_ONCE = 512
Source = Literal["elsewhere", "prior"]
"""Where another state of a level comes from: the same level at other moments and in other clips, or
its change prior p(s | d, c) at this moment, which is what it expects after a change."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Places in a trace: index of the clip and of the step, each (moments,)."""

    clip: Tensor
    step: Tensor

    @classmethod
    def spread(cls, trace: Trace, count: int, *, before_end: int = 0) -> Moments:
        """``count`` moments in as many different clips as there are, evenly over the time after
        the first step, ``before_end`` steps before the last one at most.
        """
        clips, steps = trace.changed.shape[:2]
        last = steps - 1 - before_end
        if count < 1 or last < 0:
            raise ValueError(
                f"found {steps} steps and {count} moments to choose; at least {before_end + 1} "
                "steps and 1 moment are needed"
            )
        first = min(1, last)
        number = torch.arange(count)
        step = first + (number + 1) * (last - first) // (count + 1)
        return cls(clip=number % clips, step=step)

    def __len__(self) -> int:
        return len(self.clip)

    def of(self, values: Tensor) -> Tensor:
        """``values`` (clip, time, ...) at these moments, (moments, ...)."""
        return values[self.clip, self.step]


@torch.no_grad()
def decode_states(model: DynamicLatentHierarchy, state: Tensor) -> Tensor:
    """Frames of states of all levels (Eq. 11 from the top down, then the decoder), in [0, 1].

    Args:
        model: the hierarchy.
        state: (..., levels, state).

    Returns:
        (..., channel, height, width).
    """
    flat = state.flatten(0, -3)
    frames = [_decode(model, part) for part in flat.split(FRAMES_AT_ONCE)]
    return torch.cat(frames).unflatten(0, state.shape[:-2])


def _decode(model: DynamicLatentHierarchy, state: Tensor) -> Tensor:
    context = state.new_zeros(len(state), model.config.context_size)  # c^N = 0
    for index in reversed(range(model.config.num_levels)):
        context = cast(Level, model.levels[index]).top_down(state[:, index], context)
    return model.decoder(context).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Resampled:
    """Frames in which some levels have another state and the others their own.

    Attributes:
        levels: n of those that were exchanged.
        original: decoded from the states as inferred, (moments, channel, height, width).
        frames: (moments, samples, channel, height, width).
    """

    levels: tuple[int, ...]
    original: Tensor
    frames: Tensor

    @property
    def pixel_variance(self) -> float:
        """Variance between samples of a moment, averaged over pixels, channels and moments."""
        return float(self.frames.var(1, correction=0).mean())


@torch.no_grad()
def resample(
    model: DynamicLatentHierarchy,
    trace: Trace,
    levels: Sequence[int],
    moments: Moments,
    *,
    samples: int,
    source: Source = "elsewhere",
    generator: torch.Generator | None = None,
) -> Resampled:
    """Exchange the states of some levels and decode (Figs. 5a, 10, 11).

    Args:
        model: which the trace is of.
        trace: of any clips.
        levels: n of the levels to exchange. From "elsewhere" they are taken from one other moment
            together; with all levels that is just another frame, which need not change the pixels
            more than one level alone, whose new state then meets strange ones of the others.
        moments: where the other levels' states are from.
        samples: for each moment.
        source: where other states come from.
        generator: of the choice.

    Raises:
        ValueError: a level or a source is not there.
    """
    count = model.config.num_levels
    for level in levels:
        if not 1 <= level <= count:
            raise ValueError(f"this model has levels 1 to {count}, found level {level}")
    if source not in ("elsewhere", "prior"):
        raise ValueError(f"states come from elsewhere or the prior, found {source!r}")
    own = moments.of(trace.state)
    states = own[:, None].repeat(1, samples, 1, 1)
    chosen = [level - 1 for level in levels]
    if source == "elsewhere":
        everything = trace.state.flatten(0, 1)
        places = torch.randint(
            len(everything), (len(moments), samples), generator=generator, device=own.device
        )
        states[:, :, chosen] = everything[places][:, :, chosen]
    else:
        mean, std = moments.of(trace.change_prior.mean), moments.of(trace.change_prior.std)
        noise = torch.randn(states.shape, generator=generator, device=own.device, dtype=own.dtype)
        states[:, :, chosen] = (mean[:, None] + std[:, None] * noise)[:, :, chosen]
    return Resampled(
        levels=tuple(levels),
        original=decode_states(model, own),
        frames=decode_states(model, states),
    )


@torch.no_grad()
def roll(
    model: DynamicLatentHierarchy,
    trace: Trace,
    level: int,
    moments: Moments,
    *,
    steps: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One level makes transition after transition, the others stay as they are (Fig. 5b).

    Each is a draw from its change prior p(s | d, c) (Eq. 14) under the context that it has, after
    which its memory moves (Eq. 12).

    Args:
        model: which the trace is of.
        trace: of any clips.
        level: n.
        moments: where it begins; not at the last step of a clip.
        steps: how many transitions.
        generator: of the draws.

    Returns:
        Frames (moments, steps + 1, channel, height, width); the first is the inferred one.

    Raises:
        ValueError: there is no such level, or a moment is a clip's last.
    """
    count, length = model.config.num_levels, trace.changed.shape[1]
    if not 1 <= level <= count:
        raise ValueError(f"this model has levels 1 to {count}, found level {level}")
    if bool((moments.step >= length - 1).any()):
        raise ValueError(
            f"a level rolls on from a step with one after it, found step "
            f"{int(moments.step.max())} of clips of {length}"
        )
    network = cast(Level, model.levels[level - 1])
    state = moments.of(trace.state).clone()
    context = moments.of(trace.context)[:, level - 1]
    memory = trace.memory[moments.clip, moments.step + 1][:, level - 1]  # d_{t+1}
    states = [state]
    for _ in range(steps):
        prior = network.change_prior(memory, context)
        noise = torch.randn(
            prior.mean.shape, generator=generator, device=state.device, dtype=state.dtype
        )
        state = state.clone()
        state[:, level - 1] = prior.sample(noise)
        memory = network.transition.step(state[:, level - 1], memory)
        states.append(state)
    return decode_states(model, torch.stack(states, 1))
