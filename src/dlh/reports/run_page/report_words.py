"""The words of the report: what a run's numbers mean, said plainly, also where they are poor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlh.training.held_out import level_states

if TYPE_CHECKING:
    from dlh.evaluation.events import EventScores
    from dlh.reports.run_page.values import Report

GOOD = 0.9
"""From here on precision and recall are called good."""

EVENTS = (
    "Above, frames of one held-out clip, each under its number; a blue border marks a frame at "
    "which a level above the first changed. Below, one lane per level: a blue bar where the level "
    "changed, and a black line for the probability that it gave to a change before it saw the "
    "frame."
)
TRUE_EVENTS = (
    " Orange triangles are the true events: a bar under every triangle and nowhere else is a "
    "perfect answer."
)
CURVES = (
    "Each panel shows one quantity against the training step. As the loss falls, the levels "
    "divide the work among themselves: the upper ones usually react to everything first, which "
    "shows as a large mean depth, and then let go of what level 1 explains as well."
)
FOOTER = (
    "Made by dlh, an open implementation of the Dynamic Latent Hierarchy (Zakharov, Guo and "
    "Fountas, 2022, arXiv 2212.14376). This page is one file: it fetches nothing and can be sent "
    "as it is."
)


@dataclass(frozen=True)
class Tile:
    """A headline figure; ``tone`` is good, poor or empty."""

    name: str
    value: str
    note: str
    tone: str = ""


def title(report: Report) -> str:
    """What the run amounts to, in a few words."""
    scores = report.changes.events
    if scores is not None and report.levels > 1:
        if scores.precision >= GOOD and scores.recall >= GOOD:
            return "It found the changes by itself"
        if scores.recall >= GOOD:
            return "It finds the changes, and some that are none"
        if scores.precision >= GOOD:
            return "It finds some of the changes"
        return "It has not found the changes yet"
    if report.levels == 1:
        return "What happens next"
    state = _level_two(report)
    if state == "busy":
        return "Level 2 still follows almost every frame"
    if state == "idle":
        return "Level 2 has hardly changed yet"
    return "What changes, and what happens next"


def lede(report: Report) -> str:
    """The first paragraph: what was done."""
    levels = "one level" if report.levels == 1 else f"{report.levels} levels"
    told = ""
    if report.changes.events is not None:
        told = f" Nobody told it when {report.what_changes}: it saw frames and nothing else."
    return (
        f"A model of {levels} and {_millions(report.parameters)} parameters watched {report.data} "
        f"for {_steps(report, 'training step')}, {duration(report.seconds)}.{told}"
    )


def tiles(report: Report) -> list[Tile]:
    """The headline figures."""
    shown = []
    scores = report.changes.events
    if scores is not None and report.levels > 1:
        for name, value, note in (
            ("Precision", scores.precision, _of(scores.matched, scores.inferred_events, "changes")),
            ("Recall", scores.recall, _of(scores.matched, scores.true_events, "true events")),
        ):
            what = "are true events" if name == "Precision" else "were found"
            shown.append(Tile(name, f"{value:.2f}", f"{note} {what}", _tone(value >= GOOD)))
    elif report.levels > 1 and len(report.changes.rates) > 1:
        rate = report.changes.rates[1]
        shown.append(
            Tile(
                "Level 2 changes", f"{rate:.1%}", f"of frames, once in {once_in(rate, report.fps)}"
            )
        )
    if report.changes.mean_depth is not None and report.levels > 1:
        note = f"of {report.levels} levels change at a step"
        tone = ""
        if scores is not None:
            right = 1 + scores.true_change_rate
            note = f"levels change at a step; with exactly the true events it would be {right:.2f}"
            tone = _tone(abs(report.changes.mean_depth - right) <= 0.05)
        shown.append(Tile("Mean depth", f"{report.changes.mean_depth:.2f}", note, tone))
    prediction = report.futures
    if prediction is not None:
        note = (
            f"best of {prediction.model.samples}, mean of the first {prediction.window} predicted "
            "frames"
        )
        if prediction.floors:
            floor, value = prediction.highest_floor
            note += f"; the highest floor ({floor}) has {value:.1f}"
        tone = _tone(not prediction.floors_above)
        shown.append(Tile("PSNR", f"{prediction.best:.1f} dB", note, tone))
    if len(shown) < 4:
        shown.append(Tile("Training", duration(report.seconds), _steps(report)))
    return shown


def film_caption(report: Report) -> str:
    """How to read the film."""
    begin = "The model first watches"
    prediction = report.futures
    if prediction is not None:
        begin = f"The model watches {prediction.context_steps} frames"
    strokes = ""
    if report.levels > 1:
        strokes = " Orange strokes on the bars: there it decided that something changes."
    return (
        f"{begin} (grey borders); then it is on its own (blue borders) and every panel goes on "
        f"with a future drawn from what it has learnt.{strokes}"
    )


def events(report: Report) -> list[str]:
    """What the levels do, and whether that is right."""
    if report.levels == 1:
        return [
            "This model has a single level, which changes at every frame: it has no events to show."
        ]
    paragraphs = [
        "Level 1 follows every frame. Each level above it holds its state, and gives it up only "
        "when a frame fits better with a new beginning than with what the level already believes. "
        "So what a higher level holds is what lasts, and the moments at which it lets go are "
        "events."
    ]
    scores = report.changes.events
    if scores is not None:
        paragraphs.append(_against_truth(report, scores))
    elif len(report.changes.rates) > 1:
        paragraphs.append(_without_truth(report))
    paragraphs += _levels_that_do_not_work(report)
    known = report.changes.foresight
    if known is not None and known.inferred_change and known.inferred_static:
        change, static = known.inferred_change.mean, known.inferred_static.mean
        start = (
            "It also knows when the next change comes:"
            if change - static > 0.5
            else ("It does not yet know well when the next change comes:")
        )
        paragraphs.append(
            f"{start} before seeing the frame, it gave a change a probability of {change:.2f} on "
            f"average where level 2 then changed, and {static:.2f} where it did not."
        )
    return paragraphs


def training(report: Report) -> str:
    """How it was trained."""
    channels, height, width = report.frame_shape
    colour = "grey" if channels == 1 else "colour"
    return (
        f"{_steps(report)} on clips of {width} x {height} {colour} frames took "
        f"{duration(report.seconds)}, {report.seconds / max(report.steps, 1):.2f} seconds a step."
    )


def once_in(rate: float, fps: float | None) -> str:
    """A rate per frame as the time from one change to the next."""
    if rate <= 0:
        return "never"
    frames = "1 frame" if rate >= 1 else f"{1 / rate:.{1 if rate > 0.05 else 0}f} frames"
    return frames if fps is None else f"{frames} ({1 / rate / fps:.2g} s)"


def duration(seconds: float) -> str:
    """A time as people say it."""
    whole = round(seconds)
    if whole < 1:
        return "less than a second"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _against_truth(report: Report, scores: EventScores) -> str:
    counted = (
        f"In {report.changes.clips} held-out clips of {report.changes.steps} frames there are "
        f"{scores.true_events:,} true events: "
    )
    found = f"level 2 changed {scores.inferred_events:,} times, on {scores.matched:,} of them. "
    if scores.precision >= GOOD and scores.recall >= GOOD:
        verdict = f"It changes when {report.what_changes}, and hardly ever otherwise."
    elif scores.recall >= GOOD:
        verdict = "It misses little but is too eager; it usually calms down with more training."
    elif scores.precision >= GOOD:
        verdict = "Its changes are real, but it misses many."
    else:
        verdict = "That is not yet an understanding of events."
    if report.changes.missed:
        verdict += f" Mostly missed: {', '.join(report.changes.missed)}."
    kinds = "".join(
        f" Recall of {name}: {value:.2f}." for name, value in report.changes.recalls.items()
    )
    return counted + found + verdict + kinds


def _levels_that_do_not_work(report: Report) -> list[str]:
    said = {
        "dead": (
            "Level {level} has died: after the first frame it never changed on these clips, so it "
            "holds what it saw first, and the levels above it can never change either."
        ),
        "restless": (
            "Level {level} never rests: it changed at every frame of these clips, so it holds "
            "nothing for longer than level 1 does."
        ),
    }
    states = level_states(report.changes.rates)
    return [said[state].format(level=level) for level, state in states.items()]


def _without_truth(report: Report) -> str:
    rate = report.changes.rates[1]
    state = _level_two(report)
    if state == "busy":
        return (
            f"Level 2 changed at {rate:.0%} of frames: it does not hold anything for long yet, so "
            "its changes are not events. More training, or a larger likelihood std, usually calms "
            "it."
        )
    if state == "idle":
        return (
            f"Level 2 changed at {rate:.1%} of frames: nearly everything is left to level 1. More "
            "training usually wakes it up; in a video in which nothing lasting changes it is "
            "right."
        )
    higher = [
        f"level {level} changed {_how_often(rate, report.fps)}"
        for level, rate in enumerate(report.changes.rates[1:], start=2)
    ]
    return (
        f"On held-out clips {', '.join(higher)}. Nobody has marked the true events in these "
        "videos, so whether the changes mean something is for you to judge: the picture shows "
        "what happened at each."
    )


def _steps(report: Report, noun: str = "step") -> str:
    return f"{report.steps:,} {noun}" + ("" if report.steps == 1 else "s")


def _how_often(rate: float, fps: float | None) -> str:
    return "never" if rate <= 0 else f"once in {once_in(rate, fps)}"


def _level_two(report: Report) -> str:
    if report.levels < 2 or len(report.changes.rates) < 2:
        return ""
    rate = report.changes.rates[1]
    return "busy" if rate > 0.8 else "idle" if rate < 0.002 else ""


def _of(part: int, whole: int, noun: str) -> str:
    return f"{part:,} of {whole:,} {noun}"


def _tone(good: bool) -> str:
    return "good" if good else "poor"


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} million" if count >= 100_000 else f"{count:,}"
