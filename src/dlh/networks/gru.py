"""A GRU over a sequence whose gradient makes one product per weight, not one per step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class GRUSequence(torch.autograd.Function):
    """The hidden states of a GRU after each step: ``torch.nn.GRU``'s, values and gradients.

    What autograd records of a loop is undone step by step, with a product and a sum the size of the
    hidden weights at each. Here only the hidden state's gradient goes back in a loop; the weights'
    are one product over all steps.
    """

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, hidden: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        """Hidden states (time, batch, hidden).

        Args:
            ctx: what the gradient needs is left here.
            projected: W_i x + b_i of every step, (time, batch, 3 * hidden): of the reset gate, the
                update gate and the new value.
            hidden: before the first step, (batch, hidden).
            weight: W_h, (3 * hidden, hidden).
            bias: b_h.
        """
        size = hidden.shape[-1]
        before, gates, proposed = [], [], []
        hiddens = hidden.new_empty(*projected.shape[:2], size)
        for given, after in zip(projected.unbind(0), hiddens.unbind(0), strict=True):
            own = torch.addmm(bias, hidden, weight.t())
            gate = (given[:, : 2 * size] + own[:, : 2 * size]).sigmoid_()
            reset, update = gate.chunk(2, -1)
            recalled = own[:, 2 * size :]
            new = torch.addcmul(given[:, 2 * size :], reset, recalled).tanh_()
            before.append(hidden)
            gates.append(gate)
            proposed.append((new, recalled))
            hidden = torch.lerp(new, hidden, update, out=after)
        if any(ctx.needs_input_grad):
            new, recalled = map(torch.stack, zip(*proposed, strict=True))
            ctx.save_for_backward(torch.stack(before), torch.stack(gates), new, recalled, weight)
        return hiddens

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The gradient of each argument."""
        before, gates, new, recalled, weight = ctx.saved_tensors
        reset, update = gates.chunk(2, -1)
        # What a gradient of a hidden state is multiplied by on its way to what made the state.
        to_new = (1 - update) * (1 - new.square())
        to_update = (before - new) * update * (1 - update)
        to_own = torch.stack(
            (to_new * recalled * reset * (1 - reset), to_update, to_new * reset), 2
        )

        own = torch.empty_like(to_own)
        arrived = torch.empty_like(gradient)
        flowing = torch.zeros_like(gradient[0])
        for step in reversed(range(len(gradient))):
            torch.add(gradient[step], flowing, out=arrived[step])
            torch.mul(arrived[step][:, None], to_own[step], out=own[step])
            flowing = torch.addmm(arrived[step] * update[step], own[step].flatten(1), weight)

        of_own = own.flatten(2)
        rows = of_own.flatten(0, 1)
        of_projected = torch.cat((own[:, :, :2].flatten(2), arrived * to_new), -1)
        return of_projected, flowing, rows.t() @ before.flatten(0, 1), rows.sum(0)
