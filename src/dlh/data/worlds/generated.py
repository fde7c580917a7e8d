"""What generated data sets share: every clip is a pure function of (seed, split, clip index)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import numpy as np

from dlh.data.clips import SPLITS, Clips, DataError, Split
from dlh.data.sampling import batch_rows, check_held_out, check_request

AnyClips = TypeVar("AnyClips", bound=Clips)
_HELD_OUT_SEED = 0


class GeneratedSource(ABC, Generic[AnyClips]):
    """A source of generated clips; see :class:`dlh.data.clips.ClipSource`.

    Row r of training batch k is clip ``k * batch_size + r`` of the run's seed. Held-out clips do
    not depend on the run's seed, so the scores of two runs are computed on the same clips.

    Attributes:
        config: the settings of the world.
    """

    config: Any

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return self.config.frame_shape

    @abstractmethod
    def draws(self, clip_length: int) -> int:
        """How many uniform numbers a clip takes. What a longer clip takes more comes last, so that
        it begins with the shorter one of the same index.
        """

    @abstractmethod
    def play(self, draws: np.ndarray, clip_length: int, split: Split) -> AnyClips:
        """Uniform numbers in [0, 1), (batch, :meth:`draws`), to clips."""

    def batch(
        self,
        step: int,
        *,
        batch_size: int,
        clip_length: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> AnyClips:
        """Training batch number ``step``: the rows of this rank."""
        rows = batch_rows(
            step,
            batch_size=batch_size,
            clip_length=clip_length,
            seed=seed,
            rank=rank,
            world_size=world_size,
        )
        first = step * batch_size
        return self._clips(seed, "train", range(first + rows.start, first + rows.stop), clip_length)

    def held_out(self, split: Split, *, count: int, clip_length: int) -> AnyClips:
        """The first ``count`` clips of a held-out split, the same for every run."""
        check_held_out(split, clip_length=clip_length, count=count)
        return self._clips(_HELD_OUT_SEED, split, range(count), clip_length)

    def held_out_clip(self, split: Split, number: int, *, clip_length: int) -> AnyClips:
        """Clip ``number`` of a held-out split alone, as a batch of one; :meth:`held_out` gives the
        first ones together.
        """
        check_held_out(split, clip_length=clip_length)
        if number < 0:
            raise DataError(f"clips are numbered from 0, found {number}")
        return self._clips(_HELD_OUT_SEED, split, range(number, number + 1), clip_length)

    def draw(self, count: int, clip_length: int, random: np.random.Generator) -> AnyClips:
        """``count`` clips from a generator of random numbers of one's own, as for training."""
        check_request(clip_length=clip_length, count=count)
        return self.play(random.random((count, self.draws(clip_length))), clip_length, "train")

    def _clips(self, seed: int, split: Split, indices: range, clip_length: int) -> AnyClips:
        # Philox is counter-based: the key names (seed, split), the counter's second word the clip.
        key = np.random.SeedSequence([seed, SPLITS.index(split)]).generate_state(2, np.uint64)
        draws = np.empty((len(indices), self.draws(clip_length)))
        for row, index in enumerate(indices):
            np.random.Generator(np.random.Philox(key=key, counter=[0, index, 0, 0])).random(
                out=draws[row]
            )
        return self.play(draws, clip_length, split)
