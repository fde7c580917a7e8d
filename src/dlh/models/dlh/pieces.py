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
"""Frames of all clips that are computed again together: with fewer, what every step of a recurrence
costs by itself weighs too much."""

STEPS_OF_PIECE = (25, 50)
"""The fewest and the most of them that are of one clip."""

Terms = Callable[[Tensor, Carried, Noise], tuple[Bound, Carried, Rested]]
"""The bound's terms of a piece of video, after what is carried; what it leaves behind for the next
piece, and what training reads of it."""


def steps_of_piece(clips: int) -> int:
    """Frames of each of so many clips that are computed again together."""
    fewest, most = STEPS_OF_PIECE
    return max(fewest, min(most, FRAMES_OF_PIECE // clips))


def piece_by_piece(
    terms: Terms, video: Tensor, carried: Carried, noise: Noise
) -> tuple[Bound, Rested]:
    """``terms`` of a whole clip, of which only what is carried between pieces is kept.

    All else that a gradient needs, of convolutions and of recurrences, is computed a second time,
    one piece after the other. The noise is given, so it is the same both times.
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
