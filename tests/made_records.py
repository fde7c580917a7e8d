"""Records of experiments that were never run, with numbers that are easy to check."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from reproduction.catalogue import experiments
from reproduction.named import Named
from reproduction.record import recorded_settings

ALL = {named.name: named for named in experiments()}


@cache
def settings_of(name: str) -> dict[str, Any]:
    """Of an experiment; they take longer to write down than all the rest of its record."""
    return recorded_settings(ALL[name].experiment)


def known(mean: float) -> dict[str, Any]:
    return {"mean": mean, "error": 0.01, "count": 10}


def made_record(named: Named, **changes: float) -> dict[str, Any]:
    """A record in which seed S adds S hundredths to what is not said otherwise."""
    extra = named.experiment.training.seed / 100
    chance = named.experiment.data.ball.colour_change_probability
    given = {
        "mean_depth": 1.23 + extra,
        "true_change_rate": 0.23,
        "change": 0.96 + extra / 10 - chance / 10,
        "static": 0.01 + chance / 10,
        "f1": 0.99,
        "clear": 0.97,
        "switch_rate": 0.22,
        "steps": 70.0,
        "psnr": 20.0,
    } | changes
    levels = named.experiment.model.num_levels
    nats = [40.0, 7.0, 0.1, 0.1, 0.1][:levels]
    both = {
        "inferred_change": known(given["change"]),
        "inferred_static": known(given["static"]),
        "true_change": known(given["change"]),
        "true_static": known(given["static"]),
        "surprisal": known(0.05),
    }
    return {
        "version": 1,
        "name": named.name,
        "group": named.group,
        "kind": named.kind,
        "what": named.what,
        "updates": named.updates,
        "seconds": {"train": 360.0, "validation": 0.0, "analysis": 0.0},
        "core_hours": 0.1,
        "software": {"dlh": "0.1.0"},
        "settings": copy.deepcopy(settings_of(named.name)),
        "course": {
            "step": [100, 200, 300],
            "elbo": [-90.0, -20.0, -10.0],
            "events.precision": [0.2, 0.5, None],
            "mean_depth": [1.9, 1.5, 1.2],
            "true_change_rate": [0.23, 0.23, 0.23],
            "kl.L1": [9.0, 5.0, 4.0],
        },
        "final": {
            "depth": {
                "mean_depth": known(given["mean_depth"]),
                "mean_depth_with_first": known(given["mean_depth"] + 0.01),
                "true_change_rate": given["true_change_rate"],
                "total_state_kl": known(sum(nats)),
            },
            "levels": [
                {
                    "level": number + 1,
                    "change_rate": 1.0 if number == 0 else 0.23,
                    "state_kl": known(nats[number]),
                    "pixel_variance": {"elsewhere": 0.01, "prior": 0.001},
                    "ball": {
                        "exchanged_colour_differs": float(number),
                        "exchanged_centre_moves": 5.0,
                        "rolled_switches_in_order": None if number == 0 else 1.0,
                    },
                }
                for number in range(levels)
            ],
            "events": {
                "precision": 0.99,
                "recall": 0.98,
                "f1": given["f1"],
                "recalls": {"bounces": 0.97, "random_changes": 0.96},
            },
            "foresight": {
                "model": both,
                "knows_past": both | {"surprisal": known(0.03), "filter_error": 0.001, "lost": 0.0},
                "knows_bounces": both,
                "closed_form": {
                    "true_change": 1.0,
                    "true_static": 0.0,
                    "inferred_change": 1.0,
                    "inferred_static": 0.0,
                },
            },
            "futures": {
                "psnr": {
                    "best": given["psnr"],
                    "mean": 16.0,
                    "black_frame": 16.8,
                    "mean_frame": 16.9,
                    "last_frame": 14.0,
                },
                "psnr_of_first": {
                    "20": {"best": 21.5},
                    "50": {"best": 20.5, "black_frame": 16.7},
                },
                "world": {
                    "clear": given["clear"],
                    "true_clear": 0.99,
                    "sharpness": 0.9,
                    "switch_rate": given["switch_rate"],
                    "true_switch_rate": 0.23,
                    "in_order": 1.0,
                },
                "tracking": {
                    "median_steps_best": given["steps"],
                    "median_steps_mean": 30.0,
                    "knows_past_best": 200.0,
                    "knows_past_mean": 190.0,
                },
            },
        },
        **({"reference": named.reference} if named.reference else {}),
    }


def made_records(**changes: float) -> dict[str, dict[str, Any]]:
    """Of all experiments."""
    return {named.name: made_record(named, **changes) for named in ALL.values()}
