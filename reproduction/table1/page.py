"""table1.md: every world's table on equal terms, its pictures, and how far each model holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from dlh.commands.analyse import FIGURES
from dlh.evaluation.rows import FLOORS
from dlh.evaluation.scoring import ENERGY
from dlh.reports.evaluation import ROW_TITLES, cell, number
from reproduction.comparison import NUMBERS, PAGE, PICTURES
from reproduction.comparison_page import outlasts_table
from reproduction.results_cells import table
from reproduction.scored import AS_LEARNT, CHOSEN
from reproduction.table1.cells import MODELS, World

HOURS, FRAMES, FAR, LEVELS = "equal-hours", "equal-frames", "horizon", "levels"
"""Folders of a world: its comparisons, and what the levels of DLH hold."""
RUNS, CELLS, MISSING = "runs", "cells", "missing.json"
METRICS = ("ssim_legacy", "psnr", "ssim", "lpips", "fvd")
SHOWN_FIGURES = {"exchanged": "Fig. 5a", "rolled": "Fig. 5b", "events": "Fig. 5c"}
Numbers = Mapping[str, Any]

ABOUT = """Who predicts furthest? Every model has the same budget on a world and is scored on the
same frames, beside trivial baselines ("floors"). *Best* is of all futures of a clip by the mean
over the predicted frames, with its 95 % interval over clips; *mean* is over futures. SSIM (range
2) is the convention of the published tables. The energy score is lower for a better forecast. *In
place* is the median number of predicted steps that the ball or a digit is where it should be, in
the best and in the average future. The paper's numbers are of its own data and training, so they
show only what is aimed at."""
BUDGET = """Each model's core-seconds contain a short measurement and three trials of a tenth of the
budget, which choose its learning rate by the energy score of validation predictions. *Length* is
how far it got, in lengths of its preset. A row of a finished run that was given has what that run
took."""


def render(root: Path, worlds: Sequence[World]) -> str:
    """The page.

    Args:
        root: the folder in which it lies.
        worlds: in their order; those of which nothing is there are left out.
    """
    parts = ["# Table 1", " ".join(ABOUT.split())]
    for world in worlds:
        place = root / world.name
        missing = _read(place / MISSING) or {}
        hours = _read(place / HOURS / NUMBERS)
        if hours is None and not missing:
            continue
        parts += [f"## {world.title}"]
        if hours is not None:
            parts += _world(world, place, hours)
        if missing:
            parts += ["Not in the table:", "\n".join(f"- {k}: {v}" for k, v in missing.items())]
    return "\n\n".join(parts) + "\n"


def _world(world: World, place: Path, hours: Numbers) -> Iterator[str]:
    protocol = hours["protocol"]
    yield (
        f"{protocol['data']['clips']} {protocol['data']['split']} clips of {hours['world']}, "
        f"{protocol['context']} frames observed, {protocol['horizon']} predicted, up to "
        f"{protocol['samples']} futures of each clip, seed {protocol['seed']}."
    )
    yield "### The same core-hours"
    yield " ".join(BUDGET.split())
    yield _scores(world, hours, _terms(place))
    yield from _verdicts(hours)
    yield f"[All numbers and pictures]({world.name}/{HOURS}/{PAGE})"
    frames = _read(place / FRAMES / NUMBERS)
    if frames is not None:
        yield "### The same training frames"
        yield _scores(world, frames, _terms(place))
        yield f"[All numbers and pictures]({world.name}/{FRAMES}/{PAGE})"
    for picture in ("rollouts.png", "curves.png"):
        if (place / HOURS / picture).exists():
            yield f"![{PICTURES[picture]}]({world.name}/{HOURS}/{picture})"
    far = _read(place / FAR / NUMBERS)
    if far is not None:
        yield "### The cost of a horizon"
        yield _far(far)
        if (place / FAR / "curves.png").exists():
            yield f"![{PICTURES['curves.png']}]({world.name}/{FAR}/curves.png)"
    for folder in sorted((place / LEVELS).glob("*")):
        for name, title in SHOWN_FIGURES.items():
            figure = folder / FIGURES / f"{name}.png"
            if figure.exists():
                where = figure.relative_to(place.parent).as_posix()
                yield f"![{title}, {folder.name}]({where})"


def _scores(world: World, numbers: Numbers, terms: Mapping[str, Numbers]) -> str:
    metrics = [m for m in METRICS if _first(numbers)["scores"][m]["best"] is not None]
    head = (
        "", "temperature", *(f"{name}, best (mean)" for name in metrics), "energy", "in place",
        "learning rate", "length", "core-seconds", "frames",
    )  # fmt: skip
    rows = []
    for name, model in numbers["models"].items():
        for at in (AS_LEARNT, CHOSEN):
            if at in model["at"]:
                rows.append(_row(name, model, model["at"][at], metrics, terms.get(name)))
    rows += _over_seeds(numbers, metrics)
    first, blank = _first(numbers), ("-",) * 4
    for floor in FLOORS:
        if floor in first["distribution"]:
            entries, energy = first["floors"][floor], first["distribution"][floor][ENERGY]
            scores = [cell(entries[metric], metric) for metric in metrics]
            rows.append(
                (f"floor: {ROW_TITLES[floor]}", "-", *scores, f"{energy['mean']:.4f}",
                 _floor_in_place(first, floor), *blank)
            )  # fmt: skip
    if ideal := numbers.get("ideal_observer"):
        rows.append(("ideal observer", "-", *["-"] * (len(metrics) + 1), _in_place(ideal), *blank))
    for title, (ssim, psnr) in world.paper.items():
        shown = {"ssim_legacy": f"{ssim:.2f}", "psnr": f"{psnr:.2f}"}
        cells = [shown.get(metric, "-") for metric in metrics]
        rows.append((f"the paper's {title}", "-", *cells, "-", "-", *blank))
    return table(head, rows)


def _row(
    name: str, model: Numbers, found: Numbers, metrics: Sequence[str], terms: Numbers | None
) -> tuple[str, ...]:
    training = model["training"]
    spent = terms["spent_seconds"] if terms else training["cpu_seconds"] or training["seconds"]
    temperature = f"{found['states']:g}"
    if found["decisions"] != found["states"]:
        temperature += f", decisions {found['decisions']:g}"
    tracking = found.get("tracking") or found.get("digits", {}).get("rows", {}).get("model")
    return (
        _title(name),
        temperature,
        *(cell(found["scores"][metric], metric) for metric in metrics),
        f"{found['distribution']['model'][ENERGY]['mean']:.4f}",
        _in_place(tracking),
        f"{terms['learning_rate']:g}" if terms else "as given",
        f"{terms['run']['share']:.2f}" if terms else "-",
        "-" if spent is None else f"{spent:,.0f}",
        "-" if training["frames"] is None else f"{training['frames']:,}",
    )


def _over_seeds(numbers: Numbers, metrics: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Of each model that has several seeds: mean and standard deviation, at temperature 1."""
    blank = ("-",) * 4
    for model in MODELS:
        found = [
            each["at"][AS_LEARNT]
            for name, each in numbers["models"].items()
            if name.partition("-seed")[0] == model
        ]
        if len(found) < 2:
            continue
        cells = [_spread([each["scores"][m]["best"] for each in found], m) for m in metrics]
        energy = [each["distribution"]["model"][ENERGY]["mean"] for each in found]
        yield (
            f"{MODELS[model]}, {len(found)} seeds", "1", *cells,
            f"{fmean(energy):.4f} ± {stdev(energy):.4f}", "-", *blank,
        )  # fmt: skip


def _spread(values: Sequence[float], metric: str) -> str:
    return f"{number(fmean(values), metric)} ± {number(stdev(values), metric)}"


def _verdicts(numbers: Numbers) -> Iterator[str]:
    """Of DLH's best row: by how much it is above the best floor and the best other model."""
    for metric, title in (("psnr", "PSNR, dB"), ("ssim_legacy", "SSIM (range 2)")):
        best = {
            name: max(found["scores"][metric]["best"] for found in model["at"].values())
            for name, model in numbers["models"].items()
        }
        ours = {name: value for name, value in best.items() if name.startswith("dlh")}
        others = {name: value for name, value in best.items() if name not in ours}
        floors = {
            f"the floor {ROW_TITLES[floor]}": entries[metric]["best"]
            for floor, entries in _first(numbers)["floors"].items()
            if floor in FLOORS and entries[metric]["best"] is not None
        }
        if not ours:
            return
        name = max(ours, key=lambda key: ours[key])
        said = []
        for rivals in (floors, others):
            if rivals:
                rival = max(rivals, key=lambda key: rivals[key])
                gap = ours[name] - rivals[rival]
                way = "above" if gap >= 0 else "below"
                said.append(f"{number(abs(gap), metric)} {way} {_title(rival)}")
        yield f"{title}, best of the futures: {_title(name)} is {' and '.join(said)}."


def _far(numbers: Numbers) -> str:
    """How many predicted steps each model is better than each floor."""
    protocol = numbers["protocol"]
    return (
        f"{protocol['horizon']} predicted frames, {protocol['data']['clips']} clips, up to "
        f"{protocol['samples']} futures of each. Predicted steps before the model first falls "
        "behind the floor: average future's PSNR / best future's PSNR / energy score, each "
        "averaged over 20 steps.\n\n" + outlasts_table(numbers, _title)
    )


def _terms(place: Path) -> dict[str, Numbers]:
    """How each cell was trained, by its name."""
    found = {path.stem: _read(path) for path in (place / CELLS).glob("*.json")}
    return {name: each["terms"] for name, each in found.items() if each and each["terms"]}


def _title(name: str) -> str:
    model, _, seed = name.partition("-seed")
    if model not in MODELS:
        return name
    return MODELS[model] + (f", seed {seed}" if seed not in ("", "0") else "")


def _in_place(tracking: Numbers | None) -> str:
    if tracking is None:
        return "-"
    return f"{tracking['median_steps_best']:g} / {tracking['median_steps_mean']:.1f}"


def _floor_in_place(first: Numbers, floor: str) -> str:
    return _in_place(first.get("digits", {}).get("rows", {}).get(floor))


def _first(numbers: Numbers) -> Numbers:
    return next(iter(numbers["models"].values()))["at"][AS_LEARNT]


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else None
