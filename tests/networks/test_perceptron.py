from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import linear, softplus

from dlh.networks import ACTIVATIONS, ConditionalGaussian, perceptron


def conditional(**changes) -> ConditionalGaussian:
    torch.manual_seed(0)
    settings = {"activation": "elu", "std_floor": 0.01, "initial_std": 0.1, **changes}
    return ConditionalGaussian(5, 3, (8, 7, 6), 2, **settings).double()


@pytest.mark.parametrize("activation", ["elu", "silu", "relu"])
def test_perceptron_has_an_activation_after_every_layer(activation):
    layers = perceptron((4, 6, 2), activation)
    kinds = [type(layer) for layer in layers]
    kind = type(ACTIVATIONS[activation]())
    assert kinds == [nn.Linear, kind, nn.Linear, kind]
    assert layers(torch.zeros(3, 4)).shape == (3, 2)


def test_first_layer_in_two_matrices_is_the_layer_on_both_inputs():
    network = conditional()
    evidence, context = torch.randn(9, 5).double(), torch.randn(9, 3).double()
    weight = torch.cat((network.from_evidence.weight, network.from_context.weight), 1)
    first = linear(torch.cat((evidence, context), 1), weight, network.from_evidence.bias)
    hidden = network.hidden(nn.functional.elu(first))
    mean, raw = network.head(hidden).split(2, 1)
    found = network(evidence, context)
    torch.testing.assert_close(found.mean, mean)
    torch.testing.assert_close(found.std, softplus(raw) + 0.01)


def test_first_layer_starts_as_one_layer_of_both_inputs():
    """Orthogonal as one matrix of 5 + 3 inputs, not as two, which would be larger together."""
    network = conditional()
    weight = torch.cat((network.from_evidence.weight, network.from_context.weight), 1)
    torch.testing.assert_close(weight @ weight.T, 2 * torch.eye(8).double(), atol=1e-6, rtol=0)


def test_what_goes_in_keeps_its_size():
    torch.manual_seed(0)
    inputs = torch.randn(1_000, 200)
    with torch.no_grad():
        outputs = perceptron((200,) * 9, "elu")(inputs)
    assert 0.7 < outputs.std(0).mean() / inputs.std(0).mean() < 1.4


@pytest.mark.parametrize("std_floor", [0.01, 0.3])
def test_std_stays_above_its_floor(std_floor):
    network = conditional(std_floor=std_floor)
    with torch.no_grad():
        network.head.bias[2:] = -1e3
        found = network(torch.randn(4, 5).double(), torch.randn(4, 3).double())
    assert torch.equal(found.std, torch.full_like(found.std, std_floor))


@pytest.mark.parametrize("initial_std", [0.1, 1.0])
def test_std_starts_at_what_is_asked_whatever_goes_in(initial_std):
    network = conditional(initial_std=initial_std)
    with torch.no_grad():
        found = network(torch.randn(4, 5).double(), torch.randn(4, 3).double())
    torch.testing.assert_close(
        found.std, torch.full_like(found.std, initial_std + 0.01), rtol=1e-6, atol=0
    )
