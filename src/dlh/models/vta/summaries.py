"""What the frames of a clip tell about its segments: three GRUs on their features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.models.vta.boundaries import Boundary
from dlh.models.vta.config import VTAConfig
from dlh.networks import Recurrence, gated


@dataclass(frozen=True)
class Summary:
    """The three recurrences after each frame, time axis first.

    Attributes:
        abstract_forward: F_t, of all frames up to t.
        abstract_backward: B_t, of the frames from t to the end of its segment.
        observation_forward: O_t, of the frames from the beginning of t's segment to t.
    """

    abstract_forward: Float[Tensor, "time batch belief"]
    abstract_backward: Float[Tensor, "time batch belief"]
    observation_forward: Float[Tensor, "time batch belief"]


class Summaries(nn.Module):
    """The recurrences of the two posteriors.

    ``abstract_forward``      F_t = GRU(x_t, F_{t-1})
    ``abstract_backward``     B_t = GRU(x_t, COPY_{t+1} B_{t+1})
    ``observation_forward``   O_t = GRU(x_t, COPY_t O_{t-1})
    """

    def __init__(self, config: VTAConfig) -> None:
        super().__init__()
        size = config.belief_size
        self.abstract_forward = Recurrence(size, size)
        self.abstract_backward = Recurrence(size, size)
        self.observation_forward = Recurrence(size, size)

    def forward(self, features: Float[Tensor, "time batch belief"], boundary: Boundary) -> Summary:
        """All three, in one loop over time, the backward one from the end.

        Args:
            features: x_t of all frames.
            boundary: of all frames, (time, batch).
        """
        reverse = features.flip(0)
        # COPY_{t+1} beside x_t; beyond the last frame there is nothing to keep.
        copy_after = torch.cat((torch.zeros_like(boundary.copy[:1]), boundary.copy[1:].flip(0)))
        cells = (self.abstract_forward, self.observation_forward, self.abstract_backward)
        hiddens = _stacked(
            cells,
            (features, features, reverse),
            (torch.ones_like(boundary.copy), boundary.copy, copy_after),
        )
        forward, segment, backward = hiddens.unbind(1)
        return Summary(forward, backward.flip(0), segment)

    def of_context(
        self, features: Float[Tensor, "time batch belief"]
    ) -> Float[Tensor, "batch belief"]:
        """F after the last frame: all that generation reads of its context."""
        return self.abstract_forward.sequence(features, torch.zeros_like(features[0]))[-1]


def _stacked(
    cells: tuple[Recurrence, ...],
    inputs: tuple[Tensor, ...],
    keep: tuple[Tensor, ...],
) -> Float[Tensor, "time cells batch hidden"]:
    """Several GRUs h_t = GRU(x_t, keep_t h_{t-1}) as one: a step of all is one batched product."""
    projected = torch.stack(
        [cell.project(given) for cell, given in zip(cells, inputs, strict=True)], 1
    )
    weight = torch.stack([cell.weight_hh_l0.t() for cell in cells])
    bias = torch.stack([cell.bias_hh_l0 for cell in cells])[:, None]
    hidden = torch.zeros_like(projected[0, ..., : weight.shape[1]])
    hiddens = []
    for given, kept in zip(projected, torch.stack(keep, 1)[..., None], strict=True):
        hidden = kept * hidden
        hidden = gated(given, torch.baddbmm(bias, hidden, weight), hidden)
        hiddens.append(hidden)
    return torch.stack(hiddens)
