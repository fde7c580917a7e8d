"""Perceptrons, and the Gaussian whose parameters are a perceptron of two inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from dlh.distributions import Gaussian

# In place where the gradient needs the result alone: nothing else reads what a layer puts out, and
# half the memory of a convolution is saved.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": partial(nn.ELU, inplace=True),
    "silu": nn.SiLU,
    "relu": partial(nn.ReLU, inplace=True),
}

ORTHOGONAL_GAIN = 2**0.5  # makes up for what an activation takes away


def perceptron(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Linear layers of the given sizes, inputs to outputs, an activation after every one."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers).apply(start_orthogonal)


def start_orthogonal(module: nn.Module) -> None:
    """Orthogonal weights and biases of 0, for ``module.apply``: what goes in keeps its size.

    A stack that starts as PyTorch has it halves its input at every layer. Through the encoder, four
    layers of posterior and the way back down, what is left of a frame is far below a state's noise,
    and training first has to dig it out again: docs/log.md has what that costs.
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.orthogonal_(module.weight, ORTHOGONAL_GAIN)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class ConditionalGaussian(nn.Module):
    """p(s | evidence, context): a perceptron on [evidence, context] with a Gaussian head.

    The first layer is kept as two matrices, W [evidence, context] = W_e evidence + W_c context. The
    product with the evidence does not depend on the context, so :meth:`project` can do it for all
    time steps at once, outside a loop that waits for the context. The std is softplus(.) +
    ``std_floor``, of which the softplus starts at ``initial_std`` whatever the inputs.
    """

    def __init__(
        self,
        evidence_size: int,
        context_size: int,
        hidden_sizes: Sequence[int],
        state_size: int,
        *,
        activation: str,
        std_floor: float,
        initial_std: float,
    ) -> None:
        super().__init__()
        width = hidden_sizes[0]
        joint = nn.Linear(evidence_size + context_size, width)  # starts as the one layer it is
        start_orthogonal(joint)
        self.from_evidence = nn.Linear(evidence_size, width)
        self.from_context = nn.Linear(context_size, width, bias=False)
        self.from_evidence.weight.data.copy_(joint.weight.data[:, :evidence_size])
        self.from_evidence.bias.data.copy_(joint.bias.data)
        self.from_context.weight.data.copy_(joint.weight.data[:, evidence_size:])
        self.activation = ACTIVATIONS[activation]()
        self.hidden = perceptron(hidden_sizes, activation)
        self.head = nn.Linear(hidden_sizes[-1], 2 * state_size)
        start_orthogonal(self.head)
        nn.init.zeros_(self.head.weight[state_size:])
        nn.init.constant_(self.head.bias[state_size:], math.log(math.expm1(initial_std)))
        self.std_floor = std_floor

    def project(self, evidence: Float[Tensor, "*batch evidence"]) -> Float[Tensor, "*batch hidden"]:
        """The evidence's share of the first layer."""
        return self.from_evidence(evidence)

    def given(
        self,
        projected: Float[Tensor, "*batch hidden"],
        context: Float[Tensor, "*batch context"],
    ) -> Gaussian:
        """The Gaussian, from evidence already projected."""
        hidden = self.hidden(self.activation(projected + self.from_context(context)))
        mean, raw_std = self.head(hidden).chunk(2, -1)
        return Gaussian(mean, softplus(raw_std) + self.std_floor)

    def forward(
        self,
        evidence: Float[Tensor, "*batch evidence"],
        context: Float[Tensor, "*batch context"],
    ) -> Gaussian:
        return self.given(self.project(evidence), context)
