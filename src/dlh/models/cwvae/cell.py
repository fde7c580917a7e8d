"""The factors of one level, and one step of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from dlh.distributions import Gaussian
from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.initial_weights import start_as_keras
from dlh.models.cwvae.trace import Held
from dlh.networks import Recurrence

STD_SHIFT = 0.54
"""softplus(0.54) is 1."""

Component = Callable[[Tensor], Gaussian]
"""What a level draws its state from, given its memory: its prior or its posterior."""


class Cell(nn.Module):
    """Level l at tick t; z is its state, h its memory, c the context that the level above gives.

    ``transition``   h_t = GRU(ReLU(W [z_{t-1}, c_t] + b), h_{t-1})
    ``prior``        p(z_t | h_t)
    ``posterior``    q(z_t | h_t, x_t), where x_t is the embedding of the tick's frames
    """

    def __init__(self, config: CWVAEConfig) -> None:
        super().__init__()
        output = config.state_size + config.memory_size
        self.input = DenseOfTwo(config.state_size, output, config.hidden_size)
        self.recurrence = Recurrence(config.hidden_size, config.memory_size)
        self.prior_hidden = nn.Linear(config.memory_size, config.hidden_size)
        self.prior_head = GaussianHead(config)
        self.posterior_input = DenseOfTwo(
            config.memory_size, config.embedding_size, config.hidden_size
        )
        self.posterior_hidden = nn.Linear(config.hidden_size, config.hidden_size)
        self.posterior_head = GaussianHead(config)
        for part in (self.recurrence, self.prior_hidden, self.posterior_hidden):
            start_as_keras(part)

    def transition(
        self, before: Held, context_share: Float[Tensor, "batch hidden"]
    ) -> Float[Tensor, "batch memory"]:
        """h_t, from what the level holds and the context's share of ``input``."""
        inputs = self.input.given(before.state, context_share).relu()
        return self.recurrence.step(inputs, before.memory)

    def prior(self, memory: Float[Tensor, "*batch memory"]) -> Gaussian:
        """p(z_t | h_t)."""
        return self.prior_head(self.prior_hidden(memory).relu())

    def posterior(
        self,
        memory: Float[Tensor, "*batch memory"],
        embedding_share: Float[Tensor, "*batch hidden"],
    ) -> Gaussian:
        """q(z_t | h_t, x_t), from the embedding's share of ``posterior_input``."""
        hidden = self.posterior_input.given(memory, embedding_share).relu()
        return self.posterior_head(self.posterior_hidden(hidden).relu())

    def step(
        self,
        before: Held,
        context_share: Float[Tensor, "batch hidden"],
        component: Component,
        noise: Float[Tensor, "batch state"],
    ) -> tuple[Held, Gaussian]:
        """One tick: the memory moves, then the state is drawn from the component."""
        memory = self.transition(before, context_share)
        drawn_from = component(memory)
        return Held(drawn_from.sample(noise), memory), drawn_from


class DenseOfTwo(nn.Module):
    """W [first, second] + b, as two products: the second's can be one for all ticks, ahead."""

    def __init__(self, first_size: int, second_size: int, outputs: int) -> None:
        super().__init__()
        whole = nn.Linear(first_size + second_size, outputs)  # starts as the one layer it is
        start_as_keras(whole)
        of_first, of_second = whole.weight.detach().split((first_size, second_size), 1)
        self.of_first = nn.Parameter(of_first.clone())
        self.of_second = nn.Parameter(of_second.clone())
        self.bias = whole.bias

    def share(self, second: Float[Tensor, "*batch second"]) -> Float[Tensor, "*batch outputs"]:
        """The second input's share, with the bias."""
        return linear(second, self.of_second, self.bias)

    def given(
        self, first: Float[Tensor, "*batch first"], share: Float[Tensor, "*batch outputs"]
    ) -> Float[Tensor, "*batch outputs"]:
        """The layer, from the second input's share."""
        if first.ndim == 2:
            return torch.addmm(share, first, self.of_first.t())
        return share + linear(first, self.of_first)


class GaussianHead(nn.Module):
    """Features to a Gaussian: mean = W u + b, std = softplus(V (u + 0.54) + c) + floor."""

    def __init__(self, config: CWVAEConfig) -> None:
        super().__init__()
        self.mean = nn.Linear(config.hidden_size, config.state_size)
        self.std = nn.Linear(config.hidden_size, config.state_size)
        self.shift_input = config.std_shift == "input"
        self.std_floor = config.std_floor
        self.apply(start_as_keras)

    def forward(self, features: Float[Tensor, "*batch hidden"]) -> Gaussian:
        if self.shift_input:
            raw_std = self.std(features + STD_SHIFT)
        else:
            raw_std = self.std(features) + STD_SHIFT
        return Gaussian(self.mean(features), softplus(raw_std) + self.std_floor)
