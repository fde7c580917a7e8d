"""comparison.md: trained models side by side, of comparison.json and a table of their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlh.evaluation.scoring import ENERGY
from dlh.reports.evaluation import number
from reproduction.results_cells import table

NOTHING = "-"
Numbers = Mapping[str, Any]

FUTURES = """Every future is read frame by frame. *One saturated colour* is the share of predicted
frames that show a ball of one clear colour; *switches per step* is how often that colour changes.
*In place* is the number of predicted steps before the ball's centre is first off by more than its
radius: the median over clips, of each clip's best future and of the mean over its futures."""
TRAININGS = """Core-seconds are those of all threads, and frames those of the clips that training
took, both of all starts; `<=` stands before the seconds by the clock of a run that did not count
its core-seconds. Seconds a step are of the first stage."""


def render(numbers: Numbers, *, table: str, pictures: Sequence[str]) -> str:
    """The page.

    Args:
        numbers: what comparison.json holds.
        table: the scores at temperature 1 beside the floors, as ``dlh compare`` writes them.
        pictures: names of the files that lie beside the page.
    """
    protocol = numbers["protocol"]
    data = protocol["data"]
    chance = numbers["colour_change_probability"]
    parts = [
        "# Models compared on Moving Ball",
        f"{data['clips']} {data['split']} clips of {data['name']}, lambda {chance:g}. Every model "
        f"observes {protocol['context']} frames and predicts {protocol['horizon']}; all are scored "
        f"on the same frames (SHA-256 {data['truth_sha256'][:16]}), with up to "
        f"{protocol['samples']} futures of each clip, seed {protocol['seed']}.",
        "## What was trained",
        TRAININGS,
        _trainings(numbers),
        "## Scores at temperature 1",
        table,
        "## The ball in the futures",
        FUTURES,
        _balls(numbers),
    ]
    if any(model["temperature"] for model in numbers["models"].values()):
        parts += [
            "## At the temperature that validation clips choose",
            "A model that is missing here chose 1. For each one, by the energy score.",
            _chosen(numbers),
        ]
    if pictures:
        parts += [
            "## Where the colour switches",
            "Successive frames where the true colour of this clip switches most often. Of each "
            "model the future that is closest by PSNR, and others. The bands below have the ball's "
            "colour at all steps, white where it has none.",
            *(f"![What happened, and futures of every model]({name})" for name in pictures),
        ]
    return "\n\n".join(parts) + "\n"


def _trainings(numbers: Numbers) -> str:
    head = (
        "", "kind", "preset", "parameters", "steps", "seconds a step", "core-seconds",
        "frames seen",
    )  # fmt: skip
    rows = [
        (
            name,
            model["kind"],
            model["preset"],
            f"{model['parameters']:,}",
            _count(model["training"]["steps"]),
            _seconds_a_step(model["training"]),
            _core_seconds(model["training"]),
            _count(model["training"]["frames"]),
        )
        for name, model in numbers["models"].items()
    ]
    return table(head, rows)


def _seconds_a_step(training: Numbers) -> str:
    core, wall = training["cpu_seconds_a_step"], training["seconds_a_step"]
    if core is not None:
        return f"{core:.3f} of a core"
    return NOTHING if wall is None else f"<= {wall:.3f}"


def _core_seconds(training: Numbers) -> str:
    if training["cpu_seconds"] is not None:
        return _count(training["cpu_seconds"])
    return NOTHING if training["seconds"] is None else f"<= {training['seconds']:,.0f}"


def _balls(numbers: Numbers) -> str:
    head = (
        "", "one saturated colour", "sharpness", "switches per step", "to the next colour",
        "in place, best", "in place, mean",
    )  # fmt: skip
    rows = [
        (_title(name, model, at), *_ball(found))
        for name, model in numbers["models"].items()
        for at, found in model["at"].items()
    ]
    first = next(iter(next(iter(numbers["models"].values()))["at"].values()))
    world, ideal = first["world"], numbers["ideal_observer"]
    rows += [
        ("what happened", f"{world['true_clear']:.1%}", NOTHING,
         f"{world['true_switch_rate']:.3f}", NOTHING, NOTHING, NOTHING),
        ("ideal observer", *[NOTHING] * 4, *_steps(ideal)),
    ]  # fmt: skip
    return table(head, rows)


def _ball(found: Numbers) -> Iterator[str]:
    world = found["world"]
    yield f"{world['clear']:.1%}"
    yield f"{world['sharpness']:.3f}"
    for name in ("switch_rate", "in_order"):
        yield NOTHING if world[name] is None else f"{world[name]:.3f}"
    yield from _steps(found["tracking"])


def _steps(tracking: Numbers) -> tuple[str, str]:
    return f"{tracking['median_steps_best']:g}", f"{tracking['median_steps_mean']:.1f}"


def _chosen(numbers: Numbers) -> str:
    head = ("", "PSNR best", "PSNR mean", "SSIM best", "SSIM mean", "energy", "energy at 1")
    rows = []
    for name, model in numbers["models"].items():
        for at, found in list(model["at"].items())[1:]:
            scores = found["scores"]
            cells = [
                number(scores[metric][value], metric)
                for metric in ("psnr", "ssim")
                for value in ("best", "mean")
            ]
            energies = [
                f"{one['distribution']['model'][ENERGY]['mean']:.4f}"
                for one in (found, next(iter(model["at"].values())))
            ]
            rows.append((_title(name, model, at), *cells, *energies))
    return table(head, rows) if rows else "All chose 1."


def _title(name: str, model: Numbers, at: str) -> str:
    found = model["at"][at]
    if (found["states"], found["decisions"]) == (1.0, 1.0):
        return name
    return f"{name}, temperature {found['states']:g}, of decisions {found['decisions']:g}"


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"
