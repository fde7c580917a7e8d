"""LPIPS: how different two frames look to a network that was trained on photographs.

Zhang, Isola, Efros, Shechtman, Wang: "The unreasonable effectiveness of deep features as a
perceptual metric" (CVPR 2018), version 0.1 on the features of AlexNet, which is what the field
reports. Lower is more alike. The network is written out here, so that nothing but its weights is
needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear, max_pool2d, relu

from dlh.data.fetch.remote import Remote
from dlh.evaluation.scores.frames import Metric, check_frames
from dlh.evaluation.scores.weights import Published, digests, read_tensors, take

SMALLEST = 31
"""Below this many pixels nothing is left after the third pooling."""

PUBLISHED = Published(
    score="lpips",
    files=(
        Remote(
            file="alexnet-owt-7be5be79.pth",
            mirrors=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
            sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            size=244_408_911,
        ),
        Remote(
            file="lpips-v0.1-alex.pth",
            mirrors=(
                "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/"
                "weights/v0.1/alex.pth",
            ),
            sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            size=6_009,
        ),
    ),
    option="--lpips-weights",
    licence="AlexNet: BSD-3 (torchvision); LPIPS: BSD-2",
    side=SMALLEST,
)


@dataclass(frozen=True)
class _Convolution:
    """One of AlexNet's five: where it stands in torchvision, its shape, and what comes before."""

    place: int
    stage: int
    shape: tuple[int, int, int, int]
    stride: int
    padding: int
    pooled: bool


_CONVOLUTIONS = (
    _Convolution(0, 1, (64, 3, 11, 11), 4, 2, False),
    _Convolution(3, 2, (192, 64, 5, 5), 1, 2, True),
    _Convolution(6, 3, (384, 192, 3, 3), 1, 1, True),
    _Convolution(8, 4, (256, 384, 3, 3), 1, 1, False),
    _Convolution(10, 5, (256, 256, 3, 3), 1, 1, False),
)
# The mean and the spread of ImageNet's colours, for values in [-1, 1].
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class LPIPS:
    """The distance, for frames (..., channel, height, width) in [0, 1].

    Args:
        tensors: named as in torchvision's AlexNet (``features.0.weight``) or as in the state of the
            lpips package (``net.slice1.0.weight``), with that package's ``lin0.model.1.weight``.
        paths: where they are from, for messages.
        device: where to compute.

    Raises:
        WeightsError: a tensor is missing or of another shape.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        *,
        paths: Sequence[Path] = (),
        device: torch.device | str = "cpu",
    ) -> None:
        shapes: dict[str, Sequence[int]] = {}
        for layer, convolution in enumerate(_CONVOLUTIONS):
            name = f"net.slice{convolution.stage}.{convolution.place}"
            if f"{name}.weight" not in tensors:
                name = f"features.{convolution.place}"
            shapes[f"{name}.weight"] = convolution.shape
            shapes[f"{name}.bias"] = convolution.shape[:1]
            shapes[f"lin{layer}.model.1.weight"] = (1, convolution.shape[0], 1, 1)
        found = take(tensors, shapes, what="LPIPS on AlexNet", paths=paths)
        values = [value.to(device) for value in found.values()]
        self._weights, self._biases, self._heads = values[0::3], values[1::3], values[2::3]
        self._shift = torch.tensor(_SHIFT, device=device)[:, None, None]
        self._scale = torch.tensor(_SCALE, device=device)[:, None, None]

    @torch.no_grad()
    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """(...): one distance per frame; the leading axes of the truth broadcast.

        The prediction is clipped to [0, 1]; grey frames are taken as colour.

        Raises:
            NotComputed: the frames are smaller than SMALLEST, or have neither 1 nor 3 channels.
        """
        check_frames(prediction, truth, score=PUBLISHED.score)
        PUBLISHED.check(prediction.shape)
        leading = torch.broadcast_shapes(prediction.shape[:-3], truth.shape[:-3])
        ours, theirs = self._activations(prediction.clamp(0, 1)), self._activations(truth)
        distance = torch.zeros(leading, device=prediction.device, dtype=prediction.dtype)
        for mine, other, head in zip(ours, theirs, self._heads, strict=True):
            squares = (mine - other).square().mean((-2, -1))
            distance += linear(squares, head[:, :, 0, 0].to(squares.dtype))[..., 0]
        return distance

    def _activations(self, frames: Tensor) -> list[Tensor]:
        """Each stage, of unit length over its channels, with the leading axes of the frames."""
        leading = frames.shape[:-3]
        flat = frames.reshape(-1, *frames.shape[-3:])
        x = ((2 * flat.expand(-1, 3, -1, -1) - 1) - self._shift) / self._scale
        stages = []
        for convolution, weight, bias in zip(
            _CONVOLUTIONS, self._weights, self._biases, strict=True
        ):
            if convolution.pooled:
                x = max_pool2d(x, 3, 2)
            x = relu(
                conv2d(
                    x,
                    weight.to(x.dtype),
                    bias.to(x.dtype),
                    stride=convolution.stride,
                    padding=convolution.padding,
                )
            )
            length = x.square().sum(1, keepdim=True).sqrt()
            stages.append((x / (length + 1e-10)).unflatten(0, leading or (1,)))
        return stages if leading else [stage[0] for stage in stages]


def lpips_metric(paths: Sequence[Path], device: torch.device | str = "cpu") -> Metric:
    """The metric of some files of weights, whose SHA-256 become a part of the protocol.

    Raises:
        WeightsError: the files do not hold them.
    """
    distance = LPIPS(read_tensors(paths), paths=paths, device=device)
    return Metric(
        name="lpips",
        parameters={
            "network": "AlexNet",
            "version": "0.1",
            "input": "[-1, 1], grey repeated to three channels",
            "weights_sha256": digests(paths),
            "prediction": "clipped to [0, 1]",
        },
        higher_is_better=False,
        score=distance,
    )
