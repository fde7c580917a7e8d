"""Long clips in bounded memory: what the gradient of single frames needs is computed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from dlh.interfaces import Recompute

STEPS_KEPT = 200
"""Longest clip of which ``auto`` keeps what the gradient needs."""

FRAMES_OF_PIECE = 400
"""Frames of all clips that are computed again together."""


def is_recomputed(recompute: Recompute, steps: int) -> bool:
    """Whether frames of clips of ``steps`` frames are computed again for their gradient.

    Raises:
        ValueError: ``recompute`` is none of auto, always and never.
    """
    if recompute not in ("auto", "always", "never"):
        raise ValueError(f"recompute is auto, always or never, found {recompute!r}")
    return recompute == "always" or (recompute == "auto" and steps > STEPS_KEPT)


def by_frames(function: Callable[..., Tensor], *rows: Tensor, recomputed: bool) -> Tensor:
    """``function`` of the frames of all clips; piece by piece if it is to be computed again."""
    if not recomputed:
        return function(*rows)
    pieces = zip(*(part.split(FRAMES_OF_PIECE) for part in rows), strict=True)
    return torch.cat(
        [
            cast(
                Tensor,
                checkpoint(function, *piece, use_reentrant=False, preserve_rng_state=False),
            )
            for piece in pieces
        ]
    )
