"""Sources of clips: batches as a pure function of (seed, step), and fixed held-out clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np

from dlh.errors import DlhError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class DataError(DlhError, ValueError):
    """Data that cannot be used; the message says what was found, what was expected, what to do."""

    code = "data"


@dataclass(frozen=True, kw_only=True)
class Clips:
    """A batch of stored clips.

    Attributes:
        video: uint8, (batch, time, height, width, channel).
        events: the ground truth for e_t^2 where the data knows it, bool (batch, time); None
            elsewhere.
        level_events: where levels above 2 have a truth of their own, that of every level from 2 on,
            bool (batch, time, levels), of which ``events`` is the first; None elsewhere.
    """

    video: np.ndarray
    events: np.ndarray | None = None
    level_events: np.ndarray | None = None

    def truth(self, level: int) -> np.ndarray | None:
        """The ground truth for e_t^n of a level n from 2 on, bool (batch, time); None where the
        data knows no events.

        Data that does not tell levels apart has one truth for all. Of data that does, a level above
        those that it knows has nothing to find.
        """
        if level < 2:
            raise ValueError(f"events are of level 2 on, found level {level}")
        if self.level_events is None or level == 2:
            return self.events
        known = self.level_events.shape[2]
        index = level - 2
        return self.level_events[..., index] if index < known else np.zeros_like(self.events)

    def first(self, *, clips: int | None = None, steps: int | None = None) -> Self:
        """The first clips, and of them the first steps, with all that is known of them."""
        return self._each(lambda part: part[:clips, :steps])

    def row(self, number: int) -> Self:
        """One of the clips, as a batch of one, with all that is known of it."""
        return self._each(lambda part: part[number : number + 1])

    def _each(self, cut: Callable[[np.ndarray], np.ndarray]) -> Self:
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: cut(p) for name, p in parts.items() if p is not None})


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
