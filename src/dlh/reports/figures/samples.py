"""A few clips and one prediction of each, to be compared over the course of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlh.reports.figures import canvas
from dlh.reports.figures.sheet import BORDER, LINE, Sheet

MARGIN = 16
GAP = 10
NAMES = 84
"""Width of the names at the left."""
PARTING = 14
"""Between what was observed and what was predicted."""


@dataclass(frozen=True, kw_only=True)
class PredictedClip:
    """A clip and what a model made of it; frames are uint8 (time, height, width, 1 or 3).

    Attributes:
        context: what the model watched.
        truth: what followed.
        predicted: what it predicted, as long as the truth.
    """

    context: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray


def draw_samples(
    clips: Sequence[PredictedClip],
    *,
    title: str,
    observed: int = 3,
    predicted: int = 9,
    panel: int = 64,
) -> bytes:
    """PNG bytes: two rows for each clip, what happened above and the prediction below it.

    Args:
        clips: at least one, of frames of one size and of equal lengths.
        title: over everything.
        observed, predicted: at most so many frames of each part, evenly spaced.
        panel: about how many pixels wide a frame is drawn; by whole numbers, so that pixels stay
            pixels.
    """
    watched, horizon = len(clips[0].context), len(clips[0].truth)
    before, after = _spread(watched, observed), _spread(horizon, predicted)
    scale = max(1, round(panel / clips[0].truth.shape[2]))
    height, width = (length * scale + 2 * BORDER + 4 for length in clips[0].truth.shape[1:3])
    columns = len(before) + len(after)
    head = MARGIN + 2 * LINE
    sheet = Sheet(
        2 * MARGIN + NAMES + columns * width + PARTING,
        head + len(clips) * (2 * height + GAP) - GAP + MARGIN,
    )

    def left(column: int) -> int:
        return MARGIN + NAMES + column * width + (PARTING if column >= len(before) else 0)

    sheet.write((MARGIN, MARGIN - 6), title)
    steps = [f"{time - watched + 1}" for time in before] + [f"+{time + 1}" for time in after]
    for column, step in enumerate(steps):
        colour = canvas.QUIET if column < len(before) else canvas.MODEL
        sheet.write((left(column) + width // 2 - 2, MARGIN + LINE - 4), step, colour, anchor="ma")
    for row, clip in enumerate(clips):
        top = head + row * (2 * height + GAP)
        for line, (name, frames, colour) in enumerate(
            (("truth", clip.truth, canvas.INK), ("predicted", clip.predicted, canvas.MODEL))
        ):
            y = top + line * height
            sheet.write((MARGIN, y + height // 2 - 2), name, anchor="lm")
            context, shown = canvas.as_rgb(clip.context), canvas.as_rgb(frames)
            if line == 0:
                for column, time in enumerate(before):
                    sheet.picture((left(column), y), context[time], scale, canvas.FAINT)
            for column, time in enumerate(after, start=len(before)):
                sheet.picture((left(column), y), shown[time], scale, colour)
    return sheet.png()


def _spread(length: int, count: int) -> list[int]:
    """Up to ``count`` of the places 0 to length - 1, evenly, the last one among them."""
    count = min(length, count)
    return sorted({round(place) for place in np.linspace(length - 1, 0, count)})
