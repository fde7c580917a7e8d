"""The tables of the results page, each with ours beside the paper's or beside what is at best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlh.reports import paper
from reproduction import results_words as words
from reproduction.aggregate import lambdas
from reproduction.catalogue import SHARPER_STD
from reproduction.quantities import FLOORS as OF_STILL_FRAMES
from reproduction.record import FIRST_STEPS
from reproduction.results_cells import absent, cell, difference, table, value

Results = Mapping[str, Any]
"""What :func:`reproduction.aggregate.aggregate` gives."""
FLOORS = tuple(f"psnr_{name}" for name in OF_STILL_FRAMES)


def table2(results: Results) -> str:
    """How deep changes reach, over the number of levels (Table 2)."""
    head = (
        "N",
        "paper: L-bar",
        "ours, counted so",
        "difference",
        "ours, t ≥ 2",
        "1 + true rate",
        "event F1",
        "paper: KL",
        "ours: KL",
        "difference",
    )
    rows = []
    budgets = [(n, n, results.get("table2", {}).get(n, {}), f"levels{n}") for n in paper.MEAN_DEPTH]
    budgets.append(("2, full budget", "2", _depth_of_full(results), "full-lambda0"))
    for said, levels, found, kind in budgets:
        depth, spread = paper.MEAN_DEPTH[levels]
        nats, nats_spread = paper.TOTAL_STATE_KL[levels]
        rate, none = found.get("true_change_rate"), absent(results, kind)
        rows.append(
            (
                said,
                f"{depth:.2f} ± {spread:.2f}",
                cell(found, "mean_depth_with_first", absent=none),
                difference(found, "mean_depth_with_first", depth, absent=none),
                cell(found, "mean_depth", absent=none),
                none if rate is None else f"{1 + rate['mean']:.3f}",
                cell(found, "f1", absent=none),
                f"{nats:.1f} ± {nats_spread:.1f}",
                cell(found, "total_state_kl", 1, absent=none),
                difference(found, "total_state_kl", nats, 1, absent=none),
            )
        )
    return table(head, rows)


def _depth_of_full(results: Results) -> Mapping[str, Any]:
    return results.get("depth", {}).get("0", {})


def table5(results: Results) -> str:
    """Nats of each level, over the number of levels (Table 5)."""
    numbers = tuple(f"N = {n}" for n in paper.MEAN_DEPTH)
    head = ("state divergence, nats per 100 frames", "paper", *numbers, "N = 2, full budget")
    full = results.get("held", {}).get("0")
    rows = []
    for level in range(5):
        cells = []
        for levels in paper.MEAN_DEPTH:
            found, none = results.get("table5", {}).get(levels), absent(results, f"levels{levels}")
            if level >= int(levels):
                cells.append("")
            else:
                cells.append(value(found[level] if found else None, 2, absent=none))
        last = ""
        if level < 2:
            none = absent(results, "full-lambda0")
            last = cell(full[level] if full else {}, "state_kl", 2, absent=none)
        rows.append((f"level {level + 1}", paper.LEVEL_KL[level], *cells, last))
    return table(head, rows)


def table3(results: Results) -> str:
    """What is foreseen, and what could be at best, for each lambda (Table 3)."""
    head = (
        "lambda",
        "",
        "paper",
        "ours",
        "difference",
        "ideal observer",
        "offline observer",
        "ours, by true events",
        "at best, by true events",
    )
    rows = []
    for chance in lambdas():
        found, none = results.get("table3", {}).get(chance, {}), _absent_full(results, chance)
        for name, printed in zip(("change", "static"), paper.PREDICTED_CHANGE[chance], strict=True):
            rows.append(
                (
                    chance,
                    name,
                    f"{printed:g}",
                    cell(found, name, absent=none),
                    difference(found, name, printed, absent=none),
                    cell(found, f"ideal_{name}", absent=none),
                    cell(found, f"bounces_{name}", absent=none),
                    cell(found, f"true_{name}", absent=none),
                    cell(found, f"ideal_true_{name}", absent=none),
                )
            )
    scores = []
    for chance in lambdas():
        found, none = results.get("table3", {}).get(chance, {}), _absent_full(results, chance)
        names = ("surprisal", "ideal_surprisal", "surprisal_gap")
        scores.append((chance, *(cell(found, name, 4, absent=none) for name in names)))
    second = ("lambda", "surprisal, nats per step", "ideal observer", "yet to be learnt")
    return f"{table(head, rows)}\n\n{table(second, scores)}"


def _absent_full(results: Results, chance: str) -> str:
    return absent(results, f"full-lambda{chance}")


def events(results: Results) -> str:
    """How well level 2's changes are the true ones, for each lambda."""
    names = ("precision", "recall", "f1", "recall_bounces", "recall_random_changes")
    names = (*names, "green_to_cyan")
    head = ("lambda", "precision", "recall", "F1", "recall of bounces", "of random changes")
    head = (*head, "of green to cyan")
    rows = []
    for chance in lambdas():
        found, none = results.get("events", {}).get(chance, {}), _absent_full(results, chance)
        rows.append((chance, *(cell(found, name, absent=none) for name in names)))
    sharper, none = results.get("sharper", {}), absent(results, "sharper-lambda0.1")
    said = f"0.1, std {SHARPER_STD:g}"
    rows.append((said, *(cell(sharper, name, absent=none) for name in names)))
    return f"{table(head, rows)}\n\n{words.EVENTS}"


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
        ("steps in place, best of 100 (median over clips)", "median_steps_best", 0),
        ("steps in place, mean of 100 (median over clips)", "median_steps_mean", 0),
        ("ideal observer, best of 100", "knows_past_best", 0),
        ("ideal observer, mean of 100", "knows_past_mean", 0),
    )
    found = {chance: results.get("futures", {}).get(chance, {}) for chance in lambdas()}
    none = {chance: _absent_full(results, chance) for chance in lambdas()}
    rows = [
        (said, *(cell(found[each], name, digits, absent=none[each]) for each in lambdas()))
        for said, name, digits in of_ball
    ]
    ball = table(("", *(f"lambda {chance}" for chance in lambdas())), rows)
    return f"{ball}\n\n{_psnr_of_first(results)}"


def _psnr_of_first(results: Results) -> str:
    """PSNR over the first steps and over all, and the floors, for each lambda."""
    rows = []
    for chance in lambdas():
        found = results.get("futures", {}).get(chance, {})
        rows += [(chance, *row) for row in spans(found, _absent_full(results, chance))]
    return table(("lambda", *span_head(100)), rows)


def span_head(samples: int) -> tuple[str, ...]:
    """Of a table of PSNR over the first steps and over all."""
    best = f"best of {samples}"
    return ("PSNR over the first steps, dB", best, "mean", "black", "mean frame", "last frame")


def spans(found: Mapping[str, Any], none: str) -> Iterator[tuple[str, ...]]:
    """Rows of :func:`span_head`."""
    spans: dict[str, Mapping[str, Any]] = {steps: {} for steps in map(str, FIRST_STEPS)}
    spans |= {**found.get("of_first", {}), "200": found}
    for steps, part in spans.items():
        names = ("psnr_best", "psnr_mean", *FLOORS)
        yield (steps, *(cell(part, name, 1, absent=none) for name in names))


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
        found, none = results.get("held", {}).get(chance), _absent_full(results, chance)
        for level in range(2):
            values = found[level] if found else {}
            rows.append(
                (
                    chance,
                    str(level + 1),
                    cell(values, "pixel_variance", 5, absent=none),
                    cell(values, "exchanged_colour_differs", absent=none),
                    cell(values, "exchanged_centre_moves", 2, absent=none),
                    cell(values, "rolled_switches_in_order", absent=none) if level else "",
                )
            )
    return table(head, rows)
