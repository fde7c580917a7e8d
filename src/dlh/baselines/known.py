"""A model whose futures lie ready: another clip, the truth itself, or what other software drew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor

from dlh.interfaces import WHOLE, Prediction, Recompute, Share
from dlh.video import VideoError, check_video


@dataclass(frozen=True, kw_only=True)
class KnownFutures:
    """Keeps the VideoModel contract and gives the same futures after every context.

    As a floor it predicts with the futures of other clips: what a model scores that knows what the
    data looks like and nothing of this clip. With the truth itself it is the oracle, of which every
    score must be perfect.

    Attributes:
        name: what people call it.
        futures: (samples, time, channel, height, width).
    """

    name: str
    futures: Tensor

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        channels, height, width = self.futures.shape[2:]
        return channels, height, width

    def objective(
        self,
        video: Tensor,
        *,
        generator: torch.Generator | None = None,
        recompute: Recompute = "auto",
        share: Share = WHOLE,
        compiled: bool = False,
    ) -> NoReturn:
        """Always raises TypeError: known futures put no probability on a video."""
        raise TypeError(
            f"{self.name!r} has no likelihood, so it cannot be trained or give a bound; compare it "
            "by its predictions only"
        )

    def predict(
        self,
        context: Tensor,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Prediction:
        """The first ``samples`` of the futures, or all where there are fewer, for each context.

        Raises:
            VideoError: the futures are shorter than the horizon.
        """
        if horizon < 1 or samples < 1:
            raise ValueError(
                f"a prediction has at least 1 step and 1 sample, found horizon {horizon} and "
                f"samples {samples}"
            )
        check_video(context, self.frame_shape)
        if self.futures.shape[1] < horizon:
            raise VideoError(
                f"the futures of {self.name!r} have {self.futures.shape[1]} frames, {horizon} are "
                "asked for; ask for a shorter horizon"
            )
        frames = self.futures[None, :samples, :horizon].to(context)
        return Prediction(frames=frames.expand(len(context), -1, -1, -1, -1, -1))
