"""The energy score of sampled frames, and how far the samples lie apart.

Best-of-K rewards a model that scatters its samples widely, since one of many is then close by luck.
The energy score does not: it is a proper score of the whole distribution (Gneiting and Raftery,
"Strictly proper scoring rules, prediction, and estimation", JASA 102 (2007), Eq. 22), so nothing
scores lower in expectation than the distribution that the truth is drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pdist


@dataclass(frozen=True, kw_only=True)
class EnergyTerms:
    """The two halves of the score of one block of samples, per predicted step.

    Distances are the root mean square over the pixels and channels of a frame, so 0 is identical
    and 1 is black against white.

    Attributes:
        error: mean distance of a sample to the truth, (time,).
        diversity: mean distance between two different samples, (time,); zeros for one sample.
        samples: in the block.
    """

    error: Tensor
    diversity: Tensor
    samples: int

    @property
    def pairs(self) -> int:
        """Pairs of different samples in the block."""
        return self.samples * (self.samples - 1) // 2


def energy_terms(frames: Tensor, truth: Tensor) -> EnergyTerms:
    """Both halves for a block of samples.

    The score is ``error - diversity / 2``. With two samples or more this is the fair estimate: its
    expectation does not depend on how many samples there are. One sample is taken for what a
    deterministic model says, a distribution at one point, whose score is its distance to the truth.

    Args:
        frames: (samples, time, channel, height, width); clipped to [0, 1].
        truth: (time, channel, height, width), in [0, 1].
    """
    errors, diversities = [], []
    for step, true in zip(frames.flatten(2).unbind(1), truth.flatten(1), strict=True):
        step = step.clamp(0, 1)
        errors.append((step - true).norm(dim=1).mean())
        diversities.append(pdist(step).mean() if len(step) > 1 else torch.zeros_like(errors[-1]))
    per_pixel = truth[0].numel() ** -0.5
    return EnergyTerms(
        error=torch.stack(errors) * per_pixel,
        diversity=torch.stack(diversities) * per_pixel,
        samples=len(frames),
    )


def pooled(blocks: list[EnergyTerms]) -> tuple[Tensor, Tensor]:
    """(energy score, diversity) per step, of all blocks of one clip, float64 on the CPU.

    Only pairs within a block are compared: a block is all that is ever in memory, and the mean over
    these pairs has the expectation of the mean over all.
    """
    samples = sum(block.samples for block in blocks)
    pairs = sum(block.pairs for block in blocks)
    error = torch.zeros_like(blocks[0].error, dtype=torch.float64, device="cpu")
    diversity = torch.zeros_like(error)
    for block in blocks:
        error += block.error.double().cpu() * (block.samples / samples)
        diversity += block.diversity.double().cpu() * (block.pairs / max(pairs, 1))
    return error - diversity / 2, diversity
