"""What every score of a frame asks of the frames, and how a score that is impossible says so."""

from __future__ import annotations

from torch import Tensor

from dlh.errors import DlhError


class NotComputed(DlhError, ValueError):
    """A score that cannot be computed here; the message is the reason, for a table to print."""

    code = "not-computed"


def check_frames(prediction: Tensor, truth: Tensor, *, score: str, smallest: int = 1) -> None:
    """Raise unless the frames can be compared.

    Args:
        prediction: (..., channel, height, width).
        truth: likewise, with frames of the same shape.
        score: the name of what compares them, for the message.
        smallest: the least height and width that it takes.

    Raises:
        ValueError: the frames differ in shape, or are not floating point.
        NotComputed: the frames are smaller than ``smallest``.
    """
    if prediction.ndim < 3 or prediction.shape[-3:] != truth.shape[-3:]:
        raise ValueError(
            f"{score} compares frames of one (channel, height, width), found prediction "
            f"{tuple(prediction.shape)} and truth {tuple(truth.shape)}"
        )
    for name, frames in (("prediction", prediction), ("truth", truth)):
        if not frames.is_floating_point():
            raise ValueError(f"{score} takes floats in [0, 1], found a {name} of {frames.dtype}")
    height, width = prediction.shape[-2:]
    if min(height, width) < smallest:
        raise NotComputed(
            f"{score} takes frames of at least {smallest} x {smallest} pixels, found "
            f"{height} x {width}"
        )
