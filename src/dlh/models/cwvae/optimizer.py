"""What the published training sets: Adam as Keras writes it, and a limit on the gradient."""

from __future__ import annotations

BETAS = (0.9, 0.999)
"""Of Adam."""

KERAS_EPS = 1e-4
"""Added to the root of the second moment before its bias is corrected."""

CLIPPING_NORM = 10_000.0
"""The gradient's largest L2 norm, over all parameters. Early in training it is often larger."""


def adam_eps(update: int) -> float:
    """The eps with which ``torch.optim.Adam``'s update number ``update``, from 1, is Keras'.

    Keras divides by sqrt(v) + 1e-4, torch by sqrt(v) / sqrt(1 - 0.999^t) + eps. So eps falls from
    3.2e-3 at the first update to 1e-4. With 1e-4 throughout, a weight whose gradient is below 3e-3
    moves up to 32 times too far at first.

    Raises:
        ValueError: updates are counted from 1.
    """
    if update < 1:
        raise ValueError(f"updates are counted from 1, found {update}")
    return KERAS_EPS / (1 - BETAS[1] ** update) ** 0.5
