from __future__ import annotations

import pytest
import torch

from dlh.networks import FrameDecoder, FrameEncoder

CHANNELS = (2, 3, 4, 5)


def shapes_through(layers: torch.nn.Sequential, inputs: torch.Tensor) -> list[tuple[int, ...]]:
    """(height, width) before the first and after every convolution."""
    sizes = [tuple(inputs.shape[2:])]
    for layer in layers:
        inputs = layer(inputs)
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            sizes.append(tuple(inputs.shape[2:]))
    return sizes


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 16), (32, 32), (48, 64), (64, 48), (64, 64), (96, 96)])
def test_any_frame_goes_in_and_comes_out(channels, size):
    frame_shape = (channels, *size)
    features = FrameEncoder(frame_shape, CHANNELS, 7, "elu")(torch.rand(2, *frame_shape))
    assert features.shape == (2, 7)
    assert FrameDecoder(frame_shape, CHANNELS, 7, "elu")(features).shape == (2, *frame_shape)


@pytest.mark.parametrize("frames", [1, 3, 4, 7])
def test_very_many_frames_are_computed_in_parts_and_come_out_the_same(monkeypatch, frames):
    torch.manual_seed(0)
    shape = (3, 32, 16)
    whole = [kind(shape, CHANNELS, 7, "elu").double() for kind in (FrameEncoder, FrameDecoder)]
    assert all(network.frames_at_once == 2**30 // (3 * 32 * 16) for network in whole)
    monkeypatch.setattr("dlh.networks.convolution.MOST_NUMBERS", 3 * (3 * 32 * 16) + 5)
    parts = [kind(shape, CHANNELS, 7, "elu").double() for kind in (FrameEncoder, FrameDecoder)]
    values = torch.rand(frames, *shape, dtype=torch.float64, requires_grad=True)
    found, sizes = [], []
    parts[0].convolutions.register_forward_hook(lambda _, given, __: sizes.append(len(given[0])))
    for encoder, decoder in (whole, parts):
        assert decoder.load_state_dict(whole[1].state_dict())
        assert encoder.load_state_dict(whole[0].state_dict())
        decoded = decoder(encoder(values))
        found.append((decoded, torch.autograd.grad(decoded.square().sum(), values)[0]))
    assert sizes == [3] * (frames // 3) + [frames % 3] * bool(frames % 3)
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [(64, 64), (96, 48)])
def test_no_layer_has_more_numbers_than_a_gpu_can_count(size):
    """Of the stacks of both kinds, by running a frame through them."""
    shape, counts = (3, *size), []
    networks = [kind(shape, (32, 64, 128, 256), 20, "elu") for kind in (FrameEncoder, FrameDecoder)]
    for network in networks:
        for layer in network.modules():
            layer.register_forward_hook(lambda _, __, result: counts.append(result.numel()))
    with torch.no_grad():
        networks[1](networks[0](torch.rand(1, *shape)))
    assert max(counts) * networks[0].frames_at_once < 2**31


def test_frames_of_64_pixels_get_the_stack_of_cwvae():
    encoder = FrameEncoder((3, 64, 64), (32, 64, 128, 256), 200, "elu")
    decoder = FrameDecoder((3, 64, 64), (32, 64, 128, 256), 200, "elu")
    with torch.no_grad():
        into = shapes_through(encoder.convolutions, torch.rand(1, 3, 64, 64))
        out_of = shapes_through(decoder.convolutions, decoder.seed(torch.rand(1, 200)))
    assert into == [(64, 64), (31, 31), (14, 14), (6, 6), (2, 2)]
    assert out_of == [(1, 1), (5, 5), (13, 13), (30, 30), (64, 64)]
    assert decoder.seed(torch.rand(1, 200)).shape == (1, 1024, 1, 1)
    weights = [tuple(p.shape) for p in decoder.convolutions.parameters() if p.ndim == 4]
    assert weights == [(1024, 128, 5, 5), (128, 64, 5, 5), (64, 32, 6, 6), (32, 3, 6, 6)]


def test_the_matrix_product_of_a_pixel_is_torchs_transposed_convolution():
    torch.manual_seed(0)
    layer = FrameDecoder((3, 64, 64), CHANNELS, 7, "elu").double().convolutions[0]
    assert type(layer) is not torch.nn.ConvTranspose2d
    torch.nn.init.normal_(layer.bias)
    pixel = torch.randn(3, 20, 1, 1, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.conv_transpose2d(pixel, layer.weight, layer.bias, stride=2)
    weights, gradients = torch.randn_like(expected), []
    for result in (layer(pixel), expected):
        torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
        inputs = (pixel, layer.weight, layer.bias)
        gradients.append(torch.autograd.grad((weights * result).sum(), inputs))
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [(32, 32), (48, 64)])
def test_frames_of_another_size_are_halved_and_doubled_four_times(size):
    height, width = size
    encoder = FrameEncoder((1, *size), CHANNELS, 7, "elu")
    decoder = FrameDecoder((1, *size), CHANNELS, 7, "elu")
    halved = [(height // 2**n, width // 2**n) for n in range(5)]
    assert shapes_through(encoder.convolutions, torch.rand(1, 1, *size)) == halved
    assert shapes_through(decoder.convolutions, decoder.seed(torch.rand(1, 7))) == halved[::-1]


def test_decoder_can_put_out_an_exact_zero_and_values_beyond_the_bounds():
    decoder = FrameDecoder((1, 16, 16), CHANNELS, 7, "elu")
    with torch.no_grad():
        decoder.convolutions[-1].weight.zero_()
        for bias in (0.0, -0.5, 1.5):
            decoder.convolutions[-1].bias.fill_(bias)
            assert bool((decoder(torch.randn(2, 7)) == bias).all())


def test_each_frame_is_encoded_and_decoded_by_itself():
    torch.manual_seed(0)
    encoder = FrameEncoder((1, 16, 16), CHANNELS, 7, "elu").double()
    decoder = FrameDecoder((1, 16, 16), CHANNELS, 7, "elu").double()
    frames = torch.rand(4, 1, 16, 16).double()
    features = encoder(frames)
    for index in range(4):
        torch.testing.assert_close(encoder(frames[index : index + 1])[0], features[index])
        torch.testing.assert_close(
            decoder(features[index : index + 1])[0], decoder(features)[index]
        )
