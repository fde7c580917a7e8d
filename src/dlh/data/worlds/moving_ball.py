"""Moving Ball: a disc that bounces and changes colour when it does, with the truth of it.

The data set on which the paper shows what the hierarchy is for: position changes at every step
(level 1), the colour only at events (level 2), and the generator knows every event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dlh.data.clips import Clips, DataError, Split
from dlh.data.worlds.generated import GeneratedSource
from dlh.data.worlds.textured_room import add_noise, texture
from dlh.settings import check_at_least, values_of

RGB = {
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
    "blue": (0, 0, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "white": (255, 255, 255),
}
# What the start of a clip takes from its stream: x, y, direction, colour. The steps follow, so a
# longer clip of the same index begins with the shorter one.
_START_DRAWS = 4


@dataclass(frozen=True, kw_only=True)
class MovingBallConfig:
    """The world of the ball; the defaults are those of the authors' published animation.

    Attributes:
        size: height and width of the frame, pixels.
        radius: of the disc, pixels; 6 makes a disc of 113 pixels.
        speed: pixels per step, constant; the direction is uniform.
        colour_change_probability: of a random change at each step, the paper's lambda.
        colours: the cycle that every bounce and every random change advances by one.
        texture: contrast of a random texture behind the ball, a new one in every clip, in [0, 1];
            with 0 the room is black.
        noise: standard deviation of every pixel of every frame; black is 0 and white 1.
        flicker: standard deviation of the exposure, one draw for each channel of a frame; black is
            0 and white 1.

    The last three change how a clip looks, not what happens in it.
    """

    LATER: ClassVar[tuple[str, ...]] = ("texture", "noise", "flicker")

    size: int = 64
    radius: int = 6
    speed: float = 6.0
    colour_change_probability: float = 0.0
    colours: tuple[str, ...] = ("cyan", "magenta", "yellow", "blue", "red", "green")
    texture: float = 0.0
    noise: float = 0.0
    flicker: float = 0.0

    def __post_init__(self) -> None:
        check_at_least(1, error=DataError, radius=self.radius)
        if self.free_path < 1:
            raise DataError(
                f"a ball of radius {self.radius} needs a frame of at least {2 * self.radius + 2} "
                f"pixels to move in, found size {self.size}"
            )
        if not 0 < self.speed <= self.free_path:
            raise DataError(
                f"the ball's speed is above 0 and at most {self.free_path} pixels a step (size "
                f"{self.size}, radius {self.radius}), found {self.speed}"
            )
        if not 0 <= self.colour_change_probability <= 1:
            raise DataError(
                "the colour change probability lies in [0, 1], found "
                f"{self.colour_change_probability}"
            )
        unknown = [colour for colour in self.colours if colour not in RGB]
        if unknown:
            raise DataError(f"unknown colour {unknown[0]!r}; known are {', '.join(RGB)}")
        following = self.colours[1:] + self.colours[:1]
        if len(self.colours) < 2 or any(
            a == b for a, b in zip(self.colours, following, strict=True)
        ):
            raise DataError(
                "the cycle of colours holds at least two, none followed by itself (such a change "
                f"would not show), found {self.colours}"
            )
        for name, share in values_of(self, *self.LATER).items():
            if not 0 <= share <= 1:
                raise DataError(f"{name} lies in [0, 1], found {share}")

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        return 3, self.size, self.size

    @property
    def plain(self) -> bool:
        """Whether all that a frame shows is the ball, on black."""
        return not (self.texture or self.noise or self.flicker)

    @property
    def free_path(self) -> int:
        """How far the centre can travel between two walls, pixels."""
        return self.size - 1 - 2 * self.radius


@dataclass(frozen=True, kw_only=True)
class MovingBallClips(Clips):
    """Clips and everything the generator knows of them. All masks are False at the first frame.

    Attributes:
        video: uint8, (batch, time, height, width, 3).
        events: the colour differs from the frame before; bool (batch, time); ``bounces |
            random_changes``.
        bounces: the motion was reversed on the way to this frame, bool (batch, time).
        random_changes: a random change fell on this frame, alone or together with a bounce, bool
            (batch, time).
        positions: centre as (x, y), float pixels, before rounding, (batch, time, 2).
        colours: index into the cycle of colours, (batch, time).
    """

    bounces: np.ndarray
    random_changes: np.ndarray
    positions: np.ndarray
    colours: np.ndarray


def move(
    here: np.ndarray, velocity: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of any number of balls: test, flip, move.

    Args:
        here: centres, (..., 2), pixels.
        velocity: pixels per step, (..., 2).
        low, high: between which a centre turns around, pixels.

    Returns:
        Whether each bounced, (...), its new centre and its new velocity, (..., 2).
    """
    due = ((here < low) & (velocity < 0)) | ((here > high) & (velocity > 0))
    due[..., 1] &= ~due[..., 0]  # one axis a step, x first: a corner is two events
    velocity = np.where(due, -velocity, velocity)
    return np.any(due, axis=-1), np.add(here, velocity), velocity


class MovingBall(GeneratedSource[MovingBallClips]):
    """A source of Moving Ball clips. Every clip is a pure function of (seed, split, clip index)."""

    name = "moving-ball"

    def __init__(self, config: MovingBallConfig | None = None) -> None:
        self.config = config or MovingBallConfig()
        reach = np.arange(-self.config.radius, self.config.radius + 1)
        rows, columns = np.nonzero(reach[:, None] ** 2 + reach**2 <= self.config.radius**2)
        self._disc_rows, self._disc_columns = reach[rows], reach[columns]
        self._palette = np.array([RGB[colour] for colour in self.config.colours], dtype=np.uint8)

    def draws(self, clip_length: int) -> int:
        return _START_DRAWS + clip_length - 1

    def play(self, draws: np.ndarray, clip_length: int, split: Split) -> MovingBallClips:
        """A step: test, flip, move, recolour. The three splits are of one kind."""
        config, batch = self.config, len(draws)
        low, high = config.radius, config.size - 1 - config.radius
        angle = 2 * math.pi * draws[:, 2]
        velocity = config.speed * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        positions = np.empty((batch, clip_length, 2))
        positions[:, 0] = low + (high - low) * draws[:, :2]
        bounces = np.zeros((batch, clip_length), dtype=bool)
        for time in range(1, clip_length):
            bounces[:, time], positions[:, time], velocity = move(
                positions[:, time - 1], velocity, low, high
            )
        random_changes = np.zeros_like(bounces)
        random_changes[:, 1:] = draws[:, _START_DRAWS:] < config.colour_change_probability
        events = bounces | random_changes
        first_colour = (draws[:, 3:4] * len(config.colours)).astype(np.int64)
        colours = (first_colour + events.cumsum(axis=1)) % len(config.colours)
        # The room is a function of where the ball starts, so it takes no number from the stream.
        keys = np.ascontiguousarray(draws[:, :2]).view(np.uint64)
        video = self.paint(positions, colours)
        if config.texture:
            self._put_before_texture(video, keys)
        if config.noise or config.flicker:
            add_noise(video, keys, noise=config.noise, flicker=config.flicker)
        return MovingBallClips(
            video=video,
            events=events,
            bounces=bounces,
            random_changes=random_changes,
            positions=positions,
            colours=colours,
        )

    def paint(self, positions: np.ndarray, colours: np.ndarray) -> np.ndarray:
        """The frames of a ball, uint8 (..., height, width, 3), of its centres (..., 2) and the
        indices of its colours (...). Writes only the disc's pixels: far cheaper than a test of
        every pixel.
        """
        size, frames = self.config.size, colours.size
        centres = np.floor(positions + 0.5).astype(np.int64).reshape(frames, 1, 2)
        columns, rows = centres[..., 0] + self._disc_columns, centres[..., 1] + self._disc_rows
        inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
        pixels = (np.arange(frames)[:, None] * size + rows) * size + columns
        video = np.zeros((*colours.shape, size, size, 3), dtype=np.uint8)
        of_frame = np.broadcast_to(colours.reshape(frames, 1), inside.shape)
        video.reshape(-1, 3)[pixels[inside]] = self._palette[of_frame[inside]]
        return video

    def _put_before_texture(self, video: np.ndarray, keys: np.ndarray) -> None:
        """Writes each clip's texture where its frames, (batch, time, ...), are black."""
        config = self.config
        cell = 4 * config.radius
        behind = texture(keys, size=config.size, cell=cell, contrast=config.texture)
        for clip, room in zip(video, behind, strict=True):
            np.copyto(clip, room, where=~clip.any(-1, keepdims=True))
