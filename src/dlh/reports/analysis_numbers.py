"""analysis.json: the numbers of an analysis under names that the docs explain."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dlh.analysis.findings import Findings, Observers
from dlh.analysis.future_findings import Futures
from dlh.analysis.level_findings import LevelFindings

SETTINGS = "settings"
"""Its name for all of :class:`~dlh.analysis.findings.AnalysisConfig`."""


def as_json(findings: Findings) -> dict[str, Any]:
    """The numbers as plain values; what does not apply is absent, and ``left_out`` says why."""
    clips, steps = len(findings.shown.clips.video), findings.steps
    result: dict[str, Any] = {
        "model": findings.shown.model,
        "data": findings.shown.data,
        "split": findings.shown.split,
        "clips": clips,
        "steps": steps,
        "seed": findings.config.seed,
        SETTINGS: asdict(findings.config),
        "depth": _depth(findings),
        "elbo": asdict(findings.elbo),
        "levels": [_level(level) for level in findings.levels],
        "all_levels_pixel_variance": findings.all_levels_variance,
    }
    events = findings.events
    result |= events.to_plain()
    kinds = {"recalls": events.recalls, "recalls_by_colour": events.colour_recalls}
    for kind, recalls in kinds.items():
        if recalls:
            result["events"][kind] = {_key(name): value for name, value in recalls.items()}
    if findings.model is not None:
        result["foresight"] = {"model": _known(asdict(findings.model))}
        if findings.observers is not None:
            result["foresight"] |= _observers(findings.observers)
        result["reliability"] = {
            name.replace(" ", "_"): asdict(curve) | {"calibration_error": curve.calibration_error}
            for name, curve in findings.reliability.items()
        }
    result["futures"] = _futures(findings.futures)
    result["left_out"] = findings.left_out
    return result


def _depth(findings: Findings) -> dict[str, Any]:
    depth: dict[str, Any] = {
        "mean_depth": asdict(findings.mean_depth),
        "mean_depth_with_first": asdict(findings.mean_depth_with_first),
        "total_state_kl": asdict(findings.total_state_kl),
    }
    if findings.observers is not None and findings.observers.least_state_kl is not None:
        depth["least_state_kl_of_level_1"] = asdict(findings.observers.least_state_kl)
    truth = findings.truth
    if truth is not None:
        depth["true_change_rate"] = float(truth[:, 1:].mean())
    return depth


def _level(level: LevelFindings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "level": level.level,
        "change_rate": level.change_rate,
        "state_kl": asdict(level.state_kl),
        "event_kl": asdict(level.event_kl),
        "pixel_variance": {
            "elsewhere": level.variance_elsewhere,
            "prior": level.variance_expected,
        },
    }
    return found | ({"ball": level.of_ball} if level.of_ball else {})


def _observers(observers: Observers) -> dict[str, Any]:
    return {
        "knows_bounces": _known(asdict(observers.knows_bounces)),
        "knows_past": _known(asdict(observers.knows_past))
        | {"lost": observers.lost, "filter_error": observers.filter_error},
        "closed_form": {
            "true_change": observers.closed_form.change,
            "true_static": observers.closed_form.static,
            "inferred_change": observers.closed_form_inferred.change,
            "inferred_static": observers.closed_form_inferred.static,
        },
    }


def _futures(futures: Futures) -> dict[str, Any]:
    model = futures.model
    result: dict[str, Any] = {
        "clips": model.clips,
        "samples": model.samples,
        "context_steps": futures.context_steps,
        "horizon": model.horizon,
        "psnr": {
            "best": model.best,
            "mean": model.mean,
            **{_key(name): scores.best for name, scores in futures.floors.items()},
        },
        "psnr_curve": {
            "best": model.best_curve.tolist(),
            "mean": model.mean_curve.tolist(),
            **{_key(name): scores.best_curve.tolist() for name, scores in futures.floors.items()},
        },
    }
    if futures.world is not None:
        result["world"] = _known(asdict(futures.world))
    if futures.tracking is not None:
        tracking = futures.tracking
        result["tracking"] = {
            "radius": tracking.radius,
            "median_steps_best": tracking.median_best,
            "median_steps_mean": tracking.median_mean,
            "still_there_best": tracking.still_there(best=True).tolist(),
            "still_there_all": tracking.still_there(best=False).tolist(),
        }
    if futures.best_tracking is not None:
        result["tracking"] |= {
            "knows_past_best": futures.best_tracking.median_best,
            "knows_past_mean": futures.best_tracking.median_mean,
        }
    return result


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _key(name: str) -> str:
    return name.replace(" ", "_")
