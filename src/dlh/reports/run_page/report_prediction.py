"""The report's part on open-loop prediction: the scores, the floors, and what they say."""

from __future__ import annotations

from collections.abc import Sequence

from dlh.analysis.measure import FutureFigures
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


def section(
    prediction: FutureFigures | None, *, still_png: bytes | None, psnr_png: bytes | None
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


def floor_verdict(prediction: FutureFigures) -> str:
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
    if prediction.steps_ahead == prediction.model.horizon:
        reach = f"and above all floors at every one of the {prediction.model.horizon} steps"
    elif prediction.steps_ahead:
        reach = f"and above all floors at each of the first {prediction.steps_ahead} steps"
    else:
        reach = "though not at the first step"
    lead = prediction.best - value
    return (
        f"The best future is {lead:.1f} dB above the highest floor ({_and([floor])}) {window}, "
        f"{reach}.{_far_verdict(prediction)}"
    )


def _far_verdict(prediction: FutureFigures) -> str:
    """Over the whole horizon the model may be below a floor even where the first steps are good."""
    best = _mean(prediction.best_curve)
    floors = prediction.floor_curves.items()
    above = [name for name, curve in floors if _mean(curve) >= best]
    if not above:
        return ""
    return (
        f" Over all {prediction.model.horizon} steps together it is below the floor {_and(above)}: "
        "a wrong guess of what cannot be foreseen costs more than a still picture."
    )


def _method(prediction: FutureFigures) -> str:
    futures = (
        "one future" if prediction.model.samples == 1 else f"{prediction.model.samples} futures"
    )
    return (
        f"For each of {prediction.model.clips} held-out clips the model watched "
        f"{prediction.context_steps} frames and then drew {futures} of {prediction.model.horizon} "
        "frames, seeing nothing more. A future can be right without being the one that happened, "
        "so the closest of several is scored beside the average one."
    )


def _table(prediction: FutureFigures) -> Html:
    shown = sorted({1, prediction.window, prediction.model.horizon})
    best = prediction.best_curve
    curves = {f"best of {prediction.model.samples}": best}
    if prediction.model.samples > 1:
        curves["average future"] = prediction.mean_curve
    curves |= {FLOOR + name: curve for name, curve in prediction.floor_curves.items()}
    rows = []
    for name, curve in curves.items():
        mean = prediction.over_window(curve)
        against = "" if curve is best else _signed(mean - prediction.best)
        if name.startswith(FLOOR) and mean >= prediction.best:
            against += ", above the model"
        at_steps = (f"{curve[step - 1]:.1f}" for step in shown)
        rows.append((name, f"{mean:.1f}", against, *at_steps, f"{_mean(curve):.1f}"))
    head = ("PSNR, dB", f"steps 1 to {prediction.window}", "against the best")
    head += (*(f"at step {step}" for step in shown), f"steps 1 to {prediction.model.horizon}")
    spread = (
        f"Averages over the held-out clips ({prediction.model.clips}). The futures of one clip "
        f"differ by {prediction.model.spread:.1f} dB (standard deviation, over the first "
        f"{prediction.window} steps)."
    )
    return join(
        element("h3", "Beside what knows nothing"),
        table(head, rows, marked=0),
        element("p", element("small", spread)),
    )


def _mean(curve: Sequence[float]) -> float:
    """Over all steps."""
    return float(sum(curve)) / len(curve)


def _and(names: Sequence[str]) -> str:
    quoted = [f"\u201c{name}\u201d" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _signed(value: float) -> str:
    """A difference with its sign, typeset."""
    return f"{value:+.1f}".replace("-", "\u2212")
