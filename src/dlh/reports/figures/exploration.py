"""The pictures of the explorer: a timeline of levels and surprise, and rows of enlarged frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from dlh.reports.figures import canvas
from dlh.reports.figures.canvas import BORDER, LINE, Sheet

WIDTH = 1600
LEFT = 150
RIGHT = 16
FILM = 60
"""Height of the film above the lanes, pixels, about."""
BAND = 26
BARS = 56
GAP = 12
ROOM = (1000, 250)
"""Pixels that a row of frames may be wide and high, about."""


def frame_at(x: float, frames: int) -> int:
    """The frame at a place of the timeline, from 0.

    Args:
        x: pixels from the left edge; beside the lanes it is the nearest frame.
        frames: of the timeline.
    """
    place = int((x - LEFT) / (WIDTH - LEFT - RIGHT) * frames)
    return min(max(place, 0), frames - 1)


def timeline(
    frames: np.ndarray,
    changed: np.ndarray,
    surprise: np.ndarray,
    *,
    first: int,
    chosen: int,
    other: int | None = None,
) -> np.ndarray:
    """A film strip above a lane for each level, the highest on top.

    The band of a lane changes its tint where the level takes a new state; below it bars show the
    surprise, upwards where it speaks for a change.

    Args:
        frames: of the whole video, uint8 (time, height, width, channel).
        changed: where each level takes a new state, bool (steps, levels).
        surprise: nats, (steps, levels); NaN for none, and a lane without any has no bars.
        first: the frame of the first step.
        chosen: the frame that is marked.
        other: a second one, marked more faintly.

    Returns:
        uint8 (height, WIDTH, 3).
    """
    frames = canvas.as_rgb(frames)
    levels = changed.shape[1]
    has_bars = [bool(np.isfinite(surprise[:, index]).any()) for index in range(levels)]
    scale = max(1, round(FILM / frames.shape[1]))
    wide, tall = (size * scale + 2 * BORDER for size in frames.shape[2:0:-1])
    lanes = sum(BAND + (BARS if bars else 0) + GAP for bars in has_bars)
    sheet = Sheet(WIDTH, tall + GAP + lanes + LINE + 6)

    def at(frame: float) -> int:
        return LEFT + round(frame / len(frames) * (WIDTH - LEFT - RIGHT))

    room = WIDTH - LEFT - RIGHT
    number = max(1, min(len(frames), room // (wide + 4)))
    for place in range(number):
        middle = LEFT + (2 * place + 1) * room // (2 * number)
        shown = frames[frame_at(middle, len(frames))]
        sheet.picture((middle - wide // 2, 0), shown, scale, canvas.FAINT)
    top = tall + GAP
    for index in reversed(range(levels)):
        colour = canvas.LEVELS[index % len(canvas.LEVELS)]
        sheet.write((LEFT - 14, top + BAND // 2), f"level {index + 1}", colour, anchor="rm")
        _band(sheet, changed[:, index], colour, top, lambda step: at(first + step))
        top += BAND
        if has_bars[index]:
            _bars(sheet, surprise[:, index], colour, top, lambda step: at(first + step))
            top += BARS
        top += GAP
    marks = (
        [(chosen, canvas.INK)] if other is None else [(other, canvas.QUIET), (chosen, canvas.INK)]
    )
    for frame, colour in marks:
        middle = (at(frame) + at(frame + 1)) // 2
        sheet.fill(middle - 1, 0, middle + 1, top - GAP // 2, colour)
        sheet.write((middle, top - GAP // 2 + 2), str(frame), colour, anchor="ma")
    return sheet.pixels()


def _band(
    sheet: Sheet, changed: np.ndarray, colour: str, top: int, at: Callable[[int], int]
) -> None:
    starts = sorted({0, *np.flatnonzero(changed).tolist(), len(changed)})
    pale = _pale(colour)
    for number, (start, end) in enumerate(pairwise(starts)):
        tint = colour if number % 2 == 0 else pale
        sheet.fill(at(start), top, at(end) - 1, top + BAND - 1, tint)


def _bars(sheet: Sheet, nats: np.ndarray, colour: str, top: int, at: Callable[[int], int]) -> None:
    most = float(np.nanmax(np.abs(nats))) or 1.0
    middle, room = top + BARS // 2, BARS // 2 - 3
    sheet.write((LEFT - 14, middle), f"surprise ± {most:.3g} nats", canvas.QUIET, anchor="rm")
    sheet.fill(at(0), middle, at(len(nats)) - 1, middle, canvas.FAINT)
    for step, value in enumerate(nats):
        if not np.isfinite(value):
            continue
        # The root keeps small evidence visible beside a large one.
        height = round(np.sqrt(abs(value) / most) * room)
        left, right = at(step), max(at(step), at(step + 1) - 2)
        if value >= 0:
            sheet.fill(left, middle - height, right, middle, colour)
        else:
            sheet.fill(left, middle, right, middle + height, canvas.FAINT)


def _pale(colour: str) -> str:
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{(part + 2 * 255) // 3:02x}" for part in parts)


def frame_row(frames: Sequence[np.ndarray], captions: Sequence[str], *, level: int = 0) -> bytes:
    """Frames side by side, enlarged by whole numbers, each under its caption.

    Args:
        frames: uint8 (height, width, channel), all of one size.
        captions: of each.
        level: whose colour the border of all but the first has; 0 for none.

    Returns:
        PNG bytes.
    """
    shown = [canvas.as_rgb(frame, 3) for frame in frames]
    height, width = shown[0].shape[:2]
    room = ROOM[0] // len(shown) - 8 - 2 * BORDER
    scale = max(1, min(ROOM[1] // height, room // width))
    wide, tall = width * scale + 2 * BORDER, height * scale + 2 * BORDER
    step = max(wide + 8, 84)
    sheet = Sheet(step * len(shown), tall + LINE)
    colour = canvas.LEVELS[(level - 1) % len(canvas.LEVELS)] if level else canvas.FAINT
    for number, (frame, caption) in enumerate(zip(shown, captions, strict=True)):
        sheet.write((number * step, 0), caption)
        sheet.picture((number * step, LINE), frame, scale, colour if number else canvas.FAINT)
    return sheet.png()
