"""Transposed convolutions, computed in the way in which a processor is fast.

Both classes are torch's layer with the same weights and the same result; on a GPU the second one is
torch's in every respect.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, addmm, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

FEW = 4
"""Outputs, up to which a transposed convolution is faster by phases."""


class TransposedConvolutionOfPixel(nn.ConvTranspose2d):
    """A transposed convolution without padding whose input is one pixel: a matrix product.

    As such it takes a fifth of the time that torch's takes on a CPU.
    """

    def forward(
        self, input: Float[Tensor, "batch inputs 1 1"], output_size: list[int] | None = None
    ) -> Float[Tensor, "batch outputs height width"]:
        outputs, height, width = self.weight.shape[1:]
        bias = cast(Tensor, self.bias).repeat_interleave(height * width)
        product = addmm(bias, input.flatten(1), self.weight.flatten(1))
        return product.view(-1, outputs, height, width)


class DoublingConvolution(nn.ConvTranspose2d):
    """A transposed convolution of stride 2.

    On a processor torch is slow where it has few outputs, and in bfloat16 with an odd kernel. There
    it goes forward by phases (:func:`by_phases`) and backward as torch's.
    """

    def forward(
        self, input: Float[Tensor, "batch inputs h w"], output_size: list[int] | None = None
    ) -> Float[Tensor, "batch outputs height width"]:
        weight, bias = self.weight, cast(Tensor, self.bias)
        half = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu")
        dtype = half or weight.dtype
        odd = self.kernel_size[0] % 2 == 1
        slow = self.out_channels <= FEW or (odd and dtype == torch.bfloat16)
        if input.device.type != "cpu" or not slow:
            return super().forward(input, output_size)
        values = (input.to(dtype), weight.to(dtype), bias.to(dtype))
        padding, more = cast(int, self.padding[0]), self.output_padding[0]
        if torch.is_grad_enabled():
            return _ByPhases.apply(*values, padding, more)
        return by_phases(*values, padding, more)


def by_phases(
    frames: Float[Tensor, "batch inputs h w"],
    weight: Float[Tensor, "inputs outputs kernel kernel"],
    bias: Float[Tensor, " outputs"],
    padding: int,
    output_padding: int = 0,
) -> Float[Tensor, "batch outputs height width"]:
    """A transposed convolution of stride 2 as one convolution of stride 1.

    Pixel 2 y + p of the result takes from input y - j the weight at 2 j + p, for each phase p of
    both axes. So a convolution with a quarter of the weights for each of four phases gives them
    all, to be shuffled into place.

    Args:
        frames: what goes in.
        weight, bias: of the transposed convolution.
        padding, output_padding: of both axes, as torch has them.
    """
    inputs, outputs, kernel, _ = weight.shape
    half = (kernel + 1) // 2
    even = functional.pad(weight, (0, kernel % 2, 0, kernel % 2))
    phases = even.view(inputs, outputs, half, 2, half, 2).permute(1, 3, 5, 0, 2, 4)
    kernels = phases.reshape(4 * outputs, inputs, half, half).flip(-1, -2)
    kernels = kernels.contiguous(memory_format=torch.channels_last)
    found = functional.conv2d(frames, kernels, bias.repeat_interleave(4), padding=half - 1)
    whole = functional.pixel_shuffle(found, 2)
    height, width = (
        2 * (size - 1) + kernel - padding + output_padding for size in frames.shape[-2:]
    )
    if (0, height, width) == (padding, *whole.shape[-2:]):
        return whole
    part = whole[..., padding:height, padding:width]
    return part.contiguous(memory_format=torch.channels_last)


class _ByPhases(torch.autograd.Function):
    """:func:`by_phases`, whose gradient is that of torch's transposed convolution."""

    @staticmethod
    def forward(
        ctx: Any, frames: Tensor, weight: Tensor, bias: Tensor, padding: int, output_padding: int
    ) -> Tensor:
        ctx.save_for_backward(frames, weight)
        ctx.settings = [2, 2], [padding] * 2, [1, 1], True, [output_padding] * 2, 1
        return by_phases(frames, weight, bias, padding, output_padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        frames, weight = ctx.saved_tensors
        found = torch.ops.aten.convolution_backward(
            gradient, frames, weight, [weight.shape[1]], *ctx.settings, ctx.needs_input_grad[:3]
        )
        return *found, None, None
