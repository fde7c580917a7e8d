"""The ball in the futures that an evaluation scored: of whatever predicts frames of Moving Ball."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dlh.analysis.moving_ball.ball import BallReading, read_ball
from dlh.analysis.moving_ball.rollouts import Tracking, WorldScores, track, world_scores
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.evaluation.protocol import Protocol
from dlh.evaluation.scoring import Evaluation
from dlh.evaluation.work import futures_of_clip


@dataclass(frozen=True, kw_only=True)
class BallFutures:
    """What the ball does in scored futures.

    Attributes:
        world: whether the frames are like frames of the ball; nothing is known of drawn decisions.
        tracking: how long the ball is where it should be.
    """

    world: WorldScores
    tracking: Tracking


def read_scored_futures(
    evaluation: Evaluation, protocol: Protocol, ball: MovingBallConfig
) -> BallFutures:
    """Draw exactly the futures that were scored again, and read the ball off each frame.

    Args:
        evaluation: of a model on clips of Moving Ball.
        protocol: of its scores.
        ball: the world, plain: a ball on black and nothing else.
    """
    readings, truths = [], []
    for clip in range(protocol.data.clips):
        futures = futures_of_clip(evaluation, protocol, clip)
        parts = [read_ball(frames, ball).map(torch.Tensor.cpu) for frames in futures]
        readings.append(BallReading.concatenate(parts, 0))
        truths.append(read_ball(evaluation.clips.read(clip).truth, ball))
    reading, truth = BallReading.stack(readings, 0), BallReading.stack(truths, 0)
    return BallFutures(
        world=world_scores(reading, truth, None, colours=len(ball.colours)),
        tracking=track(reading.centre, truth.centre, ball.radius),
    )


def switches_in(truth: BallReading, *, window: int) -> int:
    """The first step of the ``window`` of steps in which the true ball changes colour most often.

    Args:
        truth: of one clip, (horizon,).
        window: steps; all where there are not so many.
    """
    changed = truth.colour[1:] != truth.colour[:-1]
    changed &= truth.clear[1:] & truth.clear[:-1]
    counts = torch.nn.functional.pad(changed.long().cumsum(0), (1, 0))
    last = max(1, len(truth.clear) - window + 1)
    within = counts[torch.arange(last) + min(window, len(truth.clear)) - 1] - counts[:last]
    return int(within.argmax())
