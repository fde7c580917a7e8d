"""The Bouncing Ball of SUNTA (arXiv 2607.02087), as far as it is known.

Known: frames of 64 x 64, a ball whose colour changes at each bounce to the colour that it had six
changes ago; 50 frames are observed and 250 predicted. So the colours of a clip are a matter of
memory: who has seen six changes knows all that follow.

Not known, and chosen here: radius and speed of the ball, how it is reflected, the colours, and how
many clips there are. The ball moves as in Moving Ball; the first six colours of a clip are drawn at
random of Moving Ball's six, none followed by itself (the first follows the sixth), as such a change
would not show. Clips are generated without end. Scores here and there compare with that in mind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dlh.data.clips import DataError, Split
from dlh.data.worlds.generated import GeneratedSource
from dlh.data.worlds.moving_ball import MovingBall, MovingBallClips, MovingBallConfig
from dlh.settings import check_at_least

# Of the ball: x, y, direction, and a colour that is not used. The colours and the steps follow.
_BALL_DRAWS = 4


@dataclass(frozen=True, kw_only=True)
class BouncingBallConfig:
    """The world of SUNTA's ball.

    Attributes:
        ball: its motion and its palette, on black.
        memory: m; at a change the ball takes the colour that it had m changes ago.
    """

    ball: MovingBallConfig = field(default_factory=MovingBallConfig)
    memory: int = 6

    def __post_init__(self) -> None:
        check_at_least(2, error=DataError, memory=self.memory)
        if not self.ball.plain:
            raise DataError(
                "SUNTA's ball is on black: ball.texture, ball.noise and ball.flicker are 0, found "
                f"{self.ball.texture}, {self.ball.noise} and {self.ball.flicker}"
            )
        if len(set(self.ball.colours)) < max(3, len(self.ball.colours)):
            raise DataError(
                f"the palette holds three or more colours, each once, found {self.ball.colours}"
            )

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        return self.ball.frame_shape


class BouncingBall(GeneratedSource[MovingBallClips]):
    """A source of its clips; ``colours`` of a clip are places in the palette, not in a cycle."""

    name = "bouncing-ball"

    def __init__(self, config: BouncingBallConfig | None = None) -> None:
        self.config = config or BouncingBallConfig()
        self._ball = MovingBall(self.config.ball)

    def draws(self, clip_length: int) -> int:
        return _BALL_DRAWS + self.config.memory + clip_length - 1

    def play(self, draws: np.ndarray, clip_length: int, split: Split) -> MovingBallClips:
        memory, batch = self.config.memory, np.arange(len(draws))
        of_ball, of_colours, of_steps = np.split(draws, [_BALL_DRAWS, _BALL_DRAWS + memory], axis=1)
        ball = self._ball.play(np.concatenate([of_ball, of_steps], axis=1), clip_length, split)
        changes = ball.bounces | ball.random_changes
        place = changes.cumsum(axis=1) % memory
        colours = self._first_colours(of_colours)[batch[:, None], place]
        return MovingBallClips(
            video=self._ball.paint(ball.positions, colours),
            events=changes,
            bounces=ball.bounces,
            random_changes=ball.random_changes,
            positions=ball.positions,
            colours=colours,
        )

    def _first_colours(self, draws: np.ndarray) -> np.ndarray:
        """Places in the palette, (batch, memory): each one of those that may follow, uniform."""
        palette = len(self.config.ball.colours)
        colours = np.zeros(draws.shape, dtype=np.int64)
        colours[:, 0] = draws[:, 0] * palette
        for number in range(1, draws.shape[1]):
            allowed = np.ones((len(draws), palette), dtype=bool)
            rows = np.arange(len(draws))
            allowed[rows, colours[:, number - 1]] = False
            if number == draws.shape[1] - 1:
                allowed[rows, colours[:, 0]] = False
            chosen = (draws[:, number] * allowed.sum(axis=1)).astype(np.int64)
            colours[:, number] = (allowed.cumsum(axis=1) > chosen[:, None]).argmax(axis=1)
        return colours
