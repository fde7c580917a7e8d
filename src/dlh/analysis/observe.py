"""What a model infers about clips, a few at a time: what its levels hold, or its decisions."""

from __future__ import annotations

import numpy as np
import torch

from dlh.data.clips import Clips
from dlh.distributions import each
from dlh.interfaces import DecidingModel, LayeredModel, ObservedLevels
from dlh.models.dlh import DynamicLatentHierarchy, Trace
from dlh.models.dlh.bound import Bound, bound
from dlh.video import from_stored

FRAMES_AT_ONCE = 2_000


def observe_clips(
    model: DynamicLatentHierarchy,
    clips: Clips,
    generator: torch.Generator,
    *,
    steps: int,
) -> tuple[Trace, Bound]:
    """The trace and the bound of the first ``steps`` frames of every clip, both on the CPU.

    Args:
        model: in evaluation mode.
        clips: to observe.
        generator: of the sampled states, on the model's device.
        steps: frames of each clip; all where it is shorter.
    """
    device = next(model.parameters()).device
    stored = clips.video[:, :steps]
    clips_at_once = max(1, FRAMES_AT_ONCE // stored.shape[1])
    traces: list[Trace] = []
    bounds: list[Bound] = []
    for start in range(0, len(stored), clips_at_once):
        video = from_stored(stored[start : start + clips_at_once], device)
        trace, _ = model.observe(video, generator=generator)
        found = bound(trace, video, model.decode(trace.frame_context), model.config)
        bounds.append(found.map(torch.Tensor.cpu))
        traces.append(trace.map(torch.Tensor.cpu))
    return Trace.concatenate(traces, 0), Bound.concatenate(bounds, 0)


def observe_levels(
    model: LayeredModel, clips: Clips, generator: torch.Generator, *, steps: int
) -> ObservedLevels:
    """What the levels inferred about the first ``steps`` frames of every clip, on the CPU.

    Args:
        model: in evaluation mode.
        clips, generator, steps: as of :func:`observe_clips`.
    """
    stored = clips.video[:, :steps]
    clips_at_once = max(1, FRAMES_AT_ONCE // stored.shape[1])
    found = []
    for start in range(0, len(stored), clips_at_once):
        video = from_stored(stored[start : start + clips_at_once], generator.device)
        observed = model.observe_levels(video, generator=generator)
        found.append(each(torch.Tensor.cpu, observed))
    return each(lambda *parts: torch.cat(parts), *found)


def decide_clips(
    model: DecidingModel, clips: Clips, generator: torch.Generator, *, steps: int
) -> torch.Tensor:
    """Where the levels change in the first ``steps`` frames of every clip.

    Args:
        model: in evaluation mode.
        clips, generator, steps: as of :func:`observe_clips`.

    Returns:
        bool (clips, time, levels), on the CPU.
    """
    stored = clips.video[:, :steps]
    clips_at_once = max(1, FRAMES_AT_ONCE // stored.shape[1])
    found = [
        model.decide(from_stored(part, generator.device), generator=generator).changed.cpu()
        for part in np.array_split(stored, -(-len(stored) // clips_at_once))
    ]
    return torch.cat(found)
