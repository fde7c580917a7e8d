"""What the levels of a trained model infer about the clips that `dlh analyse` looks at."""

from __future__ import annotations

import torch

from dlh.analysis.findings import AnalysisConfig
from dlh.analysis.observe import observe_levels
from dlh.data.clips import Clips
from dlh.interfaces import ObservedLevels
from dlh.runs.subject import Subject, open_subject


@torch.no_grad()
def observe_run(run: str, clips: int) -> tuple[Subject, Clips, ObservedLevels]:
    """The model with its data, the clips, and what its levels infer about their first steps.

    Args:
        run: a run of dlh train, a folder with a model, a shipped model.
        clips: how many.
    """
    config = AnalysisConfig(clips=clips, futures_clips=1)
    subject = open_subject(run, None)
    chosen = subject.held_out(
        count=config.clips, lengths=config.clip_lengths, enough=config.futures_clips
    ).clips
    generator = torch.Generator(subject.model.device).manual_seed(config.seed)
    observed = observe_levels(subject.model.model, chosen, generator, steps=config.traced_steps)
    return subject, chosen, observed
