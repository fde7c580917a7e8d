"""What the folds take and give: the noise, the carried state, the trace, the rollout.

Every level has ticks of its own, so a record holds one entry a level, level 1 first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.distributions import Gaussian, Tensors, each, normal
from dlh.interfaces import WHOLE, Share
from dlh.models.cwvae.config import CWVAEConfig


@dataclass(frozen=True)
class Noise(Tensors):
    """All the randomness of a pass over time, as an argument: two code paths can have the same.

    Attributes:
        levels: standard normal, of each level (batch, ticks, state).
    """

    levels: tuple[Tensor, ...]

    @classmethod
    def draw(
        cls,
        config: CWVAEConfig,
        batch: int,
        steps: int,
        *,
        like: Tensor,
        after: int = 0,
        generator: torch.Generator | None = None,
        share: Share = WHOLE,
    ) -> Noise:
        """Fresh noise for ``steps`` frames that follow ``after`` others, of ``like``'s type, for
        ``batch`` clips: a share of a whole batch's.
        """
        before, all_ticks = config.ticks(after), config.ticks(after + steps)
        whole = [
            normal(
                (batch * share.count, stop - start, config.state_size),
                like=like,
                generator=generator,
            )
            for start, stop in zip(before, all_ticks, strict=True)
        ]
        return cls(tuple(map(share.of, whole)))


@dataclass(frozen=True)
class Held(Tensors):
    """A level's state after a tick: what its next tick and the level below read.

    Attributes:
        state: the sample z, (batch, state).
        memory: the deterministic h, (batch, memory).
    """

    state: Float[Tensor, "batch state"]
    memory: Float[Tensor, "batch memory"]

    @property
    def output(self) -> Float[Tensor, "batch output"]:
        """[z, h]: the context of the level below, and of level 1 the decoder's input."""
        return torch.cat((self.state, self.memory), -1)


@dataclass(frozen=True)
class Carried:
    """All that the future needs of the past.

    Attributes:
        frames: how many frames lie behind; the clocks of all levels count from the first.
        levels: what each level holds.
    """

    frames: int
    levels: tuple[Held, ...]

    @classmethod
    def start(cls, config: CWVAEConfig, batch: int, *, like: Tensor) -> Carried:
        """Nothing seen: z = 0, h = 0."""
        held = Held(
            like.new_zeros(batch, config.state_size), like.new_zeros(batch, config.memory_size)
        )
        return cls(0, (held,) * config.num_levels)

    def map(self, function: Callable[[Tensor], Tensor]) -> Carried:
        """The same with ``function`` applied to every tensor."""
        return Carried(self.frames, each(function, self.levels))

    def repeat(self, samples: int) -> Carried:
        """Each sequence ``samples`` times, neighbours together: its futures are one batch."""
        return self.map(lambda part: part.repeat_interleave(samples, 0))


@dataclass(frozen=True)
class Ticks(Tensors):
    """The ticks of one level, (batch, ticks, size).

    Attributes:
        state: the sample z.
        memory: the deterministic h.
        drawn_from: the Gaussian of z: the posterior where the level observed, else the prior.
    """

    state: Float[Tensor, "batch ticks state"]
    memory: Float[Tensor, "batch ticks memory"]
    drawn_from: Gaussian

    @property
    def output(self) -> Float[Tensor, "batch ticks output"]:
        """[z, h], as of :class:`Held`."""
        return torch.cat((self.state, self.memory), -1)


@dataclass(frozen=True)
class Trace(Tensors):
    """All that was inferred about a video: what the bound and every analysis read.

    Attributes:
        levels: each level's ticks, drawn from the posterior q(z | h, x).
        priors: of the same ticks, p(z | h).
    """

    levels: tuple[Ticks, ...]
    priors: tuple[Gaussian, ...]


@dataclass(frozen=True)
class Rollout(Tensors):
    """What was drawn without evidence.

    Attributes:
        levels: each level's ticks, drawn from the prior p(z | h); a slow level may have none.
    """

    levels: tuple[Ticks, ...]
