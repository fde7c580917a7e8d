"""Pictures that show a run learning: the same clips predicted with the same noise, again and again.

What differs from one to the next is the model alone.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from dlh.data.clips import ClipSource
from dlh.files.writing import os_errors_as
from dlh.interfaces import VideoModel, shortest_context
from dlh.training.errors import RunFolderError
from dlh.training.loop import DrawSamples
from dlh.training.run import RunFolder
from dlh.video import from_stored, to_stored

SAMPLES = "samples"
CLIPS = 4
CONTEXT_STEPS = 30
NOISE_SEED = 2


class DrawClips(Protocol):
    """Draws clips beside their predictions, as PNG bytes."""

    def __call__(
        self, context: np.ndarray, truth: np.ndarray, predicted: np.ndarray, *, title: str
    ) -> bytes:
        """All uint8 (clip, time, height, width, channel); truth and predicted are equally long."""
        ...


def sample_drawing(
    run: RunFolder, source: ClipSource, draw_clips: DrawClips, *, clip_length: int
) -> DrawSamples | None:
    """What draws ``samples/step-0000500.png``: half a clip (at most 30 frames, at least as many as
    the model needs) is watched, the rest predicted. None where the source has no held-out clips of
    two frames and more.
    """
    held_out = source.held_out("validation", count=CLIPS, clip_length=clip_length)
    if held_out is None or clip_length < 2:
        return None

    def draw(model: VideoModel, step: int) -> None:
        assert isinstance(model, torch.nn.Module)
        context_steps = max(min(CONTEXT_STEPS, clip_length // 2), shortest_context(model))
        context, truth = held_out.video[:, :context_steps], held_out.video[:, context_steps:]
        device = next(model.parameters()).device
        generator = torch.Generator(device).manual_seed(NOISE_SEED)
        prediction = model.predict(
            from_stored(context, device), horizon=clip_length - context_steps, generator=generator
        )
        futures = to_stored(prediction.frames[:, 0])
        folder = run.path / SAMPLES
        with os_errors_as(RunFolderError, f"cannot make the folder {folder}"):
            folder.mkdir(exist_ok=True)
        title = f"step {step}: held-out clips, one future each"
        png = draw_clips(context, truth, futures, title=title)
        run.write_bytes(f"{SAMPLES}/step-{step:07d}.png", png)

    return draw
