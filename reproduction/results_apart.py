"""The tables of what stands apart: choices undone, the paper's size, another world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlh.reports import paper
from reproduction import results_words as words
from reproduction.aggregate import lambdas
from reproduction.catalogue import ABLATIONS, PAPERS_SIZE_LAMBDAS
from reproduction.results_cells import absent, cell, difference, table, value
from reproduction.results_tables import Results, span_head, spans


def ablations(results: Results) -> str:
    """Each choice undone, beside the reference of as many levels."""
    names = (
        ("event F1", "f1", 3),
        ("precision", "precision", 3),
        ("recall", "recall", 3),
        ("mean depth", "mean_depth", 3),
        ("p(change), change", "true_change", 3),
        ("static", "true_static", 3),
        ("surprisal", "surprisal", 3),
        ("state KL", "total_state_kl", 1),
        ("PSNR, 20 steps", "psnr_of_first_20", 1),
        ("steps in place", "median_steps_best", 0),
        ("in one colour", "clear", 3),
        ("to the next", "in_order", 3),
    )
    compared = ("f1", "surprisal")

    def row(said: str, found: Mapping[str, Any], none: str) -> tuple[str, ...]:
        values = [cell(found, name, digits, absent=none) for _, name, digits in names]
        other = found.get("of_reference", {})
        apart = [
            difference(found, name, other[name]["mean"], absent=none) if other.get(name) else ""
            for name in compared
        ]
        return (said, *values, *apart)

    rows = []
    for levels in ("2", "3"):
        reference = results.get("references", {}).get(levels, {})
        said = f"**reference, {levels} levels**"
        rows.append(row(said, reference, absent(results, f"levels{levels}")))
        for name, (what, model, _) in ABLATIONS.items():
            if str(model.get("num_levels", 2)) == levels:
                found = results.get("ablations", {}).get(name, {})
                rows.append(row(what, found, absent(results, f"ablation-{name}")))
    head = ("", *(said for said, _, _ in names), "F1, difference", "surprisal, difference")
    return table(head, rows)


def papers_size(results: Results) -> str:
    """The runs at the paper's size, a column for each lambda, beside what the paper printed."""
    chances = lambdas(PAPERS_SIZE_LAMBDAS)
    change, static = (
        " / ".join(f"{paper.PREDICTED_CHANGE[chance][which]:g}" for chance in chances)
        for which in (0, 1)
    )
    quantities = (
        ("event precision", "", "precision", 3),
        ("event recall", "", "recall", 3),
        ("event F1", "", "f1", 3),
        ("1 + true change rate", "", "true_depth", 3),
        ("mean depth, t ≥ 2", "", "mean_depth", 3),
        ("with the first step", f"{paper.MEAN_DEPTH['2'][0]:g}", "mean_depth_with_first", 3),
        ("state KL, nats per 100 frames", f"{paper.TOTAL_STATE_KL['2'][0]:g}", "total_state_kl", 1),
        ("of level 1", paper.LEVEL_KL[0], "level_1", 1),
        ("of level 2", paper.LEVEL_KL[1], "level_2", 1),
        ("p(change) where level 2 changed", change, "change", 3),
        ("ideal observer", "", "ideal_change", 3),
        ("p(change) where it did not", static, "static", 3),
        ("ideal observer", "", "ideal_static", 3),
        ("surprisal yet to be learnt, nats per step", "", "surprisal_gap", 4),
        ("predicted frames with one saturated colour", "", "clear", 3),
        ("predicted switches per step", "", "switch_rate", 3),
        ("the truth's", "", "true_switch_rate", 3),
        ("of ours, to the next colour", "", "in_order", 3),
        ("steps in place, best of 100 (median over clips)", "", "median_steps_best", 0),
        ("steps in place, mean of 100 (median over clips)", "", "median_steps_mean", 0),
        ("PSNR over 200 steps, best of 100, dB", "", "psnr_best", 1),
        ("a black frame's", "", "psnr_black_frame", 1),
    )
    found = {chance: results.get("paper_size", {}).get(chance, {}) for chance in chances}
    none = {chance: absent(results, f"paper-lambda{chance}") for chance in chances}
    rows = [
        (said, printed, *(cell(found[c], name, digits, absent=none[c]) for c in chances))
        for said, printed, name, digits in quantities
    ]
    head = ("", "paper", *(f"lambda {chance}" for chance in chances))
    return f"{words.PAPERS_SIZE}\n{table(head, rows)}"


def mnist(results: Results) -> str:
    """What was found on Moving MNIST, or that nothing was."""
    found = results.get("mnist")
    if not found:
        return f"{words.MNIST}\n{absent(results, 'mnist').capitalize()}."
    psnr = table(span_head(20), list(spans(found, "")))
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
    return f"{words.MNIST}\n{psnr}\n\n{table(second, levels)}"
