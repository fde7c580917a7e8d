"""Futures of a clip, block by block: the same whichever clips and blocks are drawn before.

The randomness of a block is a function of (seed, clip, first sample of the block) and of nothing
else. So an evaluation can be cut into any pieces, over processes or over an interruption, and a
single future can be drawn again to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlh.interfaces import VideoModel


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table of scores: something that predicts.

    Attributes:
        name: in tables and files.
        samples: futures that are asked of it for each clip.
        model: the model of a clip and a block of samples. A model in the usual sense is the same
            for all; what predicts with futures that lie ready is another for each.
    """

    name: str
    samples: int
    model: Callable[[int, range], VideoModel]


@torch.no_grad()
def draw(row: Row, clip: int, context: Tensor, block: range, *, horizon: int, seed: int) -> Tensor:
    """The futures ``block`` of a clip, (samples, horizon, channel, height, width).

    A deterministic model gives one, whatever is asked.

    Args:
        row: what predicts.
        clip: its number, which decides the randomness.
        context: (context_steps, channel, height, width), on the device to compute on.
        block: which samples.
        horizon: frames to predict.
        seed: of the protocol.
    """
    prediction = row.model(clip, block).predict(
        context[None],
        horizon=horizon,
        samples=len(block),
        generator=clip_generator(seed, clip, block.start, context.device),
    )
    return prediction.frames[0]


def clip_generator(
    seed: int, clip: int, start: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """The generator of one block of samples of one clip."""
    bits = np.random.SeedSequence([seed, clip, start]).generate_state(1, np.uint64)
    return torch.Generator(device=device).manual_seed(int(bits[0]))


def other_clips(clip: int, clips: int, *, count: int, seed: int) -> list[int]:
    """Up to ``count`` clips other than ``clip``, in a random order that is a function of the seed
    and the clip; all others where there are not more.
    """
    random = np.random.default_rng(np.random.SeedSequence([seed, clip, 1 << 32]))
    others = np.delete(np.arange(clips), clip)
    return [int(other) for other in random.permutation(others)[:count]]
