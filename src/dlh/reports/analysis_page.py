"""analysis.html: an analysis on one page, with what each figure says and the paper's numbers."""

from __future__ import annotations

from collections.abc import Mapping

from dlh.analysis.findings import Findings
from dlh.analysis.foresight import Foresight
from dlh.analysis.level_findings import LevelFindings
from dlh.analysis.pooled import Pooled
from dlh.data.held_out import ALL
from dlh.reports import analysis_captions as captions
from dlh.reports.page import Html, element, figure, join, page, table
from dlh.reports.paper import printed

Pictures = Mapping[str, bytes]

WITH_FIRST = "with the forced first step, as Table 2"
NATS = "state divergence, nats per clip (Table 2)"


def render(findings: Findings, pictures: Pictures) -> str:
    """The page as HTML; a picture that is missing, for want of matplotlib, is left out."""
    clips, steps, _ = findings.trace.changed.shape
    name, data = findings.shown.model, findings.shown.data
    which = (
        "clips of all videos," if findings.shown.split == ALL else f"{findings.shown.split} clips"
    )
    sections = (
        element("p", f"Dynamic Latent Hierarchy · {data} · {name}", class_="eyebrow"),
        element("h1", "What its levels hold"),
        element("p", f"{clips} {which} of {steps} frames. {captions.LEDE}", class_="lede"),
        _depth(findings, pictures),
        _events(findings, pictures),
        _foresight(findings, pictures),
        _held(findings, pictures),
        _futures(findings, pictures),
        _left_out(findings),
        element(
            "footer",
            element(
                "p",
                "Made by dlh analyse. The numbers are in analysis.json, the figures as PNG and PDF "
                "in figures/. This page is one file: it fetches nothing and can be sent as it is.",
            ),
        ),
    )
    return page(f"Analysis of {name} - {data}", *(part for part in sections if part))


def _depth(findings: Findings, pictures: Pictures) -> Html:
    rows: list[tuple[str, ...]] = [
        ("mean depth, t >= 2", _value(findings.mean_depth, 3)),
        (WITH_FIRST, _value(findings.mean_depth_with_first, 3)),
        (NATS, _value(findings.total_state_kl, 1)),
        ("bound, nats per frame", _value(findings.elbo, 1)),
    ]
    truth, theirs = findings.truth, printed(findings)
    if truth is not None:
        rows.insert(1, ("1 + true change rate", f"{1 + truth[:, 1:].mean():.3f}"))
    summary_head: tuple[str, ...] = ("", "")
    if theirs.mean_depth:
        beside = {WITH_FIRST: theirs.mean_depth, NATS: theirs.total_state_kl}
        rows = [(*row, beside.get(row[0], "")) for row in rows]
        summary_head = ("", "here", "the paper")
    total = findings.total_state_kl.mean
    levels: list[tuple[str, ...]] = [
        (
            f"level {level.level}",
            f"{level.change_rate:.3f}",
            _value(level.state_kl, 2),
            f"{level.state_kl.mean / total:.1%}" if total else "",
            _value(level.event_kl, 2),
        )
        for level in findings.levels
    ]
    head: tuple[str, ...] = (
        "",
        "changes per step",
        "state divergence",
        "its share",
        "event divergence",
    )
    if theirs.level_kl:
        head = (*head, "state divergence in the paper")
        levels = [(*row, nats) for row, nats in zip(levels, theirs.level_kl, strict=True)]
    return join(
        element("h2", "How deep changes reach (Tables 2 and 5)"),
        figure(pictures.get("levels"), "Change rates and divergences by level", captions.LEVELS),
        table(summary_head, rows),
        table(head, levels),
        element("p", captions.PAPER) if theirs.mean_depth else Html(""),
    )


def _events(findings: Findings, pictures: Pictures) -> Html:
    if len(findings.levels) < 2:
        return Html("")
    parts = [element("h2", "When it changed (Fig. 5c)")]
    if findings.events is not None:
        scores = findings.events
        rows = [
            ("precision", f"{scores.precision:.3f}"),
            ("recall", f"{scores.recall:.3f}"),
            ("F1", f"{scores.f1:.3f}"),
        ]
        kinds = findings.recalls | findings.colour_recalls
        rows += [(f"recall of {name}", f"{value:.3f}") for name, value in kinds.items()]
        parts.append(table(("level 2 against true events", ""), rows))
    parts.append(figure(pictures.get("events"), "Frames and decisions of a clip", captions.EVENTS))
    return join(*parts)


def _foresight(findings: Findings, pictures: Pictures) -> Html:
    if findings.model is None:
        return Html("")
    rows = [_foresight_row("the model", findings.model)]
    words = []
    if findings.observers is not None:
        observers = findings.observers
        rows += [
            _foresight_row("who has seen the past", observers.knows_past),
            _foresight_row("who knows the bounces", observers.knows_bounces),
        ]
        inferred, known = observers.closed_form_inferred, observers.closed_form
        rows.append(
            (
                "the same, in closed form",
                f"{inferred.change:.3f}",
                f"{inferred.static:.3f}",
                f"{known.change:.3f}",
                f"{known.static:.3f}",
                "",
            )
        )
        words.append(
            "Hardly more can be known of the next change than by who has seen all places so far "
            "and knows the rules; that is a particle filter over where the ball was and whither it "
            f"goes (its own error is {observers.filter_error:.4f}). The distance to it is the "
            "score. Who knows the bounces knows more than can be known."
        )
    if (theirs := printed(findings)).predicted_change:
        rows.append(("the paper's model (Table 3)", *theirs.predicted_change, "", "", ""))
    head = (
        "mean p(change)",
        "inferred change",
        "inferred static",
        "true change",
        "true static",
        "nats per step",
    )
    columns = 6 if findings.truth is not None else 3
    return join(
        element("h2", "What it foresees (Table 3)"),
        *(element("p", text) for text in words),
        table(head[:columns], [row[:columns] for row in rows]),
        figure(
            pictures.get("reliability"), "Reliability of predicted changes", captions.RELIABILITY
        ),
    )


def _foresight_row(name: str, found: Foresight) -> tuple[str, ...]:
    values = (
        found.inferred_change,
        found.inferred_static,
        found.true_change,
        found.true_static,
        found.surprisal,
    )
    return (name, *(_value(value, 3) for value in values))


def _held(findings: Findings, pictures: Pictures) -> Html:
    head: tuple[str, ...] = ("pixel variance", "from elsewhere", "from its change prior")
    rows: list[tuple[str, ...]] = [
        (
            f"level {level.level}",
            f"{level.variance_elsewhere:.2e}",
            f"{level.variance_expected:.2e}",
        )
        for level in findings.levels
    ]
    rows.append(("all levels", f"{findings.all_levels_variance:.2e}", ""))
    parts = [
        element("h2", "What each level holds (Figs. 5a, 5b, 10, 11)"),
        table(head, rows),
    ]
    if findings.levels[0].of_ball:
        parts.append(
            table(
                (
                    "of the ball",
                    "another colour",
                    "centre moves, px",
                    "rolled: switches per step",
                    "rolled: centre moves, px",
                ),
                [_ball_row(level) for level in findings.levels],
            )
        )
    moments = captions.EXCHANGED.format(moments=32)
    parts += [
        figure(pictures.get("exchanged"), "Frames with one level exchanged", moments),
        figure(pictures.get("rolled"), "Frames of one level rolled forward", captions.ROLLED),
    ]
    return join(*parts)


def _ball_row(level: LevelFindings) -> tuple[str, ...]:
    names = (
        ("exchanged_colour_differs", ".0%"),
        ("exchanged_centre_moves", ".2f"),
        ("rolled_switch_rate", ".3f"),
        ("rolled_centre_moves", ".2f"),
    )
    values = [(level.of_ball[name], form) for name, form in names]
    return (f"level {level.level}", *("-" if v is None else format(v, f) for v, f in values))


def _futures(findings: Findings, pictures: Pictures) -> Html:
    futures = findings.futures
    clips, samples, horizon = futures.model.curves.shape
    parts = [
        element("h2", "What it predicts (Figs. 6 and 9)"),
        element(
            "p",
            f"{samples} futures of {horizon} frames for each of {clips} clips, after "
            f"{futures.context_steps} frames.",
        ),
    ]
    world, tracking = futures.world, futures.tracking
    if world is not None and tracking is not None:
        best = futures.best_tracking
        known = ("", "") if best is None else (f"{best.median_best:.0f}", f"{best.median_mean:.0f}")
        within = f"steps within {tracking.radius:g} px, median over {clips} clips"
        rows = [
            ("frames with one saturated colour", f"{world.clear:.1%}", f"{world.true_clear:.1%}"),
            ("sharpness", f"{world.sharpness:.3f}", "1.000"),
            ("switches per step", _number(world.switch_rate), f"{world.true_switch_rate:.3f}"),
            ("of these, to the next colour of the cycle", _number(world.in_order), "1.000"),
            ("level 2 drawn to change, per step", _number(world.event_rate), ""),
            ("switches at such a step", _number(world.switches_at_events), ""),
            (f"{within}, best future", f"{tracking.median_best:.0f}", known[0]),
            (f"{within}, mean future", f"{tracking.median_mean:.0f}", known[1]),
        ]
        parts.append(table(("of the predicted ball", "futures", "truth, or at best"), rows))
    shown = (
        captions.FUTURES if world is not None and len(findings.levels) > 1 else captions.FRAMES_ONLY
    )
    parts += [
        figure(pictures.get("futures"), "Sampled futures with their switches", shown),
        figure(
            pictures.get("tracking"), "How long predicted balls are in place", captions.TRACKING
        ),
    ]
    psnr = [("best future", f"{futures.model.best:.1f}")]
    psnr.append(("average future", f"{futures.model.mean:.1f}"))
    psnr += [(name, f"{scores.best:.1f}") for name, scores in futures.floors.items()]
    parts += [
        table(("PSNR, dB", f"mean of {horizon} steps"), psnr),
        figure(pictures.get("psnr"), "PSNR by predicted step", captions.PSNR),
    ]
    return join(*parts)


def _left_out(findings: Findings) -> Html:
    if not findings.left_out:
        return Html("")
    items = [element("li", f"{what}: {why}") for what, why in findings.left_out.items()]
    return join(element("h2", "What is left out"), element("ul", *items))


def _value(value: Pooled | None, digits: int) -> str:
    if value is None:
        return "-"
    error = "" if value.error is None else f" ± {value.error:.{digits}f}"
    return f"{value.mean:.{digits}f}{error}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
