"""Trained models side by side on one world: the same clips, the same context, the same scores.

Each model is evaluated twice, at temperature 1 and at the temperature that its validation clips
choose; what the ball or the digits do is read off exactly the futures that were scored. All that is
found is in the folder of the comparison, and what is there already is not computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlh.analysis.moving_ball.ball import BallReading, read_ball
from dlh.commands.compare import check_same_protocol, table_of
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.evaluation.results import CURVES
from dlh.evaluation.rows import FLOORS, MODEL
from dlh.evaluation.scores.fvd import FVD
from dlh.evaluation.scoring import ENERGY
from dlh.files.writing import Say, write_bytes, write_json
from dlh.reports.analysis_figures import colour_band
from dlh.reports.evaluation import ROW_TITLES, TITLES
from dlh.reports.figures import canvas
from dlh.reports.figures.curves import ModelsPanel, draw_models
from dlh.reports.figures.rollouts import COLUMNS, rollouts_figure
from dlh.runs.subject import open_subject
from dlh.training.run import EXPERIMENT, run_of
from dlh.video import from_stored, to_stored
from reproduction.ball import BallInFutures, switches_in
from reproduction.comparison_page import render
from reproduction.readings import one_world, reading_of
from reproduction.scored import AS_LEARNT, KEPT_CLIP, Asked, Scored, numbers_of, score_model

NUMBERS, PAGE, ONE = "comparison.json", "comparison.md", "model.json"
SMOOTHED = 20
"""Predicted steps over which a curve is averaged before two are compared."""
PICTURES = {
    "rollouts.png": "What happened in one clip, and each model's future of the highest PSNR",
    "curves.png": f"Every model and the floors; each point is the mean of {SMOOTHED} steps",
    "futures.png": "What happened, and futures of every model",
}


def compare_models(
    runs: Mapping[str, Path],
    out: Path,
    asked: Asked,
    *,
    shared: Path | None = None,
    say: Say = print,
) -> dict[str, Any]:
    """Score every run, and write comparison.json, curves.json, comparison.md and pictures, and for
    each model what comparison.json says of it and the settings that train it again.

    Args:
        runs: finished runs on one world, by the names of the models.
        out: the folder of the comparison.
        asked: how they are compared.
        shared: a folder for what several comparisons need, a classifier; None: ``out``.
        say: takes a line for each thing done.

    Returns:
        What comparison.json holds.

    Raises:
        UsageError: the runs are of several worlds, or the protocols differ.
        PretrainedError, RunFolderError, DataError: a run cannot be used.
        OutputError: a file cannot be written.
    """
    subjects = {name: open_subject(str(run)) for name, run in runs.items()}
    data, first = one_world(subjects), next(iter(subjects.values()))
    reading = reading_of(first, shared or out)
    found: dict[str, dict[str, Scored]] = {}
    models: dict[str, Any] = {}
    for name, subject in subjects.items():
        say(f"{name}: a model of the kind {subject.model.config.kind}")
        found[name] = score_model(runs[name], subject, reading, out / name, asked, say)
        models[name] = numbers_of(runs[name], subject, found[name], keep=asked.kept)
        models[name]["outlasts"] = outlasts(found[name][AS_LEARNT].curves())
        write_json(out / name / ONE, models[name])
        if run := run_of(str(runs[name])):
            write_json(out / name / EXPERIMENT, run.read_json(EXPERIMENT))
    at_one = {name: at[AS_LEARNT] for name, at in found.items()}
    check_same_protocol({name: scored.protocol for name, scored in at_one.items()})
    a_model = next(iter(at_one.values()))
    names = ("data", "context", "horizon", "samples", "seed", "metrics")
    numbers: dict[str, Any] = {
        "protocol": {name: a_model.scores["protocol"][name] for name in names},
        "world": first.source.name,
        "models": models,
    }
    if data.is_moving_ball:
        numbers["colour_change_probability"] = data.ball.colour_change_probability
    if reading is not None:
        numbers["ideal_observer"] = reading.observer(first, a_model.protocol)
    table = table_of({name: (scored.protocol, scored.scores) for name, scored in at_one.items()})
    write_json(out / NUMBERS, numbers)
    write_json(out / CURVES, _drawn(at_one), indent=0)
    ball = reading.ball if isinstance(reading, BallInFutures) else None
    pictures = {
        "rollouts.png": _rollouts(at_one),
        "curves.png": _curves(at_one),
        "futures.png": _futures(at_one, ball),
    }
    for name, png in pictures.items():
        write_bytes(out / name, png)
    titles = {name: PICTURES[name] for name in pictures}
    write_bytes(out / PAGE, render(numbers, table=table, pictures=titles).encode())
    say(f"written: {out / PAGE} and {out / NUMBERS}")
    return numbers


def outlasts(curves: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """For PSNR of the average and of the best future, and for the energy score: the steps before
    the model's curve first falls behind a floor's, by floor; the horizon where it never does.

    Curves are averaged over :data:`SMOOTHED` steps first: a still frame is sometimes exactly right
    for one step.

    Args:
        curves: what curves.json holds.
    """
    frames, found = curves["per_frame"], {}
    for name, metric, value in (
        ("psnr_mean", "psnr", "mean"),
        ("psnr_best", "psnr", "best"),
        ("energy", ENERGY, "mean"),
    ):
        sign = -1.0 if metric == ENERGY else 1.0
        ours = _smooth(sign * np.array(frames[MODEL][metric][value]))
        found[name] = {}
        for floor in FLOORS:
            if floor in frames:
                behind = ours < _smooth(sign * np.array(frames[floor][metric][value]))
                found[name][floor] = int(behind.argmax()) if behind.any() else len(behind)
    return found


def _smooth(curve: np.ndarray) -> np.ndarray:
    """The mean of every step and those after it, as many as there are up to SMOOTHED."""
    total = np.concatenate([[0.0], curve.cumsum()])
    end = np.minimum(np.arange(len(curve)) + SMOOTHED, len(curve))
    return (total[end] - total[: len(curve)]) / (end - np.arange(len(curve)))


def _drawn(found: Mapping[str, Scored]) -> dict[str, Any]:
    """The scores by predicted step from which :func:`outlasts` follows, with five digits: of every
    model, and of the floors once.
    """
    curves = {name: scored.curves()["per_frame"] for name, scored in found.items()}
    floors = next(iter(curves.values()))
    rows = {floor: floors[floor] for floor in FLOORS if floor in floors}
    rows |= {name: per_frame[MODEL] for name, per_frame in curves.items()}
    return {
        name: {
            metric: {value: [float(f"{x:.5g}") for x in curve] for value, curve in found.items()}
            for metric, found in row.items()
            if metric in ("psnr", ENERGY)
        }
        for name, row in rows.items()
    }


def _curves(found: Mapping[str, Scored]) -> bytes:
    """All metrics against the predicted step (Fig. 9): the best future of every model, the floors,
    and the energy score.
    """
    curves = {name: scored.curves()["per_frame"] for name, scored in found.items()}
    first = next(iter(found.values()))
    panels = []
    for spec in first.scores["protocol"]["metrics"]:
        metric = spec["name"]
        if metric != FVD:
            better = "higher" if spec["higher_is_better"] else "lower"
            title = f"{TITLES[metric]}, best future ({better} is closer)"
            panels.append(_panel(title, curves, metric, "best"))
    panels.append(_panel("Energy score (lower is closer)", curves, ENERGY, "mean"))
    return draw_models(panels, note=f"Each point is the mean of {SMOOTHED} steps from it on")


def _panel(title: str, curves: Mapping[str, Any], metric: str, value: str) -> ModelsPanel:
    floors = next(iter(curves.values()))
    return ModelsPanel(
        title=title,
        models={name: _smooth(np.array(c[MODEL][metric][value])) for name, c in curves.items()},
        floors={
            ROW_TITLES[floor]: _smooth(np.array(floors[floor][metric][value]))
            for floor in FLOORS
            if floor in floors
        },
    )


def _rollouts(found: Mapping[str, Scored]) -> bytes:
    """The best future of every model below the truth, over the whole horizon (Figs. 4, 7, 8)."""
    truth = next(iter(found.values())).opened.evaluation.clips.read(KEPT_CLIP).truth
    drawn = np.stack([scored.shown(KEPT_CLIP)[0] for scored in found.values()])
    figure = rollouts_figure(
        drawn,
        truth=to_stored(truth),
        changed=None,
        names=list(found),
        title="The future of every model that is closest to what happened",
    )
    return canvas.png_bytes(figure)


def _futures(found: Mapping[str, Scored], ball: MovingBallConfig | None) -> bytes:
    """Of one clip: the truth, and of every model the best future and others; of the ball where the
    true colour switches most often (Fig. 6).
    """
    clips = next(iter(found.values())).opened.evaluation.clips
    truths = [] if ball is None else [
        read_ball(clips.read(clip).truth, ball) for clip in range(clips.count)
    ]  # fmt: skip
    clip = max(range(len(truths)), key=lambda n: _switches(truths[n])) if truths else KEPT_CLIP
    names, futures = [], []
    for name, scored in found.items():
        for number, frames in enumerate(scored.shown(clip)):
            names.append(name if number else f"{name}, best")
            futures.append(frames)
    drawn, of_ball = np.stack(futures), dict[str, Any]()
    if ball is not None:
        of_ball |= {
            "colours": colour_band(read_ball(from_stored(drawn), ball), ball),
            "true_colours": colour_band(truths[clip], ball),
            "first": switches_in(truths[clip], window=COLUMNS),
        }
    truth = to_stored(clips.read(clip).truth)
    figure = rollouts_figure(drawn, truth=truth, changed=None, names=names, **of_ball)
    return canvas.png_bytes(figure)


def _switches(truth: BallReading) -> int:
    changed = truth.colour[1:] != truth.colour[:-1]
    return int(np.count_nonzero((changed & truth.clear[1:] & truth.clear[:-1]).numpy()))
