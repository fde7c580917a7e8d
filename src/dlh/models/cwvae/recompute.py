"""Long clips in bounded memory: what the gradient of single frames needs is computed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

FRAMES_OF_PIECE = 400
"""Frames of all clips that are computed again together."""


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
