"""What a model infers about clips, observed a few at a time."""

from __future__ import annotations

import torch

from dlh.data.clips import Clips
from dlh.interfaces import Objective
from dlh.models.dlh import DynamicLatentHierarchy, Trace
from dlh.models.dlh.bound import bound
from dlh.video import from_stored

FRAMES_AT_ONCE = 2_000


def observe_clips(
    model: DynamicLatentHierarchy,
    clips: Clips,
    generator: torch.Generator,
    *,
    steps: int,
) -> tuple[Trace, Objective]:
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
    objectives: list[Objective] = []
    for start in range(0, len(stored), clips_at_once):
        video = from_stored(stored[start : start + clips_at_once], device)
        trace, _ = model.observe(video, generator=generator)
        objectives.append(bound(trace, video, model.decode(trace.frame_context), model.config))
        traces.append(trace.map(torch.Tensor.cpu))
    objective = Objective(
        reconstruction=torch.cat([part.reconstruction for part in objectives]).cpu(),
        state_kl=torch.cat([part.state_kl for part in objectives]).cpu(),
        event_kl=torch.cat([part.event_kl for part in objectives]).cpu(),
    )
    return Trace.concatenate(traces, 0), objective
