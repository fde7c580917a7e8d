"""The factors of the two levels: beliefs, states, features, and the prior of boundaries."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.distributions import Gaussian
from dlh.models.vta.boundaries import Boundary
from dlh.models.vta.config import VTAConfig
from dlh.networks import Recurrence


class StateGaussian(nn.Module):
    """A diagonal Gaussian whose mean is linear and whose std is the sigmoid of a linear function.

    So the std is below 1. It has no floor.
    """

    def __init__(self, inputs: int, state_size: int) -> None:
        super().__init__()
        self.mean = nn.Linear(inputs, state_size)
        self.raw_std = nn.Linear(inputs, state_size)

    def forward(self, *inputs: Float[Tensor, "*batch inputs"]) -> Gaussian:
        joined = torch.cat(inputs, -1)
        return Gaussian(self.mean(joined), self.raw_std(joined).sigmoid())


class AbstractLevel(nn.Module):
    """The upper level, which moves only where a segment begins.

    ``transition``  b_t = GRU(z_{t-1}, b_{t-1}) where a segment begins
    ``prior``       p(z_t | b_t)
    ``posterior``   q(z_t | F_{t-1}, B_t), from all frames before the segment and those in it
    ``feature``     A_t, linear in [b_t, z_t]
    """

    def __init__(self, config: VTAConfig) -> None:
        super().__init__()
        belief, state = config.belief_size, config.state_size
        self.transition = Recurrence(state, belief)
        self.prior = StateGaussian(belief, state)
        self.posterior = StateGaussian(2 * belief, state)
        self.to_feature = nn.Linear(belief + state, belief)

    def next_belief(
        self,
        boundary: Boundary,
        projected: Float[Tensor, "batch gates"],
        belief: Float[Tensor, "batch belief"],
    ) -> Float[Tensor, "batch belief"]:
        """b_{t+1} = READ_{t+1} GRU(z_t, b_t) + COPY_{t+1} b_t.

        Args:
            boundary: of step t + 1.
            projected: z_t's share of the transition's gates, ``transition.project(z_t)``.
            belief: b_t.
        """
        return boundary.select(self.transition.given(projected, belief), belief)

    def feature(
        self, belief: Float[Tensor, "*batch belief"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch belief"]:
        """A_t: what the lower level is told."""
        return self.to_feature(torch.cat((belief, state), -1))


class ObservationLevel(nn.Module):
    """The lower level, which moves at every step and starts anew where a segment begins.

    ``transition``      c_t = GRU([s_{t-1}, A_t], c_{t-1}) within a segment, A_t where one begins
    ``prior``           p(s_t | c_t)
    ``posterior``       q(s_t | O_t, A_t), from the frames of the segment up to this one
    ``feature``         f_t, linear in [c_t, s_t]: the frame and the next boundary are read off it
    ``boundary_prior``  p(m_{t+1} | f_t), the logits of READ and COPY
    """

    def __init__(self, config: VTAConfig) -> None:
        super().__init__()
        belief, state = config.belief_size, config.state_size
        self.transition = Recurrence(state + belief, belief)
        self.prior = StateGaussian(belief, state)
        self.posterior = StateGaussian(2 * belief, state)
        self.to_feature = nn.Linear(belief + state, belief)
        self.boundary_prior = nn.Linear(belief, 2)

    def project(
        self,
        state_before: Float[Tensor, "*batch state"],
        abstract_feature: Float[Tensor, "*batch belief"],
    ) -> Float[Tensor, "*batch gates"]:
        """The share of [s_{t-1}, A_t] in the transition's gates."""
        return self.transition.project(torch.cat((state_before, abstract_feature), -1))

    def belief(
        self,
        boundary: Boundary,
        abstract_feature: Float[Tensor, "batch belief"],
        projected: Float[Tensor, "batch gates"],
        belief_before: Float[Tensor, "batch belief"],
    ) -> Float[Tensor, "batch belief"]:
        """c_t = READ_t A_t + COPY_t GRU([s_{t-1}, A_t], c_{t-1}).

        Args:
            boundary: of step t.
            abstract_feature: A_t.
            projected: from :meth:`project`.
            belief_before: c_{t-1}.
        """
        within = self.transition.given(projected, belief_before)
        return boundary.select(abstract_feature, within)

    def feature(
        self, belief: Float[Tensor, "*batch belief"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch belief"]:
        """f_t: what the decoder and the boundary prior read."""
        return self.to_feature(torch.cat((belief, state), -1))
