"""Videos to look at: a sheet of frames, a row for each, and a film of all of them playing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dlh.reports.figures import canvas
from dlh.reports.figures.canvas import BORDER, LINE, Sheet

MARGIN = 16
GAP = 10
COLOURS = {"train": canvas.QUIET, "validation": canvas.MODEL, "test": canvas.TRUTH}
"""Of the border, by split."""

CHARACTER = 8
"""About the width of a letter, pixels."""


@dataclass(frozen=True, kw_only=True)
class ShownVideo:
    """A video to be shown.

    Attributes:
        name, split: what is written over it.
        fps: frames a second.
        frames: uint8 (time, height, width, 1 or 3), read only where they are drawn.
    """

    name: str
    split: str
    fps: float
    frames: np.ndarray


def draw_contact_sheet(
    videos: Sequence[ShownVideo], *, title: str, columns: int = 8, panel: int = 96
) -> bytes:
    """PNG bytes: a row for each video, of frames evenly spaced from its first to its last.

    Args:
        videos: at least one, of frames of one size.
        title: over everything.
        columns: frames of a row; a shorter video shows all it has.
        panel: about how many pixels wide a frame is drawn.
    """
    size = _PanelSize(videos[0].frames, panel)
    row_height = LINE + size.height + LINE + GAP
    sheet = Sheet(
        2 * MARGIN + columns * (size.width + GAP) - GAP,
        2 * MARGIN + LINE + GAP + len(videos) * row_height - GAP,
    )
    room = (columns * (size.width + GAP)) // CHARACTER
    sheet.write((MARGIN, MARGIN - 4), shortened(title, room))
    for row, video in enumerate(videos):
        y = MARGIN + LINE + GAP + row * row_height
        facts = f"   {video.split}, {len(video.frames)} frames, {video.fps:g} a second"
        colour = COLOURS.get(video.split, canvas.QUIET)
        sheet.write((MARGIN, y), shortened(video.name, room - len(facts)) + facts, colour)
        for column, number in enumerate(spread(len(video.frames), columns)):
            x = MARGIN + column * (size.width + GAP)
            frame = canvas.as_rgb(video.frames[number], 3)
            sheet.picture((x, y + LINE), size.fit(frame), size.scale, colour)
            sheet.write((x, y + LINE + size.height), str(number), canvas.QUIET)
    return sheet.png()


@dataclass(frozen=True, kw_only=True)
class VideoFilm:
    """All videos at once, each at its own rate and from the start again where it has ended.

    It has an array's ``dtype``, ``ndim`` and ``shape``, so what writes frames one by one can take
    it for one; a frame is drawn when it is its turn.

    Attributes:
        videos: at least one, of frames of one size.
        seconds: how long the film is; it is shorter where all videos are.
        panel: about how many pixels wide a video is drawn.
    """

    videos: tuple[ShownVideo, ...]
    seconds: float = 10.0
    panel: int = 160

    dtype = np.dtype(np.uint8)
    ndim = 4

    @property
    def fps(self) -> float:
        """Frames a second of the film: the highest of the videos, up to 60."""
        return min(max(video.fps for video in self.videos), 60.0)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, height, width, 3)."""
        longest = max(len(video.frames) / video.fps for video in self.videos)
        columns, rows = self._grid
        size = self._size
        return (
            max(2, round(min(longest, self.seconds) * self.fps)),
            2 * MARGIN + rows * (LINE + size.height + GAP) - GAP,
            2 * MARGIN + columns * (size.width + GAP) - GAP,
            3,
        )

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._draw(time) for time in range(self.shape[0]))

    @property
    def _size(self) -> _PanelSize:
        return _PanelSize(self.videos[0].frames, self.panel)

    @property
    def _grid(self) -> tuple[int, int]:
        columns = min(len(self.videos), 4)
        return columns, -(-len(self.videos) // columns)

    def _draw(self, time: int) -> np.ndarray:
        _, height, width, _ = self.shape
        sheet, size, columns = Sheet(width, height), self._size, self._grid[0]
        for number, video in enumerate(self.videos):
            row, column = divmod(number, columns)
            x = MARGIN + column * (size.width + GAP)
            y = MARGIN + row * (LINE + size.height + GAP)
            colour = COLOURS.get(video.split, canvas.QUIET)
            sheet.write((x, y), shortened(video.name, size.width // CHARACTER), colour)
            # A small excess: 0.1 s x 30 a second is frame 3, not the 2.9999999999999996th.
            shown = int(time / self.fps * video.fps + 1e-6) % len(video.frames)
            frame = canvas.as_rgb(video.frames[shown], 3)
            sheet.picture((x, y + LINE), size.fit(frame), size.scale, colour)
        return sheet.pixels()


class _PanelSize:
    """How a frame gets to about the wanted width: by whole numbers, so that pixels stay pixels."""

    def __init__(self, frames: np.ndarray, panel: int) -> None:
        height, width = frames.shape[1:3]
        self.scale = max(1, round(panel / max(height, width)))
        self._step = max(1, round(max(height, width) / (2 * panel)))
        self.height = len(range(0, height, self._step)) * self.scale + 2 * BORDER
        self.width = len(range(0, width, self._step)) * self.scale + 2 * BORDER

    def fit(self, frame: np.ndarray) -> np.ndarray:
        """A very large frame with rows and columns left out."""
        return frame[:: self._step, :: self._step]


def spread(count: int, wanted: int) -> list[int]:
    """Up to ``wanted`` different numbers below ``count``, evenly spaced, both ends among them."""
    if wanted == 1:
        return [0]
    return sorted({round(place * (count - 1) / (wanted - 1)) for place in range(wanted)})


def shortened(text: str, room: int) -> str:
    """A text of one line, shortened in the middle to fit."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    room = max(room, 5)
    if len(text) <= room:
        return text
    end = (room - 3) // 2
    return f"{text[: room - 3 - end]}...{text[len(text) - end :]}"
