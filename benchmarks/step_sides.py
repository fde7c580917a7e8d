"""What a training step is timed over: its arithmetic alone, its convolutions, its slow reference.

Each side is a function of (model, video, noise) that goes forward and backward once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy, Noise
from dlh.networks.transposed import DoublingConvolution, TransposedConvolutionOfPixel
from dlh.training.speed import lay_out, resolve

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import slow_reference

NARROW = (16, 32, 64, 64)  # the convolutions of the `moving-ball` preset
WIDE = (32, 64, 128, 256)  # the defaults


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model and a batch."""

    size: int
    levels: int
    batch: int
    frames: int
    convolutions: tuple[int, int, int, int]

    def build(self) -> tuple[DynamicLatentHierarchy, Tensor, Noise]:
        """The model, a video and the randomness of a step."""
        torch.manual_seed(0)
        config = DLHConfig(
            height=self.size,
            width=self.size,
            num_levels=self.levels,
            convolution_channels=self.convolutions,
        )
        # Frames of another brightness each: levels above the first then change now and then.
        brightness = torch.rand(self.batch, self.frames, 1, 1, 1)
        video = brightness * torch.rand(self.batch, self.frames, *config.frame_shape)
        noise = Noise.draw(config, self.batch, self.frames, like=video)
        return DynamicLatentHierarchy(config), video, noise

    def __str__(self) -> str:
        return f"{self.batch} x {self.frames} frames of {self.size} px, N = {self.levels}"


def arithmetic(model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> Callable[..., None]:
    """What does every product of a step, forward and backward, over all frames at once.

    What the model computes twice is computed twice here, and as there without a gradient: all that
    the decisions of levels 2..N rest on (the posterior of the top level, which has no context,
    serves all purposes). A memory with a gradient moves as often as it does in the model. Sums
    stand for the divergences and the density.
    """
    levels, config = model.levels, model.config
    with torch.no_grad():
        trace, _ = model.observe(video, noise=noise)
    moving = trace.changed.sum(1).amax(0).tolist()  # of each level, the clip with the most changes
    length = [len(video) * max(1, moves) for moves in moving]
    top = len(levels) - 1

    def every_product(model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> None:
        rows = video.flatten(0, 1)
        normal = noise.normal.flatten(0, 1)
        memory = rows.new_zeros(len(rows), config.memory_size).requires_grad_()
        hidden = rows.new_zeros(len(rows), config.factor_size).requires_grad_()
        event = torch.ones(len(rows), dtype=torch.bool)

        features = model.encoder(rows)
        projected = []
        for level in levels[:-1]:
            projected.append(level.posterior.project(features))
            features = level.bottom_up(features)
        context = rows.new_zeros(len(rows), config.context_size)
        projected.append(levels[top].posterior.project(features))
        memories, contexts, total = [], [], rows.new_zeros(())
        for index in reversed(range(len(levels))):
            level = levels[index]
            posterior = level.posterior.given(projected[index], context)
            state = posterior.sample(normal[:, index])
            if index:
                with torch.no_grad():
                    if index < top:  # in the tests, and in what they are folded over
                        level.posterior.given(projected[index], context)
                        level.posterior.given(projected[index], context)
                    level.change_prior(memory, context)
                    level.transition.step(state, memory)
                    if index > 1:
                        level.top_down(state, context)
            moved = level.transition.step(state[: length[index]], memory[: length[index]])
            at_all = moved.repeat(-(-len(rows) // len(moved)), 1)[: len(rows)]
            memories.insert(0, at_all)
            contexts.insert(0, context)
            context = level.top_down(state, context)
            total = total + posterior.mean.sum() + posterior.std.sum()
        for index, level in enumerate(levels):
            if index:
                factor = level.change_factor
                read = factor.evidence(memories[index], memories[index - 1], event)
                logit, _ = factor.step(read, hidden)
                total = total + logit.sum()
            prior = level.change_prior(memories[index], contexts[index])
            total = total + prior.mean.sum() + prior.std.sum()
        (total + (model.decoder(context) - rows).square().sum()).backward()

    return every_product


def convolutions(model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> None:
    """The encoder and the decoder, forward and backward."""
    rows = video.flatten(0, 1)
    (model.decoder(model.encoder(rows)) - rows).square().sum().backward()


def transcription(model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> None:
    """A step of the slow reference."""
    slow_reference.objective(model, video, noise).loss.backward()


def training_step(model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> None:
    """A step of the model."""
    model.objective(video, noise=noise).loss.backward()


def as_trained(model: DynamicLatentHierarchy, video: Tensor) -> tuple[Any, Tensor]:
    """A copy of the model and the video as ``--speed auto`` has them here, and under autocast."""
    speed = resolve("auto", video.device)
    fast = deepcopy(model)
    lay_out(fast, speed)
    last = video.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    return fast, last if speed != "plain" else video


def with_nets_of_torch(model: DynamicLatentHierarchy) -> DynamicLatentHierarchy:
    """A copy of the model whose convolutions are all torch's own."""
    copy = deepcopy(model)
    for layer in copy.modules():
        if isinstance(layer, TransposedConvolutionOfPixel | DoublingConvolution):
            layer.__class__ = nn.ConvTranspose2d  # ty: ignore[invalid-assignment]
    return copy


def halved(step: Callable[..., None]) -> Callable[..., None]:
    """The same under autocast, where ``auto`` computes in bfloat16 here."""

    def run(model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> None:
        half = resolve("auto", video.device) == "bf16"
        with torch.autocast(video.device.type, torch.bfloat16, enabled=half):
            step(model, video, noise)

    return run
