"""comparison.md: trained models side by side, of comparison.json and a table of their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dlh.evaluation.rows import FLOORS, MODEL, ORACLE
from dlh.evaluation.scoring import ENERGY
from dlh.reports.evaluation import ROW_TITLES, number
from reproduction.digits import RADIUS
from reproduction.results_cells import table

NOTHING = "-"
MEASURES = ("psnr_mean", "psnr_best", "energy")
ABOUT_PICTURES = """The first picture shows the clip whose futures are kept. In the last one, where
the world is a ball, the clip and the frames are those in which the true colour switches most often;
the bands have the ball's colour at all steps, white where it has none. The best future in a picture
is the closest one by PSNR."""
KEPT = """`per-future.json` has PSNR and both SSIMs of every future, energy score and diversity of
every clip; `ball.json` or `digits.json` beside it how long every future is in place. A file of
futures has the best one of the first clip and two others, as uint8. The command draws all futures
of that clip again, bit for bit on the same software. RUN is the model's run: `dlh train --resume
RUN` makes it from a folder that holds nothing but its `experiment.json`, which lies beside the
scores (a run that began with the weights of another one needs those too)."""
Numbers = Mapping[str, Any]

FUTURES = """Every future is read frame by frame. *One saturated colour* is the share of predicted
frames that show a ball of one clear colour; *switches per step* is how often that colour changes.
*In place* is the number of predicted steps before the ball's centre is first off by more than its
radius: the median over clips, of each clip's future that lasts longest and of the mean over its
futures."""
DIGITS = """A digit is *in place* while its own picture is found within {radius:.0%} of its size of
where it truly is: predicted steps until it first is not, the mean over the digits, the median over
clips of the future that lasts longest and of the mean over a clip's futures. *Still the same* is
the share of the digits that a classifier sees in the frame at that step, wherever they are; it sees
{accuracy:.1%} of the digits of true frames that it was not trained on. Chance is what *best of
other clips* has. A still frame keeps its digits, so read both together."""
CHOSEN = """The energy score of predictions of validation clips chooses, the states' temperature
first, then that of decisions at it: the nearest to 1 that is within one standard error of the best.
The second table has the test clips; a model that is missing there chose 1."""
OUTLASTS = """Predicted steps before the curve of the average future's PSNR (then of the best
future's, then of the energy score) first falls behind a floor's, averaged over 20 steps."""
TRAININGS = """Core-seconds are those of all threads, and frames those of the clips that training
took, both of all starts, without what chose the learning rate; `<=` stands before the seconds by
the clock of a run that did not count its core-seconds. Seconds a step are of the first stage."""


def render(numbers: Numbers, *, table: str, pictures: Mapping[str, str]) -> str:
    """The page.

    Args:
        numbers: what comparison.json holds.
        table: the scores at temperature 1 beside the floors, as ``dlh compare`` writes them.
        pictures: the files that lie beside the page, and what they show.
    """
    protocol = numbers["protocol"]
    data = protocol["data"]
    chance = numbers.get("colour_change_probability")
    world = data["name"] + ("" if chance is None else f", lambda {chance:g}")
    parts = [
        f"# Models compared on {numbers['world']}",
        f"{data['clips']} {data['split']} clips of {world}. Every model "
        f"observes {protocol['context']} frames and predicts {protocol['horizon']}; all are scored "
        f"on the same frames (SHA-256 {data['truth_sha256'][:16]}), with up to "
        f"{protocol['samples']} futures of each clip, seed {protocol['seed']}.",
        "## What was trained",
        TRAININGS,
        _trainings(numbers),
        "## Scores at temperature 1",
        table,
        "## How far each model is better than a floor",
        OUTLASTS,
        outlasts_table(numbers),
    ]
    first = _first(numbers)
    if "tracking" in first:
        parts += ["## The ball in the futures", FUTURES, _balls(numbers)]
    if "digits" in first:
        said = DIGITS.format(radius=RADIUS, accuracy=first["digits"]["classifier_accuracy"])
        parts += ["## The digits in the futures", said, _digits(numbers)]
    if any(model["temperature"] for model in numbers["models"].values()):
        parts += [
            "## At the temperature that validation clips choose",
            CHOSEN,
            _tried(numbers),
            _chosen(numbers),
        ]
    if pictures:
        parts += ["## Pictures", ABOUT_PICTURES]
        parts += [f"![{title}]({name})" for name, title in pictures.items()]
    parts += ["## To check or to go on", _kept(numbers)]
    return "\n\n".join(parts) + "\n"


def _first(numbers: Numbers) -> Numbers:
    """What was found of the first model at temperature 1."""
    return next(iter(next(iter(numbers["models"].values()))["at"].values()))


def outlasts_table(numbers: Numbers, title: Callable[[str], str] = str) -> str:
    """Predicted steps before each model falls behind each floor.

    Args:
        numbers: what comparison.json holds.
        title: of a model, by its name.
    """
    floors = [floor for floor in FLOORS if floor in _first(numbers)["distribution"]]
    rows = [
        (title(name), *(_three(model["outlasts"], floor) for floor in floors))
        for name, model in numbers["models"].items()
    ]
    return table(("", *(ROW_TITLES[floor] for floor in floors)), rows)


def _three(outlasts: Numbers, floor: str) -> str:
    return " / ".join(str(outlasts[measure][floor]) for measure in MEASURES)


def _digits(numbers: Numbers) -> str:
    steps = list(_first(numbers)["digits"]["rows"][MODEL]["same"])
    head = ("", "in place, longest", "in place, mean", *(f"same, step {step}" for step in steps))

    def row(title: str, found: Numbers) -> tuple[str, ...]:
        same = (f"{found['same'][step]:.0%}" for step in steps)
        return title, *_steps(found), *same

    rows = [
        row(_title(name, model, at), found["digits"]["rows"][MODEL])
        for name, model in numbers["models"].items()
        for at, found in model["at"].items()
    ]
    for name, found in _first(numbers)["digits"]["rows"].items():
        if name != MODEL:
            rows.append(row("what happened" if name == ORACLE else f"floor: {name}", found))
    return table(head, rows)


def _kept(numbers: Numbers) -> str:
    """Where a reader finds what a cell is made of, and the command that draws the rest again."""
    rows = [
        (_title(name, model, at), f"`{name}/{at}/per-future.json`",
         _kept_file(name, found["kept"]),
         f"`{found['kept']['command']}`")
        for name, model in numbers["models"].items()
        for at, found in model["at"].items()
    ]  # fmt: skip
    return KEPT + "\n\n" + table(("", "scores of every future", "futures", "all futures"), rows)


def _kept_file(name: str, kept: Numbers) -> str:
    return f"`{name}/{kept['file']}` ({kept['frames']} frames)" if "file" in kept else NOTHING


def _trainings(numbers: Numbers) -> str:
    head = (
        "", "kind", "preset", "seed", "learning rate", "parameters", "steps", "seconds a step",
        "core-seconds of the run", "frames read",
    )  # fmt: skip
    rows = [
        (
            name,
            model["kind"],
            model["preset"],
            str(model["seed"]),
            f"{model['learning_rate']:g}",
            f"{model['parameters']:,}",
            _count(model["training"]["steps"]),
            _seconds_a_step(model["training"]),
            core_seconds(model["training"]),
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


def core_seconds(training: Numbers) -> str:
    """What a training took; at most, by the clock, where it did not count its core-seconds."""
    if training["cpu_seconds"] is not None:
        return _count(training["cpu_seconds"])
    return NOTHING if training["seconds"] is None else f"<= {training['seconds']:,.0f}"


def _balls(numbers: Numbers) -> str:
    head = (
        "", "one saturated colour", "sharpness", "switches per step", "to the next colour",
        "in place, longest", "in place, mean",
    )  # fmt: skip
    rows = [
        (_title(name, model, at), *_ball(found))
        for name, model in numbers["models"].items()
        for at, found in model["at"].items()
    ]
    world, ideal = _first(numbers)["world"], numbers["ideal_observer"]
    rows += [
        (f"floor: {ROW_TITLES[floor]}", *[NOTHING] * 4, *_steps(tracking))
        for floor, tracking in _first(numbers).get("floors_tracking", {}).items()
    ]
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


def _tried(numbers: Numbers) -> str:
    """The energy score of validation predictions at every temperature."""
    rows = []
    for name, model in numbers["models"].items():
        if model["temperature"]:
            tried = (
                f"{_temperature(one['states'], one['decisions'])}: {one['energy_score']:.4f}"
                for one in model["temperature"]["tried"]
            )
            rows.append((name, ", ".join(tried)))
    return table(("", "temperature: energy score"), rows)


def _chosen(numbers: Numbers) -> str:
    metrics = {"psnr": "PSNR", "ssim": "SSIM", "ssim_legacy": "SSIM legacy"}
    head = ("", *(f"{title}, best (mean)" for title in metrics.values()), "energy", "energy at 1")
    rows = []
    for name, model in numbers["models"].items():
        at_one, *others = model["at"].items()
        for at, found in others:
            cells = (
                f"{number(found['scores'][metric]['best'], metric)} "
                f"({number(found['scores'][metric]['mean'], metric)})"
                for metric in metrics
            )
            energies = (
                f"{one['distribution'][MODEL][ENERGY]['mean']:.4f}" for one in (found, at_one[1])
            )
            rows.append((_title(name, model, at), *cells, *energies))
    return table(head, rows) if rows else "All chose 1."


def _title(name: str, model: Numbers, at: str) -> str:
    found = model["at"][at]
    if (found["states"], found["decisions"]) == (1.0, 1.0):
        return name
    return f"{name}, temperature {_temperature(found['states'], found['decisions'])}"


def _temperature(states: float, decisions: float) -> str:
    return f"{states:g}" if decisions == 1 else f"{states:g}, of decisions {decisions:g}"


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"
