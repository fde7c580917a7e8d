"""Sampled futures of held-out clips, read as they are drawn: all of them would fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlh.analysis.moving_ball.ball import BallReading, read_ball
from dlh.analysis.moving_ball.observers import foreseen_places
from dlh.analysis.moving_ball.rollouts import Tracking, WorldScores, track, world_scores
from dlh.data.clips import Clips
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig
from dlh.evaluation import score_futures
from dlh.evaluation.floors.trivial import black_frame, last_frame, mean_frame
from dlh.evaluation.futures import FutureScores
from dlh.evaluation.scores.psnr import psnr
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.video import from_stored, to_stored

VALUES_AT_ONCE = 25 * 200 * 3 * 32 * 32
"""Pixel values that are predicted in one call."""
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Futures:
    """What became of the futures that were drawn.

    Attributes:
        context_steps: frames observed.
        model: PSNR of the futures, over all predicted steps.
        floors: the same of still frames, by name.
        world: whether the frames are like those of Moving Ball; None for other data.
        tracking: how long the ball is where it should be; None for other data.
        best_tracking: the same of as many draws of who has seen the context and knows the rules.
        shown: some futures of the first clip, uint8 (samples, horizon, height, width, channel).
        shown_changed: their e^2, bool (samples, horizon); None with one level.
        shown_reading: of their balls; None for other data.
        truth_reading: of the first clip's true future.
    """

    context_steps: int
    model: FutureScores
    floors: dict[str, FutureScores]
    world: WorldScores | None
    tracking: Tracking | None
    best_tracking: Tracking | None
    shown: np.ndarray
    shown_changed: np.ndarray | None
    shown_reading: BallReading | None
    truth_reading: BallReading | None


@torch.no_grad()
def draw_futures(
    model: DynamicLatentHierarchy,
    clips: Clips,
    mean: Tensor | None,
    *,
    context_steps: int,
    samples: int,
    ball: MovingBallConfig | None,
    seed: int,
) -> Futures:
    """Draw futures of every clip, and measure them against what happened and against the world.

    Args:
        model: in evaluation mode.
        clips: observed for ``context_steps``, predicted for the rest.
        mean: frame of the training data, for the floors; None where there is none.
        context_steps: frames observed.
        samples: futures of each clip.
        ball: the world, where the clips are of the ball.
        seed: of the draws.
    """
    device = next(model.parameters()).device
    video = from_stored(clips.video)
    observed, followed = video[:, :context_steps].to(device), video[:, context_steps:].to(device)
    curves: list[Tensor] = []
    readings: list[BallReading] = []
    changes: list[Tensor] = []
    shown: list[np.ndarray] = []
    generator = torch.Generator(device).manual_seed(seed)
    for clip, frames, changed in _drawn(model, observed, followed.shape[1], samples, generator):
        curves.append(psnr(frames, followed[clip]).cpu())
        if ball is not None:
            readings.append(read_ball(frames, ball).map(torch.Tensor.cpu))
        if changed is not None and changed.shape[-1] > 1:
            changes.append(changed[..., 1].cpu())
        if clip == 0 and sum(map(len, shown)) < SHOWN:
            shown.append(to_stored(frames[:SHOWN]))

    def by_clip(parts: list[Tensor]) -> Tensor:
        return torch.cat(parts).unflatten(0, (len(observed), samples))

    changed = by_clip(changes) if changes else None
    world = tracking = best_tracking = reading = true_reading = None
    if ball is not None:
        reading = BallReading.zip(readings, lambda parts: by_clip(list(parts)))
        true_reading = read_ball(followed.cpu(), ball)
        world = world_scores(reading, true_reading, changed, colours=len(ball.colours))
        tracking = track(reading.centre, true_reading.centre, ball.radius)
        if isinstance(clips, MovingBallClips):
            places = foreseen_places(
                clips, ball, context_steps=context_steps, samples=samples, seed=seed
            )
            truth = torch.from_numpy(clips.positions[:, context_steps:])
            best_tracking = track(torch.from_numpy(places), truth, ball.radius)
    first = np.concatenate(shown)[:SHOWN]

    frame_shape = model.frame_shape
    stills = [black_frame(frame_shape), last_frame(frame_shape)]
    if mean is not None:
        stills.insert(1, mean_frame(mean))

    def floor_scores(floor) -> FutureScores:
        return score_futures(floor, observed, followed, samples=1)

    return Futures(
        context_steps=context_steps,
        model=FutureScores(curves=by_clip(curves), window=followed.shape[1]),
        floors={still.name: floor_scores(still) for still in stills},
        world=world,
        tracking=tracking,
        best_tracking=best_tracking,
        shown=first,
        shown_changed=None if changed is None else changed[0, : len(first)].numpy(),
        shown_reading=reading and reading.map(lambda part: part[0, : len(first)]),
        truth_reading=true_reading and true_reading.map(lambda part: part[0]),
    )


def _drawn(
    model: DynamicLatentHierarchy,
    observed: Tensor,
    horizon: int,
    samples: int,
    generator: torch.Generator,
) -> Iterator[tuple[int, Tensor, Tensor | None]]:
    """(clip, frames (samples, horizon, ...), changed (samples, horizon, levels)), in pieces."""
    at_once = max(1, VALUES_AT_ONCE // (horizon * observed[0, 0].numel()))
    for clip, context in enumerate(observed):
        for first in range(0, samples, at_once):
            drawn = model.predict(
                context[None],
                horizon=horizon,
                samples=min(at_once, samples - first),
                generator=generator,
            )
            yield clip, drawn.frames[0], None if drawn.changed is None else drawn.changed[0]
