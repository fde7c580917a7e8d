"""Moving Ball in predicted frames: do they look like the world, is the ball where it should be?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlh.analysis.moving_ball.ball import BallReading, read_ball
from dlh.analysis.moving_ball.rollouts import Tracking, ideal_tracking, track, world_scores
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig
from dlh.evaluation.protocol import Protocol
from dlh.evaluation.rows import MODEL, ORACLE
from dlh.evaluation.scoring import ReadBlock
from dlh.runs.subject import Subject

SINGLY = "singly"
"""What is read of every future: kept beside the scores, not repeated in a comparison."""
FLOORS = ("last_frame", "other_clip", "best_of_other_clips")


@dataclass(frozen=True, kw_only=True)
class BallInFutures:
    """Whether futures look like Moving Ball, and how long the ball is where it should be.

    Attributes:
        ball: the world, plain: a ball on black and nothing else.
    """

    ball: MovingBallConfig
    file: str = "ball.json"

    def of_clip(self, clip: int, context: Tensor, truth: Tensor) -> ReadBlock:
        """Reads the ball off each frame of the model, the floors and what happened."""

        def read(row: str, frames: Tensor) -> dict[str, np.ndarray]:
            if row not in (MODEL, *FLOORS, ORACLE):
                return {}
            found = read_ball(frames, self.ball)
            return {each.name: getattr(found, each.name).cpu().numpy() for each in fields(found)}

        return read

    def summarise(self, clips: Sequence[Mapping[str, Mapping[str, np.ndarray]]]) -> dict[str, Any]:
        """``world`` and ``tracking``, the latter also of floors; the steps of every future."""

        def stacked(row: str) -> BallReading:
            found = (
                {name: torch.from_numpy(array) for name, array in clip[row].items()}
                for clip in clips
            )
            return BallReading.stack([BallReading(**each) for each in found], 0)

        reading, truth = stacked(MODEL), stacked(ORACLE).map(lambda one: one[:, 0])
        world = world_scores(reading, truth, None, colours=len(self.ball.colours))

        def tracking(found: BallReading) -> Tracking:
            return track(found.centre, truth.centre, self.ball.radius)

        ours = tracking(reading)
        floors = {row: tracked(tracking(stacked(row))) for row in FLOORS if row in clips[0]}
        return {
            "world": asdict(world),
            "tracking": tracked(ours),
            "floors_tracking": floors,
            SINGLY: {"steps_in_place": ours.steps.tolist()},
        }

    def observer(self, subject: Subject, protocol: Protocol) -> dict[str, Any]:
        """An observer's place of the ball in the clips that were scored: the first test clips."""
        assert protocol.context is not None
        length = protocol.context + protocol.horizon
        clips = subject.source.held_out("test", count=protocol.data.clips, clip_length=length)
        assert isinstance(clips, MovingBallClips)
        return tracked(
            ideal_tracking(
                clips,
                self.ball,
                context_steps=protocol.context,
                samples=protocol.samples,
                seed=protocol.seed,
            )
        )


def tracked(tracking: Tracking) -> dict[str, Any]:
    """For a JSON file."""
    return {
        "radius": tracking.radius,
        "median_steps_best": tracking.median_best,
        "median_steps_mean": tracking.median_mean,
    }


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
