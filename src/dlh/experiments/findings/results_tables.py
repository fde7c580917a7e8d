"""The tables of the results page, each with ours beside the paper's or beside what is at best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlh.experiments.findings import paper
from dlh.experiments.findings import results_words as words
from dlh.experiments.findings.aggregate import lambdas
from dlh.experiments.findings.catalogue import ABLATIONS
from dlh.experiments.findings.marks import NOT_RUN
from dlh.experiments.findings.record import FIRST_STEPS
from dlh.experiments.findings.results_cells import cell, difference, table, value

Results = Mapping[str, Any]
"""What :func:`dlh.experiments.findings.aggregate.aggregate` gives."""
FLOORS = ("psnr_black_frame", "psnr_mean_frame", "psnr_last_frame")


def table2(results: Results) -> str:
    """How deep changes reach, over the number of levels (Table 2)."""
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
                cell(found, "mean_depth_with_first"),
                difference(found.get("mean_depth_with_first"), depth),
                cell(found, "mean_depth"),
                NOT_RUN if rate is None else f"{1 + rate['mean']:.3f}",
                f"{nats:.1f} ± {nats_spread:.1f}",
                cell(found, "total_state_kl", 1),
                difference(found.get("total_state_kl"), nats, 1),
            )
        )
    return table(head, rows)


def table5(results: Results) -> str:
    """Nats of each level, over the number of levels (Table 5)."""
    head = ("state divergence, nats per 100 frames", "paper", *(f"N = {n}" for n in "2345"))
    rows = []
    for level in range(5):
        cells = []
        for levels in paper.MEAN_DEPTH:
            found = results.get("table5", {}).get(levels)
            if level >= int(levels):
                cells.append("")
            else:
                cells.append(value(found[level] if found else None, 2))
        rows.append((f"level {level + 1}", paper.LEVEL_KL[level], *cells))
    return table(head, rows)


def table3(results: Results) -> str:
    """What is foreseen, and what could be at best, for each lambda (Table 3)."""
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
                    cell(found, name),
                    difference(found.get(name), printed),
                    cell(found, f"ideal_{name}"),
                    cell(found, f"bounces_{name}"),
                    cell(found, f"true_{name}"),
                    cell(found, f"ideal_true_{name}"),
                )
            )
    scores = []
    for chance in lambdas():
        found = results.get("table3", {}).get(chance, {})
        scores.append(
            (
                chance,
                cell(found, "surprisal", 4),
                cell(found, "ideal_surprisal", 4),
                cell(found, "ideal_error", 4),
            )
        )
    second = ("lambda", "surprisal, nats per step", "at best", "the filter's own error in p")
    return f"{table(head, rows)}\n\n{table(second, scores)}"


def events(results: Results) -> str:
    """How well level 2's changes are the true ones, for each lambda."""
    names = ("precision", "recall", "f1", "recall_bounces", "recall_random_changes")
    head = ("lambda", "precision", "recall", "F1", "recall of bounces", "of random changes")
    rows = [
        (chance, *(cell(results.get("events", {}).get(chance, {}), n) for n in names))
        for chance in lambdas()
    ]
    text = table(head, rows)
    if all(results.get("events", {}).get(c) for c in lambdas()):
        text += "\n\nAt lambda 0 there is no random change, so their recall is not there."
    return text


def futures(results: Results) -> str:
    """What is predicted, for each lambda (Fig. 6)."""
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
    )
    rows = [
        (
            said,
            *(
                cell(results.get("futures", {}).get(chance, {}), name, digits)
                for chance in lambdas()
            ),
        )
        for said, name, digits in of_ball
    ]
    ball = table(("", *(f"lambda {chance}" for chance in lambdas())), rows)
    return f"{ball}\n\n{_psnr_of_first(results)}"


def _psnr_of_first(results: Results) -> str:
    """PSNR over the first steps and over all, and the floors, for each lambda."""
    psnr = ("psnr_best", "psnr_mean", *FLOORS)
    rows = []
    for chance in lambdas():
        found = results.get("futures", {}).get(chance, {})
        spans = {steps: {} for steps in map(str, FIRST_STEPS)}
        spans |= {**found.get("of_first", {}), "200": found}
        for steps, part in spans.items():
            rows.append((chance, steps, *(cell(part, name, 1) for name in psnr)))
    head = ("best of 100", "mean", "black", "mean frame", "last frame")
    return table(("lambda", "PSNR over the first steps, dB", *head), rows)


def held(results: Results) -> str:
    """What the state of each level holds, for each lambda (Figs. 5a, 5b)."""
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
                    cell(values, "pixel_variance", 5),
                    cell(values, "exchanged_colour_differs"),
                    cell(values, "exchanged_centre_moves", 2),
                    cell(values, "rolled_switches_in_order") if level else "",
                )
            )
    return table(head, rows)


def ablations(results: Results) -> str:
    """Each choice undone, beside the reference of as many levels."""
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
        values = [cell(found, name, digits) for _, name, digits in names[:-1]]
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
    return table(("", *(said for said, _, _ in names)), rows)


def mnist(results: Results) -> str:
    """What was found on Moving MNIST, or that nothing was."""
    found = results.get("mnist")
    if not found:
        return f"{words.MNIST}\nNot run yet."
    head = ("PSNR over 200 steps, dB", "best of 20", "mean", "black", "mean frame", "last frame")
    psnr = [("", *(cell(found, n, 1) for n in ("psnr_best", "psnr_mean", *FLOORS)))]
    levels = [
        (
            f"level {number}",
            value(level["change_rate"]),
            value(level["state_kl"], 1),
            value(level["pixel_variance"], 5),
        )
        for number, level in enumerate(found["levels"], start=1)
    ]
    second = ("", "changes per step", "state divergence, nats per 100 frames", "pixel variance")
    return f"{words.MNIST}\n{table(head, psnr)}\n\n{table(second, levels)}"
