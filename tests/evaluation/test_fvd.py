"""I3D against a plain transcription, and the Frechet distance against its definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.linalg import sqrtm

from dlh.evaluation.scores.frames import NotComputed
from dlh.evaluation.scores.fvd import PUBLISHED, FrechetVideo, frechet_distance
from dlh.evaluation.scores.i3d import FEWEST_FRAMES, I3D
from dlh.evaluation.scores.weights import WeightsError


@pytest.fixture(scope="module")
def network() -> I3D:
    torch.manual_seed(0)
    network = I3D().eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_mean"):
                value.copy_(0.1 * torch.randn(value.shape, generator=generator))
            elif name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            elif name.endswith("bn.weight"):
                value.copy_(2 * torch.rand(value.shape, generator=generator))
            elif name.endswith("bn.bias"):
                value.copy_(0.2 * torch.randn(value.shape, generator=generator))
    return network


def same_pad(x: torch.Tensor, kernel: tuple, stride: tuple) -> torch.Tensor:
    """As TensorFlow pads: as many windows as ceil(size / stride), the larger half behind."""
    for axis, (k, s) in enumerate(zip(kernel, stride, strict=True), start=2):
        size = x.shape[axis]
        needed = max(k - s, 0) if size % s == 0 else max(k - size % s, 0)
        front = x.new_zeros([n if a != axis else needed // 2 for a, n in enumerate(x.shape)])
        back_shape = [n if a != axis else needed - needed // 2 for a, n in enumerate(x.shape)]
        x = torch.cat([front, x, x.new_zeros(back_shape)], dim=axis)
    return x


def transcription(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Inception-v1 in three dimensions, layer by layer, from the state alone."""

    def unit(x, name, side, stride=1):
        x = same_pad(x, (side,) * 3, (stride,) * 3)
        x = F.conv3d(x, state[f"{name}.conv3d.weight"], stride=stride)
        part = [
            state[f"{name}.bn.{p}"][None, :, None, None, None]
            for p in ("running_mean", "running_var", "weight", "bias")
        ]
        return F.relu((x - part[0]) / torch.sqrt(part[1] + 0.001) * part[2] + part[3])

    def pool(x, kernel, stride):
        return F.max_pool3d(same_pad(x, kernel, stride), kernel, stride)

    def mixed(x, name):
        return torch.cat(
            [
                unit(x, f"{name}.b0", 1),
                unit(unit(x, f"{name}.b1a", 1), f"{name}.b1b", 3),
                unit(unit(x, f"{name}.b2a", 1), f"{name}.b2b", 3),
                unit(pool(x, (3, 3, 3), (1, 1, 1)), f"{name}.b3b", 1),
            ],
            dim=1,
        )

    x = unit(x, "Conv3d_1a_7x7", 7, 2)
    x = pool(x, (1, 3, 3), (1, 2, 2))
    x = unit(x, "Conv3d_2b_1x1", 1)
    x = unit(x, "Conv3d_2c_3x3", 3)
    x = pool(x, (1, 3, 3), (1, 2, 2))
    x = mixed(mixed(x, "Mixed_3b"), "Mixed_3c")
    x = pool(x, (3, 3, 3), (2, 2, 2))
    for letter in "bcdef":
        x = mixed(x, f"Mixed_4{letter}")
    x = pool(x, (2, 2, 2), (2, 2, 2))
    x = mixed(mixed(x, "Mixed_5b"), "Mixed_5c")
    x = F.avg_pool3d(x, (2, 7, 7), 1)
    x = F.conv3d(x, state["logits.conv3d.weight"], state["logits.conv3d.bias"])
    return x[..., 0, 0].mean(2)


def test_the_network_is_its_plain_transcription_and_the_features_are_prepared_as_said(network):
    video = torch.rand(1, FEWEST_FRAMES, 1, 20, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        grey = 2 * F.interpolate(video[0], (224, 224), mode="bilinear", align_corners=False) - 1
        expected = transcription(
            network.state_dict(), grey.repeat(1, 3, 1, 1).transpose(0, 1)[None]
        )
    found = FrechetVideo(network).features(video)
    assert found.shape == (1, 400)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_weights_come_from_a_file_and_a_wrong_one_is_refused(network, tmp_path: Path):
    path = tmp_path / "i3d.pt"
    state = {k: v for k, v in network.state_dict().items() if not k.endswith("batches_tracked")}
    torch.save(state, path)  # the published file lacks the counters too
    loaded = FrechetVideo.load([path])
    assert torch.equal(loaded._network.Mixed_5c.b3b.bn.weight, state["Mixed_5c.b3b.bn.weight"])
    (sha256,) = loaded.spec().parameters["weights_sha256"]
    assert len(sha256) == 64
    del state["Mixed_4d.b1b.conv3d.weight"]
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"1 of \d+ tensors are missing, Mixed_4d.b1b.conv3d"):
        FrechetVideo.load([path])


def test_the_number_of_weights_is_the_published_networks():
    """12,287,264 without the last layer's 400 x 1,024 and its bias, of which 12.7 M in all."""
    network = I3D()
    last = sum(value.numel() for value in network.logits.parameters())
    assert last == 400 * 1024 + 400
    assert sum(value.numel() for value in network.parameters()) == 12_287_264 + last


@pytest.mark.parametrize("videos", [5, 40])
def test_the_distance_is_its_definition(videos: int):
    random = np.random.default_rng(0)
    ours = random.normal(size=(videos, 8)) @ random.normal(size=(8, 8))
    theirs = random.normal(size=(videos + 3, 8)) + 1
    s, t = np.cov(ours.T), np.cov(theirs.T)
    if videos > 8:
        root = sqrtm(s @ t)
        expected = ((ours.mean(0) - theirs.mean(0)) ** 2).sum() + np.trace(s + t - 2 * root).real
        assert frechet_distance(ours, theirs) == pytest.approx(expected, rel=1e-9)
    # By eigenvalues it can be said of singular covariances too.
    roots = np.sqrt(np.clip(np.linalg.eigvals(s @ t).real, 0, None)).sum()
    expected = ((ours.mean(0) - theirs.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * roots
    assert frechet_distance(ours, theirs) == pytest.approx(expected, rel=1e-5)


def test_the_distance_has_its_known_answers():
    random = np.random.default_rng(0)
    features = random.normal(size=(30, 6))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features + 2, features) == pytest.approx(6 * 4)
    wider = features.mean(0) + 3 * (features - features.mean(0))
    expected = (3 - 1) ** 2 * np.trace(np.cov(features.T))
    assert frechet_distance(wider, features) == pytest.approx(expected)


def test_it_is_never_negative_whatever_rounding_does():
    """Of a set and itself, without a bound, a quarter of these are some 1e-13 below zero."""
    for seed in range(20):
        features = np.random.default_rng(seed).normal(size=(6, 400))
        assert 0 <= frechet_distance(features, features) < 1e-9


def test_what_it_cannot_take_it_says():
    with pytest.raises(NotComputed, match="fvd takes videos of at least 9 frames, found 8"):
        PUBLISHED.check((8, 3, 64, 64))
    with pytest.raises(NotComputed, match="fvd takes 1 or 3 channels, found 2"):
        PUBLISHED.check((9, 2, 64, 64))
    with pytest.raises(NotComputed, match="at least 2 videos, found 1"):
        frechet_distance(np.zeros((1, 4)), np.zeros((5, 4)))


def test_the_published_file_is_named_by_its_sum(workspace):
    (file,) = PUBLISHED.files
    assert len(file.sha256) == 64 and file.size == 50_883_138
    with pytest.raises(NotComputed, match=r"\(51 MB\), --fvd-weights names a file"):
        PUBLISHED.find()
