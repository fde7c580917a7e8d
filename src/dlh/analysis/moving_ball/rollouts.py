"""Are sampled futures of Moving Ball like the world, and how long like what happened? (Fig. 6)"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.analysis.moving_ball.ball import BallReading
from dlh.analysis.moving_ball.observers import foreseen_places
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig


@dataclass(frozen=True, kw_only=True)
class WorldScores:
    """How much predicted frames look like frames of the ball, independent of the true future.

    Attributes:
        frames: predicted frames that were read.
        clear: the share of them with a ball of one saturated colour of the six.
        true_clear: the same of the true frames, of which a few have the ball in a corner, outside.
        sharpness: its mean, of 1.
        switch_rate: how often a clear frame has another colour than the last clear one before it,
            per step; None where there is no clear frame with one after it.
        in_order: the share of switches that go to the next colour of the cycle; None without any.
        event_rate: how often level 2 was drawn to change, per step; None with one level.
        switches_at_events: the share of switches between neighbours at which level 2 changed; None
            without either.
        true_switch_rate: of the true futures, by the same rule.
    """

    frames: int
    clear: float
    true_clear: float
    sharpness: float
    switch_rate: float | None
    in_order: float | None
    event_rate: float | None
    switches_at_events: float | None
    true_switch_rate: float


def world_scores(
    reading: BallReading, true_reading: BallReading, changed: Tensor | None, *, colours: int
) -> WorldScores:
    """Measure predicted frames as such (Fig. 6).

    Args:
        reading: of predicted frames, (clips, samples, horizon).
        true_reading: of what followed, (clips, horizon).
        changed: e^2 as drawn, bool (clips, samples, horizon); None with one level.
        colours: in the cycle.
    """
    known, step = _colour_steps(reading, colours)
    switched = known & (step != 0)
    neighbours = switched & reading.clear[..., 1:] & reading.clear[..., :-1]
    at_events = None if changed is None else _share(changed[..., 1:][neighbours])
    true_known, true_step = _colour_steps(true_reading, colours)
    return WorldScores(
        frames=reading.clear.numel(),
        clear=float(reading.clear.double().mean()),
        true_clear=float(true_reading.clear.double().mean()),
        sharpness=float(reading.sharpness.double().mean()),
        switch_rate=_share((step != 0)[known]),
        in_order=_share((step == 1)[switched]),
        event_rate=None if changed is None else float(changed.double().mean()),
        switches_at_events=at_events,
        true_switch_rate=_share((true_step != 0)[true_known]) or 0.0,
    )


def _colour_steps(reading: BallReading, colours: int) -> tuple[Tensor, Tensor]:
    """By how many places of the cycle the colour goes on at each step after the first, where an
    unclear frame has the colour of the clear one before it; and whether there was one.
    """
    time = torch.arange(reading.clear.shape[-1], device=reading.clear.device)
    latest = torch.where(reading.clear, time, -1).cummax(-1).values
    colour = reading.colour.gather(-1, latest.clamp_min(0))
    return latest[..., :-1] >= 0, (colour[..., 1:] - colour[..., :-1]) % colours


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """How long predicted balls stay where the true one is.

    Attributes:
        steps: predicted steps before the centre is first off by more than ``radius``; the horizon
            where it never is; (clips, samples).
        horizon: predicted steps.
        radius: pixels.
    """

    steps: Tensor
    horizon: int
    radius: float

    @property
    def median_best(self) -> float:
        """The median over clips of each clip's best future."""
        return _median(self.steps.amax(1))

    @property
    def median_mean(self) -> float:
        """The median over clips of the mean over a clip's futures."""
        return _median(self.steps.double().mean(1))

    def still_there(self, *, best: bool) -> Tensor:
        """The share that is still within the radius after each step, (horizon,): of each clip's
        best future, or of all futures.
        """
        steps = self.steps.amax(1) if best else self.steps.flatten()
        after = torch.arange(1, self.horizon + 1, device=steps.device)
        return (steps[:, None] >= after).double().mean(0)


def track(centre: Tensor, true_centre: Tensor, radius: float) -> Tracking:
    """Compare predicted centres with the true ones.

    Args:
        centre: (clips, samples, horizon, 2), pixels; NaN, where there is no ball, is off.
        true_centre: (clips, horizon, 2); NaN, where the ball is outside the frame as a whole, is
            no evidence against anybody.
        radius: how far off counts as lost, pixels.
    """
    distance = (centre - true_centre[:, None]).norm(dim=-1)
    lost = ~(distance <= radius) & ~true_centre[:, None].isnan().any(-1)
    horizon = lost.shape[-1]
    first = torch.where(lost.any(-1), lost.to(torch.uint8).argmax(-1), horizon)
    return Tracking(steps=first, horizon=horizon, radius=radius)


def ideal_tracking(
    clips: MovingBallClips,
    ball: MovingBallConfig,
    *,
    context_steps: int,
    samples: int,
    seed: int = 0,
) -> Tracking:
    """How long draws of an ideal observer stay with the ball: one that knows the context and the
    rules (:func:`~dlh.analysis.moving_ball.observers.foreseen_places`).

    Args:
        clips: of the ball, with their positions.
        ball: the world.
        context_steps: frames observed; the others are predicted.
        samples: draws for each clip.
        seed: of the draws.
    """
    places = foreseen_places(clips, ball, context_steps=context_steps, samples=samples, seed=seed)
    truth = torch.from_numpy(clips.positions[:, context_steps:])
    return track(torch.from_numpy(places), truth, ball.radius)


def _share(values: Tensor) -> float | None:
    return float(values.double().mean()) if values.numel() else None


def _median(values: Tensor) -> float:
    return float(values.double().quantile(0.5))
