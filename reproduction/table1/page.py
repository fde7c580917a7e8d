"""table1.md: every world's table on equal terms, its pictures, and how far each model holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from dlh.commands.analyse import FIGURES
from dlh.evaluation.rows import FLOORS, MODEL
from dlh.evaluation.scoring import ENERGY
from dlh.reports.evaluation import ROW_TITLES, TITLES, cell, number
from reproduction.comparison import NUMBERS, PAGE, PICTURES
from reproduction.comparison_page import core_seconds, outlasts_table
from reproduction.notes import read_words
from reproduction.results_cells import table
from reproduction.scored import AS_LEARNT, CHOSEN
from reproduction.table1.cells import MODELS, World
from reproduction.table1.terms import EQUAL
from reproduction.table1.verdicts import row_title, verdicts

HOURS, FRAMES, FAR, LEVELS = "equal-hours", "equal-frames", "horizon", "levels"
"""Folders of a world: its comparisons, and what the levels of DLH hold."""
TABLE = "table1.md"
NOTES = "notes-{}.md"
"""Of a world, beside the page: what a person says of its numbers."""
RUNS, CELLS, MISSING = "runs", "cells", "missing.json"
SCORING = "scoring"
"""In the file of what is missing: why nothing could be scored."""
METRICS = ("ssim_legacy", "psnr", "ssim", "lpips", "fvd")
SHOWN_FIGURES = {
    "exchanged": "The state of one level taken from other moments (Fig. 5a)",
    "rolled": "One level rolled forward (Fig. 5b)",
    "events": "When the levels change, in one test clip (Fig. 5c)",
}
SIZES = {
    "tiny": "The models are tiny, to try the list out: their scores say nothing.",
    "cores": "All models are narrower than published, to fit two cores.",
    "paper": "All models have their published sizes.",
}
Numbers = Mapping[str, Any]

ABOUT = """Who predicts furthest? Every model that is trained here has the same budget on a world,
and all are scored on the same frames, beside trivial baselines ("floors"). *Best* is the closest
future of each clip by that metric, chosen knowing the truth, averaged over clips, with its 95 %
bootstrap interval over clips (what another training would give is not in it); *mean* is over
futures. `docs/evaluation.md` defines the scores. SSIM legacy (range 2) is the convention of the
published tables. The energy score, also with its interval, is lower for a better forecast. *In
place*, a / b: predicted steps before the ball, or a digit, is first off (of a clip's digits the
mean); medians over clips, a of the future that lasts longest, b of the mean over futures. The
paper's numbers are of its own data and training, so they show only what is aimed at. CW-VAE was
published with 36 observed frames; `--context 36` gives every model as many. The floor *best of
other clips* has as many futures as there are other clips. Rollouts and curves are at temperature
1."""
DIGITS = """*Same digits* is the share of digits that a small classifier sees in the last predicted
frame, wherever they are: {accuracy:.1%} of those of true frames that it was not trained on. Chance
is what *best of other clips* has: its digits are those of other clips."""
BUDGET = """At *the same core-hours* each model's core-seconds contain a short measurement and three
trials of a tenth of the budget, which choose its learning rate by the energy score of validation
predictions. Length .63 means 63 % of its preset's updates, all schedules shortened alike. The last
training gets what the others leave, by what an update took until then, so sums are the budget but
for some percent. Of learning rates whose energy scores are within {equal:.0%} of the lowest one,
the lowest rate is taken. Rows *as given* were trained elsewhere, without trials; their core-seconds
are those of that run and of the runs whose weights it began with."""
BESIDE = """Where DLH stands at the chosen temperatures, beside the best floor and the best other
model. Of several rows the one that is best on these clips is taken, of DLH too. ± is the 95 % t
interval of the difference, paired over clips:"""
EDGES = """The best rate may lie beyond the three, where an end of them was taken: {}."""
SAME_FRAMES = """At *the same training frames* core-seconds are those of the training alone; a run
that has these frames already, within 5 %, is not trained again. Frames count when a stage of a
training reads them. Both later stages of DLH read the same clips, so it has fewer frames that
differ; to replay what they have stored costs core-seconds and no frames."""


def render(root: Path, worlds: Sequence[World]) -> str:
    """The page.

    Args:
        root: the folder in which it lies.
        worlds: in their order; those of which nothing is there are left out. Where
            there is a file of notes to a world, it stands under what the numbers say by themselves.

    Raises:
        OutputError: notes cannot be read.
    """
    said = (ABOUT, BUDGET.format(equal=EQUAL), SAME_FRAMES)
    parts = ["# Table 1", *(" ".join(each.split()) for each in said)]
    for world in worlds:
        place = root / world.name
        missing = _read(place / MISSING) or {}
        hours = _read(place / HOURS / NUMBERS)
        if hours is None and not missing:
            continue
        parts += [f"## {world.title}"]
        if hours is not None:
            parts += _world(world, place, hours)
        if SCORING in missing:
            before = "" if hours is None else " (what is shown was scored before)"
            parts += [f"Scoring failed{before}: {missing.pop(SCORING)}"]
        if missing:
            rows: dict[str, list[str]] = {}
            for name, reason in missing.items():
                rows.setdefault(reason, []).append(name)
            listed = (f"- {', '.join(names)}: {reason}" for reason, names in rows.items())
            parts += ["Not in the table:", "\n".join(listed)]
    return "\n\n".join(parts) + "\n"


def _world(world: World, place: Path, hours: Numbers) -> Iterator[str]:
    protocol = hours["protocol"]
    yield (
        f"{protocol['data']['clips']} {protocol['data']['split']} clips of {hours['world']}, "
        f"{protocol['context']} frames observed, {protocol['horizon']} predicted, up to "
        f"{protocol['samples']} futures of each clip, drawn with seed {protocol['seed']}. "
        + " ".join(SIZES[size] for size in _sizes(place, hours))
    )
    yield "### The same core-hours"
    frames = _read(place / FRAMES / NUMBERS)
    yield _scores(world, hours, _terms(place, hours), same_frames=False)
    if "digits" in (first := _first(hours)):
        said = DIGITS.format(accuracy=first["digits"]["classifier_accuracy"])
        yield " ".join(said.split())
    yield from _verdicts(hours)
    if words := read_words(place.parent / NOTES.format(world.name)).strip():
        yield words
    more = {} if frames is None else frames["models"]
    models = hours["models"] | {name: more[name] for name in more if name not in hours["models"]}
    if terms := _terms(place, {"models": models}):
        yield "### How the learning rates were chosen"
        yield _trials(terms, models)
        if ends := [row_title(name) for name, found in terms.items() if _at_an_end(found)]:
            yield EDGES.format(", ".join(ends))
    yield f"[All numbers and pictures]({world.name}/{HOURS}/{PAGE})"
    if frames is not None:
        yield "### The same training frames"
        yield "Floors are those of the first table."
        yield _scores(world, frames, _terms(place, frames), same_frames=True)
        if left := [row_title(name) for name in hours["models"] if name not in frames["models"]]:
            yield f"Not in this table: {'; '.join(left)}."
        yield from _verdicts(frames)
        yield f"[All numbers and pictures]({world.name}/{FRAMES}/{PAGE})"
    for picture in ("rollouts.png", "curves.png"):
        if (place / HOURS / picture).exists():
            yield from _picture(PICTURES[picture], f"{world.name}/{HOURS}/{picture}")
    far = _read(place / FAR / NUMBERS)
    if far is not None:
        yield "### The cost of a horizon"
        yield _far(far)
        if (place / FAR / "curves.png").exists():
            yield from _picture(PICTURES["curves.png"], f"{world.name}/{FAR}/curves.png")
    yield from _levels(place, list(hours["models"]))


def _picture(title: str, where: str) -> Iterator[str]:
    """A picture, and what it shows below it."""
    yield f"![{title}]({where})"
    yield f"*{title}.*"


def _levels(place: Path, names: Sequence[str]) -> Iterator[str]:
    """What the levels of the first DLH hold, as pictures, and links to those of the others."""
    others = []
    for name in names:
        folder = place / LEVELS / name / FIGURES
        where = {
            figure: (folder / f"{figure}.png").relative_to(place.parent).as_posix()
            for figure in SHOWN_FIGURES
            if (folder / f"{figure}.png").exists()
        }
        if where and not others:
            for figure, path in where.items():
                yield from _picture(f"{SHOWN_FIGURES[figure]}, {row_title(name)}", path)
        if where:
            links = ", ".join(f"[{figure}]({path})" for figure, path in where.items())
            others.append(f"{row_title(name)} ({links})")
    if others[1:]:
        yield f"The same of {'; '.join(others[1:])}."


def _verdicts(numbers: Numbers) -> Iterator[str]:
    if said := list(verdicts(numbers)):
        yield " ".join(BESIDE.split())
        yield "\n".join(f"- {each}" for each in said)


def _scores(
    world: World, numbers: Numbers, terms: Mapping[str, Numbers], *, same_frames: bool
) -> str:
    metrics = [m for m in METRICS if _first(numbers)["scores"][m]["best"] is not None]
    places, digits = _read_off(_first(numbers))
    head = (
        "", "temperature", *(f"{TITLES[name]}, best (mean)" for name in metrics), "energy",
        *["in place"] * places, *["same digits"] * digits, "parameters", "learning rate", "length",
        "core-seconds", "frames",
    )  # fmt: skip
    rows = []
    for name, model in numbers["models"].items():
        for at in (AS_LEARNT, CHOSEN):
            if at in model["at"]:
                how = _training(model, terms.get(name), same_frames=same_frames)
                rows.append(_row(name, model["at"][at], metrics, how))
    rows += _over_seeds(numbers, metrics)
    if same_frames:  # the clips are the same, and so are the scores of what is not trained
        return table(head, rows)
    first, blank = _first(numbers), ("-",) * 5
    for floor in FLOORS:
        if floor in first["distribution"]:
            entries, energy = first["floors"][floor], first["distribution"][floor][ENERGY]
            scores = [cell(entries[metric], metric) for metric in metrics]
            rows.append(
                (f"floor: {ROW_TITLES[floor]}", "-", *scores, _energy(energy),
                 *_floor_read(first, floor), *blank)
            )  # fmt: skip
    if ideal := numbers.get("ideal_observer"):
        rows.append(("ideal observer", "-", *["-"] * (len(metrics) + 1), _in_place(ideal), *blank))
    for title, (ssim, psnr) in world.paper.items():
        shown = {"ssim_legacy": f"{ssim:.2f}", "psnr": f"{psnr:.2f}"}
        cells = [shown.get(metric, "-") for metric in metrics]
        rows.append(
            (f"the paper's {title}{world.paper_data}", "-", *cells,
             *["-"] * (1 + places + digits), *blank)
        )  # fmt: skip
    return table(head, rows)


def _trials(terms: Mapping[str, Numbers], models: Numbers) -> str:
    """The energy score of each trial, in the order of learning rates, and what an update costs."""
    head = ("", "energy score of validation predictions, by learning rate", "chosen",
            "core-seconds a joint update")  # fmt: skip
    rows = []
    for name, found in terms.items():
        trials = [
            f"{trial['learning_rate']:g}: "
            + ("infinite loss" if trial["energy"] is None else f"{trial['energy']:.4f}")
            for trial in found["trials"]
        ]
        seconds = models[name]["training"]["cpu_seconds_a_step"]
        cost = "-" if seconds is None else f"{seconds:.2f}"
        rows.append((row_title(name), ", ".join(trials), f"{found['learning_rate']:g}", cost))
    return table(head, rows)


def _at_an_end(terms: Numbers) -> bool:
    """Whether the lowest or the highest rate was taken."""
    rates = [trial["learning_rate"] for trial in terms["trials"]]
    return terms["learning_rate"] in (min(rates), max(rates))


def _energy(entry: Numbers) -> str:
    return f"{entry['mean']:.4f} [{entry['ci_low']:.4f}, {entry['ci_high']:.4f}]"


def _read_off(found: Numbers) -> tuple[bool, bool]:
    """Whether places are known, and digits."""
    return "tracking" in found or "digits" in found, "digits" in found


def _row(
    name: str, found: Numbers, metrics: Sequence[str], training: Sequence[str]
) -> tuple[str, ...]:
    temperature = f"{found['states']:g}"
    if found["decisions"] != found["states"]:
        temperature += f", decisions {found['decisions']:g}"
    return (
        row_title(name),
        temperature,
        *(cell(found["scores"][metric], metric) for metric in metrics),
        _energy(found["distribution"][MODEL][ENERGY]),
        *_read_of(found.get("tracking"), found, MODEL),
        *training,
    )


def _read_of(tracking: Numbers | None, found: Numbers, row: str) -> Iterator[str]:
    """What is read off futures: how long they are in place, and which digits they end with."""
    places, digits = _read_off(found)
    of_row = found["digits"]["rows"].get(row) if digits else None
    if places:
        yield _in_place(tracking or of_row)
    if digits:
        yield "-" if of_row is None else f"{list(of_row['same'].values())[-1]:.0%}"


def _training(
    model: Numbers, terms: Numbers | None, *, same_frames: bool
) -> tuple[str, str, str, str, str]:
    """Parameters, learning rate, length, core-seconds and frames of a row. For the same core-hours,
    the seconds are those of the measurement and the trials too.
    """
    training, parameters = model["training"], f"{model['parameters'] / 1e6:.2f} M"
    frames = "-" if training["frames"] is None else f"{training['frames']:,}"
    if terms is None:
        given = f"as given, seed {model['seed']}"
        return parameters, given, "-", core_seconds(training), frames
    run = terms["run"]
    share = run["share"] * (training["frames"] / run["frames"] if same_frames else 1.0)
    spent = core_seconds(training) if same_frames else f"{terms['spent_seconds']:,.0f}"
    return parameters, f"{terms['learning_rate']:g}", f"{share:.2f}", spent, frames


def _over_seeds(numbers: Numbers, metrics: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Of each model that has several seeds: mean and standard deviation, at temperature 1."""
    places, digits = _read_off(_first(numbers))
    blank = ("-",) * (places + digits + 5)
    for model in MODELS:
        found = [
            each["at"][AS_LEARNT]
            for name, each in numbers["models"].items()
            if name.partition("-seed")[0] == model
        ]
        if len(found) < 2:
            continue
        cells = [_spread([each["scores"][m]["best"] for each in found], m) for m in metrics]
        energy = [each["distribution"][MODEL][ENERGY]["mean"] for each in found]
        yield (
            f"{MODELS[model]}, {len(found)} seeds", "1", *cells,
            f"{fmean(energy):.4f} ± {stdev(energy):.4f}", *blank,
        )  # fmt: skip


def _spread(values: Sequence[float], metric: str) -> str:
    return f"{number(fmean(values), metric)} ± {number(stdev(values), metric)}"


def _far(numbers: Numbers) -> str:
    """How many predicted steps each model is better than each floor."""
    protocol = numbers["protocol"]
    horizon = f"{protocol['horizon']:,}"
    return (
        f"{horizon} predicted frames, {protocol['data']['clips']} clips, up to "
        f"{protocol['samples']} futures of each, at temperature 1. Predicted steps before a model "
        "first falls behind a floor: average future's PSNR / best future's PSNR / energy score, "
        f"each averaged over 20 steps; {horizon} means never.\n\n"
        + outlasts_table(numbers, row_title)
    )


def _terms(place: Path, numbers: Numbers) -> dict[str, Numbers]:
    """How each cell of a comparison was trained, by its name."""
    found = {name: cell["terms"] for name, cell in _cells(place, numbers).items()}
    return {name: terms for name, terms in found.items() if terms}


def _sizes(place: Path, numbers: Numbers) -> list[str]:
    """Of the models of a comparison."""
    found = {cell["size"] for cell in _cells(place, numbers).values()}
    return [size for size in SIZES if size in found]


def _cells(place: Path, numbers: Numbers) -> dict[str, Numbers]:
    """What is known of the rows of a comparison, in their order."""
    found = {name: _read(place / CELLS / f"{name}.json") for name in numbers["models"]}
    return {name: cell for name, cell in found.items() if cell is not None}


def _in_place(tracking: Numbers | None) -> str:
    if tracking is None:
        return "-"
    return f"{tracking['median_steps_best']:g} / {tracking['median_steps_mean']:.1f}"


def _floor_read(first: Numbers, floor: str) -> Iterator[str]:
    return _read_of(first.get("floors_tracking", {}).get(floor), first, floor)


def _first(numbers: Numbers) -> Numbers:
    return next(iter(numbers["models"].values()))["at"][AS_LEARNT]


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else None
