from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from dlh.networks.transposed import DoublingConvolution

OF_MODELS = [  # kernel, padding, output padding
    pytest.param(4, 1, 0, id="any size"),
    pytest.param(5, 0, 0, id="64 px, odd"),
    pytest.param(6, 0, 0, id="64 px"),
    pytest.param(3, 1, 1, id="LMC-Memory"),
]


def layers(inputs, outputs, kernel, padding, more):
    """Ours and torch's, with the same weights."""
    settings = {"stride": 2, "padding": padding, "output_padding": more}
    ours = DoublingConvolution(inputs, outputs, kernel, **settings).double()
    theirs = torch.nn.ConvTranspose2d(inputs, outputs, kernel, **settings).double()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("outputs", [1, 3, 6])
@pytest.mark.parametrize("kernel, padding, more", OF_MODELS)
def test_it_is_torchs_transposed_convolution(outputs, kernel, padding, more):
    frames = torch.randn(2, 5, 4, 7, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in layers(5, outputs, kernel, padding, more):
        made = layer(frames)
        gradient = torch.autograd.grad(made.square().sum(), (frames, layer.weight, layer.bias))
        with torch.no_grad():
            torch.testing.assert_close(layer(frames), made)
        found.append((made, *gradient))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_no_gradient_is_computed_that_nobody_asks_for(wanted):
    layer, _ = layers(5, 1, 4, 1, 0)
    frames = torch.randn(1, 5, 2, 2, dtype=torch.float64, requires_grad=wanted[0])
    layer.requires_grad_(wanted[1])
    layer(frames).sum().backward()
    assert (frames.grad is not None, layer.weight.grad is not None) == wanted


@pytest.mark.parametrize("outputs, kernel", [(1, 6), (6, 5)])
def test_in_bfloat16_it_differs_by_rounding_alone(outputs, kernel):
    ours, theirs = layers(5, outputs, kernel, 0, 0)
    frames = torch.randn(2, 5, 6, 6)
    exact = theirs(frames.double()).detach()
    found = []
    for layer in (ours.float(), theirs.float()):
        with torch.autocast("cpu", torch.bfloat16):
            made = layer(frames)
        made.float().square().sum().backward()
        assert made.dtype == torch.bfloat16
        found.append((made.float(), layer.weight.grad, layer.bias.grad))
    for made, *_ in found:
        assert (made - exact).abs().max() < 0.02 * exact.abs().max()
    torch.testing.assert_close(*found, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    "outputs, kernel, half, phases",
    [(3, 4, False, True), (3, 4, True, True), (5, 5, True, True), (5, 5, False, False),
     (5, 4, True, False)],
)  # fmt: skip
def test_phases_are_for_what_is_slow_otherwise(monkeypatch, outputs, kernel, half, phases):
    layer = DoublingConvolution(2, outputs, kernel, stride=2)
    called = []
    torchs = functional.conv_transpose2d
    monkeypatch.setattr(
        functional, "conv_transpose2d", lambda *given: called.append(1) or torchs(*given)
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        layer(torch.rand(1, 2, 3, 3))
    assert bool(called) != phases
