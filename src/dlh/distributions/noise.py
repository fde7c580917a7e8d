"""All randomness of a model is drawn here and is an argument from there on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def normal(shape: Sequence[int], *, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal numbers of the type and on the device of ``like``."""
    return like.new_empty(tuple(shape)).normal_(generator=generator)


def uniform(shape: Sequence[int], *, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Numbers in [0, 1) of the type and on the device of ``like``."""
    return like.new_empty(tuple(shape)).uniform_(generator=generator)
