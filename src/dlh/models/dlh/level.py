"""One level of the hierarchy: the networks of Eqs. 10-15."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dlh.models.dlh.config import DLHConfig
from dlh.networks import ConditionalGaussian, Recurrence, perceptron

UPPER_CONTEXT_GAIN = 0.1
"""Factor on the initial weights of f_dec (first layer, orthogonal) from level 3 up. At full size, a
level that has learnt nothing yet sends level 2 a context that differs from clip to clip and carries
no information, and level 2 learns later (docs/log.md)."""


class Level(nn.Module):
    """The networks of level n: two Gaussian factors, one Bernoulli factor, deterministic maps.

    ``posterior``      q(s_t | x_t, c_t)      Eq. 13
    ``change_prior``   p(s_t | d_t, c_t)      Eq. 14, the component e = 1
    ``bottom_up``      x^{n+1} = f_enc(x^n)   Eq. 10, absent at the top
    ``top_down``       c^{n-1} = f_dec(s^n, c^n)   Eq. 11
    ``transition``     d_{t+1} = f_tem(s_t, d_t)   Eq. 12
    ``change_factor``  p(e_t | .)             Eq. 15, absent at level 1, which always changes
    """

    def __init__(self, config: DLHConfig, index: int) -> None:
        super().__init__()
        top = index == config.num_levels - 1
        self.context_size = config.context_size
        initial_std = config.initial_std[min(index, len(config.initial_std) - 1)]

        def gaussian(size: int) -> ConditionalGaussian:
            return ConditionalGaussian(
                size,
                config.context_size,
                config.hidden_sizes,
                config.state_size,
                activation=config.activation,
                std_floor=config.std_floor,
                initial_std=initial_std,
            )

        self.posterior = gaussian(config.feature_size)
        self.change_prior = gaussian(config.memory_size)
        features = config.feature_size
        if not top:
            self.bottom_up = perceptron((features, features), config.activation)
        below = config.context_size if index else config.feature_size
        self.to_context = perceptron(
            (config.state_size + config.context_size, below), config.activation
        )
        if index >= 2:
            next(self.to_context.parameters()).data.mul_(UPPER_CONTEXT_GAIN)
        self.transition = Recurrence(config.state_size, config.memory_size)
        if index:
            self.change_factor = ChangeFactor(config)

    def top_down(
        self, state: Float[Tensor, "*batch state"], context: Float[Tensor, "*batch context"]
    ) -> Float[Tensor, "*batch below"]:
        """Eq. 11: c^{n-1} = f_dec^n(s^n, c^n)."""
        return self.to_context(torch.cat((state, context), -1))


class ChangeFactor(nn.Module):
    """Eq. 15: p(e_t^n = 1), a GRU that ticks at every step and a linear logit.

    It reads [d_t^n, d_t^{n-1}, e_{t-1}^n], or with ``factor_input="own"`` [d_t^n, e_{t-1}^n]. It is
    the probability of a change given that the level is reachable.
    """

    def __init__(self, config: DLHConfig) -> None:
        super().__init__()
        memories = 2 if config.factor_input == "below" else 1
        self.sees_below = memories == 2
        self.recurrence = Recurrence(memories * config.memory_size + 1, config.factor_size)
        self.logit = nn.Linear(config.factor_size, 1)

    def evidence(
        self,
        memory: Float[Tensor, "*batch memory"],
        memory_below: Float[Tensor, "*batch memory"],
        changed_before: Bool[Tensor, "*batch"],
    ) -> Float[Tensor, "*batch inputs"]:
        """What the factor reads, known after step t - 1: d_t^n, d_t^{n-1} and e_{t-1}^n."""
        parts = [memory, memory_below] if self.sees_below else [memory]
        return torch.cat((*parts, changed_before[..., None].to(memory.dtype)), -1)

    def step(
        self, evidence: Float[Tensor, "batch inputs"], hidden: Float[Tensor, "batch hidden"]
    ) -> tuple[Float[Tensor, "batch"], Float[Tensor, "batch hidden"]]:
        """The logit of p(e_t = 1) and the hidden state, after one step."""
        hidden = self.recurrence.step(evidence, hidden)
        return self.logit(hidden)[..., 0], hidden

    def sequence(
        self, evidence: Float[Tensor, "time batch inputs"], hidden: Float[Tensor, "batch hidden"]
    ) -> tuple[Float[Tensor, "time batch"], Float[Tensor, "batch hidden"]]:
        """The logits of all steps and the last hidden state, in one call over time."""
        hiddens = self.recurrence.sequence(evidence, hidden)
        return self.logit(hiddens)[..., 0], hiddens[-1]
