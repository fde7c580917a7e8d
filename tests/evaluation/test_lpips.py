"""LPIPS against the plain definition, with random weights of the published shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dlh.evaluation.scores.frames import NotComputed
from dlh.evaluation.scores.lpips import LPIPS, PUBLISHED, SMALLEST, lpips_metric
from dlh.evaluation.scores.weights import Published, WeightsError
from local_server import LocalServer
from refusals import refused

CHANNELS = (64, 192, 384, 256, 256)


def alexnet() -> nn.Sequential:
    """torchvision's ``alexnet().features``, from its description, without the last pooling."""
    return nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(64, 192, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(192, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, kernel_size=3, padding=1),
        nn.ReLU(),
    )


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    torch.manual_seed(0)
    return alexnet()


@pytest.fixture(scope="module")
def heads() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        f"lin{layer}.model.1.weight": torch.rand(1, width, 1, 1, generator=generator)
        for layer, width in enumerate(CHANNELS)
    }


@pytest.fixture(scope="module")
def backbone(network) -> dict[str, torch.Tensor]:
    return {f"features.{name}": value for name, value in network.state_dict().items()}


def by_definition(network, heads, ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Of two colour frames in [0, 1], step by step."""
    shift = torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[None, :, None, None]
    x, y = (((2 * frame[None] - 1) - shift) / scale for frame in (ours, theirs))
    total, layer = 0.0, 0
    for part in network:
        x, y = part(x), part(y)
        if isinstance(part, nn.ReLU):
            unit = [each / (each.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10) for each in (x, y)]
            weighed = (unit[0] - unit[1]) ** 2 * heads[f"lin{layer}.model.1.weight"]
            total += weighed.sum(dim=1).mean().item()
            layer += 1
    assert layer == 5
    return total


def pictures(*leading: int, size: int = 64, channels: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*leading, channels, size, size, generator=generator)


@pytest.mark.parametrize("size", [SMALLEST, 64])
def test_it_is_what_the_definition_says(network, heads, backbone, size: int):
    distance = LPIPS({**backbone, **heads})
    ours, theirs = pictures(2, 3, size=size), pictures(3, size=size, seed=1)
    found = distance(ours, theirs)
    assert found.shape == (2, 3)
    for sample in range(2):
        for step in range(3):
            expected = by_definition(network, heads, ours[sample, step], theirs[step])
            assert found[sample, step].item() == pytest.approx(expected, rel=1e-4)


def test_identical_frames_are_at_distance_zero_and_clipping_comes_first(heads, backbone):
    distance = LPIPS({**backbone, **heads})
    frames = pictures(2)
    assert distance(frames, frames).tolist() == [0, 0]
    white = torch.ones(3, 40, 40)
    assert distance(white + 3, white).item() == 0


def test_grey_frames_are_taken_as_colour(heads, backbone):
    distance = LPIPS({**backbone, **heads})
    ours, theirs = pictures(2, channels=1), pictures(2, channels=1, seed=1)
    as_colour = distance(ours.expand(-1, 3, -1, -1), theirs.expand(-1, 3, -1, -1))
    assert torch.allclose(distance(ours, theirs), as_colour)


def test_the_names_of_the_lpips_package_are_known_too(heads, backbone, tmp_path: Path):
    stages = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
    named = {
        f"net.slice{stages[int(name.split('.')[1])]}.{name.removeprefix('features.')}": value
        for name, value in backbone.items()
    }
    one, two, three = tmp_path / "all.pth", tmp_path / "alexnet.pth", tmp_path / "heads.safetensors"
    torch.save({**named, **heads, "scaling_layer.shift": torch.zeros(1)}, one)
    torch.save(backbone, two)
    save_file(heads, three)
    ours, theirs = pictures(), pictures(seed=1)
    whole, parts = lpips_metric([one]), lpips_metric([two, three])
    assert torch.equal(whole.score(ours, theirs), parts.score(ours, theirs))
    assert not whole.higher_is_better and whole.name == "lpips"
    assert len(parts.parameters["weights_sha256"]) == 2
    assert whole.parameters["weights_sha256"] != parts.parameters["weights_sha256"]


def test_frames_that_it_cannot_take_say_so(heads, backbone):
    distance = LPIPS({**backbone, **heads})
    small, two = pictures(size=SMALLEST - 1), pictures(channels=2)
    with refused(NotComputed, "31 x 31", "30 x 30"):
        distance(small, small)
    with refused(NotComputed, "lpips", 1, 3, 2):
        distance(two, two)


def test_weights_of_something_else_are_refused(heads, backbone, tmp_path: Path):
    path = tmp_path / "weights.pth"
    torch.save(heads, path)
    with refused(WeightsError, 10, 15, "features.0.weight"):
        lpips_metric([path])
    torch.save({**backbone, **heads, "lin2.model.1.weight": torch.zeros(1, 3, 1, 1)}, path)
    with refused(WeightsError, "lin2.model.1.weight", (1, 3, 1, 1)):
        lpips_metric([path])
    torch.save({**backbone, **heads, "features.0.bias": torch.full((64,), torch.nan)}, path)
    with refused(WeightsError, "features.0.bias"):
        lpips_metric([path])


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_cut_weights_and_other_files_are_refused(heads, tmp_path: Path, name: str):
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(heads, path)
    else:
        save_file(heads, path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not weights"):
        path.write_bytes(content)
        with refused(WeightsError, name):
            lpips_metric([path])
    torch.save([1, 2], tmp_path / "list.pth")
    with refused(WeightsError, "list.pth"):
        lpips_metric([tmp_path / "list.pth"])


def published_at(url: str, heads_file: bytes, sha256: str) -> Published:
    """One file on a server of this machine, in the place of the real ones."""
    remote = type(PUBLISHED.files[0])(
        file="heads.pth", mirrors=(f"{url}/heads.pth",), sha256=sha256, size=len(heads_file)
    )
    return Published(score="lpips", files=(remote,), option="--lpips-weights", licence="")


def test_weights_that_are_not_here_say_how_to_get_them(workspace):
    with refused(NotComputed, "--download-weights", "244 MB", "--lpips-weights"):
        PUBLISHED.find()
    with refused(WeightsError, "mine.pth"):
        PUBLISHED.find([Path("mine.pth")])


def test_weights_come_by_checksum_and_others_are_not_used(workspace):
    import hashlib

    content, server = b"the weights", LocalServer()
    server.files["/heads.pth"] = content
    right = hashlib.sha256(content).hexdigest()
    with server.running():
        with refused(NotComputed, right, "0" * 64):
            published_at(server.url, content, "0" * 64).find(download=True)
        good = published_at(server.url, content, right)
        (path,) = good.find(download=True)
        assert path.read_bytes() == content
        asked = len(server.asked)
        assert good.find() == [path]  # from now on it is here
        assert len(server.asked) == asked
    path.write_bytes(b"the weight!")
    with refused(NotComputed, path):
        good.find()


def test_the_published_files_are_named_by_their_sums():
    for file in PUBLISHED.files:
        assert len(file.sha256) == 64 and file.size
    assert PUBLISHED.files[0].sha256.startswith("7be5be79")  # as torchvision's name of it says
