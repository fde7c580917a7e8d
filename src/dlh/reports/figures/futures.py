"""Predictions to look at: futures of one clip as a film or a grid, and several clips at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from torch import Tensor

from dlh.reports.figures import canvas
from dlh.reports.figures.canvas import BORDER, LINE, Sheet

MARGIN = 16
GAP = 10
PARTING = 14
"""Between what was observed and what was predicted."""
MOST_ROWS = 5
"""Samples in a still."""
NAMES = 84
"""Width of the names at the left of clips."""
BAR = 14  # the bar of time under a panel, with the space above it


def tile_futures(
    samples: np.ndarray,
    *,
    context: np.ndarray,
    truth: np.ndarray | None = None,
    changed: Tensor | np.ndarray | None = None,
    panel: int = 224,
) -> FutureFilm:
    """The frames of prediction.mp4: the truth (if any) beside sampled futures, first observed, then
    predicted.

    While the model watches, all panels show the context in a grey border; from the first predicted
    step on the futures have a blue one. A bar under each panel fills with time; a stroke on it is a
    sampled event of level 2.

    Args:
        samples: stored futures, uint8 (samples, horizon, height, width, channel).
        context: the observed frames, uint8 (context_steps, height, width, channel).
        truth: what followed, uint8 (horizon, height, width, channel).
        changed: sampled changes of level 2, bool (samples, horizon).
        panel: about how many pixels wide a panel is; frames are enlarged by whole numbers, nearest
            neighbour.

    Returns:
        context_steps + horizon frames, each uint8 (height, width, 3) of even size, drawn when they
        are asked for.
    """
    samples, context, truth = _check(samples, context, truth)
    count, horizon = samples.shape[:2]
    if changed is not None:
        changed = canvas.as_array(changed).astype(bool)
        if changed.shape != (count, horizon):
            raise ValueError(
                f"sampled changes have axes (samples, time) = {(count, horizon)}, found "
                f"{changed.shape}"
            )
    panels = [] if truth is None else [_Panel("what happened", truth, None, canvas.INK)]
    for index in range(count):
        strokes = None if changed is None else changed[index]
        panels.append(_Panel(f"future {index + 1}", samples[index], strokes, canvas.MODEL))
    scale = _scale(context, panel)
    columns = _best_columns(len(panels), context.shape[2] * scale, context.shape[1] * scale)
    return FutureFilm(context, tuple(panels), scale, columns)


@dataclass(frozen=True)
class _Panel:
    """Its name, the frames after the context, their events, its border's colour from there on."""

    name: str
    frames: np.ndarray
    strokes: np.ndarray | None
    colour: str


@dataclass(frozen=True)
class FutureFilm(Sequence):
    """A film whose frames are drawn when they are asked for: a long one would fill the memory.

    It has an array's ``dtype``, ``ndim`` and ``shape``, so what writes frames one by one can take
    it for one.
    """

    context: np.ndarray
    panels: tuple[_Panel, ...]
    scale: int
    columns: int

    dtype = np.dtype(np.uint8)
    ndim = 4

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, height, width, 3) of all frames; height and width are even, as yuv420p wants."""
        width, height = self._panel_size
        rows = -(-len(self.panels) // self.columns)
        full_width = 2 * MARGIN + self.columns * (width + GAP) - GAP
        full_height = 2 * MARGIN + LINE + 6 + rows * (LINE + height + BAR + GAP) - GAP
        return len(self), full_height + full_height % 2, full_width + full_width % 2, 3

    def __len__(self) -> int:
        return len(self.context) + len(self.panels[0].frames)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._draw(time) for time in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        times = range(len(self))[index]
        return self._draw(times) if isinstance(times, int) else [self._draw(t) for t in times]

    @property
    def _panel_size(self) -> tuple[int, int]:
        height, width = self.context.shape[1:3]
        return width * self.scale + 2 * BORDER, height * self.scale + 2 * BORDER

    def _draw(self, time: int) -> np.ndarray:
        _, full_height, full_width, _ = self.shape
        sheet = Sheet(full_width, full_height)
        ahead = time - len(self.context) + 1
        if ahead < 1:
            title, colour = f"observing frame {time + 1} of {len(self.context)}", canvas.QUIET
        else:
            title = f"predicting step {ahead} of {len(self.panels[0].frames)}"
            colour = canvas.MODEL
        sheet.write((MARGIN, MARGIN - 4), title, colour)
        width, height = self._panel_size
        for index, panel in enumerate(self.panels):
            row, column = divmod(index, self.columns)
            x = MARGIN + column * (width + GAP)
            y = MARGIN + LINE + 6 + row * (LINE + height + BAR + GAP)
            sheet.write((x, y), panel.name)
            self._draw_panel(sheet, panel, time, x, y + LINE)
        return sheet.pixels()

    def _draw_panel(self, sheet: Sheet, panel: _Panel, time: int, x: int, y: int) -> None:
        steps = len(self.context)
        seen = time < steps
        frame = self.context[time] if seen else panel.frames[time - steps]
        sheet.picture((x, y), frame, self.scale, canvas.FAINT if seen else panel.colour)
        width, height = self._panel_size
        bar = y + height + 4

        def at(step: int) -> int:
            return x + round(step / len(self) * width)

        sheet.fill(x, bar + 3, x + width - 1, bar + 6, canvas.WASH)
        sheet.fill(x, bar + 3, at(min(time + 1, steps)) - 1, bar + 6, canvas.FAINT)
        sheet.fill(at(steps), bar + 3, at(time + 1) - 1, bar + 6, panel.colour)
        if panel.strokes is not None:
            for step in np.flatnonzero(panel.strokes[: max(0, time - steps + 1)]):
                stroke = at(steps + int(step))
                sheet.fill(stroke, bar, stroke + 1, bar + 9, canvas.TRUTH)


def still_grid(
    samples: np.ndarray,
    *,
    context: np.ndarray,
    truth: np.ndarray | None = None,
    steps: tuple[int, ...] | None = None,
    panel: int = 96,
) -> bytes:
    """A still of the futures: rows are the truth (if any) and the samples, columns are steps.

    Args:
        samples: stored futures, uint8 (samples, horizon, height, width, channel).
        context: the observed frames, uint8 (context_steps, height, width, channel); up to two are
            shown.
        truth: what followed, uint8 (horizon, height, width, channel).
        steps: which predicted steps, counted from 1; about eight, denser at the start, when None.
        panel: about how many pixels wide a picture is.

    Returns:
        PNG bytes.
    """
    samples, context, truth = _check(samples, context, truth)
    horizon = samples.shape[1]
    steps = _spread_steps(horizon) if steps is None else steps
    if not steps or min(steps) < 1 or max(steps) > horizon:
        raise ValueError(f"the steps to show lie in 1 to {horizon}, found {steps}")
    observed = sorted({len(context) // 2, len(context) - 1})
    rows = [] if truth is None else [("what happened", truth, canvas.INK)]
    rows += [(f"future {k + 1}", row, canvas.MODEL) for k, row in enumerate(samples[:MOST_ROWS])]
    scale = _scale(context, panel)
    height, width = (length * scale + 2 * BORDER + 4 for length in context.shape[1:3])
    names, parting, head = 112, 14, MARGIN + 2 * LINE + 4
    sheet = Sheet(
        2 * MARGIN + names + (len(observed) + len(steps)) * width + parting,
        MARGIN + head + len(rows) * height,
    )

    def left(column: int) -> int:
        return MARGIN + names + column * width + (parting if column >= len(observed) else 0)

    sheet.write((left(0), MARGIN), "observed", canvas.QUIET)
    sheet.write((left(len(observed)), MARGIN), "predicted, steps ahead", canvas.MODEL)
    labels = [f"{index - len(context) + 1}" for index in observed] + [f"+{step}" for step in steps]
    for column, label in enumerate(labels):
        sheet.write((left(column) + width // 2 - 2, MARGIN + LINE), label, anchor="ma")
    for row, (name, film, colour) in enumerate(rows):
        y = head + row * height
        sheet.write((MARGIN, y + height // 2 - 2), name, anchor="lm")
        pictures = [context[index] for index in observed] + [film[step - 1] for step in steps]
        for column, picture in enumerate(pictures):
            border = canvas.FAINT if column < len(observed) else colour
            sheet.picture((left(column), y), picture, scale, border)
    return sheet.png()


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
    before, after = _evenly(watched, context_columns), _evenly(horizon, horizon_columns)
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


def _check(
    samples: np.ndarray, context: np.ndarray, truth: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    samples, context = canvas.as_rgb(samples, 5), canvas.as_rgb(context)
    truth = None if truth is None else canvas.as_rgb(truth)
    if 0 in samples.shape or 0 in context.shape:
        raise ValueError(
            "a picture of futures needs at least one sample, one step and one context frame, found "
            f"samples {samples.shape} and context {context.shape}"
        )
    for name, other in (("the context", context), ("the truth", truth)):
        if other is not None and other.shape[1:] != samples.shape[2:]:
            raise ValueError(
                f"the futures have frames of (height, width, channel) = {samples.shape[2:]}, "
                f"{name} has {other.shape[1:]}"
            )
    if truth is not None and len(truth) != samples.shape[1]:
        raise ValueError(
            f"the truth has one frame for each of the {samples.shape[1]} predicted steps, found "
            f"{len(truth)}"
        )
    return samples, context, truth


def _spread_steps(horizon: int) -> tuple[int, ...]:
    """About eight steps from 1 to the horizon, denser at the start."""
    parts = np.linspace(0, 1, 8) ** 2.2
    return tuple(sorted({round(1 + part * (horizon - 1)) for part in parts}))


def _evenly(length: int, count: int) -> list[int]:
    """Up to ``count`` of the places 0 to length - 1, evenly, the last one among them."""
    count = min(length, count)
    return sorted({round(place) for place in np.linspace(length - 1, 0, count)})


def _scale(frames: np.ndarray, panel: int) -> int:
    return max(1, round(panel / frames.shape[2]))


def _best_columns(panels: int, width: int, height: int) -> int:
    """The number of columns that fills a 16:9 screen with the largest panels."""

    def size(columns: int) -> float:
        rows = -(-panels // columns)
        return max(columns * (width + GAP) / 16, rows * (height + LINE + BAR + GAP) / 9)

    return min(range(1, panels + 1), key=size)
