"""A model whose futures lie ready: another clip, the truth itself, or what other software drew."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from dlh.evaluation.floors.unlearned import Unlearned
from dlh.video import VideoError, check_video


@dataclass(frozen=True, kw_only=True)
class KnownFutures(Unlearned):
    """Keeps the VideoModel contract and gives the same futures after every context.

    As a floor it predicts with the futures of other clips: what a model scores that knows what the
    data looks like and nothing of this clip. With the truth itself it is the oracle, of which every
    score must be perfect.

    Attributes:
        futures: (samples, time, channel, height, width).
    """

    futures: Tensor

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        channels, height, width = self.futures.shape[2:]
        return channels, height, width

    def frames(self, context: Tensor, *, horizon: int, samples: int) -> Tensor:
        """The first ``samples`` of the futures, or all where there are fewer, for each context.

        Raises:
            VideoError: the futures are shorter than the horizon.
        """
        check_video(context, self.frame_shape)
        if self.futures.shape[1] < horizon:
            raise VideoError(
                f"the futures of {self.name!r} have {self.futures.shape[1]} frames, {horizon} are "
                "asked for; ask for a shorter horizon"
            )
        frames = self.futures[None, :samples, :horizon].to(context)
        return frames.expand(len(context), -1, -1, -1, -1, -1)
