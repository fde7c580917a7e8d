"""What the models of this room share: they predict, have nothing to learn and no likelihood."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor

from dlh.interfaces import PLAIN, TRAINED, Execution, Prediction, Update


@dataclass(frozen=True, kw_only=True)
class Unlearned(ABC):
    """The part of the VideoModel contract that does not depend on what is predicted.

    Attributes:
        name: what people call it, for tables and legends.
    """

    name: str

    @abstractmethod
    def frames(self, context: Tensor, *, horizon: int, samples: int) -> Tensor:
        """What follows a context (batch, time, channel, height, width).

        Returns:
            (batch, samples, horizon, channel, height, width); perhaps fewer samples.

        Raises:
            VideoError: the context cannot be used, or the horizon is too long.
        """

    def objective(
        self,
        video: Tensor,
        *,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> NoReturn:
        """Always raises TypeError: such a model puts no probability on a video."""
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
        """What :meth:`frames` gives; nothing is drawn.

        Raises:
            ValueError: the horizon or the number of samples is below 1.
            VideoError: of :meth:`frames`.
        """
        if horizon < 1 or samples < 1:
            raise ValueError(
                f"a prediction has at least 1 step and 1 sample, found horizon {horizon} and "
                f"samples {samples}"
            )
        return Prediction(frames=self.frames(context, horizon=horizon, samples=samples))
