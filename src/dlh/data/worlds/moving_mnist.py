"""Moving MNIST: handwritten digits that fly straight and are reflected at the walls, generated.

The literature has several generators of this name. This one: each digit has a direction, uniform,
and a speed, uniform between two bounds, both for the whole clip; walls reflect exactly; where
digits overlap, the brighter pixel shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dlh.data.clips import SPLITS, Clips, DataError, Split
from dlh.data.worlds.digits import MNIST, Digits
from dlh.data.worlds.generated import GeneratedSource
from dlh.settings import check_at_least

# What a digit takes from the clip's stream: x, y, direction, speed, which picture.
_DIGIT_DRAWS = 5


@dataclass(frozen=True, kw_only=True)
class MovingMNISTConfig:
    """The world of the digits; the defaults are the field's.

    Attributes:
        size: height and width of the frame, pixels.
        digits: number of digits in a clip.
        digit_size: height and width of a digit, pixels; other sizes than MNIST's 28 are resized.
        speed: the slowest and the fastest speed of a digit, pixels a step.
    """

    size: int = 64
    digits: int = 2
    digit_size: int = 28
    speed: tuple[float, float] = (2.0, 6.0)

    def __post_init__(self) -> None:
        check_at_least(1, error=DataError, digits=self.digits, digit_size=self.digit_size)
        if self.free_path < 1:
            raise DataError(
                f"a digit of {self.digit_size} pixels needs a frame of at least "
                f"{self.digit_size + 1} to move in, found size {self.size}"
            )
        if len(self.speed) != 2 or not 0 < self.speed[0] <= self.speed[1] <= self.free_path:
            raise DataError(
                "the speed is the slowest and the fastest, above 0 and at most "
                f"{self.free_path} pixels a step (size {self.size}, digit {self.digit_size}), "
                f"found {self.speed}"
            )

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        return 1, self.size, self.size

    @property
    def free_path(self) -> int:
        """How far a digit can travel between two walls, pixels."""
        return self.size - self.digit_size


@dataclass(frozen=True, kw_only=True)
class MovingMNISTClips(Clips):
    """Clips and everything the generator knows of them. ``events`` is None: nothing but positions
    changes in a clip.

    Attributes:
        video: uint8, (batch, time, height, width, 1).
        labels: which digits they are, 0 to 9, (batch, digit).
        positions: the upper left corner of each as (x, y), float pixels, before rounding, (batch,
            time, digit, 2).
        bounces: a digit met a wall on the way to this frame, bool (batch, time, digit); False at
            the first.
    """

    labels: np.ndarray
    positions: np.ndarray
    bounces: np.ndarray


class MovingMNIST(GeneratedSource[MovingMNISTClips]):
    """A source of Moving MNIST clips. Every clip is a pure function of (seed, split, clip index).

    The clips of a split show digits of that split only.
    """

    def __init__(self, digits: Digits, config: MovingMNISTConfig | None = None) -> None:
        self.config = config or MovingMNISTConfig()
        self.digits = digits
        self.name = "moving-mnist" if digits.name == MNIST else f"moving-mnist ({digits.name})"
        self._images = {
            split: _resized(digits.images[split], self.config.digit_size) for split in SPLITS
        }

    def draws(self, clip_length: int) -> int:
        return self.config.digits * _DIGIT_DRAWS

    def play(self, draws: np.ndarray, clip_length: int, split: Split) -> MovingMNISTClips:
        config, images = self.config, self._images[split]
        draws = draws.reshape(len(draws), config.digits, _DIGIT_DRAWS)
        start = config.free_path * draws[..., :2]
        angle = 2 * math.pi * draws[..., 2]
        slowest, fastest = config.speed
        speed = slowest + (fastest - slowest) * draws[..., 3]
        velocity = speed[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        # Where it would be without walls, then folded: a reflection is exact at any speed.
        steps = np.arange(clip_length)[:, None, None]
        straight = start[:, None] + steps * velocity[:, None]
        positions = config.free_path - np.abs(straight % (2 * config.free_path) - config.free_path)
        bounces = np.zeros(positions.shape[:-1], dtype=bool)
        rooms = np.floor(straight / config.free_path)  # how often it is folded
        bounces[:, 1:] = (rooms[:, 1:] != rooms[:, :-1]).any(axis=-1)
        chosen = (draws[..., 4] * len(images)).astype(np.int64)
        return MovingMNISTClips(
            video=self._paint(positions, images[chosen]),
            labels=self.digits.labels[split][chosen],
            positions=positions,
            bounces=bounces,
        )

    def _paint(self, positions: np.ndarray, shown: np.ndarray) -> np.ndarray:
        """Writes only the windows in which digits are; (batch, digit, height, width) are shown."""
        size, digit_size = self.config.size, self.config.digit_size
        batch, clip_length = positions.shape[:2]
        video = np.zeros((batch, clip_length, size, size), dtype=np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(
            video, (digit_size, digit_size), axis=(2, 3), writeable=True
        )
        corners = np.floor(positions + 0.5).astype(np.int64)
        rows, times = np.arange(batch)[:, None], np.arange(clip_length)
        for digit in range(self.config.digits):
            place = rows, times, corners[:, :, digit, 1], corners[:, :, digit, 0]
            windows[place] = np.maximum(windows[place], shown[:, None, digit])
        return video[..., None]


def _resized(images: np.ndarray, size: int) -> np.ndarray:
    if images.shape[1:] == (size, size):
        return images
    import av

    from dlh.data.video.resize import Resizer, Target

    resizer = Resizer(Target(height=size, width=size, channels=1))
    frames = (av.VideoFrame.from_ndarray(image, format="gray") for image in images)
    return np.stack([resizer(frame)[..., 0] for frame in frames])
