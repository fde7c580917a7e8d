"""What there is in a few videos: how they move, how large what moves is, how long states last.

Read off frames alone, before there is a model, to choose one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlh.analysis.event_methods import ChangePointDetector, MotionDetector, MotionEnergy
from dlh.evaluation.event_floors import has_ruptures

SIZE = 64
"""Height and width of the frames that are looked at, pixels."""
USUAL_SPACING = 3.0
"""Seconds that a state lasts, where no change is found."""
LEAST_DIFFERENCE, MOST_DIFFERENCE = 0.05, 0.1
"""Of a pixel that shows something else than the still scene, as a part of black to white."""
NOISE_FACTOR = 5.0
"""Between these two, so many standard deviations of the noise."""
MOVING_CAMERA = 0.4
"""Share of the pixels that differ from the still scene, from which on the camera moves."""
GREY = 2
"""Steps of 255 between the colours of a pixel, at most, on average, of a grey video."""


@dataclass(frozen=True, kw_only=True)
class Footage:
    """What was seen.

    Attributes:
        files: videos that can be read.
        frames: of all of them, as far as they announce it.
        shortest: frames of the shortest.
        fps: frames a second, the median.
        one_rate: whether all have that rate, within 5 %.
        still: whether the camera stands still.
        grey: whether the colours of every pixel are the same.
        mover: about how wide what moves is, pixels of a frame of 64 x 64.
        weight: sum over pixels and colours of the squared difference from the still scene, mean
            over frames; colours from 0 to 1.
        spacing: seconds between changes of motion.
    """

    files: int
    frames: int
    shortest: int
    fps: float
    one_rate: bool
    still: bool
    grey: bool
    mover: float
    weight: float
    spacing: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen of one video; fields as those of :class:`Footage`."""

    still: bool
    grey: bool
    mover: float
    weight: float
    changes: int
    seconds: float


def look_at(frames: np.ndarray, fps: float) -> Look:
    """Look at the first frames of a video, uint8 (time, height, width, channel)."""
    still_scene = np.median(frames, axis=0).astype(np.int16)
    difference = np.abs(frames - still_scene)
    noise = float(np.median(difference)) / 255 * 1.4826
    least = min(max(LEAST_DIFFERENCE, NOISE_FACTOR * noise), MOST_DIFFERENCE)
    differs = difference.max(-1) > 255 * least
    area = differs.sum((1, 2))
    moving = area[area > 0]
    squares = (difference.astype(np.float32) / 255) ** 2 * differs[..., None]
    energy = MotionEnergy()
    energy.add(frames)
    kind = ChangePointDetector if has_ruptures() else MotionDetector
    detector = kind(energy=energy.whole(), fps=fps)
    return Look(
        still=bool(differs.mean() < MOVING_CAMERA),
        grey=bool(np.ptp(frames.astype(np.int16), axis=-1).mean() <= GREY),
        mover=float(np.sqrt(np.median(moving))) if len(moving) else 0.0,
        weight=float(squares.sum((1, 2, 3)).mean()),
        changes=len(detector.at(detector.threshold)),
        seconds=len(frames) / fps,
    )


def footage(looks: Sequence[Look], lengths: Sequence[int], rates: Sequence[float]) -> Footage:
    """All videos together.

    Args:
        looks: of some of them, at least one.
        lengths: frames of every video.
        rates: frames a second of every video.
    """
    fps = float(np.median(rates))
    changes = sum(look.changes for look in looks)
    seconds = sum(look.seconds for look in looks)
    return Footage(
        files=len(lengths),
        frames=sum(lengths),
        shortest=min(lengths),
        fps=fps,
        one_rate=all(abs(rate / fps - 1) < 0.05 for rate in rates),
        still=float(np.mean([look.still for look in looks])) > 0.5,
        grey=all(look.grey for look in looks),
        mover=float(np.median([look.mover for look in looks])),
        weight=float(np.mean([look.weight for look in looks])),
        spacing=seconds / changes if changes else USUAL_SPACING,
    )
