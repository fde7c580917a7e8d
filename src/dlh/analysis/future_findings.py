"""Sampled futures of held-out clips: how close they come, and whether they obey the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dlh.analysis.moving_ball.ball import BallReading, read_ball
from dlh.analysis.moving_ball.rollouts import (
    Tracking,
    WorldScores,
    ideal_tracking,
    track,
    world_scores,
)
from dlh.data.clips import Clips
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig
from dlh.evaluation.floors import black_frame, last_frame, mean_frame
from dlh.evaluation.futures import FutureScores, score_futures
from dlh.evaluation.temperature import AtTemperature
from dlh.interfaces import AS_LEARNT, Prediction, Temperature, TrainableModel
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
        best_tracking: the same of as many draws of an ideal observer, which has seen the context
            and knows the rules.
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
    model: TrainableModel,
    clips: Clips,
    mean: Tensor | None,
    *,
    context_steps: int,
    samples: int,
    ball: MovingBallConfig | None,
    seed: int,
    temperature: Temperature = AS_LEARNT,
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
        temperature: of the draws.
    """
    assert isinstance(model, nn.Module)
    device = next(model.parameters()).device
    video = from_stored(clips.video)
    observed, followed = video[:, :context_steps].to(device), video[:, context_steps:].to(device)
    readings: list[BallReading] = []
    changes: list[Tensor] = []
    shown: list[np.ndarray] = []

    def see(drawn: Prediction) -> None:
        frames, changed = drawn.frames[0], drawn.changed
        if ball is not None:
            readings.append(read_ball(frames, ball).map(torch.Tensor.cpu))
        if changed is not None and changed.shape[-1] > 1:
            changes.append(changed[0, ..., 1].cpu())
        if sum(map(len, shown)) < SHOWN:  # of the first clip: it is drawn first
            shown.append(to_stored(frames[:SHOWN]))

    generator = torch.Generator(device).manual_seed(seed)
    at_once = VALUES_AT_ONCE // followed[0].numel()
    scores = [
        score_futures(
            AtTemperature(model=model, temperature=temperature),
            observed[clip : clip + 1],
            followed[clip : clip + 1],
            samples=samples,
            generator=generator,
            chunk=max(1, at_once),
            see=see,
        )
        for clip in range(len(observed))
    ]

    def by_clip(parts: list[Tensor]) -> Tensor:
        return torch.cat(parts).unflatten(0, (len(observed), -1))

    changed = by_clip(changes) if changes else None
    world = tracking = best_tracking = reading = true_reading = None
    if ball is not None:
        reading = BallReading.zip(readings, lambda parts: by_clip(list(parts)))
        true_reading = read_ball(followed.cpu(), ball)
        world = world_scores(reading, true_reading, changed, colours=len(ball.colours))
        tracking = track(reading.centre, true_reading.centre, ball.radius)
        if isinstance(clips, MovingBallClips):
            best_tracking = ideal_tracking(
                clips, ball, context_steps=context_steps, samples=samples, seed=seed
            )
    first = np.concatenate(shown)[:SHOWN][:samples]
    stills = [black_frame(model.frame_shape), last_frame(model.frame_shape)]
    if mean is not None:
        stills.insert(1, mean_frame(mean))
    return Futures(
        context_steps=context_steps,
        model=FutureScores.joined(scores),
        floors={
            still.name: score_futures(still, observed, followed, samples=1) for still in stills
        },
        world=world,
        tracking=tracking,
        best_tracking=best_tracking,
        shown=first,
        shown_changed=None if changed is None else changed[0, : len(first)].numpy(),
        shown_reading=reading and reading.map(lambda part: part[0, : len(first)]),
        truth_reading=true_reading and true_reading.map(lambda part: part[0]),
    )
