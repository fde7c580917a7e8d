"""The demo: from nothing to a page that shows a model which found its events by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlh.analysis.figures.canvas import new_figure
from dlh.experiments import presets
from dlh.experiments.run import resume, start
from dlh.experiments.show import REPORT, SUMMARY, show
from dlh.training.run import EXPERIMENT, RunFolder


def demo(*, run: Path, fresh: bool, preset: str, seed: int) -> Iterator[str]:
    """Train on Moving Ball, measure, draw, and write the page; yield what a person should read.

    A finished demo is only shown again, an unfinished one goes on; ``fresh`` moves an existing one aside.

    Raises:
        PresetError: the preset does not train on Moving Ball.
        TrainingError: the folder is not a run, or the training cannot go on.
        MissingExtraError: matplotlib is not installed.
    """
    experiment = presets.preset(preset)
    if not experiment.data.generated:
        raise presets.PresetError(
            f"the demo needs a preset on Moving Ball, {preset} is not; `dlh train {preset}` trains it"
        )
    new_figure(1, 1)  # a missing matplotlib is found now, not after the training
    if fresh and (aside := RunFolder.set_aside(run)) is not None:
        yield f"the demo that was in {run} is now in {aside}"
    if (run / SUMMARY).exists():
        yield f"{run} holds a finished demo; `dlh demo --fresh` makes a new one"
        yield from _lines(RunFolder.open(run).read_json(SUMMARY), run)
        return
    if (run / EXPERIMENT).exists():
        yield f"going on with the demo in {run}"
        outcome = resume(run)
    else:
        yield (
            "A ball bounces and changes its colour when it does. Nobody tells the model. Held-out event precision "
            "and recall show when it has found out."
        )
        training = replace(experiment.training, seed=seed)
        outcome = start(replace(experiment, training=training), run)
    yield "measuring and drawing ..."
    yield from _lines(show(outcome), run)


def _lines(summary: Mapping[str, Any], run: Path) -> Iterator[str]:
    events, psnr = summary["events"], summary["psnr"]
    yield (
        f"events:  precision {events['precision']:.3f}, recall {events['recall']:.3f} of level 2 against the true "
        f"colour changes, on {summary['clips']} held-out clips"
    )
    yield (
        f"depth:   {summary['mean_depth']:.3f} levels change at a step; 1 + the true change rate is "
        f"{1 + summary['true_change_rate']:.3f}"
    )
    floors = ", ".join(
        f"{name.replace('_', ' ')} {value:.1f}"
        for name, value in psnr.items()
        if not name.startswith("model")
    )
    yield (
        f"future:  PSNR {psnr['model_best']:.1f} dB over {summary['window']} frames, best of {summary['samples']} "
        f"(average {psnr['model_mean']:.1f}); knowing nothing scores {floors}"
    )
    yield f"trained in {summary['seconds']['train']:.0f} s; open {run / REPORT}"
