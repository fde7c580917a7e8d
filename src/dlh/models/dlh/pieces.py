"""Long clips in bounded memory: a clip piece by piece, each computed again for its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from dlh.models.dlh.bound import Bound
from dlh.models.dlh.emergence import Rested
from dlh.models.dlh.trace import Carried, Noise

FRAMES_OF_PIECE = 400
"""Frames that a piece has, of all clips together. With fewer, the fixed cost of a recurrent step
dominates."""

STEPS_OF_PIECE = (25, 50)
"""The fewest and the most frames of one clip that a piece has."""

Terms = Callable[[Tensor, Carried, Noise], tuple[Bound, Carried, Rested]]
"""From a piece of video, the state before it and its noise: the bound's terms, the state after it,
and where the levels rested."""


def steps_of_piece(clips: int) -> int:
    """Frames of each clip in a piece, for a batch of ``clips``."""
    fewest, most = STEPS_OF_PIECE
    return max(fewest, min(most, FRAMES_OF_PIECE // clips))


def piece_by_piece(
    terms: Terms, video: Tensor, carried: Carried, noise: Noise
) -> tuple[Bound, Rested]:
    """``terms`` of whole clips, computed piece by piece.

    Only the state between pieces is kept. Everything else that a gradient needs is computed a
    second time, one piece after the other, with the same noise.
    """
    found: list[Bound] = []
    rests: list[Rested] = []
    steps = steps_of_piece(len(video))
    for start in range(0, video.shape[1], steps):
        piece = slice(start, start + steps)
        bound, carried, rested = cast(
            tuple[Bound, Carried, Rested],
            checkpoint(
                terms,
                video[:, piece],
                carried,
                noise.map(lambda part, piece=piece: part[:, piece]),
                use_reentrant=False,
                preserve_rng_state=False,
            ),
        )
        found.append(bound)
        rests.append(rested)
    return Bound.concatenate(found, 1), Rested.concatenate(rests, 1)
