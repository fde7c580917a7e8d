"""What a source of clips gives: batches as a pure function of (seed, step), and fixed held-out
clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class DataError(ValueError):
    """Data that cannot be used; the message says what was found, what was expected, what to do."""


@dataclass(frozen=True, kw_only=True)
class Clips:
    """A batch of stored clips.

    Attributes:
        video: uint8, (batch, time, height, width, channel).
        events: the ground truth for e_t^2 where the data knows it, bool (batch, time); None
            elsewhere.
    """

    video: np.ndarray
    events: np.ndarray | None = None


@runtime_checkable
class ClipSource(Protocol):
    """Where clips come from: a generator or a store on disk.

    Attributes:
        name: for people and for the run's snapshot.
        frame_shape: (channel, height, width).
    """

    name: str

    @property
    def frame_shape(self) -> tuple[int, int, int]: ...

    def batch(
        self,
        step: int,
        *,
        batch_size: int,
        clip_length: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> Clips:
        """Training batch number ``step``: the rows of this rank, a pure function of the arguments.

        The rows of ranks 0..K-1 in order are the batch of one process.
        """
        ...

    def held_out(self, split: Split, *, count: int, clip_length: int) -> Clips | None:
        """Up to ``count`` fixed clips that training never sees; None where the split has none that
        long.
        """
        ...
