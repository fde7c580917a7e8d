"""Long clips in bounded memory: a clip piece by piece, each computed again for its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from dlh.interfaces import Recompute
from dlh.models.dlh.bound import Bound
from dlh.models.dlh.dynamics import Observed
from dlh.models.dlh.trace import Carried, Noise

STEPS_KEPT = 200
"""Longest clip of which ``auto`` keeps what the gradient needs: twice the paper's."""

FRAMES_OF_PIECE = 400
"""Frames of all clips that are computed again together: with fewer, what every step of a recurrence
costs by itself weighs too much."""

STEPS_OF_PIECE = (25, 50)
"""The fewest and the most of them that are of one clip."""

Terms = Callable[[Tensor, Carried, Noise], tuple[Bound, Carried, Observed]]
"""The bound's terms of a piece of video, after what is carried; what it leaves behind for the next
piece, and what training reads of it."""


def is_recomputed(recompute: Recompute, steps: int) -> bool:
    """Whether clips of ``steps`` frames are computed piece by piece.

    Raises:
        ValueError: ``recompute`` is none of auto, always and never.
    """
    if recompute not in ("auto", "always", "never"):
        raise ValueError(f"recompute is auto, always or never, found {recompute!r}")
    return recompute == "always" or (recompute == "auto" and steps > STEPS_KEPT)


def steps_of_piece(clips: int) -> int:
    """Frames of each of so many clips that are computed again together."""
    fewest, most = STEPS_OF_PIECE
    return max(fewest, min(most, FRAMES_OF_PIECE // clips))


def piece_by_piece(
    terms: Terms, video: Tensor, carried: Carried, noise: Noise
) -> tuple[Bound, Observed]:
    """``terms`` of a whole clip, of which only what is carried between pieces is kept.

    All else that a gradient needs, of convolutions and of recurrences, is computed a second time,
    one piece after the other. The noise is given, so it is the same both times.
    """
    found: list[Bound] = []
    seen: list[Observed] = []
    steps = steps_of_piece(len(video))
    for start in range(0, video.shape[1], steps):
        piece = slice(start, start + steps)
        bound, carried, observed = cast(
            tuple[Bound, Carried, Observed],
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
        seen.append(observed)
    return Bound.concatenate(found, 1), Observed.concatenate(seen, 1)
