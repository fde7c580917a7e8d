"""report.html: what a run has learnt, on one page to read and to pass on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlh.analysis.measure import Changes, FutureFigures
from dlh.reports.analysis_page import detector_rows
from dlh.reports.render import once_in, render
from dlh.training.held_out import level_states

GOOD = 0.9
"""From here on precision and recall are called good."""
FLOOR = "floor: "


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the page shows. A part whose value is None is left out.

    Attributes:
        data: what was watched, for people ("Moving Ball").
        run: the run's folder, as one would type it.
        frame_shape: (channel, height, width).
        kind: of the model.
        levels: N.
        parameters: of the model.
        steps: of training.
        seconds: of training.
        best_step: of the model that is best by held-out clips; None where none were looked at.
        what_changes: the true events, in words that follow "when" ("the ball changes colour").
        changes: when the levels changed on held-out clips.
        futures: what the predictions are worth on the same clips.
        fps: frames per second, to speak of seconds.
        film: prediction.mp4.
        events_png, exchanged_png, rolled_png, still_png, psnr_png, curves_png: the pictures.
        commands: what to type next, with what it does.
        settings: the run's settings, nested as they are saved.
        versions: of the software.
    """

    data: str
    run: str
    frame_shape: tuple[int, int, int]
    levels: int
    parameters: int
    steps: int
    seconds: float
    best_step: int | None = None
    kind: str = "dlh"
    what_changes: str = "something changes"
    changes: Changes = field(default_factory=Changes)
    futures: FutureFigures | None = None
    fps: float | None = None
    film: bytes | None = None
    events_png: bytes | None = None
    exchanged_png: bytes | None = None
    rolled_png: bytes | None = None
    still_png: bytes | None = None
    psnr_png: bytes | None = None
    curves_png: bytes | None = None
    commands: Sequence[tuple[str, str]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def render_report(report: Report) -> str:
    """The page as HTML: pictures and film inside, no script, nothing fetched from anywhere."""
    settings = [*_flat(report.settings)]
    settings += [(f"version of {name}", version) for name, version in report.versions.items()]
    count = report.parameters
    head, rows = _levels_table(report)
    values: dict[str, Any] = {}
    if report.futures is not None:
        values["psnr_head"], values["psnr_rows"] = _psnr_table(report.futures)
        values["floors_above_at_all_steps"] = _floors_above_at_all_steps(report.futures)
    return render(
        "run.html",
        report=report,
        good=GOOD,
        parameters=f"{count / 1e6:.1f} million" if count >= 100_000 else f"{count:,}",
        level_states=level_states(report.changes.rates),
        levels_head=head,
        levels_rows=rows,
        setting_rows=settings,
        detector_rows=detector_rows(report.changes.events),
        **values,
    )


def _levels_table(report: Report) -> tuple[Sequence[str], list[Sequence[str]]]:
    changes, kl = report.changes, report.changes.divergences
    head = ["", "changes per frame", "time between changes"]
    head += ["state KL, nats per clip", "share of it"] if kl else []
    rows = []
    for index, rate in enumerate(changes.rates):
        row = [f"level {index + 1}", f"{rate:.3f}", once_in(rate, report.fps)]
        rows.append(
            row + ([f"{kl.state[index]:.1f}", f"{kl.state_share[index]:.0%}"] if kl else [])
        )
    if changes.events.level_2 is not None:
        rate = changes.events.level_2.true_change_rate
        truth = ["true events", f"{rate:.3f}", once_in(rate, report.fps)]
        rows.append(truth + ([""] * 2 if kl else []))
    return head, rows


def _psnr_table(futures: FutureFigures) -> tuple[Sequence[str], list[Sequence[str]]]:
    model = futures.model
    shown = sorted({1, model.window, model.horizon})
    best = f"best of {model.samples}"
    curves = {best: futures.best_curve}
    if model.samples > 1:
        curves["average future"] = futures.mean_curve
    curves |= {FLOOR + name: curve for name, curve in futures.floor_curves.items()}
    rows = []
    for name, curve in curves.items():
        mean = futures.over_window(curve)
        against = "" if name == best else f"{mean - futures.best:+.1f}".replace("-", "\u2212")
        if name.startswith(FLOOR) and mean >= futures.best:
            against += ", above the model"
        at_steps = (f"{curve[step - 1]:z.1f}" for step in shown)
        rows.append([name, f"{mean:.1f}", against, *at_steps, f"{_mean(curve):.1f}"])
    head = ["PSNR, dB", f"steps 1 to {model.window}", "difference to the best"]
    head += [*(f"at step {step}" for step in shown), f"steps 1 to {model.horizon}"]
    return head, rows


def _floors_above_at_all_steps(futures: FutureFigures) -> list[str]:
    """Over the whole horizon the model may be below a floor even where the first steps are good."""
    best = _mean(futures.best_curve)
    return [name for name, curve in futures.floor_curves.items() if _mean(curve) >= best]


def _mean(curve: Sequence[float]) -> float:
    """Over all steps."""
    return float(sum(curve)) / len(curve)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted name, value)."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
