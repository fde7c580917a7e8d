"""The contract that every model keeps, and through which training and evaluation see it.

DLH, the baselines and the trivial floors all run through identical code because that code imports
this file and nothing of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from dlh.errors import DlhError

if TYPE_CHECKING:  # who only reads a configuration does not wait for torch
    import torch
    from torch import Tensor

Recompute = Literal["auto", "always", "never"]
"""Whether what a gradient needs is computed again instead of kept: less memory, a third more
arithmetic. ``auto``: for clips that are too long to keep it."""


class CompilationError(DlhError, RuntimeError):
    """Something cannot be compiled here; the message holds the compiler's reason, in one line."""

    code = "compilation"


@dataclass(frozen=True, kw_only=True)
class Share:
    """Number ``index`` of ``count`` equal parts of a batch: what one process, or one part of a
    step, computes. The shares of a batch, in order, are the batch.
    """

    index: int = 0
    count: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """This share of a tensor whose first axis is the whole batch."""
        return whole.unflatten(0, (self.count, -1))[self.index]


WHOLE = Share()


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The terms of the bound of a batch of clips, nats, unreduced over batch, time and level.

    Attributes:
        reconstruction: log p(o_t | .), (batch, time), with the Gaussian's constant (Eq. 8a).
        state_kl: divergence of the latent states, (batch, time, levels) (Eq. 8b); levels may be 0.
        event_kl: divergence of the change indicators, (batch, time, levels) (Eq. 8c).
        changed: the decisions e_t^n, bool (batch, time, levels), or None for a model that makes
            none.
    """

    reconstruction: Tensor
    state_kl: Tensor
    event_kl: Tensor
    changed: Tensor | None = None

    @property
    def elbo(self) -> Tensor:
        """The bound itself (Eq. 8), (batch,), nats per clip: all terms summed."""
        return self.reconstruction.sum(1) - self.state_kl.sum((1, 2)) - self.event_kl.sum((1, 2))

    def loss(self, beta: float = 1.0) -> Tensor:
        """What is minimised, nats per frame: -reconstruction + beta * (state_kl + event_kl).

        The paper sums over time; the division by the number of frames is CW-VAE's and matters
        through Adam's eps.
        """
        divergence = self.state_kl.sum(2) + self.event_kl.sum(2)
        return (beta * divergence - self.reconstruction).mean()


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Sampled futures.

    Attributes:
        frames: decoder means in [0, 1], (batch, samples, time, channel, height, width).
        changed: the sampled change indicators, bool (batch, samples, time, levels), or None.
    """

    frames: Tensor
    changed: Tensor | None = None


@runtime_checkable
class VideoModel(Protocol):
    """A generative model of video.

    ``frame_shape`` is the (channel, height, width) of the frames it takes. A trainable model is
    also a ``torch.nn.Module``; a floor (black frame, last frame, ...) keeps the same contract
    without parameters. All randomness comes from the generator passed in.
    """

    @property
    def frame_shape(self) -> tuple[int, int, int]: ...

    def objective(
        self,
        video: Tensor,
        *,
        generator: torch.Generator | None = None,
        share: Share = WHOLE,
        recompute: Recompute = "auto",
        compiled: bool = False,
    ) -> Objective:
        """The bound's terms on a video (batch, time, channel, height, width).

        The video holds the clips of ``share``. The noise is that of the whole batch, of which the
        share's is taken: all shares, each with the generator in the same state, draw what one
        batch draws. ``recompute`` changes no value; a model that keeps little of a clip may ignore
        it. ``compiled``, whether what goes step by step is compiled, changes values by rounding
        only; a model without such a loop may ignore it.

        Raises:
            CompilationError: it is to be compiled, and cannot be.
        """
        ...

    def predict(
        self,
        context: Tensor,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Prediction:
        """``samples`` futures of ``horizon`` frames after a context (batch, context_steps, ...).

        A deterministic model returns one sample whatever is asked.
        """
        ...
