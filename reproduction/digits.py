"""Moving MNIST in predicted frames: are the digits where they should be, and still the same ones?

A digit is in place where its own picture is found within :data:`RADIUS` of where it truly is: the
cosine of picture and frame is at least :data:`ALIKE` there. On true frames that holds at 99.97 % of
the steps, in spite of overlaps; at the places of another clip's digits at 1.2 %.

Which digits a frame shows is asked of a small classifier that does not know where they are. It is
trained on frames of the training digits, and its accuracy on the true frames stands beside it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dlh.analysis.moving_ball.rollouts import Tracking
from dlh.data.clips import DataError
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTClips
from dlh.evaluation.protocol import Protocol
from dlh.evaluation.rows import MODEL, ORACLE
from dlh.evaluation.scoring import ReadBlock
from dlh.files.writing import replacing
from dlh.runs.subject import Subject
from dlh.video import from_stored, to_stored
from reproduction.ball import SINGLY

RADIUS = 3 / 28
"""Of a digit's height and width."""
ALIKE = 0.6
CHECKED = (1, 30, 100, 200, 300, 500, 1000)
"""Predicted steps at which it is asked which digits a frame shows; and the last."""
ROWS = (MODEL, "last_frame", "other_clip", "best_of_other_clips", ORACLE)
STEPS, FRAMES = 1_500, 64
"""Of the classifier's training: updates, and frames of each."""
TESTED = 2_000
"""Frames with digits of the validation split, on which its accuracy is stated."""


class DigitsInFutures:
    """How long the digits of futures are in place, and how often they are still the same.

    Args:
        source: of the clips.
        path: of the classifier's weights, without an ending; trained where there is none.
    """

    file = "digits.json"

    def __init__(self, source: MovingMNIST, path: Path) -> None:
        self.source = source
        frames = hashlib.sha256(repr(source.config).encode()).hexdigest()
        of = f"{source.digits.sha256()[:8]}-{frames[:8]}"
        self.path = path.with_name(f"{path.name}-{of}.pt")

    @functools.cached_property
    def classifier(self) -> tuple[nn.Module, float]:
        """It, and its accuracy."""
        network = classifier_network()
        if self.path.exists():
            saved = torch.load(self.path, weights_only=True)
            network.load_state_dict(saved["network"])
            return network.eval(), saved["accuracy"]
        accuracy = train_classifier(network, self.source, steps=STEPS)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as temporary:
            torch.save({"network": network.state_dict(), "accuracy": accuracy}, temporary)
        return network, accuracy

    def observer(self, subject: Subject, protocol: Protocol) -> None:
        """There is none: where digits go is certain, apart from what a context does not tell."""

    def __getstate__(self) -> dict[str, Any]:
        """Another process gets the classifier trained."""
        _ = self.classifier
        return self.__dict__

    def of_clip(self, clip: int, context: Tensor, truth: Tensor) -> ReadBlock:
        """Reads, of the model, some floors and what happened, where each digit is lost and which
        digits are seen.
        """
        known = self._known(clip, torch.cat([context, truth]))
        positions = torch.from_numpy(known.positions[0])
        video = torch.cat([context, truth])[:, 0].cpu()
        pictures = pictures_of(video, positions, self.source.config.digit_size)
        after = positions[len(context) :]
        checked = [step - 1 for step in checked_steps(len(truth))]

        @torch.no_grad()
        def read(row: str, frames: Tensor) -> dict[str, np.ndarray]:
            if row not in ROWS:
                return {}
            frames = frames[:, :, 0].cpu().float()
            lost = ~in_place(frames, after, pictures)
            same = self._same(frames[:, checked], known.labels[0])
            return {"lost": lost.numpy(), "same": same.numpy()}

        return read

    def summarise(self, clips: Sequence[Mapping[str, Mapping[str, np.ndarray]]]) -> dict[str, Any]:
        """``digits``: of each row that was read; and of the model the steps of every future."""

        def stacked(row: str, name: str) -> Tensor:
            return torch.from_numpy(np.stack([clip[row][name] for clip in clips]))

        found, singly, truly = {}, {}, stacked(ORACLE, "lost")
        horizon = truly.shape[2]
        for row in clips[0]:
            # Where the truth itself is not found, a digit hides the other: evidence against nobody.
            steps = _first(stacked(row, "lost") & ~truly).double().mean(-1)
            tracking = Tracking(steps=steps, horizon=horizon, radius=RADIUS)
            same = stacked(row, "same").double().mean((0, 1)).tolist()
            singly[row] = steps.tolist()
            found[row] = {
                "median_steps_best": tracking.median_best,
                "median_steps_mean": tracking.median_mean,
                "same": dict(zip(map(str, checked_steps(horizon)), same, strict=True)),
            }
        return {
            "digits": {"rows": found, "classifier_accuracy": self.classifier[1]},
            SINGLY: {"steps_in_place": singly[MODEL]},
        }

    def _known(self, clip: int, video: Tensor) -> MovingMNISTClips:
        """All that the generator knows of a test clip, (time, channel, height, width)."""
        known = self.source.held_out_clip("test", clip, clip_length=len(video))
        if not np.array_equal(known.video[0], to_stored(video)):
            raise DataError(
                f"clip {clip} is another one than test clip {clip} of {self.source.name}, so it is "
                "not known where its digits are; compare models without a manifest"
            )
        return known

    def _same(self, frames: Tensor, labels: np.ndarray) -> Tensor:
        """Which share of the digits is seen in frames (samples, steps, height, width)."""
        network, _ = self.classifier
        logits = network(frames.flatten(0, 1)[:, None])
        return seen(logits, np.broadcast_to(labels, (len(logits), len(labels)))).unflatten(
            0, frames.shape[:2]
        )


def checked_steps(horizon: int) -> list[int]:
    """The predicted steps at which it is asked which digits a frame shows."""
    return [step for step in CHECKED if step < horizon] + [horizon]


def _first(lost: Tensor) -> Tensor:
    """The predicted steps before the first lost one, (clips, samples, digits), of (..., time,
    digits).
    """
    steps = lost.to(torch.uint8).argmax(2)
    return torch.where(lost.any(2), steps, lost.shape[2])


def pictures_of(video: Tensor, positions: Tensor, size: int) -> Tensor:
    """The digits of a clip, (digit, size, size): at every place the darkest that was ever seen
    there, as another digit only ever covers what is darker.

    Args:
        video: (time, height, width).
        positions: of their upper left corners as (x, y), pixels, (time, digit, 2).
        size: of a digit, pixels.
    """
    windows = video.unfold(1, size, 1).unfold(2, size, 1)
    corner = (positions + 0.5).floor().long()
    time = torch.arange(len(video))
    return torch.stack([windows[time, at[:, 1], at[:, 0]].amin(0) for at in corner.unbind(1)])


def in_place(frames: Tensor, positions: Tensor, pictures: Tensor) -> Tensor:
    """Whether each digit is where it truly is, bool (samples, time, digit).

    Args:
        frames: (samples, time, height, width), in [0, 1].
        positions: (time, digit, 2), as of :func:`pictures_of`.
        pictures: (digit, size, size).
    """
    samples, steps = frames.shape[:2]
    size = pictures.shape[-1]
    radius = max(1, round(RADIUS * size))
    padded = functional.pad(frames, (radius,) * 4)
    windows = padded.unfold(2, size + 2 * radius, 1).unfold(3, size + 2 * radius, 1)
    corner, time = (positions + 0.5).floor().long(), torch.arange(steps)
    ones, found = torch.ones(1, 1, size, size), []
    for at, picture in zip(corner.unbind(1), pictures, strict=True):
        window = windows[:, time, at[:, 1], at[:, 0]].flatten(0, 1)[:, None]
        alike = functional.conv2d(window, picture[None, None])
        norm = functional.conv2d(window.square(), ones).clamp_min(1e-6).sqrt() * picture.norm()
        found.append((alike / norm).flatten(1).amax(1) >= ALIKE)
    return torch.stack(found, -1).unflatten(0, (samples, steps))


class Highest(nn.Module):
    """Of maps (batch, channel, height, width) the highest over places, softly, (batch, channel)."""

    def forward(self, places: Tensor) -> Tensor:
        return places.flatten(2).logsumexp(-1)


def classifier_network() -> nn.Module:
    """Says which digits a frame (batch, 1, height, width) shows, wherever they are: the logits of
    0 to 9, (batch, 10).
    """
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, 2, 2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 5, 2, 2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, 2, 1), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.Conv2d(64, 10, 1), Highest()),
    )


@torch.enable_grad()
def train_classifier(
    network: nn.Module, source: MovingMNIST, *, steps: int, seed: int = 0
) -> float:
    """Train it on frames of the training digits, and return its accuracy on others: the mean share
    of a frame's digits that are seen.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
    adam = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=2e-3, total_steps=steps)
    network.train()
    for step in range(steps):
        clips = source.batch(step, batch_size=FRAMES, clip_length=1, seed=seed)
        logits = network(from_stored(clips.video)[:, 0])
        shown = torch.zeros_like(logits).scatter_(1, torch.from_numpy(clips.labels).long(), 1.0)
        loss = functional.binary_cross_entropy_with_logits(logits, shown)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    network.eval()
    clips = source.held_out("validation", count=TESTED, clip_length=1)
    assert clips is not None
    with torch.no_grad():
        logits = network(from_stored(clips.video)[:, 0])
    return float(seen(logits, clips.labels).mean())


def seen(logits: Tensor, labels: np.ndarray | Sequence[Sequence[int]]) -> Tensor:
    """Which share of the digits is among the likeliest, of which there are as many as different
    digits in the frame; (frames,).

    Args:
        logits: (frames, 10).
        labels: (frames, digit).
    """
    shares = []
    for row, shown in zip(logits, labels, strict=True):
        digits = {int(label) for label in shown}
        likeliest = set(row.topk(len(digits)).indices.tolist())
        shares.append(len(digits & likeliest) / len(digits))
    return torch.tensor(shares)
