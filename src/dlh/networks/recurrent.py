"""A gated recurrent unit that can take one step or a whole sequence with the same weights."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Recurrence(nn.GRU):
    """A GRU whose hidden state goes in and comes out; nothing recurrent is kept on the module."""

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)

    def step(
        self, inputs: Float[Tensor, "batch inputs"], hidden: Float[Tensor, "batch hidden"]
    ) -> Float[Tensor, "batch hidden"]:
        """The hidden state after one step."""
        return torch.gru_cell(
            inputs,
            hidden,
            self.weight_ih_l0,
            self.weight_hh_l0,
            self.bias_ih_l0,
            self.bias_hh_l0,
        )

    def sequence(
        self, inputs: Float[Tensor, "time batch inputs"], hidden: Float[Tensor, "batch hidden"]
    ) -> Float[Tensor, "time batch hidden"]:
        """The hidden state after each step of a sequence, time axis first, in one fused call."""
        return self(inputs, hidden[None].contiguous())[0]
