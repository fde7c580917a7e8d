"""What each level holds: frames with one level's state exchanged, or one level rolled forward.

All other levels' states stay as they were inferred; what is a function of states is computed anew
from the top down to the frame (Figs. 5a, 5b, 10, 11). How that is done, the model knows
(:class:`~dlh.interfaces.LayeredModel`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dlh.interfaces import LayeredModel, ObservedLevels

Source = Literal["elsewhere", "prior"]
"""Where another state of a level comes from: the same level at other moments and in other clips, or
its prior at this moment; of the hierarchy that is the change prior p(s | d, c), which is what it
expects after a change."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Places in what was observed: index of the clip and of the step, each (moments,)."""

    clip: Tensor
    step: Tensor

    @classmethod
    def spread(cls, observed: ObservedLevels, count: int, *, before_end: int = 0) -> Moments:
        """``count`` moments in as many different clips as there are, evenly over the time after
        the first step, ``before_end`` steps before the last one at most.
        """
        clips, steps = observed.changed.shape[:2]
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
    model: LayeredModel,
    observed: ObservedLevels,
    levels: Sequence[int],
    moments: Moments,
    *,
    samples: int,
    source: Source = "elsewhere",
    generator: torch.Generator | None = None,
) -> Resampled:
    """Exchange the states of some levels and decode (Figs. 5a, 10, 11).

    Args:
        model: which the levels are of.
        observed: of any clips.
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
    for level in levels:
        _check_level(observed, level)
    if source not in ("elsewhere", "prior"):
        raise ValueError(f"states come from elsewhere or the prior, found {source!r}")
    own = moments.of(observed.state)
    states = own[:, None].repeat(1, samples, 1, 1)
    chosen = [level - 1 for level in levels]
    if source == "elsewhere":
        everything = observed.state.flatten(0, 1)
        places = torch.randint(
            len(everything), (len(moments), samples), generator=generator, device=own.device
        )
        states[:, :, chosen] = everything[places][:, :, chosen]
    else:
        mean, std = moments.of(observed.prior_mean), moments.of(observed.prior_std)
        noise = torch.randn(states.shape, generator=generator, device=own.device, dtype=own.dtype)
        states[:, :, chosen] = (mean[:, None] + std[:, None] * noise)[:, :, chosen]
    place = (observed.source, moments.clip, moments.step)
    return Resampled(
        levels=tuple(levels),
        original=model.decode_states(*place, own[:, None])[:, 0],
        frames=model.decode_states(*place, states),
    )


@torch.no_grad()
def exchange(
    model: LayeredModel,
    observed: ObservedLevels,
    levels: Sequence[int],
    moments: Moments,
    others: Moments,
) -> Resampled:
    """Give some levels the states that they have at other, chosen moments, and decode.

    Args:
        model: which the levels are of.
        observed: of any clips.
        levels: n of the levels to exchange.
        moments: where the other levels' states are from.
        others: where the new states are from, as many.

    Returns:
        One sample of each moment.

    Raises:
        ValueError: a level is not there.
    """
    for level in levels:
        _check_level(observed, level)
    own = moments.of(observed.state)
    states, chosen = own.clone(), [level - 1 for level in levels]
    states[:, chosen] = others.of(observed.state)[:, chosen]
    place = (observed.source, moments.clip, moments.step)
    both = model.decode_states(*place, torch.stack((own, states), 1))
    return Resampled(levels=tuple(levels), original=both[:, 0], frames=both[:, 1:])


@torch.no_grad()
def roll(
    model: LayeredModel,
    observed: ObservedLevels,
    level: int,
    moments: Moments,
    *,
    steps: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One level makes transition after transition, the others stay as they are (Fig. 5b).

    Args:
        model: which the levels are of.
        observed: of any clips.
        level: n.
        moments: where it begins; not at the last step of a clip.
        steps: how many transitions, each a draw from the level's prior.
        generator: of the draws.

    Returns:
        Frames (moments, steps + 1, channel, height, width); the first is the inferred one.

    Raises:
        ValueError: there is no such level, or a moment is a clip's last.
    """
    _check_level(observed, level)
    length = observed.changed.shape[1]
    if bool((moments.step >= length - 1).any()):
        raise ValueError(
            f"a level rolls on from a step with one after it, found step "
            f"{int(moments.step.max())} of clips of {length}"
        )
    return model.roll_level(
        observed.source, level, moments.clip, moments.step, steps=steps, generator=generator
    )


def _check_level(observed: ObservedLevels, level: int) -> None:
    count = observed.state.shape[2]
    if not 1 <= level <= count:
        raise ValueError(f"this model has levels 1 to {count}, found level {level}")
