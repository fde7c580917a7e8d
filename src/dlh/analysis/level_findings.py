"""What each level holds: its share of the bound, and what becomes of a frame without it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dlh.analysis.exchange import Moments, Resampled, resample, roll
from dlh.analysis.moving_ball.ball import read_ball
from dlh.analysis.moving_ball.rollouts import world_scores
from dlh.analysis.pooled import Pooled, pooled_mean
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.distributions import each
from dlh.evaluation.events import change_rates
from dlh.interfaces import LayeredModel, ObservedLevels
from dlh.video import to_stored

MOMENTS = 32
RESAMPLINGS = 32
ROLLED_STEPS = 12
SHOWN_MOMENTS = 3
SHOWN_RESAMPLINGS = 12


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Frames of the first moments, uint8: the inferred one, (moments, height, width, channel), and
    what was made of it, (moments, frames, height, width, channel).
    """

    own: np.ndarray
    frames: np.ndarray


@dataclass(frozen=True, kw_only=True)
class LevelFindings:
    """What one level holds.

    Attributes:
        level: n.
        change_rate: per step, t >= 2.
        state_kl, event_kl: nats per clip.
        variance_elsewhere: of pixels, with this level's state taken from other moments.
        variance_expected: of pixels, with this level's state drawn from its prior.
        exchanged, expected, rolled: some of the frames: of states from other moments, from the
            prior, and of the level rolled forward.
        of_ball: what an exchange and a transition do to the ball, by name; empty for other data.
    """

    level: int
    change_rate: float
    state_kl: Pooled
    event_kl: Pooled
    variance_elsewhere: float
    variance_expected: float
    exchanged: Shown
    expected: Shown
    rolled: Shown
    of_ball: dict[str, float | None]


def find_levels(
    model: LayeredModel,
    observed: ObservedLevels,
    ball: MovingBallConfig | None,
    seed: int,
    *,
    moments: int = MOMENTS,
    resamplings: int = RESAMPLINGS,
) -> tuple[tuple[LevelFindings, ...], float]:
    """What every level holds, and the pixel variance with the states of all of them exchanged.

    Args:
        model: in evaluation mode.
        observed: what its levels inferred about the clips, on the CPU.
        ball: the world, where the clips are of the ball.
        seed: of the exchanges.
        moments: at which states are exchanged and rolled.
        resamplings: of each state.
    """
    assert isinstance(model, nn.Module)
    device = next(model.parameters()).device
    placed = each(lambda part: part.to(device), observed)
    places = Moments.spread(placed, moments, before_end=1)
    generator = torch.Generator(device).manual_seed(seed + 1)
    rates, levels = change_rates(observed.changed), observed.state.shape[2]
    found: list[LevelFindings] = []
    for index in range(levels):
        level = index + 1
        elsewhere, expected = (
            resample(
                model,
                placed,
                [level],
                places,
                samples=resamplings,
                source=source,
                generator=generator,
            )
            for source in ("elsewhere", "prior")
        )
        rolled = roll(model, placed, level, places, steps=ROLLED_STEPS, generator=generator)
        state_kl = pooled_mean(observed.state_kl[..., index].sum(1).numpy())
        event_kl = pooled_mean(observed.event_kl[..., index].sum(1).numpy())
        assert state_kl and event_kl
        found.append(
            LevelFindings(
                level=level,
                change_rate=rates[index],
                state_kl=state_kl,
                event_kl=event_kl,
                variance_elsewhere=elsewhere.pixel_variance,
                variance_expected=expected.pixel_variance,
                exchanged=_shown(elsewhere.original, elsewhere.frames),
                expected=_shown(expected.original, expected.frames),
                rolled=_shown(rolled[:, 0], rolled[:, 1:]),
                of_ball={} if ball is None else _of_ball(elsewhere, rolled, ball),
            )
        )
    everything = resample(
        model,
        placed,
        range(1, levels + 1),
        places,
        samples=resamplings,
        generator=generator,
    )
    return tuple(found), everything.pixel_variance


def _shown(own: torch.Tensor, frames: torch.Tensor) -> Shown:
    return Shown(
        own=to_stored(own[:SHOWN_MOMENTS]),
        frames=to_stored(frames[:SHOWN_MOMENTS, :SHOWN_RESAMPLINGS]),
    )


def _of_ball(
    exchanged: Resampled, rolled: torch.Tensor, ball: MovingBallConfig
) -> dict[str, float | None]:
    """What another state of a level, and its transitions, do to the ball."""
    own, other = read_ball(exchanged.original, ball), read_ball(exchanged.frames, ball)
    clear = own.clear[:, None] & other.clear
    colour = (own.colour[:, None] != other.colour)[clear]
    moved = (own.centre[:, None] - other.centre).norm(dim=-1)[clear]
    path = read_ball(rolled, ball)
    pairs = path.clear[:, 1:] & path.clear[:, :-1]
    speed = (path.centre[:, 1:] - path.centre[:, :-1]).norm(dim=-1)[pairs]
    world = world_scores(
        path.map(lambda part: part[:, None]), path, None, colours=len(ball.colours)
    )
    return {
        "exchanged_clear": float(other.clear.double().mean()),
        "exchanged_colour_differs": _mean(colour),
        "exchanged_centre_moves": _mean(moved),
        "rolled_clear": world.clear,
        "rolled_switch_rate": world.switch_rate,
        "rolled_switches_in_order": world.in_order,
        "rolled_centre_moves": _mean(speed),
    }


def _mean(values: torch.Tensor) -> float | None:
    number = float(values.double().mean()) if values.numel() else math.nan
    return number if math.isfinite(number) else None
