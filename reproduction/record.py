"""A finished experiment as a small JSON: figures over training, final figures, what it took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from dlh.errors import OutputError
from dlh.files.writing import strict_json
from dlh.models import registry
from dlh.runs.experiment import Experiment
from dlh.settings import to_plain
from dlh.training.metrics import VALIDATION
from reproduction.named import Named
from reproduction.record_form import fault_of

VERSION = 1
CURVES = (
    "events.precision",
    "events.recall",
    "mean_depth",
    "true_change_rate",
    "elbo",
    "kl.L1",
    "kl.L2",
    "kl.L3",
    "kl.L4",
    "kl.L5",
)
"""What is kept of every validation, by its name in metrics.jsonl."""
DIGITS = 6
LEFT_OUT_OF_FIGURES = ("psnr_curve", "still_there_best", "still_there_all", "reliability")
"""Long lists that the figures show."""
FIRST_STEPS = (20, 50, 100)
"""Of a future, whose mean PSNR a record has beside that of all its steps."""


def make_record(
    named: Named,
    *,
    metrics: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    analysis: Mapping[str, Any],
    analysis_seconds: float,
    software: Mapping[str, str],
) -> dict[str, Any]:
    """The record of an experiment that has been trained and analysed.

    Args:
        named: what was run.
        metrics: the lines of its metrics.jsonl.
        summary: its summary.json.
        analysis: its analysis.json.
        analysis_seconds: what measuring and analysing took.
        software: versions, as its experiment.json has them.
    """
    seconds = {**summary["seconds"], "analysis": analysis_seconds}
    threads = named.experiment.training.threads or 1
    took = {"core_hours": sum(seconds.values()) * threads / 3600}
    if named.on_gpu:  # by the clock: other runs may share it
        took = {"core_hours": 0.0, "gpu_hours": sum(summary["seconds"].values()) / 3600}
    record: dict[str, Any] = {
        **_about(named),
        "seconds": seconds,
        **took,
        "software": dict(software),
        "settings": recorded_settings(named.experiment),
        "course": course(metrics),
        # A record is published: it names the experiment, not the folder in which it was run.
        "final": {**_final(analysis), "model": named.name},
    }
    if named.reference:
        record["reference"] = named.reference
    if "starts" in summary:
        record["starts"] = summary["starts"]
    return _rounded(record)


def failed_record(named: Named, message: str, software: Mapping[str, str]) -> dict[str, Any]:
    """The record of an experiment whose loss became infinite: run again, it would again."""
    return {
        **_about(named),
        "software": dict(software),
        "settings": recorded_settings(named.experiment),
        "failed": message,
        **({"reference": named.reference} if named.reference else {}),
    }


def recorded_settings(experiment: Experiment) -> dict[str, Any]:
    """The settings as they count: what the recipe leaves to the model is written out."""
    with torch.device("meta"):
        adam = registry.build(experiment.model).plan.stages[0].optimiser
    plain = to_plain(experiment)
    training = plain["training"]
    if training["adam_epsilon"] is None:
        training["adam_epsilon"] = adam.eps_of(1)
    if training["gradient_norm"] is None:
        training["gradient_norm"] = adam.gradient_norm
    return plain


def course(metrics: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    """Held-out figures over training, a list of each quantity that there is, and ``step``."""
    rows = [row for row in metrics if VALIDATION + "elbo" in row]
    found: dict[str, list[float | None]] = {"step": [row["step"] for row in rows]}
    for name in CURVES:
        values = [row.get(VALIDATION + name) for row in rows]
        if any(value is not None for value in values):
            found[name] = values
    return found


def read_record(path: Path) -> dict[str, Any]:
    """A record.

    Raises:
        OutputError: it cannot be read, is not one, is of another version, lacks something, or is
            of another experiment than its file says.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read ({error}); restore it, or remove it") from error
    fault: str | None = "it is of another version"
    if isinstance(record, dict) and record.get("version") == VERSION:
        fault = fault_of(record, name=path.stem)
    if fault:
        raise OutputError(
            f"{path} is no record of version {VERSION} of an experiment ({fault}); restore it, or "
            "remove it to run the experiment again"
        )
    return record


def as_text(value: Any) -> str:
    """JSON in which lists of numbers take one line, so that a change is a small difference."""
    return _lines(json.loads(strict_json(value))) + "\n"


def _lines(value: Any, indent: str = "") -> str:
    deeper = indent + " "
    if isinstance(value, dict) and value:
        parts = [
            f"{deeper}{json.dumps(key, ensure_ascii=False)}: {_lines(entry, deeper)}"
            for key, entry in value.items()
        ]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
        parts = [deeper + _lines(entry, deeper) for entry in value]
        return "[\n" + ",\n".join(parts) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def _about(named: Named) -> dict[str, Any]:
    return {
        "version": VERSION,
        "name": named.name,
        "group": named.group,
        "kind": named.kind,
        "what": named.what,
        "updates": named.updates,
    }


def _final(analysis: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of an analysis.json that a record keeps, of its PSNR curves some means."""
    found = _short(analysis)
    if curves := analysis.get("futures", {}).get("psnr_curve"):
        found["futures"]["psnr_of_first"] = {
            str(steps): {name: fmean(curve[:steps]) for name, curve in curves.items()}
            for steps in FIRST_STEPS
            if steps < analysis["futures"]["horizon"]
        }
    return found


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _short(entry) for key, entry in value.items() if key not in LEFT_OUT_OF_FIGURES
        }
    return value


def _rounded(value: Any) -> Any:
    """Six significant digits: the rest is noise, and makes a file that nobody can read."""
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
