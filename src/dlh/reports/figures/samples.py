"""A few clips and one prediction of each, to be compared over the course of a training."""

from __future__ import annotations

import numpy as np

from dlh.reports.figures import canvas
from dlh.reports.figures.sheet import BORDER, LINE, Sheet

MARGIN = 16
GAP = 10
NAMES = 84
"""Width of the names at the left."""
PARTING = 14
"""Between what was observed and what was predicted."""


def draw_samples(
    context: np.ndarray,
    truth: np.ndarray,
    predicted: np.ndarray,
    *,
    title: str,
    context_columns: int = 3,
    horizon_columns: int = 9,
    panel: int = 64,
) -> bytes:
    """PNG bytes: two rows for each clip, what happened above and the prediction below it.

    Args:
        context: what the model watched, uint8 (clip, time, height, width, 1 or 3).
        truth: what followed, likewise.
        predicted: what it predicted, as long as the truth.
        title: over everything.
        context_columns, horizon_columns: at most so many frames of each part, evenly spaced.
        panel: about how many pixels wide a frame is drawn; by whole numbers, so that pixels stay
            pixels.
    """
    clips, horizon, *size, _ = truth.shape
    watched = context.shape[1]
    before, after = _spread(watched, context_columns), _spread(horizon, horizon_columns)
    scale = max(1, round(panel / size[1]))
    height, width = (length * scale + 2 * BORDER + 4 for length in size)
    context, truth, predicted = (canvas.as_rgb(part, 5) for part in (context, truth, predicted))
    columns = len(before) + len(after)
    head = MARGIN + 2 * LINE
    sheet = Sheet(
        2 * MARGIN + NAMES + columns * width + PARTING,
        head + clips * (2 * height + GAP) - GAP + MARGIN,
    )

    def left(column: int) -> int:
        return MARGIN + NAMES + column * width + (PARTING if column >= len(before) else 0)

    sheet.write((MARGIN, MARGIN - 6), title)
    steps = [f"{time - watched + 1}" for time in before] + [f"+{time + 1}" for time in after]
    for column, step in enumerate(steps):
        colour = canvas.QUIET if column < len(before) else canvas.MODEL
        sheet.write((left(column) + width // 2 - 2, MARGIN + LINE - 4), step, colour, anchor="ma")
    for clip in range(clips):
        top = head + clip * (2 * height + GAP)
        for column, time in enumerate(before):
            sheet.picture((left(column), top), context[clip, time], scale, canvas.FAINT)
        rows = (("truth", truth[clip], canvas.INK), ("predicted", predicted[clip], canvas.MODEL))
        for line, (name, frames, colour) in enumerate(rows):
            y = top + line * height
            sheet.write((MARGIN, y + height // 2 - 2), name, anchor="lm")
            for column, time in enumerate(after, start=len(before)):
                sheet.picture((left(column), y), frames[time], scale, colour)
    return sheet.png()


def _spread(length: int, count: int) -> list[int]:
    """Up to ``count`` of the places 0 to length - 1, evenly, the last one among them."""
    count = min(length, count)
    return sorted({round(place) for place in np.linspace(length - 1, 0, count)})
