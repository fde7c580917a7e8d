"""A gated recurrent unit that can take one step or a whole sequence with the same weights."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import linear

from dlh.networks.gru import GRUSequence


class Recurrence(nn.RNNBase):
    """A GRU whose hidden state goes in and comes out; nothing recurrent is kept on the module.

    It is no ``torch.nn.GRU``, which ``torch.compile`` does not enter, but all that one is made of:
    on a GPU the weights lie as cuDNN wants them.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__("GRU", input_size, hidden_size)

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

    def project(self, inputs: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch gates"]:
        """W_i x + b_i, the inputs' share of a step: it waits for no hidden state."""
        return linear(inputs, self.weight_ih_l0, self.bias_ih_l0)

    def given(
        self, projected: Float[Tensor, "*batch gates"], hidden: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """The hidden state after one step, from inputs already projected."""
        return gated(projected, linear(hidden, self.weight_hh_l0, self.bias_hh_l0), hidden)

    def sequence(
        self, inputs: Float[Tensor, "time batch inputs"], hidden: Float[Tensor, "batch hidden"]
    ) -> Float[Tensor, "time batch hidden"]:
        """The hidden state after each step of a sequence, time axis first, in one call."""
        if inputs.is_cuda:  # torch has a fused kernel there, and a loop elsewhere
            return self.in_one(inputs, hidden)
        return GRUSequence.apply(self.project(inputs), hidden, self.weight_hh_l0, self.bias_hh_l0)

    def in_one(
        self, inputs: Float[Tensor, "time batch inputs"], hidden: Float[Tensor, "batch hidden"]
    ) -> Float[Tensor, "time batch hidden"]:
        """:meth:`sequence` by torch's own recurrence, which on a GPU is one kernel."""
        weights = [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]
        before = hidden[None].contiguous()
        return torch.gru(inputs, before, weights, True, 1, 0.0, self.training, False, False)[0]

    def after(
        self,
        inputs: Float[Tensor, "*time batch inputs"],
        hidden: Float[Tensor, "batch hidden"],
        moving: Bool[Tensor, "*time batch"] | None = None,
    ) -> Float[Tensor, "*time batch hidden"]:
        """The hidden state after one step, or after each of a sequence; ``moving`` says which steps
        move it, None: all.

        Each sequence's moving steps are brought to its front, so that the recurrence is as long as
        the liveliest sequence has such steps; the others compute what nothing reads.
        """
        if inputs.ndim == hidden.ndim:
            stepped = self.step(inputs, hidden)
            return stepped if moving is None else latest(hidden, stepped, moving)
        if moving is None:
            return self.sequence(inputs, hidden)
        moves = moving.cumsum(0)  # so far
        length = max(1, int(moves[-1].max()))
        order = (~moving).byte().argsort(dim=0, stable=True)[:length]
        hiddens = self.sequence(_steps(inputs, order), hidden)
        return _steps(torch.cat((hidden[None], hiddens)), moves)


def gated(
    projected: Float[Tensor, "*batch gates"],
    own: Float[Tensor, "*batch gates"],
    hidden: Float[Tensor, "*batch hidden"],
) -> Float[Tensor, "*batch hidden"]:
    """What a GRU's gates make of a hidden state.

    Args:
        projected: W_i x + b_i, of the reset gate, the update gate and the new value.
        own: W_h h + b_h, likewise.
        hidden: h.
    """
    size = hidden.shape[-1]
    gates = (projected[..., : 2 * size] + own[..., : 2 * size]).sigmoid()
    reset, update = gates.chunk(2, -1)
    new = torch.addcmul(projected[..., 2 * size :], reset, own[..., 2 * size :]).tanh()
    return torch.lerp(new, hidden, update)


def latest(
    before: Float[Tensor, "batch size"],
    values: Float[Tensor, "*time batch size"],
    taken: Bool[Tensor, "*time batch"],
) -> Float[Tensor, "*time batch size"]:
    """At one step, or at each, the value of the latest step at which one was taken, this one
    included; ``before`` where none was taken yet.
    """
    if taken.ndim == 1:
        return torch.where(taken[:, None], values, before)
    steps = torch.arange(1, len(taken) + 1, device=taken.device)
    number = (steps[:, None] * taken).cummax(0).values
    return _steps(torch.cat((before[None], values)), number)


def _steps(values: Tensor, number: Tensor) -> Tensor:
    """``values[number[t, b], b]``."""
    return values.gather(0, number[..., None].expand(-1, -1, values.shape[-1]))
