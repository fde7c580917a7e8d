"""What a run is watched by: the bound, the levels and the events of held-out clips."""

from __future__ import annotations

import torch
from torch import Tensor

from dlh.analysis.events import change_rates, event_scores, mean_depth
from dlh.data.clips import Clips, ClipSource
from dlh.interfaces import VideoModel
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.models.dlh.bound import bound
from dlh.training.held_out import BOUND, RATE
from dlh.training.loop import Validate
from dlh.video import from_stored

CLIPS_AT_ONCE = 8
VALIDATION_SEED = 0


def held_out_validation(source: ClipSource, *, clips: int, clip_length: int) -> Validate | None:
    """The validation of a run, or None where the source has no held-out clips of that length.

    Its figures are nats per frame (``elbo``, ``kl.L1``, ...), ``mean_depth``, and where the data
    knows its events ``events.precision``, ``events.recall``, ``events.f1``, of level 2, and
    ``true_change_rate``; how often each level from 2 on changes after the first frame is
    ``change_rate.L2``, ...
    """
    if clips == 0:
        return None
    held_out = source.held_out("validation", count=clips, clip_length=clip_length)
    if held_out is None:
        return None

    def validate(model: VideoModel, step: int) -> dict[str, float]:
        assert isinstance(model, DynamicLatentHierarchy)
        return score(model, held_out)

    return validate


@torch.no_grad()
def score(model: DynamicLatentHierarchy, clips: Clips) -> dict[str, float]:
    """The figures of :func:`held_out_validation`; the noise is the same in every call."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(VALIDATION_SEED)
    elbos: list[Tensor] = []
    divergences: list[Tensor] = []
    changes: list[Tensor] = []
    for start in range(0, len(clips.video), CLIPS_AT_ONCE):
        video = from_stored(clips.video[start : start + CLIPS_AT_ONCE], device)
        trace, _ = model.observe(video, generator=generator)
        terms = bound(trace, video, model.decode(trace.frame_context), model.config)
        elbos.append(terms.elbo / video.shape[1])
        divergences.append((terms.state_kl + terms.event_kl).mean(1))
        changes.append(trace.changed)
    changed = torch.cat(changes).cpu()
    figures = {BOUND: float(torch.cat(elbos).mean())}
    for level, value in enumerate(torch.cat(divergences).mean(0).tolist(), start=1):
        figures[f"kl.L{level}"] = value
    if changed.shape[1] < 2:
        return figures
    figures["mean_depth"] = mean_depth(changed)
    for level, rate in enumerate(change_rates(changed)[1:], start=2):
        figures[f"{RATE}{level}"] = rate
    if clips.events is not None and changed.shape[2] > 1:
        events = event_scores(changed[..., 1], clips.events)
        figures |= {
            "events.precision": events.precision,
            "events.recall": events.recall,
            "events.f1": events.f1,
            "true_change_rate": events.true_change_rate,
        }
    return figures
