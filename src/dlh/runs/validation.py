"""What a run is watched by on held-out clips: the model's figures, its events, and pictures.

The pictures show the same clips predicted with the same noise, again and again: what differs from
one to the next is the model alone.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from dlh.data.clips import Clips, ClipSource
from dlh.evaluation.events import change_rates, mean_depth, scores_by_level
from dlh.files.writing import os_errors_as
from dlh.interfaces import TrainableModel, VideoModel, shortest_context
from dlh.training.errors import RunFolderError
from dlh.training.held_out import RATE
from dlh.training.loop import DrawSamples, Validate
from dlh.training.run import RunFolder
from dlh.video import from_stored, to_stored

CLIPS_AT_ONCE = 8
VALIDATION_SEED = 0
SAMPLES = "samples"
SAMPLE_CLIPS = 4
CONTEXT_STEPS = 30
NOISE_SEED = 2


def held_out_validation(source: ClipSource, *, clips: int, clip_length: int) -> Validate | None:
    """The validation of a run, or None where the source has no held-out clips of that length.

    Its figures are those that the model shows (of most ``elbo`` and ``kl.L1``, ..., nats per
    frame); of a model that decides ``mean_depth`` and how often each level from 2 on changes after
    the first frame, ``change_rate.L2``, ...; and where the data knows its events too
    ``events.precision``, ``events.recall``, ``events.f1``, of level 2, and ``true_change_rate``.
    Where higher levels have a truth of their own, theirs are ``events.f1.L3``, ...
    """
    if clips == 0:
        return None
    held_out = source.held_out("validation", count=clips, clip_length=clip_length)
    if held_out is None:
        return None

    def validate(model: TrainableModel, step: int) -> dict[str, float]:
        return score(model, held_out)

    return validate


@torch.no_grad()
def score(model: TrainableModel, clips: Clips) -> dict[str, float]:
    """The figures of :func:`held_out_validation`; the noise is the same in every call.

    The model is in evaluation mode.
    """
    assert isinstance(model, nn.Module)
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(VALIDATION_SEED)
    values: dict[str, list[Tensor]] = defaultdict(list)
    changes: list[Tensor] = []
    for start in range(0, len(clips.video), CLIPS_AT_ONCE):
        video = from_stored(clips.video[start : start + CLIPS_AT_ONCE], device)
        found = model.figures(video, generator=generator)
        for name, value in found.values.items():
            values[name].append(value)
        if found.changed is not None:
            changes.append(found.changed)
    figures: dict[str, float] = {}
    for name, parts in values.items():
        mean = torch.cat(parts).mean(0)
        if mean.ndim:
            levels = enumerate(mean.tolist(), start=1)
            figures |= {f"{name}.L{level}": value for level, value in levels}
        else:
            figures[name] = float(mean)
    return figures | (_decided(torch.cat(changes).cpu(), clips) if changes else {})


def _decided(changed: Tensor, clips: Clips) -> dict[str, float]:
    """The figures of decisions, (clips, time, levels)."""
    if changed.shape[1] < 2:
        return {}
    figures = {"mean_depth": mean_depth(changed)}
    for level, rate in enumerate(change_rates(changed)[1:], start=2):
        figures[f"{RATE}{level}"] = rate
    for level, events in scores_by_level(changed, clips).items():
        name = "" if level == 2 else f".L{level}"
        figures |= {f"events.{what}{name}": value for what, value in events.to_plain().items()}
        figures[f"true_change_rate{name}"] = events.true_change_rate
    return figures


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
    held_out = source.held_out("validation", count=SAMPLE_CLIPS, clip_length=clip_length)
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
