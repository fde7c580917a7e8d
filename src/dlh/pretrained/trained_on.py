"""What a model was trained on, as far as another video is compared with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from dlh.data.video.resize import Crop, Fit
from dlh.evaluation.event_floors import frame_difference
from dlh.interfaces import TrainableModel
from dlh.video import from_stored

STEPS = 30
"""Frames of a clip that are compared: as many as are observed before a prediction."""
CLIPS_AT_ONCE = 8
SEED = 0
LEAST_DISTANCE = 10.0
"""Of a figure, nats a frame: clips of a plain world differ by less than noise in a film adds."""
TIMES = 10.0
"""More or less motion, from which on a video moves otherwise."""


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """The videos that a model was trained on; config.json holds it as ``trained_on``.

    Attributes:
        fps: frames a second; None where they have no rate, or not the same.
        crop: the part of each frame that was used; None for all of it.
        fit: how frames of another shape were brought to the model's.
        figure: by which videos are compared, the higher the better the model explains them; of most
            models "elbo", nats a frame.
        steps: frames of a clip whose figure it is.
        low, high: the lowest and the highest figure of some clips, held-out ones where there are
            any; None where a model has no such figure.
        least_motion, most_motion: of the same frames, the mean absolute difference of two
            successive ones, as a part of the range from black to white; None where it is not known.
    """

    LATER: ClassVar[tuple[str, ...]] = ("least_motion", "most_motion")

    fps: float | None = None
    crop: Crop | None = None
    fit: Fit = "squash"
    figure: str = ""
    steps: int = 0
    low: float | None = None
    high: float | None = None
    least_motion: float | None = None
    most_motion: float | None = None

    def unlike(self, found: float) -> bool:
        """Whether a figure is further below all those clips than they are from each other, twice,
        and by :data:`LEAST_DISTANCE` at least.
        """
        if self.low is None or self.high is None:
            return False
        return found < self.low - max(2 * (self.high - self.low), LEAST_DISTANCE)

    def moves_otherwise(self, motion: float) -> bool:
        """Whether frames differ less than a tenth as much, or more than ten times as much, as they
        do in any of those clips.
        """
        if self.least_motion is None or self.most_motion is None:
            return False
        return not self.least_motion / TIMES <= motion <= self.most_motion * TIMES


def figures_of(model: TrainableModel, clips: np.ndarray, *, steps: int) -> list[float] | None:
    """The figure by which a model is judged, of the first frames of each clip.

    Args:
        model: in evaluation mode.
        clips: uint8 (clip, time, height, width, channel).
        steps: frames of each that are compared.

    Returns:
        None where the model has no such figure of a clip, or a clip is shorter.
    """
    if clips.shape[1] < steps:
        return None
    assert isinstance(model, nn.Module)
    weight = next(model.parameters())
    generator = torch.Generator(weight.device).manual_seed(SEED)
    found: list[float] = []
    with torch.no_grad():
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            part = clips[start : start + CLIPS_AT_ONCE, :steps]
            video = from_stored(part, weight.device, weight.dtype)
            values = model.figures(video, generator=generator).values
            figure: Tensor | None = values.get(model.plan.judged_by)
            if figure is None or figure.ndim != 1:
                return None
            found += figure.tolist()
    return found


def measured_on(model: TrainableModel, clips: np.ndarray, known: TrainedOn) -> TrainedOn:
    """What is known of the videos of a model, with the range of its figure on clips of them.

    Args:
        model: in evaluation mode.
        clips: uint8 (clip, time, height, width, channel).
        known: the rest.
    """
    steps = min(STEPS, clips.shape[1])
    found = figures_of(model, clips, steps=steps)
    if not found or not np.isfinite(found).all():
        return known
    motion = motion_of(clips[:, :steps])
    return replace(
        known,
        figure=model.plan.judged_by,
        steps=steps,
        low=min(found),
        high=max(found),
        least_motion=motion.min().item(),
        most_motion=motion.max().item(),
    )


def motion_of(clips: np.ndarray) -> np.ndarray:
    """The mean motion energy of each clip, uint8 (clip, time, height, width, channel): (clip,), see
    :func:`~dlh.evaluation.event_floors.frame_difference`.
    """
    return frame_difference(clips)[:, 1:].mean(1)
