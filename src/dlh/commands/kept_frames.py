"""The few frames of a video that are kept for its picture while it is read piece by piece."""

from __future__ import annotations

import heapq

import numpy as np

from dlh.event_files.answer import Answer
from dlh.reports.figures.events import Pair

MOST_BYTES = 2**24
"""Of frames that are kept for the picture: of 32 x 32 pixels in colour they are 5,400."""
PAIRS = 8
"""Strongest events whose frames before and after are in the picture."""


class FirstFrames:
    """The first frames of a video, of which the picture shows some; no more than MOST_BYTES."""

    def __init__(self) -> None:
        self.count = 0
        self._pieces: list[np.ndarray] = []

    def add(self, piece: np.ndarray) -> None:
        """The next frames, uint8 (time, height, width, channel)."""
        room = MOST_BYTES // piece[0].nbytes
        if self.count < room:
            self._pieces.append(piece[: room - self.count])
            self.count += len(self._pieces[-1])

    def whole(self) -> np.ndarray:
        """All that are kept."""
        return np.concatenate(self._pieces)


class Strongest:
    """The frames before and after the strongest changes of a video that is read piece by piece.

    Args:
        count: of changes, at most.
    """

    def __init__(self, count: int) -> None:
        self._count, self._seen = count, 0
        self._last: np.ndarray | None = None
        self._kept: list[tuple[float, int, np.ndarray, np.ndarray]] = []

    def add(self, piece: np.ndarray, scores: np.ndarray) -> None:
        """The next frames, (time, height, width, channel), and how much each differs, (time,);
        minus infinity where there is no event.
        """
        for index in np.flatnonzero(np.isfinite(scores)).tolist():
            before = piece[index - 1] if index else self._last
            score, frame = float(scores[index]), self._seen + index
            full = len(self._kept) == self._count
            if before is None or (full and score <= self._kept[0][0]):
                continue
            kept = (score, -frame, before.copy(), piece[index].copy())
            (heapq.heapreplace if full else heapq.heappush)(self._kept, kept)
        self._seen += len(piece)
        self._last = piece[-1].copy()

    def pairs(self, answer: Answer) -> tuple[Pair, ...]:
        """Those that are events of the answer, the strongest first."""
        frames = {-frame: (before, after) for _, frame, before, after in self._kept}
        shown: dict[int, Pair] = {}
        for event in answer.ranked:
            if event.frame in frames and event.frame not in shown:
                before, after = frames[event.frame]
                shown[event.frame] = Pair(
                    before=before,
                    after=after,
                    frame=event.frame,
                    seconds=event.seconds,
                    surprise=event.surprise,
                )
        return tuple(shown.values())
