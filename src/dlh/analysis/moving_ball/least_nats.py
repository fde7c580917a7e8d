"""The least that level 1 can pay on Moving Ball: the divergence under an ideal Gaussian prior."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from dlh.data.worlds.moving_ball import MovingBall, MovingBallClips, MovingBallConfig
from dlh.distributions import Gaussian
from dlh.models.dlh import DynamicLatentHierarchy, Trace
from dlh.models.dlh.level import Level
from dlh.video import from_stored

FRAMES_AT_ONCE = 2_000


@torch.no_grad()
def least_state_kl(
    model: DynamicLatentHierarchy,
    trace: Trace,
    clips: MovingBallClips,
    config: MovingBallConfig,
    places: np.ndarray,
) -> np.ndarray:
    """KL[q(s_t^1) || p*_t] of the best Gaussian p*_t for an observer of all frames before t.

    The observer knows the rules of the ball and where it has been to a pixel; what it does not know
    is where in its pixel the ball is, and so in which pixel it will be. It knows the colour of
    frame t and the context c_t, as level 1's prior does. Among Gaussians with independent
    dimensions, the one that pays least on average over the places x that the ball may be at has the
    mean and the variance of the mixture of their posteriors q_x:

        mean = E_x[mu_x],    variance = E_x[sigma_x^2 + (mu_x - mean)^2].

    No change prior of this form pays less on average, given these posteriors; the model's has a
    memory of drawn states only, so it knows less than this observer.

    Args:
        model: in evaluation mode.
        trace: of the clips, from their first step.
        clips: with the ball's colours.
        config: their world.
        places: where the ball may be at each step, as
            :func:`~dlh.analysis.moving_ball.observers.foreseen_bounces` draws them, (clips, time,
            particles, 2).

    Returns:
        Nats, (clips, time).
    """
    device = next(model.parameters()).device
    particles = places.shape[2]
    colours = clips.colours[:, : places.shape[1], None, None]
    colours = np.broadcast_to(colours, (*places.shape[:3], 1))
    keys = np.concatenate([np.floor(places + 0.5).astype(np.int64), colours], -1)
    different, index = np.unique(keys.reshape(-1, 3), axis=0, return_inverse=True)
    evidence = _evidence(model, different, config)
    level, paid = cast(Level, model.levels[0]), []
    for clip, rows in enumerate(index.reshape(keys.shape[:3])):
        context = trace.context[clip, :, 0].to(device)
        of_places = level.posterior(
            evidence[torch.from_numpy(rows).to(device)],
            context[:, None].expand(-1, particles, -1),
        )
        mean = of_places.mean.mean(1)
        variance = (of_places.std**2 + (of_places.mean - mean[:, None]) ** 2).mean(1)
        own = trace.posterior.map(lambda part, clip=clip: part[clip, :, 0].to(device))
        paid.append(own.kl(Gaussian(mean, variance.sqrt())).cpu())
    return torch.stack(paid).double().numpy()


def _evidence(
    model: DynamicLatentHierarchy, shown: np.ndarray, config: MovingBallConfig
) -> torch.Tensor:
    """x^1 of frames with the ball at (x, y) in a colour, (frames, 3): (frames, features)."""
    world, device = MovingBall(config), next(model.parameters()).device
    parts = []
    for part in np.array_split(shown, -(-len(shown) // FRAMES_AT_ONCE)):
        frames = world.paint(part[:, None, :2].astype(float), part[:, None, 2])
        parts.append(model.encode(from_stored(frames, device))[0])
    return torch.cat(parts)
