"""The convolutional LSTM: its state goes in and comes out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class LSTMState:
    """What one layer carries to the next step: h, which it puts out, and c, its cell."""

    hidden: Float[Tensor, "batch hidden h w"]
    cell: Float[Tensor, "batch hidden h w"]


class ConvolutionalLSTM(nn.Module):
    """One layer, without peepholes::

        input, candidate, forget, output = W * x_t + U * h_{t-1}
        c_t = sigmoid(forget) c_{t-1} + sigmoid(input) tanh(candidate)
        h_t = sigmoid(output) tanh(c_t)

    ``*`` is a convolution of kernel 3 with a bias. Under ``torch.autocast`` the convolutions
    compute in its type; the state is always of the weights'.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden_channels = hidden
        self.input = nn.Conv2d(inputs, 4 * hidden, 3, padding=1)
        self.state = nn.Conv2d(hidden, 4 * hidden, 3, padding=1)

    def start(self, like: Float[Tensor, "batch _ h w"]) -> LSTMState:
        """The state before the first step: zeros, in batch and size like ``like``."""
        shape = (len(like), self.hidden_channels, *like.shape[2:])
        zeros = self.input.weight.new_zeros(shape)
        return LSTMState(zeros, zeros)

    def step(self, projected: Float[Tensor, "batch gates h w"], state: LSTMState) -> LSTMState:
        """The state after one step, whose input's share ``W * x_t`` is given."""
        gates = (projected + self.state(state.hidden)).to(state.cell.dtype)
        take, candidate, keep, show = gates.chunk(4, 1)
        cell = keep.sigmoid() * state.cell + take.sigmoid() * candidate.tanh()
        return LSTMState(show.sigmoid() * cell.tanh(), cell)

    def sequence(
        self, inputs: Float[Tensor, "time batch inputs h w"], state: LSTMState
    ) -> tuple[Float[Tensor, "time batch hidden h w"], LSTMState]:
        """h after each step of a sequence, and the last state; ``W * x`` is one call over time."""
        projected = self.input(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])
        hiddens = []
        for given in projected.unbind(0):
            state = self.step(given, state)
            hiddens.append(state.hidden)
        return torch.stack(hiddens), state
