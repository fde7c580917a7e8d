"""analysis.html: an analysis on one page, with the paper's numbers beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlh.analysis.event_findings import EventFindings
from dlh.analysis.findings import Findings
from dlh.analysis.foresight import Foresight
from dlh.analysis.pooled import Pooled
from dlh.data.held_out import ALL
from dlh.reports.evaluation import TEMPERATURE_HEAD, temperature_rows
from dlh.reports.paper import Printed, printed
from dlh.reports.render import render as render_template

Rows = list[Sequence[str]]

FORESIGHT = (
    "mean p(change)",
    "inferred change",
    "inferred static",
    "true change",
    "true static",
    "nats per step",
)
OF_BALL = (
    ("exchanged_colour_differs", ".0%"),
    ("exchanged_centre_moves", ".2f"),
    ("rolled_switch_rate", ".3f"),
    ("rolled_centre_moves", ".2f"),
)
"""What a level holds of the ball, and how it is written."""


def render(
    findings: Findings,
    pictures: Mapping[str, bytes],
    temperature: Mapping[str, Any] | None = None,
) -> str:
    """The page as HTML.

    Args:
        findings: what was found.
        pictures: PNG files by name; one that is missing is left out.
        temperature: at which futures were drawn, and what others give, as in analysis.json; None:
            at 1.
    """
    theirs = printed(findings)
    clips, steps = len(findings.shown.clips.video), findings.steps
    model = findings.futures.model
    predicted_clips, samples, horizon = model.clips, model.samples, model.horizon
    columns = len(FORESIGHT) if findings.truth is not None else 3
    levels = findings.levels
    return render_template(
        "analysis.html",
        findings=findings,
        pictures=pictures,
        printed=theirs,
        all_splits=ALL,
        clips=clips,
        steps=steps,
        predicted_clips=predicted_clips,
        samples=samples,
        horizon=horizon,
        **_depth(findings, theirs),
        **_levels(findings, theirs),
        event_rows=_events(findings),
        detector_rows=detector_rows(findings.events),
        foresight_head=FORESIGHT[:columns],
        foresight_rows=[row[:columns] for row in _foresight(findings, theirs)],
        variance_rows=[
            *(
                (
                    f"level {one.level}",
                    f"{one.variance_elsewhere:.2e}",
                    f"{one.variance_expected:.2e}",
                )
                for one in levels
            ),
            ("all levels", f"{findings.all_levels_variance:.2e}", ""),
        ],
        ball_rows=[
            (f"level {one.level}", *(_number(one.of_ball[name], form) for name, form in OF_BALL))
            for one in levels
            if one.of_ball
        ],
        temperature=temperature,
        temperature_head=TEMPERATURE_HEAD,
        temperature_rows=list(temperature_rows(temperature)) if temperature else [],
        world_rows=_world(findings),
        psnr_rows=[
            ("best future", f"{findings.futures.model.best:.1f}"),
            ("average future", f"{findings.futures.model.mean:.1f}"),
            *((name, f"{one.best:.1f}") for name, one in findings.futures.floors.items()),
        ],
    )


def _depth(findings: Findings, theirs: Printed) -> dict[str, Any]:
    truth = findings.truth
    rows = [
        ("mean depth, t >= 2", _value(findings.mean_depth, 3), ""),
        ("with the forced first step, as in Table 2", _value(findings.mean_depth_with_first, 3),
         theirs.mean_depth),
        ("state divergence, nats per clip (Table 2)", _value(findings.total_state_kl, 1),
         theirs.total_state_kl),
        ("bound, nats per frame", _value(findings.elbo, 1), ""),
    ]  # fmt: skip
    if truth is not None:
        rows.insert(1, ("1 + true change rate", f"{1 + truth[:, 1:].mean():.3f}", ""))
    columns = 3 if theirs.mean_depth else 2
    head = ("", "here", "the paper") if theirs.mean_depth else ("", "")
    return {"depth_head": head, "depth_rows": [row[:columns] for row in rows]}


def _levels(findings: Findings, theirs: Printed) -> dict[str, Any]:
    head = ["", "changes per step", "state divergence", "share of it", "event divergence"]
    total = findings.total_state_kl.mean
    rows = [
        [
            f"level {level.level}",
            f"{level.change_rate:.3f}",
            _value(level.state_kl, 2),
            f"{level.state_kl.mean / total:.1%}" if total else "",
            _value(level.event_kl, 2),
        ]
        for level in findings.levels
    ]
    if theirs.level_kl:
        head.append("state divergence in the paper")
        rows = [[*row, nats] for row, nats in zip(rows, theirs.level_kl, strict=True)]
    if (observers := findings.observers) is not None and observers.least_state_kl is not None:
        least = ["level 1 under an ideal Gaussian prior", "", _value(observers.least_state_kl, 2)]
        rows.append(least + [""] * (len(head) - len(least)))
    return {"levels_head": head, "levels_rows": rows}


def _events(findings: Findings) -> Rows:
    events = findings.events
    scores = events.level_2
    if scores is None:
        return []
    found = {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1}
    kinds = {**events.recalls, **events.colour_recalls}
    found |= {f"recall of {name}": value for name, value in kinds.items()}
    for level, own in events.higher.items():
        found |= {
            f"level {level} against its own true events: precision": own.precision,
            f"level {level}: recall": own.recall,
            f"level {level}: F1": own.f1,
        }
    return [(name, f"{value:.3f}") for name, value in found.items()]


def detector_rows(events: EventFindings) -> Rows:
    """Precision, recall and F1 of level 2 and of the detectors beside it, then those of the levels
    with true events of their own; none without these.
    """
    if events.level_2 is None or not events.other_detectors:
        return []
    detectors = {"level 2": events.level_2, **events.other_detectors}
    for level, others in events.higher_detectors.items():
        detectors[f"level {level}, its own events"] = events.higher[level]
        detectors |= {f"level {level}: {name}": one for name, one in others.items()}
    return [
        (name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}")
        for name, one in detectors.items()
    ]


def _foresight(findings: Findings, theirs: Printed) -> Iterator[Sequence[str]]:
    if findings.model is None:
        return
    yield _foresight_row("the model", findings.model)
    if (observers := findings.observers) is not None:
        yield _foresight_row("ideal observer", observers.knows_past)
        yield _foresight_row("offline observer", observers.knows_bounces)
        inferred, true = observers.closed_form_inferred, observers.closed_form
        values = (inferred.change, inferred.static, true.change, true.static)
        yield ("offline observer, in closed form", *(f"{value:.3f}" for value in values), "")
    if theirs.predicted_change:
        yield ("the paper's model (Table 3)", *theirs.predicted_change, "", "", "")


def _foresight_row(name: str, found: Foresight) -> Sequence[str]:
    values = (
        found.inferred_change,
        found.inferred_static,
        found.true_change,
        found.true_static,
        found.surprisal,
    )
    return (name, *(_value(value, 3) for value in values))


def _world(findings: Findings) -> Rows:
    futures = findings.futures
    world, tracking, best = futures.world, futures.tracking, futures.best_tracking
    if world is None or tracking is None:
        return []
    known = ("", "") if best is None else (f"{best.median_best:.0f}", f"{best.median_mean:.0f}")
    within = f"steps within {tracking.radius:g} px, median over {futures.model.clips} clips"
    return [
        ("frames with one saturated colour", f"{world.clear:.1%}", f"{world.true_clear:.1%}"),
        ("sharpness", f"{world.sharpness:.3f}", "1.000"),
        ("switches per step", _number(world.switch_rate), f"{world.true_switch_rate:.3f}"),
        ("of these, to the next colour of the cycle", _number(world.in_order), "1.000"),
        ("steps at which level 2 was drawn to change", _number(world.event_rate), ""),
        ("switches at such a step", _number(world.switches_at_events), ""),
        (f"{within}, best future", f"{tracking.median_best:.0f}", known[0]),
        (f"{within}, mean future", f"{tracking.median_mean:.0f}", known[1]),
    ]


def _value(value: Pooled | None, digits: int) -> str:
    if value is None:
        return "-"
    error = "" if value.error is None else f" ± {value.error:.{digits}f}"
    return f"{value.mean:.{digits}f}{error}"


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
