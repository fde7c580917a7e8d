"""Two Clocks: a ball whose colour changes when it bounces, in a room that changes more slowly.

Three levels have something to find: the ball's place changes at every step (level 1), its colour
when it bounces (level 2), the room's colour at every k-th of these changes (level 3). Levels nest:
where level 3 changes, level 2 does too. So the truth of level 2 is every change, of the ball or of
the room, and the truth of level 3 every change of the room.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from dlh.data.clips import Clips, DataError, Split
from dlh.data.worlds.generated import GeneratedSource
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig

ROOMS = {
    "black": (0, 0, 0),
    "maroon": (1, 0, 0),
    "forest": (0, 1, 0),
    "navy": (0, 0, 1),
    "grey": (1, 1, 1),
}
"""The lit channels of each."""
# What the start of a clip takes from its stream: x, y, direction and colour of the ball; period,
# phase and colour of the room. Each step takes one for the ball and one for the room.
_BALL_DRAWS, _ROOM_DRAWS = 4, 3


@dataclass(frozen=True, kw_only=True)
class TwoClocksConfig:
    """The world of the two clocks.

    Attributes:
        ball: the world of the ball, on black.
        period: the least and the most k; the room changes at every k-th change of the ball. Each
            clip has its own k, uniform, and begins anywhere between two changes of the room.
        room_change_probability: above 0, the room changes at random steps with this probability
            instead, independently of the ball.
        rooms: the cycle of the room's colours.
        room_brightness: of their lit channels, 1 to 255. A change of the room moves every pixel
            that the ball does not cover, so it weighs more than the ball where the room is bright.
    """

    LATER: ClassVar[tuple[str, ...]] = ("room_brightness",)

    ball: MovingBallConfig = field(default_factory=MovingBallConfig)
    period: tuple[int, int] = (5, 8)
    room_change_probability: float = 0.0
    rooms: tuple[str, ...] = ("black", "maroon", "forest", "navy")
    room_brightness: int = 96

    def __post_init__(self) -> None:
        if not self.ball.plain:
            raise DataError(
                "the room of Two Clocks has one colour: ball.texture, ball.noise and ball.flicker "
                f"are 0, found {self.ball.texture}, {self.ball.noise} and {self.ball.flicker}"
            )
        if len(self.period) != 2 or not 1 <= self.period[0] <= self.period[1]:
            raise DataError(
                "the period is the least and the most changes of the ball between two of the room, "
                f"at least 1, found {self.period}"
            )
        if not 0 <= self.room_change_probability <= 1:
            raise DataError(
                f"room_change_probability lies in [0, 1], found {self.room_change_probability}"
            )
        if not 1 <= self.room_brightness <= 255:
            raise DataError(f"room_brightness lies in [1, 255], found {self.room_brightness}")
        unknown = [room for room in self.rooms if room not in ROOMS]
        if unknown:
            raise DataError(f"unknown room {unknown[0]!r}; known are {', '.join(ROOMS)}")
        following = self.rooms[1:] + self.rooms[:1]
        if len(self.rooms) < 2 or any(a == b for a, b in zip(self.rooms, following, strict=True)):
            raise DataError(
                "the cycle of rooms holds at least two, none followed by itself (such a change "
                f"would not show), found {self.rooms}"
            )

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        return self.ball.frame_shape


@dataclass(frozen=True, kw_only=True)
class TwoClocksClips(Clips):
    """Clips and everything the generator knows of them. All masks are False at the first frame.

    Attributes:
        video: uint8, (batch, time, height, width, 3).
        events: something changed, the ball's colour or the room's, bool (batch, time).
        level_events: the truth of levels 2 and 3, bool (batch, time, 2): ``events``, and where the
            room changed.
        ball_changes: the ball's colour changed, bool (batch, time).
        room_changes: the room's colour changed, bool (batch, time).
        positions: centre of the ball as (x, y), float pixels, before rounding, (batch, time, 2).
        colours: index into the ball's cycle of colours, (batch, time).
        rooms: index into the cycle of rooms, (batch, time).
    """

    ball_changes: np.ndarray
    room_changes: np.ndarray
    positions: np.ndarray
    colours: np.ndarray
    rooms: np.ndarray


class TwoClocks(GeneratedSource[TwoClocksClips]):
    """A source of Two Clocks clips. Every clip is a pure function of (seed, split, clip index)."""

    name = "two-clocks"

    def __init__(self, config: TwoClocksConfig | None = None) -> None:
        self.config = config or TwoClocksConfig()
        self._ball = MovingBall(self.config.ball)
        lit = np.array([ROOMS[room] for room in self.config.rooms], dtype=np.uint8)
        self._palette = lit * np.uint8(self.config.room_brightness)

    def draws(self, clip_length: int) -> int:
        return _BALL_DRAWS + _ROOM_DRAWS + 2 * (clip_length - 1)

    def play(self, draws: np.ndarray, clip_length: int, split: Split) -> TwoClocksClips:
        """The ball as in Moving Ball; its changes move the room's clock on."""
        config = self.config
        of_ball, of_room, of_steps = np.split(
            draws, [_BALL_DRAWS, _BALL_DRAWS + _ROOM_DRAWS], axis=1
        )
        of_steps = of_steps.reshape(len(draws), clip_length - 1, 2)
        ball = self._ball.play(
            np.concatenate([of_ball, of_steps[..., 0]], axis=1), clip_length, split
        )
        ball_changes = ball.bounces | ball.random_changes
        room_changes = np.zeros_like(ball_changes)
        if config.room_change_probability:
            room_changes[:, 1:] = of_steps[..., 1] < config.room_change_probability
        else:
            least, most = config.period
            period = least + (of_room[:, :1] * (most - least + 1)).astype(np.int64)
            phase = (of_room[:, 1:2] * period).astype(np.int64)
            counted = phase + ball_changes.cumsum(axis=1)
            room_changes = ball_changes & (counted % period == 0)
        first_room = (of_room[:, 2:] * len(config.rooms)).astype(np.int64)
        rooms = (first_room + room_changes.cumsum(axis=1)) % len(config.rooms)
        video, behind = ball.video, self._palette[rooms][:, :, None, None]
        np.copyto(video, behind, where=~video.any(-1, keepdims=True))
        events = ball_changes | room_changes
        return TwoClocksClips(
            video=video,
            events=events,
            level_events=np.stack([events, room_changes], axis=-1),
            ball_changes=ball_changes,
            room_changes=room_changes,
            positions=ball.positions,
            colours=ball.colours,
            rooms=rooms,
        )
