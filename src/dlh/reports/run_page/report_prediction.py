"""The report's part on open-loop prediction: the scores, the floors, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlh.reports.page import Html, element, figure, join, table

FLOOR = "floor: "

STILL = (
    "One row per future, one column per step. Grey borders: observed frames. Blue borders: frames "
    "that the model made up, one draw per row. The rows agree as long as the future is certain, "
    "and part where it is not."
)
PSNR = (
    "How close the predicted frames are to what happened, against the distance; higher is closer. "
    "Blue: the model, the best future of each clip (chosen once, over the shaded steps) and the "
    "average one. Grey: the floors, predictions that know nothing of motion. Where blue falls "
    "under grey, a still picture would have been closer."
)


@dataclass(frozen=True, kw_only=True)
class PredictionReport:
    """Open-loop prediction on held-out clips, PSNR in decibels, averaged over clips.

    Attributes:
        clips: how many were predicted.
        context_steps: frames observed before.
        samples: futures drawn for each clip.
        window: first predicted steps, over which the headline means are taken and the best future
            is chosen.
        best_curve: (horizon,), the best future of each clip.
        mean_curve: (horizon,), the average future.
        spread: standard deviation between the futures of a clip, of their means over the window.
        floors: name to (horizon,).
    """

    clips: int
    context_steps: int
    samples: int
    window: int
    best_curve: Sequence[float]
    mean_curve: Sequence[float]
    spread: float
    floors: Mapping[str, Sequence[float]]

    def __post_init__(self) -> None:
        lengths = {len(c) for c in (self.best_curve, self.mean_curve, *self.floors.values())}
        if len(lengths) != 1 or not 1 <= self.window <= min(lengths):
            raise ValueError(
                "the curves of a prediction have one length, at least that of the window; found "
                f"lengths {sorted(lengths)} and a window of {self.window}"
            )

    @property
    def horizon(self) -> int:
        """Predicted steps."""
        return len(self.best_curve)

    def over_window(self, curve: Sequence[float]) -> float:
        """The mean of a curve over the first steps."""
        return float(sum(curve[: self.window])) / self.window

    def over_all(self, curve: Sequence[float]) -> float:
        """The mean of a curve over all steps."""
        return float(sum(curve)) / self.horizon

    @property
    def best(self) -> float:
        """The best future's mean over the window."""
        return self.over_window(self.best_curve)

    @property
    def floors_above(self) -> tuple[str, ...]:
        """The floors that the best future does not beat over the window."""
        floors = self.floors.items()
        return tuple(name for name, curve in floors if self.over_window(curve) >= self.best)

    @property
    def steps_ahead(self) -> int:
        """How many steps from the first the best future stays above every floor."""
        for step, value in enumerate(self.best_curve):
            if any(curve[step] >= value for curve in self.floors.values()):
                return step
        return self.horizon

    @property
    def highest_floor(self) -> tuple[str, float]:
        """The floor that is hardest to beat over the window, and its PSNR there."""
        means = {name: self.over_window(curve) for name, curve in self.floors.items()}
        name = max(means, key=means.__getitem__)
        return name, means[name]


def section(
    prediction: PredictionReport | None, *, still_png: bytes | None, psnr_png: bytes | None
) -> Html:
    """The section of the page; empty where there is nothing to show."""
    if prediction is None and still_png is None:
        return Html("")
    parts = [element("h2", "What it expects next")]
    if prediction is not None:
        tone = "verdict poor" if prediction.floors_above else "verdict"
        parts.append(element("p", _method(prediction)))
        parts.append(element("p", floor_verdict(prediction), class_=tone))
    parts.append(figure(still_png, "Sampled futures at selected steps", STILL))
    parts.append(figure(psnr_png, "PSNR against the predicted step", PSNR))
    if prediction is not None:
        parts.append(_table(prediction))
    return join(*parts)


def floor_verdict(prediction: PredictionReport) -> str:
    """Whether the model beats what knows nothing, and for how long."""
    window = f"over the first {prediction.window} steps"
    if prediction.floors_above:
        return (
            f"The model is below the floor {_and(prediction.floors_above)} {window}: as far as "
            "PSNR can tell, it does not predict better than a still picture. Longer training is "
            "the first thing to try."
        )
    if not prediction.floors:
        return f"The best future scores {prediction.best:.1f} dB {window}."
    floor, value = prediction.highest_floor
    if prediction.steps_ahead == prediction.horizon:
        reach = f"and above all floors at every one of the {prediction.horizon} steps"
    elif prediction.steps_ahead:
        reach = f"and above all floors at each of the first {prediction.steps_ahead} steps"
    else:
        reach = "though not at the first step"
    lead = prediction.best - value
    return (
        f"The best future is {lead:.1f} dB above the highest floor ({_and([floor])}) {window}, "
        f"{reach}.{_far_verdict(prediction)}"
    )


def _far_verdict(prediction: PredictionReport) -> str:
    """Over the whole horizon the model may be below a floor even where the first steps are good."""
    best = prediction.over_all(prediction.best_curve)
    floors = prediction.floors.items()
    above = [name for name, curve in floors if prediction.over_all(curve) >= best]
    if not above:
        return ""
    return (
        f" Over all {prediction.horizon} steps together it is below the floor {_and(above)}: a "
        "wrong guess of what cannot be foreseen costs more than a still picture."
    )


def _method(prediction: PredictionReport) -> str:
    futures = "one future" if prediction.samples == 1 else f"{prediction.samples} futures"
    return (
        f"For each of {prediction.clips} held-out clips the model watched "
        f"{prediction.context_steps} frames and then drew {futures} of {prediction.horizon} "
        "frames, seeing nothing more. A future can be right without being the one that happened, "
        "so the closest of several is scored beside the average one."
    )


def _table(prediction: PredictionReport) -> Html:
    shown = sorted({1, prediction.window, prediction.horizon})
    curves = {f"best of {prediction.samples}": prediction.best_curve}
    if prediction.samples > 1:
        curves["average future"] = prediction.mean_curve
    curves |= {FLOOR + name: curve for name, curve in prediction.floors.items()}
    rows = []
    for name, curve in curves.items():
        mean = prediction.over_window(curve)
        against = "" if curve is prediction.best_curve else _signed(mean - prediction.best)
        if name.startswith(FLOOR) and mean >= prediction.best:
            against += ", above the model"
        at_steps = (f"{curve[step - 1]:.1f}" for step in shown)
        rows.append((name, f"{mean:.1f}", against, *at_steps, f"{prediction.over_all(curve):.1f}"))
    head = ("PSNR, dB", f"steps 1 to {prediction.window}", "against the best")
    head += (*(f"at step {step}" for step in shown), f"steps 1 to {prediction.horizon}")
    spread = (
        f"Averages over the held-out clips ({prediction.clips}). The futures of one clip differ "
        f"by {prediction.spread:.1f} dB (standard deviation, over the first {prediction.window} "
        "steps)."
    )
    return join(
        element("h3", "Beside what knows nothing"),
        table(head, rows, marked=0),
        element("p", element("small", spread)),
    )


def _and(names: Sequence[str]) -> str:
    quoted = [f"\u201c{name}\u201d" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _signed(value: float) -> str:
    """A difference with its sign, typeset."""
    return f"{value:+.1f}".replace("-", "\u2212")
