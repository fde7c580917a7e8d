"""docs/results/moving-ball.md, made of docs/results/moving-ball.json and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlh.experiments.findings import paper
from dlh.experiments.findings import results_words as words
from dlh.experiments.findings.aggregate import lambdas
from dlh.experiments.findings.catalogue import ABLATIONS
from dlh.experiments.findings.marks import NOT_RUN, marks

Results = Mapping[str, Any]


def render(results: Results, *, pictures: Sequence[str], notes: Mapping[str, str]) -> str:
    """The page.

    Args:
        results: what :func:`dlh.experiments.findings.aggregate.aggregate` gives.
        pictures: names of the PNG files in the folder of figures.
        notes: words of a person to sections, by their heading.
    """
    parts = [words.HEAD, _state(results)]
    for heading, body in (
        ("Marks", _marks(results)),
        ("How deep changes reach (Table 2)", f"{words.TABLE2}\n{_table2(results)}"),
        ("What each level says (Table 5)", _table5(results)),
        ("What is foreseen (Table 3)", f"{words.TABLE3}\n{_table3(results)}"),
        ("Events", _events(results)),
        ("What is predicted (Fig. 6)", f"{words.FUTURES}\n{_futures(results)}"),
        ("What each level holds (Figs. 5a, 5b)", f"{words.HELD}\n{_held(results)}"),
        ("Which of the choices matter?", f"{words.ABLATION}\n{_ablations(results)}"),
        ("Moving MNIST", _mnist(results)),
        ("Over training", _courses(pictures)),
        ("Pictures", _pictures(pictures)),
    ):
        note = f"\n\n{notes[heading].strip()}" if heading in notes else ""
        parts.append(f"## {heading}\n\n{body.strip()}{note}\n")
    return "\n".join(parts)


def headings() -> tuple[str, ...]:
    """The sections to which there may be notes."""
    page = render(
        {"runs": {"planned": 0, "done": [], "failed": {}, "missing": [], "core_hours": 0.0}},
        pictures=[],
        notes={},
    )
    return tuple(line[3:] for line in page.splitlines() if line.startswith("## "))


def _state(results: Results) -> str:
    runs = results["runs"]
    done, hours = len(runs["done"]), runs["core_hours"]
    lines = [
        f"{done} of {runs['planned']} runs are done; they took {hours:.1f} core-hours of a CPU."
    ]
    if runs["missing"]:
        names = ", ".join(f"`{name}`" for name in runs["missing"])
        lines.append(f"\nNot run yet: {names}. `dlh experiments run` goes on with these.")
    lines += [f"\n`{name}` did not finish: {why}" for name, why in runs["failed"].items()]
    return "\n".join(lines) + "\n"


def _marks(results: Results) -> str:
    rows = [(mark.claim, mark.found, mark.verdict) for mark in marks(results)]
    return _table(("mark", "ours", ""), rows)


def _table2(results: Results) -> str:
    head = (
        "N",
        "paper: L-bar",
        "ours, counted so",
        "difference",
        "ours, t ≥ 2",
        "1 + true rate",
        "paper: KL",
        "ours: KL",
        "difference",
    )
    rows = []
    for levels, (depth, spread) in paper.MEAN_DEPTH.items():
        found = results.get("table2", {}).get(levels, {})
        nats, nats_spread = paper.TOTAL_STATE_KL[levels]
        rate = found.get("true_change_rate")
        rows.append(
            (
                levels,
                f"{depth:.2f} ± {spread:.2f}",
                _cell(found, "mean_depth_with_first"),
                _difference(found.get("mean_depth_with_first"), depth),
                _cell(found, "mean_depth"),
                NOT_RUN if rate is None else f"{1 + rate['mean']:.3f}",
                f"{nats:.1f} ± {nats_spread:.1f}",
                _cell(found, "total_state_kl", 1),
                _difference(found.get("total_state_kl"), nats, 1),
            )
        )
    return _table(head, rows)


def _table5(results: Results) -> str:
    head = ("state divergence, nats per 100 frames", "paper", *(f"N = {n}" for n in "2345"))
    rows = []
    for level in range(5):
        cells = []
        for levels in paper.MEAN_DEPTH:
            found = results.get("table5", {}).get(levels)
            if level >= int(levels):
                cells.append("")
            else:
                cells.append(_value(found[level] if found else None, 2))
        rows.append((f"level {level + 1}", paper.LEVEL_KL[level], *cells))
    return _table(head, rows)


def _table3(results: Results) -> str:
    head = (
        "lambda",
        "",
        "paper",
        "ours",
        "difference",
        "who has seen the past",
        "who knows the bounces",
        "ours, by true events",
        "at best, by true events",
    )
    rows = []
    for chance in lambdas():
        found = results.get("table3", {}).get(chance, {})
        for name, printed in zip(("change", "static"), paper.PREDICTED_CHANGE[chance], strict=True):
            rows.append(
                (
                    chance,
                    name,
                    f"{printed:g}",
                    _cell(found, name),
                    _difference(found.get(name), printed),
                    _cell(found, f"ideal_{name}"),
                    _cell(found, f"bounces_{name}"),
                    _cell(found, f"true_{name}"),
                    _cell(found, f"ideal_true_{name}"),
                )
            )
    scores = []
    for chance in lambdas():
        found = results.get("table3", {}).get(chance, {})
        scores.append(
            (
                chance,
                _cell(found, "surprisal", 4),
                _cell(found, "ideal_surprisal", 4),
                _cell(found, "ideal_error", 4),
            )
        )
    second = ("lambda", "surprisal, nats per step", "at best", "the filter's own error in p")
    return f"{_table(head, rows)}\n\n{_table(second, scores)}"


def _events(results: Results) -> str:
    names = ("precision", "recall", "f1", "recall_bounces", "recall_random_changes")
    head = ("lambda", "precision", "recall", "F1", "recall of bounces", "of random changes")
    rows = [
        (chance, *(_cell(results.get("events", {}).get(chance, {}), n) for n in names))
        for chance in lambdas()
    ]
    text = _table(head, rows)
    if all(results.get("events", {}).get(c) for c in lambdas()):
        text += "\n\nAt lambda 0 there is no random change, so their recall is not there."
    return text


def _futures(results: Results) -> str:
    of_ball = (
        ("frames with one saturated colour", "clear", 3),
        ("the same of true frames", "true_clear", 3),
        ("sharpness (truth: 1)", "sharpness", 3),
        ("switches per step", "switch_rate", 3),
        ("the truth's", "true_switch_rate", 3),
        ("of ours, to the next colour", "in_order", 3),
        ("of ours, at a change of level 2", "switches_at_events", 3),
        ("steps in place, best of 100 (median)", "median_steps_best", 0),
        ("steps in place, mean (median)", "median_steps_mean", 0),
        ("PSNR over 200 steps, best of 100", "psnr_best", 1),
        ("mean future", "psnr_mean", 1),
        ("floor: black frame", "psnr_black_frame", 1),
        ("floor: mean frame", "psnr_mean_frame", 1),
        ("floor: last frame", "psnr_last_frame", 1),
    )
    rows = [
        (
            said,
            *(
                _cell(results.get("futures", {}).get(chance, {}), name, digits)
                for chance in lambdas()
            ),
        )
        for said, name, digits in of_ball
    ]
    return _table(("", *(f"lambda {chance}" for chance in lambdas())), rows)


def _held(results: Results) -> str:
    head = (
        "lambda",
        "level",
        "pixel variance",
        "another colour",
        "centre moves, px",
        "rolled: to the next colour",
    )
    rows = []
    for chance in lambdas():
        found = results.get("held", {}).get(chance)
        for level in range(2):
            values = found[level] if found else {}
            rows.append(
                (
                    chance,
                    str(level + 1),
                    _cell(values, "pixel_variance", 5),
                    _cell(values, "exchanged_colour_differs"),
                    _cell(values, "exchanged_centre_moves", 2),
                    _cell(values, "rolled_switches_in_order") if level else "",
                )
            )
    return _table(head, rows)


def _ablations(results: Results) -> str:
    names = (
        ("F1", "f1", 3),
        ("precision", "precision", 3),
        ("recall", "recall", 3),
        ("mean depth", "mean_depth", 3),
        ("p(change), change", "true_change", 3),
        ("static", "true_static", 3),
        ("state KL", "total_state_kl", 1),
        ("PSNR", "psnr_best", 1),
        ("time of an update", "", 2),
    )

    def row(said: str, found: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[str, ...]:
        values = [_cell(found, name, digits) for _, name, digits in names[:-1]]
        mine, theirs = found.get("seconds_per_update"), reference.get("seconds_per_update")
        cost = f"{mine['mean'] / theirs['mean']:.2f}" if mine and theirs else NOT_RUN
        return (said, *values, cost)

    rows = []
    for levels in ("2", "3"):
        reference = results.get("references", {}).get(levels, {})
        rows.append(row(f"**reference, {levels} levels**", reference, reference))
        for name, (what, model, _) in ABLATIONS.items():
            if str(model.get("num_levels", 2)) == levels:
                found = results.get("ablations", {}).get(name, {})
                rows.append(row(what, found, reference))
    return _table(("", *(said for said, _, _ in names)), rows)


def _mnist(results: Results) -> str:
    found = results.get("mnist")
    if not found:
        return f"{words.MNIST}\nNot run yet."
    floors = ("psnr_black_frame", "psnr_mean_frame", "psnr_last_frame")
    head = ("PSNR over 200 steps, dB", "best of 20", "mean", "black", "mean frame", "last frame")
    psnr = [("", *(_cell(found, n, 1) for n in ("psnr_best", "psnr_mean", *floors)))]
    levels = [
        (
            f"level {number}",
            _value(level["change_rate"]),
            _value(level["state_kl"], 1),
            _value(level["pixel_variance"], 5),
        )
        for number, level in enumerate(found["levels"], start=1)
    ]
    second = ("", "changes per step", "state divergence, nats per 100 frames", "pixel variance")
    return f"{words.MNIST}\n{_table(head, psnr)}\n\n{_table(second, levels)}"


def _courses(pictures: Sequence[str]) -> str:
    parts = [
        f"![{said}](figures/course-{name}.png)\n\n{said}"
        for name, said in words.COURSES.items()
        if f"course-{name}.png" in pictures
    ]
    return "\n\n".join(parts) or "Not run yet."


def _pictures(pictures: Sequence[str]) -> str:
    parts = []
    for name in sorted(pictures):
        run, _, figure = name.removesuffix(".png").rpartition("-")
        if run and run != "course" and figure in words.KEPT:
            said = f"`{run}`: {words.KEPT[figure]}"
            parts.append(f"{said}\n\n![{words.KEPT[figure]}](figures/{name})")
    return "\n\n".join(parts) or "Not run yet."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _value(found: Mapping[str, Any] | None, digits: int = 3) -> str:
    if found is None:
        return NOT_RUN
    spread = found["spread"]
    more = "" if spread is None else f" ± {spread:.{digits}f}"
    return f"{found['mean']:.{digits}f}{more}"


def _cell(found: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """A value of a run; a dash where the run has none."""
    if name in found and found[name] is None:
        return "-"
    return _value(found.get(name), digits)


def _difference(found: Mapping[str, Any] | None, printed: float, digits: int = 3) -> str:
    return NOT_RUN if found is None else f"{found['mean'] - printed:+.{digits}f}"
