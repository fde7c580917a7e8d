"""How freely futures are drawn: a model at a temperature, and the rule that chooses one.

A lower temperature draws less varied futures. They lie nearer to the most likely one, and so most
scores of single futures gain, whether or not the forecast is a better one. The energy score is
proper: it is best, on average, for the true distribution, so futures that vary too little lose by
it. It alone chooses, on clips that are not reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlh.evaluation.futures import FutureScores, curves_of, energy_score, energy_terms
from dlh.evaluation.scores.frames import psnr
from dlh.interfaces import AS_LEARNT, Prediction, Temperature, TrainableModel

STATES = (1.0, 0.7, 0.5, 0.3, 0.2)
DECISIONS = (1.0, 0.7, 0.5)
"""Temperatures that are tried, of states first, then of decisions."""


@dataclass(frozen=True, kw_only=True)
class AtTemperature:
    """A model whose futures are drawn at a temperature; otherwise the model itself."""

    model: TrainableModel
    temperature: Temperature = AS_LEARNT

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """Of the model."""
        return self.model.frame_shape

    def predict(
        self,
        context: Tensor,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Prediction:
        """What the model predicts at this temperature."""
        return self.model.predict(
            context,
            horizon=horizon,
            samples=samples,
            generator=generator,
            temperature=self.temperature,
        )


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The futures of some clips at one temperature.

    Attributes:
        temperature: at which they were drawn.
        samples: futures of each clip; a deterministic model's only one.
        energy: their energy score, the mean over the predicted steps, (clips,); lower is better.
        spread: mean distance of two futures of a clip, root mean square of their pixels.
        change_rate: of level 2, drawn changes per predicted step; None of a model without one.
        best, mean: PSNR of the best and of the average future, dB.
    """

    temperature: Temperature
    samples: int
    energy: np.ndarray
    spread: float
    change_rate: float | None
    best: float
    mean: float


@torch.no_grad()
def try_temperature(
    model: TrainableModel,
    context: Tensor,
    truth: Tensor,
    temperature: Temperature,
    *,
    samples: int,
    seed: int = 0,
) -> Tried:
    """Draw futures of every clip and score them. The same seed gives every temperature the same
    noise.

    Args:
        model: in evaluation mode.
        context: (clips, context_steps, channel, height, width), what is observed.
        truth: (clips, horizon, channel, height, width), what followed.
        temperature: of the draws.
        samples: futures of a clip, at least 2; a deterministic model gives one.
        seed: of the noise.
    """
    generator = torch.Generator(context.device).manual_seed(seed)
    energies, spreads, curves, rates = [], [], [], []
    for observed, followed in zip(context, truth, strict=True):
        drawn = model.predict(
            observed[None],
            horizon=len(followed),
            samples=samples,
            generator=generator,
            temperature=temperature,
        )
        energy, spread = energy_score([energy_terms(drawn.frames[0], followed)])
        energies.append(float(energy.mean()))
        spreads.append(float(spread.mean()))
        curves.append(curves_of(psnr, drawn.frames[0], followed))
        if drawn.changed is not None and drawn.changed.shape[-1] > 1:
            rates.append(float(drawn.changed[..., 1].double().mean()))
    scores = FutureScores.of(np.stack(curves))
    return Tried(
        temperature=temperature,
        samples=drawn.frames.shape[1],
        energy=np.array(energies),
        spread=float(np.mean(spreads)),
        change_rate=float(np.mean(rates)) if rates else None,
        best=scores.best,
        mean=scores.mean,
    )


def choose_temperature(
    model: TrainableModel,
    context: Tensor,
    truth: Tensor,
    *,
    samples: int,
    seed: int = 0,
    states: Sequence[float] = STATES,
    decisions: Sequence[float] = DECISIONS,
    told: Callable[[Tried], None] = lambda tried: None,
) -> tuple[Temperature, tuple[Tried, ...]]:
    """Choose by the energy score: the states' temperature first, then the decisions' at it.

    Of several temperatures the one nearest to 1 is taken whose mean energy score is within one
    standard error of the best, the error of their difference over clips (Breiman et al.'s
    one-standard-error rule): a temperature other than 1 has to show that it is better.

    Args:
        model: in evaluation mode.
        context, truth, samples, seed: as in :func:`try_temperature`; of clips that are not
            reported.
        states, decisions: temperatures to try; both hold 1. A model that decides nothing, or draws
            no decision in its futures, tries none of the latter; a deterministic one tries 1 alone.
        told: of each as soon as it is tried.

    Returns:
        The temperature, and all that were tried, the first of them at 1.

    Raises:
        ValueError: 1 is not among those to try.
    """
    for name, given in (("states", states), ("decisions", decisions)):
        if 1.0 not in given:
            raise ValueError(f"1 is among the temperatures of {name} to try, found {list(given)}")

    def tried_at(temperature: Temperature) -> Tried:
        tried = try_temperature(model, context, truth, temperature, samples=samples, seed=seed)
        told(tried)
        return tried

    first, *others = [Temperature(states=one) for one in _from_one(states)]
    of_states = [tried_at(first)]
    if of_states[0].samples > 1:
        of_states += [tried_at(one) for one in others]
    chosen = _nearest_to_one(of_states, [one.temperature.states for one in of_states])
    if chosen.change_rate is None:
        return chosen.temperature, tuple(of_states)
    kept = chosen.temperature.states
    of_decisions = [
        tried_at(Temperature(states=kept, decisions=one)) for one in _from_one(decisions)[1:]
    ]
    both = [chosen, *of_decisions]
    final = _nearest_to_one(both, [one.temperature.decisions for one in both])
    return final.temperature, (*of_states, *of_decisions)


def _from_one(given: Sequence[float]) -> list[float]:
    """Without doubles, the nearest to 1 first."""
    return sorted(set(given), key=lambda one: (abs(one - 1), one))


def _nearest_to_one(tried: Sequence[Tried], values: Sequence[float]) -> Tried:
    best = min(tried, key=lambda one: one.energy.mean())
    for one, _ in sorted(
        zip(tried, values, strict=True), key=lambda pair: (abs(pair[1] - 1), pair[1])
    ):
        more = one.energy - best.energy
        error = more.std(ddof=1) / len(more) ** 0.5 if len(more) > 1 else 0.0
        if more.mean() <= error:
            return one
    raise AssertionError("the best is within its own error")
