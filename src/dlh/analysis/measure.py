"""How good a trained model is on held-out clips: its events against the true ones, its futures
against the floors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dlh.analysis.divergences import LevelDivergences, level_divergences
from dlh.analysis.event_findings import EventFindings, find_events, threshold_clips
from dlh.analysis.foresight import Foresight, foresight_of
from dlh.analysis.observe import decide_clips, observe_clips
from dlh.data.clips import Clips, ClipSource
from dlh.data.held_out import HeldOut, held_out, of_first_length
from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation.events import change_rates, mean_depth, mean_depth_with_first
from dlh.evaluation.floors import floors, mean_training_frame
from dlh.evaluation.futures import FutureScores, score_futures
from dlh.interfaces import DecidingModel, TrainableModel, VideoModel, shortest_context
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.video import from_stored

CLIPS = 64
CONTEXT_STEPS = 30
HORIZON = 100
SAMPLES = 16
WINDOW = 20
"""Predicted steps over which means are taken and the best future is chosen."""
TRACED_STEPS = 100
VALUES_AT_ONCE = 128 * 100 * 3 * 32 * 32
"""Pixel values that are predicted in one call: 128 futures of 100 frames at 32 x 32."""
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Changes:
    """When the levels change, and what they pay for it.

    A model that decides and is no hierarchy has no divergences and no foresight; of one that
    decides nothing, only clips and steps are known.

    Attributes:
        clips: how many were observed.
        steps: frames of each.
        rates: changes per frame of each level, t >= 2.
        mean_depth: L-bar over t >= 2.
        mean_depth_with_first: over all t, as in the paper's Table 2.
        divergences: nats per sequence of each level; None unless the model is a hierarchy.
        events: the decisions held against the true events.
        foresight: p(e^2) under both outcomes; None with one level, or without a hierarchy.
    """

    clips: int = 0
    steps: int = 0
    rates: tuple[float, ...] = ()
    mean_depth: float | None = None
    mean_depth_with_first: float | None = None
    divergences: LevelDivergences | None = None
    events: EventFindings = field(default_factory=EventFindings)
    foresight: Foresight | None = None


@dataclass(frozen=True, kw_only=True)
class FutureFigures:
    """How close sampled futures come to what happened.

    Attributes:
        context_steps: frames observed before the prediction.
        model: scores of the model's futures.
        floors: scores of black, mean and last frame on the same clips, by name.
    """

    context_steps: int
    model: FutureScores
    floors: Mapping[str, FutureScores]

    def __post_init__(self) -> None:
        found = {(one.horizon, one.window) for one in (self.model, *self.floors.values())}
        if len(found) > 1:
            raise ValueError(
                "the model and its floors are scored over the same steps; found (horizon, window) "
                f"= {sorted(found)}"
            )

    @property
    def window(self) -> int:
        """First predicted steps, over which the best future is chosen and means are taken."""
        return self.model.window

    @property
    def best_curve(self) -> list[float]:
        """(horizon,): of each clip's best future, averaged over clips."""
        return self.model.best_curve.tolist()

    @property
    def mean_curve(self) -> list[float]:
        """(horizon,): of the average future."""
        return self.model.mean_curve.tolist()

    @property
    def floor_curves(self) -> dict[str, list[float]]:
        """(horizon,) of every floor, by name."""
        return {name: scores.best_curve.tolist() for name, scores in self.floors.items()}

    def over_window(self, curve: Sequence[float]) -> float:
        """The mean of a curve over the first steps."""
        return float(sum(curve[: self.window])) / self.window

    @property
    def best(self) -> float:
        """The best future's mean over the window."""
        return self.over_window(self.best_curve)

    @property
    def floors_above(self) -> tuple[str, ...]:
        """The floors that the best future does not beat over the window."""
        curves = self.floor_curves.items()
        return tuple(name for name, curve in curves if self.over_window(curve) >= self.best)

    @property
    def steps_ahead(self) -> int:
        """How many steps from the first the best future stays above every floor."""
        curves = self.floor_curves.values()
        for step, value in enumerate(self.best_curve):
            if any(curve[step] >= value for curve in curves):
                return step
        return self.model.horizon

    @property
    def highest_floor(self) -> tuple[str, float]:
        """The floor that is hardest to beat over the window, and its score there."""
        means = {name: self.over_window(curve) for name, curve in self.floor_curves.items()}
        name = max(means, key=means.__getitem__)
        return name, means[name]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A model's figures on held-out clips.

    Attributes:
        held_out: the clips, whole.
        changed: the decisions in the first TRACED_STEPS frames of each, bool (clips, time,
            levels); None for a model that decides nothing.
        change_probability: p(e = 1) before each frame, of a hierarchy; as ``changed``.
        changes: what the decisions say.
        futures: what the predictions are worth.
    """

    held_out: HeldOut
    changed: Tensor | None
    change_probability: Tensor | None
    changes: Changes
    futures: FutureFigures


@torch.no_grad()
def measure(
    model: TrainableModel, source: ClipSource, *, clip_length: int, batch_size: int
) -> Measured | None:
    """Measure ``model`` on held-out clips of ``source``; the same call gives the same figures.

    The clips are long enough for context and horizon where there are such, else as short as
    training's. Memory is bounded: frames are predicted and traced a few at a time.

    Args:
        model: in evaluation mode.
        source: of the clips; its training clips give the mean frame.
        clip_length: of training, for the mean frame and where the held-out videos are short.
        batch_size: of training, for the mean frame.

    Returns:
        The figures, or None where there are no held-out clips.
    """
    chosen = of_first_length(
        (CONTEXT_STEPS + HORIZON, clip_length),
        lambda length: held_out(source, count=CLIPS, clip_length=length),
    )
    if chosen is None or chosen.clips.video.shape[1] < 2:
        return None
    train = None
    if chosen.clips.events is not None:
        lengths = (min(TRACED_STEPS, chosen.clips.video.shape[1]), clip_length)
        train = threshold_clips(source, lengths=lengths)
    changed, probability, changes = _decisions(model, chosen.clips, source, train)
    mean = mean_training_frame(source, clip_length=clip_length, batch_size=batch_size)
    return Measured(
        held_out=chosen,
        changed=changed,
        change_probability=probability,
        changes=changes,
        futures=_futures(model, chosen.clips, mean),
    )


def _decisions(
    model: TrainableModel, clips: Clips, source: ClipSource, train: Clips | None
) -> tuple[Tensor | None, Tensor | None, Changes]:
    """What ``changed`` and ``change_probability`` of :class:`Measured` hold, and what they say."""
    assert isinstance(model, nn.Module)
    generator = torch.Generator(next(model.parameters()).device).manual_seed(SEED)
    count, steps = len(clips.video), min(TRACED_STEPS, clips.video.shape[1])
    truth = None if clips.events is None else clips.events[:, :steps]
    trace = probability = divergences = foresight = None
    if isinstance(model, DynamicLatentHierarchy):
        trace, objective = observe_clips(model, clips, generator, steps=TRACED_STEPS)
        changed, probability = trace.changed, trace.change_logit.sigmoid()
        divergences = level_divergences(objective)
        foresight = foresight_of(trace, truth) if model.config.num_levels > 1 else None
    elif isinstance(model, DecidingModel):
        changed = decide_clips(model, clips, generator, steps=TRACED_STEPS)
    else:
        return None, None, Changes(clips=count, steps=steps)
    events = find_events(
        changed,
        clips,
        train=train if changed.shape[2] > 1 else None,
        trace=trace,
        colours=source.config.colours if isinstance(source, MovingBall) else (),
    )
    return (
        changed,
        probability,
        Changes(
            clips=count,
            steps=steps,
            rates=change_rates(changed),
            mean_depth=mean_depth(changed),
            mean_depth_with_first=mean_depth_with_first(changed),
            divergences=divergences,
            events=events,
            foresight=foresight,
        ),
    )


def _futures(model: TrainableModel, clips: Clips, mean: Tensor) -> FutureFigures:
    assert isinstance(model, nn.Module)
    device = next(model.parameters()).device
    length = clips.video.shape[1]
    context_steps = max(min(CONTEXT_STEPS, length // 2), shortest_context(model))
    video = from_stored(clips.video)
    observed, followed = video[:, :context_steps], video[:, context_steps:]

    def scores(predictor: VideoModel, samples: int) -> FutureScores:
        return score_futures(
            predictor,
            observed.to(device),
            followed.to(device),
            samples=samples,
            generator=torch.Generator(device).manual_seed(SEED),
            window=min(WINDOW, length - context_steps),
            chunk=max(2, VALUES_AT_ONCE // followed[0].numel()),
        )

    return FutureFigures(
        context_steps=context_steps,
        model=scores(model, SAMPLES),
        floors={floor.name: scores(floor, 1) for floor in floors(mean)},
    )
