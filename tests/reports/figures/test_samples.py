"""The sheet of predicted clips, read back pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dlh.reports.figures.canvas import BORDER, LINE
from dlh.reports.figures.futures import GAP, MARGIN, NAMES, PARTING, draw_samples

SIZE, CELL = 16, 32 + 2 * BORDER + 4  # drawn twice as large


def ramp(frames: int, *, first: int, channels: int) -> np.ndarray:
    """Frame number n is a grey of ``first`` + 3 n."""
    levels = first + 3 * np.arange(frames, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (frames, SIZE, SIZE, channels))


def two_clips(
    *, channels: int = 3, watched: int = 6, horizon: int = 20
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Context, truth and prediction of two clips alike."""
    lengths = ((watched, 0), (horizon, 60), (horizon, 150))
    parts = [ramp(frames, first=first, channels=channels) for frames, first in lengths]
    context, truth, predicted = (np.stack([part, part]) for part in parts)
    return context, truth, predicted


def middles(png: bytes, *, columns: int, watched: int) -> list[list[int]]:
    """The grey in the middle of each frame, rows of truth and prediction in turn."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    rows = []
    for clip_number in range(2):
        for line in range(2):
            y = MARGIN + 2 * LINE + clip_number * (2 * CELL + GAP) + line * CELL + CELL // 2
            left = [
                MARGIN + NAMES + c * CELL + (PARTING if c >= watched else 0) for c in range(columns)
            ]
            rows.append([int(pixels[y, x + CELL // 2, 0]) for x in left])
    return rows


@pytest.mark.parametrize("channels", [1, 3])
def test_the_prediction_is_below_what_happened_at_the_same_steps(channels):
    clips = two_clips(channels=channels)
    png = draw_samples(*clips, title="two", context_columns=3, horizon_columns=4, panel=32)
    after = [0, 6, 13, 19]
    truth = [0, 6, 15, *(60 + 3 * n for n in after)]
    predicted = [255, 255, 255, *(150 + 3 * n for n in after)]
    assert middles(png, columns=7, watched=3) == [truth, predicted, truth, predicted]


def test_short_clips_show_every_frame():
    png = draw_samples(*two_clips(watched=1, horizon=2), title="short", panel=32)
    assert middles(png, columns=3, watched=1)[:2] == [[0, 60, 63], [255, 150, 153]]
