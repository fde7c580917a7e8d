"""What the models of frames have in common, below all of them; none of it is an idea of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.interfaces import CLIPPED, Figures, Objective, Term
from dlh.models.frame_config import FrameConfig
from dlh.video import check_shape

Video = Float[Tensor, "batch time channel height width"]

FRAMES_PER_DECODING = 1024


class FrameModel(nn.Module):
    """A model that is built from a config, which says what frames it takes.

    Nothing recurrent is kept on it: state goes in and comes out.
    """

    def __init__(self, config: FrameConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the frames it takes."""
        return self.config.frame_shape

    @property
    def to_unit_range(self) -> str:
        """How a predicted frame got into [0, 1]."""
        return CLIPPED

    def check(self, video: Tensor) -> None:
        """Check that it can take a video; no value is read.

        Raises:
            VideoError: the video has other axes, frames of another shape, or is not of the model's
                floating-point type.
        """
        check_shape(video, self.frame_shape, next(self.parameters()).dtype)

    def future_frames(
        self,
        decode: Callable[[Tensor], Tensor],
        rows: Float[Tensor, "futures time size"],
        clips: int,
    ) -> Float[Tensor, "clips samples time channel height width"]:
        """The frames of futures, decoded some at a time; the futures of a clip are neighbours.

        Args:
            decode: (frames, size) to frames in [0, 1].
            rows: what is decoded.
            clips: of which these are futures.
        """
        flat = rows.flatten(0, 1)
        frames = flat.new_empty(len(flat), *self.frame_shape)
        for part, given in zip(
            frames.split(FRAMES_PER_DECODING), flat.split(FRAMES_PER_DECODING), strict=True
        ):
            part.copy_(decode(given))
        return frames.unflatten(0, (clips, -1, rows.shape[1]))


def full_precision(like: Tensor) -> torch.autocast:
    """Where decisions, divergences, densities and what is carried are computed: never in half
    precision.
    """
    return torch.autocast(like.device.type, enabled=False)


def check_size(name: str, found: Sequence[int], needed: Sequence[int]) -> None:
    """Refuse what is of another size than is needed.

    Raises:
        ValueError: it is; the message holds both sizes.
    """
    if tuple(found) != tuple(needed):
        raise ValueError(f"{name} is of size {tuple(found)}, {tuple(needed)} is needed here")


def framewise(
    network: Callable[[Tensor], Tensor], rows: Float[Tensor, "batch time *row"]
) -> Float[Tensor, "batch time *result"]:
    """A network of single frames on those of all clips, in one call.

    Under ``torch.autocast`` the network computes in its type; the result is of the rows'.
    """
    return network(rows.flatten(0, 1)).unflatten(0, rows.shape[:2]).to(rows.dtype)


def bound_objective(
    reconstruction: Float[Tensor, "batch time"],
    divergences: Mapping[str, Float[Tensor, "batch time levels"]],
    *,
    beta: float = 1.0,
    changed: Tensor | None = None,
    schedule: Mapping[str, float] | None = None,
) -> Objective:
    """An evidence lower bound as every model gives it.

    The loss is minus the bound in nats per frame, of which the divergences have the weight
    ``beta``. A paper sums over time; the division by the number of frames is CW-VAE's, and matters
    through Adam's eps.

    Args:
        reconstruction: log density of the frames, nats.
        divergences: by name, nats.
        beta: of the loss; the bound itself has 1.
        changed: the decisions, (batch, time, levels).
        schedule: what followed from the number of the update.
    """
    divergence = sum(part.sum(2) for part in divergences.values())
    elbo = reconstruction.sum(1)
    for part in divergences.values():
        elbo = elbo - part.sum((1, 2))
    return Objective(
        loss=(beta * divergence - reconstruction).mean(),
        terms={
            name: Term(value=value)
            for name, value in {"reconstruction": reconstruction, **divergences}.items()
        },
        elbo=elbo.detach(),
        changed=changed,
        schedule=schedule or {},
    )


def bound_figures(found: Objective, changed: Tensor | None = None) -> Figures:
    """``elbo``, and ``kl``, the sum of all divergences of a level, nats per frame of the terms."""
    assert found.elbo is not None
    paid = torch.stack([found[name] for name in found.terms if name != "reconstruction"]).sum(0)
    elbo = found.elbo / paid.shape[1]
    return Figures(values={"elbo": elbo, "kl": paid.mean(1)}, changed=changed)
