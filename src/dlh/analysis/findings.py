"""All numbers of an analysis, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from dlh.analysis.event_findings import EventFindings, find_events
from dlh.analysis.foresight import Foresight, Reliability, foresight, reliability
from dlh.analysis.future_findings import Futures, draw_futures
from dlh.analysis.level_findings import LevelFindings, find_levels
from dlh.analysis.moving_ball.least_nats import least_state_kl
from dlh.analysis.moving_ball.observers import (
    KnownBounces,
    change_known_bounces,
    foreseen_bounces,
    known_bounces,
)
from dlh.analysis.observe import decide_clips, observe_levels
from dlh.analysis.pooled import Pooled, pooled_mean
from dlh.data.clips import Clips, DataError, Split
from dlh.data.held_out import ALL, HeldOut
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig
from dlh.errors import UsageError
from dlh.evaluation.event_floors import RUPTURES, has_ruptures
from dlh.evaluation.events import event_scores
from dlh.files.writing import Say
from dlh.interfaces import DecidingModel, LayeredModel, ObservedLevels, Temperature
from dlh.models.dlh import DynamicLatentHierarchy, Trace
from dlh.settings import check_at_least, values_of


@dataclass(frozen=True, kw_only=True)
class AnalysisConfig:
    """How much is analysed.

    Attributes:
        clips: held-out clips whose trace is read.
        traced_steps: their frames; the paper's clips have 100.
        futures_clips: of these, clips whose futures are drawn.
        context_steps: frames observed before a prediction, half of a clip at most.
        horizon: frames predicted; fewer where the clips are shorter.
        samples: futures of a clip.
        seed: of all randomness.
        temperature, decision_temperature: at which futures are drawn, of states and of decisions.
    """

    clips: int = 64
    traced_steps: int = 100
    futures_clips: int = 16
    context_steps: int = 30
    horizon: int = 200
    samples: int = 100
    seed: int = 0
    temperature: float = 1.0
    decision_temperature: float = 1.0

    def __post_init__(self) -> None:
        counts = values_of(self, "clips", "futures_clips", "context_steps", "horizon", "samples")
        check_at_least(1, error=UsageError, **counts)
        check_at_least(2, error=UsageError, traced_steps=self.traced_steps)
        check_at_least(0, error=UsageError, seed=self.seed)

    @property
    def clip_lengths(self) -> tuple[int, int]:
        """Frames of a clip, the most welcome first: for the futures too, or for the trace alone."""
        return max(self.context_steps + self.horizon, self.traced_steps), self.traced_steps


@dataclass(frozen=True, kw_only=True)
class Observers:
    """Ideal observers of Moving Ball beside the model, for Table 3.

    Attributes:
        closed_form: of an observer that knows the bounces, under true changes.
        closed_form_inferred: the same of the changes that this level 2 notices.
        knows_bounces: of the same observer, averaged over these very clips.
        knows_past: of an observer that has seen the past.
        lost: share of steps at which the filter behind that had nothing to go on.
        filter_error: standard error that its number of particles leaves in ``knows_past``, under a
            true change.
        least_state_kl: the least that level 1 can pay for these posteriors, nats per clip: under a
            Gaussian prior that has seen the past
            (:func:`~dlh.analysis.moving_ball.least_nats.least_state_kl`); None in a textured room.
    """

    closed_form: KnownBounces
    closed_form_inferred: KnownBounces
    knows_bounces: Foresight
    knows_past: Foresight
    lost: float
    filter_error: float
    least_state_kl: Pooled | None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a model is shown in an analysis.

    Attributes:
        model: its name, for people.
        data: the name of the data, for people.
        held_out: the clips.
        ball: the world of the clips, where that is Moving Ball.
        mean: the mean training frame, (channel, height, width); None where there is none.
        fps: frames a second of the data's videos, where they have one rate.
        train: training clips that know their events, for the thresholds of trivial detectors.
        kind: of the model.
    """

    model: str
    data: str
    held_out: HeldOut
    ball: MovingBallConfig | None = None
    mean: Tensor | None = None
    fps: float | None = None
    train: Clips | None = None
    kind: str = "dlh"

    @property
    def clips(self) -> Clips:
        """The clips themselves."""
        return self.held_out.clips

    @property
    def split(self) -> Split | Literal["all"]:
        """Where they are from."""
        return self.held_out.split


@dataclass(frozen=True, kw_only=True)
class Findings:
    """An analysis of one model on some clips; ``left_out`` says what does not apply, and why.

    ``observed`` is what its levels inferred, ``changed`` what it decided at each of ``steps``
    frames, bool (clips, steps, levels), None for a model that decides nothing;
    ``change_probability`` is the p(change) of the same steps, None where it is not known of all.
    """

    shown: Shown
    config: AnalysisConfig
    steps: int
    observed: ObservedLevels
    changed: Tensor | None
    change_probability: Tensor | None
    mean_depth: Pooled
    mean_depth_with_first: Pooled
    total_state_kl: Pooled
    elbo: Pooled
    levels: tuple[LevelFindings, ...]
    all_levels_variance: float
    events: EventFindings
    model: Foresight | None
    observers: Observers | None
    reliability: dict[str, Reliability]
    futures: Futures
    left_out: dict[str, str]

    @property
    def truth(self) -> np.ndarray | None:
        """True events of the traced steps."""
        events = self.shown.clips.events
        return None if events is None else events[:, : self.steps]


@torch.no_grad()
def analyse_clips(
    model: LayeredModel, shown: Shown, config: AnalysisConfig, say: Say = print
) -> Findings:
    """Analyse a model on these clips; the same call gives the same numbers.

    Args:
        model: in evaluation mode.
        shown: the clips, and what is known of them.
        config: how much is analysed.
        say: takes a line for each long step.
    """
    assert isinstance(model, nn.Module)
    device = next(model.parameters()).device
    clips, ball = shown.clips, shown.ball
    of_which = "clips of all videos" if shown.split == ALL else f"{shown.split} clips"
    say(f"{len(clips.video)} {of_which} of {shown.data}, {clips.video.shape[1]} frames each")
    generator = torch.Generator(device).manual_seed(config.seed)
    observed = observe_levels(model, clips, generator, steps=config.traced_steps)
    trace = observed.source if isinstance(observed.source, Trace) else None
    steps = min(config.traced_steps, clips.video.shape[1])
    truth = None if clips.events is None else clips.events[:, :steps]
    left_out = {**shown.held_out.left_out, **_shortened(clips, config), **model.not_observed}

    changed = _decisions(model, observed, clips, generator, steps)
    model_foresight, curves = None, {}
    events = EventFindings()
    if changed is not None:
        colours = () if ball is None else ball.colours
        events = find_events(changed, clips, train=shown.train, trace=trace, colours=colours)
    if observed.state.shape[2] < 2:
        left_out["events, p(change) and reliability"] = (
            "the model has one level, which changes at every frame"
        )
    elif changed is not None:
        probability, inferred, counted = _foreseen(observed)
        first = model.first_observed
        seen = None if truth is None else truth[:, first : first + probability.shape[1]]
        model_foresight = foresight(probability, inferred, seen, counted)
        held_against = {"inferred changes": inferred}
        if seen is None:
            left_out["everything held against true events"] = (
                f"{shown.data} does not know when something changes"
            )
        else:
            held_against["true changes"] = seen
            if shown.train is not None and not has_ruptures():
                left_out[f"the floor of {RUPTURES}"] = (
                    "the package is not installed: pip install ruptures"
                )
        for name, outcome in held_against.items():
            if (curve := reliability(probability, outcome, counted)) is not None:
                curves[name] = curve
    observers = None
    foresees = trace is not None and model_foresight is not None
    if ball is not None and isinstance(clips, MovingBallClips) and foresees:
        assert isinstance(model, DynamicLatentHierarchy)
        say("what could be foreseen at all ...")
        observers = _observers(model, trace, clips, ball, config.seed)
    if ball is None:
        left_out["ideal observers, the ball's colour and place"] = (
            f"they are those of Moving Ball; the clips are of {shown.data}"
        )
    if shown.mean is None:
        left_out["the floor of a mean frame"] = (
            f"no training video of {shown.data} is as long as a clip"
        )
    readable = ball if ball is not None and ball.plain else None
    if ball is not None and readable is None:
        left_out["the ball's colour and place in predicted frames, and what level 1 has to pay"] = (
            "they take frames that show the ball on black and nothing else"
        )
    levels, everything = find_levels(model, observed, readable, config.seed)
    say(f"{config.samples} futures of {min(config.futures_clips, len(clips.video))} clips ...")
    context_steps = _context_steps(clips, config)
    futures = draw_futures(
        model,
        clips.first(clips=config.futures_clips, steps=context_steps + config.horizon),
        shown.mean,
        context_steps=context_steps,
        samples=config.samples,
        ball=readable,
        seed=config.seed,
        temperature=Temperature(states=config.temperature, decisions=config.decision_temperature),
    )
    depth = observed.changed.sum(2).double().numpy()
    after_first = np.ones(depth.shape, bool)
    after_first[:, 0] = False
    mean_depth, with_first = pooled_mean(depth, after_first), pooled_mean(depth)
    total = pooled_mean(observed.state_kl.sum((1, 2)).numpy())
    elbo = pooled_mean(observed.elbo.numpy() / depth.shape[1])
    assert mean_depth and with_first and total and elbo
    return Findings(
        shown=shown,
        config=config,
        steps=steps,
        observed=observed,
        changed=changed,
        change_probability=None if trace is None else observed.change_probability,
        mean_depth=mean_depth,
        mean_depth_with_first=with_first,
        total_state_kl=total,
        elbo=elbo,
        levels=levels,
        all_levels_variance=everything,
        events=events,
        model=model_foresight,
        observers=observers,
        reliability=curves,
        futures=futures,
        left_out=left_out,
    )


def _decisions(
    model: LayeredModel,
    observed: ObservedLevels,
    clips: Clips,
    generator: torch.Generator,
    steps: int,
) -> Tensor | None:
    """What the model decided at each of ``steps`` frames; None where it decides nothing."""
    if observed.changed.shape[1] == steps and (
        observed.state.shape[2] < 2 or bool(observed.foreseen.any())
    ):
        return observed.changed
    if isinstance(model, DecidingModel):
        return decide_clips(model, clips, generator, steps=steps)
    return None


def _foreseen(observed: ObservedLevels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p(e = 1) of level 2, its changes, and the steps that count, (clips, time) each."""
    probability = observed.change_probability[..., 1].double()
    parts = (probability, observed.changed[..., 1], observed.foreseen[..., 1])
    probability, changed, counted = (part.numpy() for part in parts)
    return probability, changed, counted


def _context_steps(clips: Clips, config: AnalysisConfig) -> int:
    return min(config.context_steps, clips.video.shape[1] // 2)


def _shortened(clips: Clips, config: AnalysisConfig) -> dict[str, str]:
    """What was asked for and is not there, because the clips are too short for it."""
    length, context = clips.video.shape[1], _context_steps(clips, config)
    horizon = min(config.horizon, length - context)
    why = f"the clips have {length} frames; {context} are watched and {horizon} predicted"
    asked = {
        f"a context of {config.context_steps} frames": context < config.context_steps,
        f"a horizon of {config.horizon} frames": horizon < config.horizon,
    }
    return {what: why for what, missing in asked.items() if missing}


def _observers(
    model: DynamicLatentHierarchy,
    trace: Trace,
    clips: MovingBallClips,
    ball: MovingBallConfig,
    seed: int,
) -> Observers:
    steps, chance = trace.changed.shape[1], ball.colour_change_probability
    cut = clips.first(steps=steps)
    if cut.events is None:
        raise DataError("clips of Moving Ball know their events, found some that do not")
    inferred = trace.changed[..., 1].numpy()
    filters = [foreseen_bounces(cut, ball, seed=2 * seed + one) for one in (0, 1)]
    known = [
        foresight(change_known_bounces(found.probability, chance), inferred, cut.events)
        for found in filters
    ]
    under_change = [found.true_change.mean for found in known if found.true_change]
    alone = cut.random_changes & ~cut.bounces
    recall = event_scores(inferred, alone).recall if alone[:, 1:].any() else 1.0
    rate = float(cut.bounces[:, 1:].mean())
    both = np.mean([found.probability for found in filters], 0)
    least = None
    if ball.plain:
        least = pooled_mean(least_state_kl(model, trace, cut, ball, filters[0].places).sum(1))
    return Observers(
        closed_form=known_bounces(rate, chance),
        closed_form_inferred=known_bounces(rate, chance, random_recall=recall),
        knows_bounces=foresight(change_known_bounces(cut.bounces, chance), inferred, cut.events),
        knows_past=foresight(change_known_bounces(both, chance), inferred, cut.events),
        lost=max(found.lost for found in filters),
        filter_error=abs(under_change[0] - under_change[1]) / 2 if len(under_change) == 2 else 0.0,
        least_state_kl=least,
    )
