"""What a trained model is worth on held-out clips: its events against the truth, its futures
against the floors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dlh.analysis.divergences import LevelDivergences, level_divergences
from dlh.analysis.events import (
    EventScores,
    PredictedChange,
    change_rates,
    event_scores,
    mean_depth,
    mean_depth_with_first,
    predicted_change,
)
from dlh.data.clips import Clips, ClipSource, Split
from dlh.data.worlds.moving_ball import MovingBall, MovingBallClips
from dlh.evaluation.floors.trivial import floors
from dlh.evaluation.futures import FutureScores, score_futures
from dlh.interfaces import TrainableModel, shortest_context
from dlh.models.dlh import DynamicLatentHierarchy, Trace
from dlh.models.dlh.bound import Bound, bound
from dlh.video import from_stored

CLIPS = 64
CONTEXT_STEPS = 30
HORIZON = 100
SAMPLES = 16
WINDOW = 20
"""Predicted steps over which means are taken and the best future is chosen."""
TRACED_STEPS = 100
FRAMES_AT_ONCE = 2_000
VALUES_AT_ONCE = 128 * 100 * 3 * 32 * 32
"""Pixel values that are predicted in one call: 128 futures of 100 frames at 32 x 32."""
MEAN_FRAME_CLIPS = 100
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A model's figures on held-out clips.

    Attributes:
        split: where the clips are from.
        clips: all of their frames.
        context_steps: frames observed before the prediction.
        trace: of the first TRACED_STEPS frames of each clip. It, and what is read off it, is None
            for a model that is no hierarchy.
        rates: changes per frame of each level, t >= 2.
        mean_depth: L-bar over t >= 2.
        mean_depth_with_first: over all t, as in the paper's Table 2.
        divergences: nats per sequence of each level.
        events: level 2 against the truth; None where the data does not know its events.
        recalls: how many bounces and random changes of the ball were found, where there are both.
        overlooked: changes of the ball's colour of which most were not, "green to cyan".
        predicted: p(e^2) under both outcomes; None with one level.
        model: scores of the model's futures.
        floors: scores of black, mean and last frame on the same clips, by name.
    """

    split: Split
    clips: Clips
    context_steps: int
    trace: Trace | None
    rates: tuple[float, ...]
    mean_depth: float | None
    mean_depth_with_first: float | None
    divergences: LevelDivergences | None
    events: EventScores | None
    recalls: dict[str, float]
    overlooked: tuple[str, ...]
    predicted: PredictedChange | None
    model: FutureScores
    floors: dict[str, FutureScores]

    @property
    def samples(self) -> int:
        """Futures drawn of each clip."""
        return self.model.curves.shape[1]

    @property
    def traced_steps(self) -> int:
        """Frames of each clip that the trace covers, or would."""
        return min(TRACED_STEPS, self.clips.video.shape[1])


def held_out_clips(source: ClipSource, *, clip_length: int) -> tuple[Split, Clips] | None:
    """Test clips for context and horizon, or validation clips, or clips as short as training's."""
    for length in (CONTEXT_STEPS + HORIZON, clip_length):
        for split in ("test", "validation"):
            clips = source.held_out(split, count=CLIPS, clip_length=length)
            if clips is not None:
                return split, clips
    return None


@torch.no_grad()
def measure(
    model: TrainableModel, source: ClipSource, *, clip_length: int, batch_size: int
) -> Measured | None:
    """Measure ``model`` on held-out clips of ``source``; the same call gives the same figures.

    Memory is bounded: frames are predicted and traced a few at a time.

    Args:
        model: in evaluation mode.
        source: of the clips; its training clips give the mean frame.
        clip_length: of training, for the mean frame and where the held-out videos are short.
        batch_size: of training, for the mean frame.

    Returns:
        The figures, or None where there are no held-out clips.
    """
    found = held_out_clips(source, clip_length=clip_length)
    if found is None or found[1].video.shape[1] < 2:
        return None
    split, clips = found
    assert isinstance(model, torch.nn.Module)
    device = next(model.parameters()).device
    trace = found_bound = events = predicted = None
    if isinstance(model, DynamicLatentHierarchy):
        generator = torch.Generator(device).manual_seed(SEED)
        trace, found_bound = observe_clips(model, clips, generator)
        truth = None if clips.events is None else clips.events[:, : trace.changed.shape[1]]
        if model.config.num_levels > 1:
            predicted = predicted_change(trace, truth)
            if truth is not None:
                events = event_scores(trace.changed[..., 1], truth)

    length = clips.video.shape[1]
    context_steps = max(min(CONTEXT_STEPS, length // 2), shortest_context(model))
    video = from_stored(clips.video)
    observed, followed = video[:, :context_steps], video[:, context_steps:]

    def scores(predictor, samples: int) -> FutureScores:
        return score_futures(
            predictor,
            observed.to(device),
            followed.to(device),
            samples=samples,
            generator=torch.Generator(device).manual_seed(SEED),
            window=min(WINDOW, length - context_steps),
            chunk=max(2, VALUES_AT_ONCE // followed[0].numel()),
        )

    mean = mean_training_frame(source, clip_length=clip_length, batch_size=batch_size)
    return Measured(
        split=split,
        clips=clips,
        context_steps=context_steps,
        trace=trace,
        rates=change_rates(trace.changed) if trace else (),
        mean_depth=mean_depth(trace.changed) if trace else None,
        mean_depth_with_first=mean_depth_with_first(trace.changed) if trace else None,
        divergences=level_divergences(found_bound) if found_bound else None,
        events=events,
        recalls=event_recalls(trace, clips) if trace else {},
        overlooked=overlooked(colour_recalls(trace, clips, source.config.colours))
        if trace and isinstance(source, MovingBall)
        else (),
        predicted=predicted,
        model=scores(model, SAMPLES),
        floors={floor.name: scores(floor, 1) for floor in floors(mean)},
    )


def observe_clips(
    model: DynamicLatentHierarchy,
    clips: Clips,
    generator: torch.Generator,
    *,
    steps: int | None = None,
) -> tuple[Trace, Bound]:
    """The trace and the bound of the first ``steps`` frames (TRACED_STEPS) of every clip, both on
    the CPU; a few clips at a time.
    """
    device = next(model.parameters()).device
    stored = clips.video[:, : TRACED_STEPS if steps is None else steps]
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


def event_recalls(trace: Trace, clips: Clips) -> dict[str, float]:
    """Recall of each kind of event apart: a random change cannot be foreseen, a bounce can."""
    if not isinstance(clips, MovingBallClips) or trace.changed.shape[2] < 2:
        return {}
    steps = trace.changed.shape[1]
    kinds = {"bounces": clips.bounces[:, :steps], "random changes": clips.random_changes[:, :steps]}
    if not all(mask[:, 1:].any() for mask in kinds.values()):
        return {}
    return {name: event_scores(trace.changed[..., 1], mask).recall for name, mask in kinds.items()}


def colour_recalls(trace: Trace, clips: Clips, colours: Sequence[str]) -> dict[str, float]:
    """Recall of each change of the ball's colour, by name, "green to cyan".

    A level 2 for which two colours that follow each other are near takes the step between them for
    staying, and notices all others: with six colours its recall is .83.

    Args:
        trace: of the first steps of the clips.
        clips: of Moving Ball; others know no colours.
        colours: the cycle, in which every event advances by one.
    """
    if not isinstance(clips, MovingBallClips) or trace.changed.shape[2] < 2:
        return {}
    inferred = trace.changed[..., 1]
    steps = inferred.shape[1]
    events = (clips.bounces | clips.random_changes)[:, :steps]
    before = clips.colours[:, : steps - 1]
    recalls: dict[str, float] = {}
    for index, colour in enumerate(colours):
        from_here = np.zeros_like(events)
        from_here[:, 1:] = events[:, 1:] & (before == index)
        if from_here.any():
            following = colours[(index + 1) % len(colours)]
            recalls[f"{colour} to {following}"] = event_scores(inferred, from_here).recall
    return recalls


def overlooked(recalls: Mapping[str, float]) -> tuple[str, ...]:
    """Names of what is missed more often than found."""
    return tuple(name for name, recall in recalls.items() if recall < 0.5)


def mean_training_frame(source: ClipSource, *, clip_length: int, batch_size: int) -> torch.Tensor:
    """(channel, height, width): the mean over about MEAN_FRAME_CLIPS training clips."""
    means = []
    for step in range(-(-MEAN_FRAME_CLIPS // batch_size)):
        batch = source.batch(step, batch_size=batch_size, clip_length=clip_length, seed=SEED)
        means.append(from_stored(batch.video).mean((0, 1)))
    return torch.stack(means).mean(0)
