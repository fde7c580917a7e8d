"""By how much DLH is ahead of the floors and of the other models, or behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.special import stdtrit

from dlh.evaluation.protocol import COVERAGE
from dlh.evaluation.rows import FLOORS, MODEL
from dlh.evaluation.scoring import ENERGY
from dlh.reports.evaluation import ROW_TITLES, TITLES, number
from reproduction.scored import AS_LEARNT, CHOSEN
from reproduction.table1.cells import MODELS

COMPARED = {
    "psnr": "PSNR of the closest future, dB",
    "ssim_legacy": f"{TITLES['ssim_legacy']} of the closest future",
    ENERGY: "Energy score",
}
"""Metrics, by their titles."""
Numbers = Mapping[str, Any]


def verdicts(numbers: Numbers) -> Iterator[str]:
    """For each metric where the best cell of DLH stands beside the best floor and the best other
    cell, and where each further row of DLH stands beside the best floor: it had another budget.

    Args:
        numbers: what comparison.json holds.
    """
    at = {
        name: model["at"].get(CHOSEN, model["at"][AS_LEARNT])
        for name, model in numbers["models"].items()
    }
    for metric, title in COMPARED.items():
        sign = -1.0 if metric == ENERGY else 1.0
        rows = {
            name: sign * np.array(found["per_clip"][MODEL][metric]) for name, found in at.items()
        }
        first = next(iter(at.values()))["per_clip"]
        floors = {
            f"the floor {ROW_TITLES[floor]}": sign * np.array(first[floor][metric])
            for floor in FLOORS
            if floor in first
        }
        ours = [name for name in rows if name.startswith("dlh")]
        cells = [name for name in ours if is_cell(name)]
        others = {row_title(n): rows[n] for n in rows if n not in ours and is_cell(n)}
        shown = [(name, {}) for name in ours if name not in cells]
        if cells:
            shown.insert(0, (max(cells, key=lambda name: rows[name].mean()), others))
        for name, models_beside in shown:
            said = [
                _beside(rows[name], rivals, metric) for rivals in (floors, models_beside) if rivals
            ]
            yield f"{title}: {row_title(name)} is {' and '.join(said)}."


def _beside(ours: np.ndarray, rivals: Mapping[str, np.ndarray], metric: str) -> str:
    """How far scores of clips, of which more is better, are from those of the best rival."""
    rival = max(rivals, key=lambda name: rivals[name].mean())
    gaps = ours - rivals[rival]
    way = "ahead of" if gaps.mean() >= 0 else "behind"
    said = f"{way} {rival} by {_number(abs(float(gaps.mean())), metric)}"
    if (half := half_interval(gaps)) is not None:
        said += f" ± {_number(half, metric)}"
    return said


def half_interval(gaps: np.ndarray) -> float | None:
    """Half the 95 % t interval of the mean of paired differences, (clips,); None for one clip.

    For few clips it is wider than a bootstrap interval.
    """
    clips = len(gaps)
    if clips < 2:
        return None
    error = gaps.std(ddof=1) / clips**0.5
    return float(stdtrit(clips - 1, (1 + COVERAGE) / 2) * error)


def _number(value: float, metric: str) -> str:
    return f"{value:.4f}" if metric == ENERGY else number(value, metric)


def is_cell(name: str) -> bool:
    """Whether a row is one of the list's, not one of its own."""
    model, of, _ = name.partition("-seed")
    return bool(of) and model in MODELS


def row_title(name: str) -> str:
    """Of a row: a model of the list with its seed, or what else is said behind it."""
    model, _, more = name.partition("-")
    if model not in MODELS:
        return name
    return MODELS[model] + ("" if more == "seed0" else f", {more.replace('seed', 'seed ', 1)}")
