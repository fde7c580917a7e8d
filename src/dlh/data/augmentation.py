"""Other clips of the same videos, in which the same things happen at the same frames.

Each change is drawn once for a whole clip, so that none of them is an event itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlh.settings import ConfigError, check_at_least

ROW = 2
"""Third number of the seed of a row's changes; its window is drawn from the first two alone."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What training clips of stored videos are made of; held-out clips only have the stride.

    Attributes:
        stride: every how many stored frames one is taken. A clip then covers so many times as much,
            and each phase of the stride is a clip of its own.
        flip: mirrors half of the clips left to right.
        shift: pixels by which a clip is moved, at most, each way; its edge is repeated.
        colour: by what share a clip's brightness and each of its colours are changed, at most.
    """

    stride: int = 1
    flip: bool = False
    shift: int = 0
    colour: float = 0.0

    def __post_init__(self) -> None:
        check_at_least(1, stride=self.stride)
        check_at_least(0, shift=self.shift)
        if not 0 <= self.colour < 1:
            raise ConfigError(f"colour is at least 0 and below 1, found {self.colour}")

    def span(self, clip_length: int) -> int:
        """Stored frames from the first to the last of a clip."""
        return (clip_length - 1) * self.stride + 1

    def change(self, clip: np.ndarray, *, seed: int, step: int, row: int) -> np.ndarray:
        """A training clip, changed as drawn for this row of this batch.

        Args:
            clip: uint8 (time, height, width, channel).
            seed, step, row: what the draw is a function of.
        """
        if not (self.flip or self.shift or self.colour):
            return clip
        random = np.random.default_rng([seed, step, ROW, row])
        if self.flip and random.integers(2):
            clip = clip[:, :, ::-1]
        if self.shift:
            clip = _shifted(clip, *random.integers(-self.shift, self.shift + 1, size=2))
        if self.colour:
            light, colours = random.uniform(-1, 1), random.uniform(-1, 1, size=clip.shape[-1])
            gains = (1 + self.colour * light) * (1 + 0.5 * self.colour * colours)
            values = np.clip(np.arange(256)[:, None] * gains, 0, 255).round().astype(np.uint8)
            clip = np.stack([values[clip[..., c], c] for c in range(clip.shape[-1])], -1)
        return clip


def _shifted(clip: np.ndarray, down: int, right: int) -> np.ndarray:
    """A clip moved by so many pixels; what moves in is the edge, repeated."""
    rows = np.clip(np.arange(clip.shape[1]) - down, 0, clip.shape[1] - 1)
    columns = np.clip(np.arange(clip.shape[2]) - right, 0, clip.shape[2] - 1)
    return clip[:, rows][:, :, columns]
