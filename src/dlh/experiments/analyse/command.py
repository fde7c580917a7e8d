"""An analysis from a name to a page: what ``dlh analyse`` does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlh.analysis.figures import canvas
from dlh.analysis.figures.canvas import MissingExtraError
from dlh.experiments.analyse.compute import AnalysisConfig, Findings, compute
from dlh.experiments.analyse.numbers import as_json
from dlh.experiments.analyse.page import render
from dlh.experiments.analyse.pictures import figures
from dlh.experiments.analyse.subject import open_subject
from dlh.experiments.outputs import Say, check_writable, write_bytes
from dlh.training import strict_json

NUMBERS = "analysis.json"
PAGE = "analysis.html"
FIGURES = "figures"


def analyse(
    *,
    model: str,
    data: str | None = None,
    out: Path | None = None,
    config: AnalysisConfig | None = None,
    say: Say = print,
) -> dict[str, Any]:
    """Analyse a model and write analysis.json, analysis.html and the figures.

    Args:
        model: a finished run, a folder with a model, a shipped model or a hub name.
        data: what to show it; None: held-out clips of what it was trained on.
        out: the folder; None: ``analysis`` in the run's.
        config: how much is analysed.
        say: takes the lines for a person.

    Returns:
        What is in analysis.json.

    Raises:
        UsageError: the data is not known, or not for this model.
        PretrainedError, RunFolderError, DataError: the model or the data cannot be used.
        OutputError: nothing can be written there.
    """
    subject = open_subject(model, data)
    folder = subject.folder if out is None else out
    check_writable(folder / NUMBERS, ".json")
    findings = compute(subject, config or AnalysisConfig(), say)
    drawn = _draw(findings, folder)
    write_bytes(folder / PAGE, render(findings, drawn).encode())
    numbers = as_json(findings)
    content = strict_json.dumps(numbers, indent=2) + "\n"
    write_bytes(folder / NUMBERS, content.encode())  # last: where it is, everything else is
    for line in describe(numbers):
        say(line)
    say(f"open {folder / PAGE}; figures as PNG and PDF are in {folder / FIGURES}")
    return numbers


def describe(numbers: dict[str, Any]) -> Iterator[str]:
    """The main numbers in lines for a person."""
    depth = numbers["depth"]
    line = f"depth:   {depth['mean_depth']['mean']:.3f} levels change at a step"
    if "true_change_rate" in depth:
        line += f"; 1 + the true change rate is {1 + depth['true_change_rate']:.3f}"
    yield line
    levels = [f"L{level['level']} {level['state_kl']['mean']:.1f}" for level in numbers["levels"]]
    yield f"nats:    {', '.join(levels)} per clip of {numbers['steps']} frames"
    if "events" in numbers:
        events = numbers["events"]
        yield f"events:  precision {events['precision']:.3f}, recall {events['recall']:.3f}"
    for name, said in (("model", "p(e2):"), ("knows_past", "at best:")):
        if name in numbers.get("foresight", {}):
            known = numbers["foresight"][name]
            kind = "true" if "true_change" in known else "inferred"
            parts = [
                f"{known[f'{kind}_{outcome}']['mean']:.3f} where {word}"
                for outcome, word in (("change", "something changed"), ("static", "nothing did"))
                if f"{kind}_{outcome}" in known
            ]
            yield f"{said:<8} {', '.join(parts)}"
    futures = numbers["futures"]
    if "world" in futures:
        world, tracking = futures["world"], futures["tracking"]
        rate = world.get("switch_rate")
        yield (
            f"futures: {world['clear']:.1%} of frames have a ball of one colour; it switches at "
            f"{'no step' if rate is None else f'{rate:.3f} of the steps'} (truth "
            f"{world['true_switch_rate']:.3f}); in place for {tracking['median_steps_best']:.0f} "
            f"steps (best of {futures['samples']}; mean {tracking['median_steps_mean']:.0f})"
        )
    for what, why in numbers["left_out"].items():
        yield f"left out: {what}: {why}"


def _draw(findings: Findings, folder: Path) -> dict[str, bytes]:
    """Write all figures; return the PNGs by name. Without matplotlib there are none."""
    drawn: dict[str, bytes] = {}
    for name, draw in figures(findings).items():
        try:
            figure = draw()
        except MissingExtraError as error:
            warnings.warn(f"no figures: {error}", stacklevel=2)
            return {}
        drawn[name] = canvas.png_bytes(figure)
        place = folder / FIGURES / f"{name}.png"
        check_writable(place, ".png")
        write_bytes(place, drawn[name])
        write_bytes(place.with_suffix(".pdf"), canvas.pdf_bytes(figure))
    return drawn
