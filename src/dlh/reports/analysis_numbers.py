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
        "elbo": _pooled(findings.elbo),
        "levels": [_level(level) for level in findings.levels],
        "all_levels_pixel_variance": findings.all_levels_variance,
    }
    if findings.events is not None:
        scores = findings.events
        recalls, by_colour = (
            {name.replace(" ", "_"): value for name, value in kinds.items()}
            for kinds in (findings.recalls, findings.colour_recalls)
        )
        result["events"] = {
            "precision": scores.precision,
            "recall": scores.recall,
            "f1": scores.f1,
            **({"recalls": recalls} if recalls else {}),
            **({"recalls_by_colour": by_colour} if by_colour else {}),
        }
    if findings.higher_events:
        result["higher_events"] = {
            f"L{level}": {
                "precision": scores.precision,
                "recall": scores.recall,
                "f1": scores.f1,
                "true_change_rate": scores.true_change_rate,
            }
            for level, scores in findings.higher_events.items()
        }
    if findings.other_detectors:
        result["other_detectors"] = [
            {"name": name, "precision": one.precision, "recall": one.recall, "f1": one.f1}
            for name, one in findings.other_detectors.items()
        ]
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
        "mean_depth": _pooled(findings.mean_depth),
        "mean_depth_with_first": _pooled(findings.mean_depth_with_first),
        "total_state_kl": _pooled(findings.total_state_kl),
    }
    if findings.observers is not None and findings.observers.least_state_kl is not None:
        depth["least_state_kl_of_level_1"] = _pooled(findings.observers.least_state_kl)
    truth = findings.truth
    if truth is not None:
        depth["true_change_rate"] = float(truth[:, 1:].mean())
    return depth


def _level(level: LevelFindings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "level": level.level,
        "change_rate": level.change_rate,
        "state_kl": _pooled(level.state_kl),
        "event_kl": _pooled(level.event_kl),
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
    clips, samples, horizon = model.clips, model.samples, model.horizon
    result: dict[str, Any] = {
        "clips": clips,
        "samples": samples,
        "context_steps": futures.context_steps,
        "horizon": horizon,
        "psnr": {
            "best": futures.model.best,
            "mean": futures.model.mean,
            **{_key(name): scores.best for name, scores in futures.floors.items()},
        },
        "psnr_curve": {
            "best": futures.model.best_curve.tolist(),
            "mean": futures.model.mean_curve.tolist(),
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


def _pooled(value: Any) -> dict[str, Any]:
    return asdict(value)


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _key(name: str) -> str:
    return name.replace(" ", "_")
