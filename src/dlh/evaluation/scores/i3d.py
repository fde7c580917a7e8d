"""I3D, a network that was trained to name the actions in films: its answers are FVD's features.

Carreira and Zisserman, "Quo vadis, action recognition? A new model and the Kinetics dataset" (CVPR
2017): Inception-v1 with every kernel inflated to three dimensions. The parts are named as in the
published file of weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, max_pool3d, pad, relu

CLASSES = 400
SIDE = 224
FEWEST_FRAMES = 9
"""Of fewer, less than the two steps are left that the last average is taken over."""

_MIXED = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}
"""Inception modules in their order: channels in, and of 1x1, (1x1, 3x3), (1x1, 3x3), pooled 1x1."""

_POOLED_BEFORE = {
    "Conv3d_2b_1x1": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ((2, 2, 2), (2, 2, 2)),
}
"""Kernel and stride of the pooling in front of a part."""


class I3D(nn.Module):
    """Films in, the scores of 400 actions out; with random weights until some are loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = _Unit(3, 64, 7, stride=2)
        self.Conv3d_2b_1x1 = _Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = _Unit(64, 192, 3)
        for name, (channels, widths) in _MIXED.items():
            self.add_module(name, _Mixed(channels, widths))
        self.logits = _Unit(1024, CLASSES, 1, plain=True)

    def forward(self, video: Tensor) -> Tensor:
        """(batch, 3, time, 224, 224) in [-1, 1] to (batch, 400), averaged over time.

        It takes FEWEST_FRAMES frames or more.
        """
        x = video
        for name, part in self.named_children():
            if name == "logits":
                x = avg_pool3d(x, (2, 7, 7), stride=1)
            if name in _POOLED_BEFORE:
                kernel, stride = _POOLED_BEFORE[name]
                x = max_pool3d(_same(x, kernel, stride), kernel, stride)
            x = part(x)
        return x.mean((2, 3, 4))


class _Unit(nn.Module):
    """Convolution, normalisation, ReLU; ``plain`` is a convolution with a bias alone."""

    def __init__(
        self, channels: int, width: int, side: int, *, stride: int = 1, plain: bool = False
    ) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels, width, side, stride, bias=plain)
        self.bn = None if plain else nn.BatchNorm3d(width, eps=1e-3)
        self.kernel, self.stride = (side,) * 3, (stride,) * 3

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv3d(_same(x, self.kernel, self.stride))
        return x if self.bn is None else relu(self.bn(x))


class _Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.b0 = _Unit(channels, widths[0], 1)
        self.b1a, self.b1b = _Unit(channels, widths[1], 1), _Unit(widths[1], widths[2], 3)
        self.b2a, self.b2b = _Unit(channels, widths[3], 1), _Unit(widths[3], widths[4], 3)
        self.b3b = _Unit(channels, widths[5], 1)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = (3, 3, 3), (1, 1, 1)
        pooled = max_pool3d(_same(x, kernel, stride), kernel, stride)
        branches = (self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled))
        return torch.cat(branches, 1)


def _same(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Zeros around ``x`` so that ceil(size / stride) steps come out, the odd one at the end."""
    padding: list[int] = []
    for size, side, step in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):
        missing = max((-(-size // step) - 1) * step + side - size, 0)
        padding += [missing // 2, missing - missing // 2]
    return pad(x, padding) if any(padding) else x
