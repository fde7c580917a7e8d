"""From the scores of every clip to the numbers of a table, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlh.evaluation.best_of import expected_best
from dlh.evaluation.bootstrap import Bootstrap
from dlh.evaluation.clip_scores import DIVERSITY, ENERGY, ClipScores, MetricScores
from dlh.evaluation.protocol import MetricSpec, Protocol
from dlh.evaluation.rows import FLOORS, MODEL, ROWS
from dlh.evaluation.scores.frames import NotComputed
from dlh.evaluation.scores.fvd import FVD, frechet_distance

VALUES = ("best", "mean", "spread", "ci_low", "ci_high", "mean_ci_low", "mean_ci_high")
NAMES = ("psnr", "ssim", "ssim_legacy", "lpips", FVD)
"""The metrics of a table, in its order."""

Entry = dict[str, Any]
RowScores = Sequence[ClipScores] | str
"""The scores of every clip, or why there are none."""


def summarise(
    protocol: Protocol,
    scores: Mapping[str, RowScores],
    *,
    missing: Mapping[str, str],
    truth_features: Sequence[np.ndarray] | None = None,
) -> dict[str, Any]:
    """The numbers of a table.

    ``rows[NAME][METRIC]`` holds VALUES: ``best`` is the mean over clips of the best sample,
    ``mean`` that of the average sample, ``spread`` that of the standard deviation over samples;
    then the 95 % intervals of best and mean. What could not be computed holds None, and
    ``not_computed`` says why. ``distribution[NAME]`` has the energy score and the diversity,
    ``samples[NAME]`` how many futures of a clip there were, ``below[METRIC]`` the floors that the
    model does not reach, by its best and by its average sample, and ``below`` of the energy score.

    Args:
        protocol: of the scores.
        scores: for every name of ROWS, the clips' scores in order, or the reason for none.
        missing: the metrics of NAMES that were not computed, and why.
        truth_features: of every clip, for the Frechet distance.
    """
    bootstrap = Bootstrap(protocol.data.clips, seed=protocol.seed, resamples=protocol.resamples)
    specs = {spec.name: spec for spec in protocol.metrics}
    rows: dict[str, dict[str, Entry]] = {}
    distribution: dict[str, dict[str, Entry]] = {}
    samples: dict[str, int] = {}
    for name in ROWS:
        clips = scores[name]
        rows[name] = {}
        for metric in NAMES:
            if isinstance(clips, str):
                rows[name][metric] = _without(clips)
            elif metric in missing:
                rows[name][metric] = _without(missing[metric])
            elif metric == FVD:
                rows[name][metric] = _frechet(clips, truth_features)
            else:
                rows[name][metric] = _entry(_of(clips, metric), specs[metric], bootstrap)
        if isinstance(clips, str):
            continue
        first = next(iter(clips[0].metrics.values()))
        samples[name] = len(first.time_means)
        distribution[name] = {
            ENERGY: _mean_entry([clip.energy.mean() for clip in clips], bootstrap),
            DIVERSITY: _mean_entry([clip.diversity.mean() for clip in clips], bootstrap),
        }
    return {
        "rows": rows,
        "distribution": distribution,
        "samples": samples,
        "below": {name: below(rows, spec) for name, spec in specs.items()}
        | {ENERGY: _worse_energy(distribution)},
    }


def curves(protocol: Protocol, scores: Mapping[str, RowScores]) -> dict[str, Any]:
    """What a table has no room for, per row and metric.

    ``per_frame``: the curves of the best and of the average sample, means over clips. ``best_of``:
    the expected best of K samples, for K = 1, 2, ... ``per_clip``: best and mean of every clip, and
    which sample was the best.
    """
    specs = [spec for spec in protocol.metrics if spec.name != FVD]
    result: dict[str, Any] = {"per_frame": {}, "best_of": {}, "per_clip": {}}
    for name, clips in scores.items():
        if isinstance(clips, str):
            continue
        frames, best_of, per_clip = {}, {}, {}
        for spec in specs:
            found = _of(clips, spec.name)
            frames[spec.name] = {
                "best": np.mean([clip.best_curve for clip in found], 0).tolist(),
                "mean": np.mean([clip.mean_curve for clip in found], 0).tolist(),
            }
            means = np.stack([clip.time_means for clip in found])
            expected = expected_best(means, higher_is_better=spec.higher_is_better)
            best_of[spec.name] = expected.mean(0).tolist()
            per_clip[spec.name] = {
                "best": _best(means, spec).tolist(),
                "mean": means.mean(1).tolist(),
                "best_sample": [clip.best_sample for clip in found],
            }
        frames[ENERGY] = {"mean": np.mean([clip.energy for clip in clips], 0).tolist()}
        frames[DIVERSITY] = {"mean": np.mean([clip.diversity for clip in clips], 0).tolist()}
        result["per_frame"][name] = frames
        result["best_of"][name] = best_of
        result["per_clip"][name] = per_clip
    return result


def below(rows: Mapping[str, Mapping[str, Entry]], spec: MetricSpec) -> dict[str, list[str]]:
    """The floors that the model does not reach, by ``best`` and by ``mean``."""
    found: dict[str, list[str]] = {}
    for value in ("best", "mean"):
        ours = rows[MODEL][spec.name][value]
        found[value] = []
        for floor in FLOORS:
            theirs = rows[floor][spec.name][value]
            if ours is None or theirs is None:
                continue
            if (ours < theirs) if spec.higher_is_better else (ours > theirs):
                found[value].append(floor)
    return found


def _worse_energy(distribution: Mapping[str, Mapping[str, Entry]]) -> dict[str, list[str]]:
    """The floors whose energy score is the better one; it is of all samples, so there is one."""
    if MODEL not in distribution:
        return {"best": [], "mean": []}
    ours = distribution[MODEL][ENERGY]["mean"]
    found = [
        name
        for name in FLOORS
        if name in distribution and distribution[name][ENERGY]["mean"] < ours
    ]
    return {"best": found, "mean": found}


def _of(clips: Sequence[ClipScores], metric: str) -> list[MetricScores]:
    return [clip.metrics[metric] for clip in clips]


def _best(means: np.ndarray, spec: MetricSpec) -> np.ndarray:
    return means.max(1) if spec.higher_is_better else means.min(1)


def _entry(clips: Sequence[MetricScores], spec: MetricSpec, bootstrap: Bootstrap) -> Entry:
    means = np.stack([clip.time_means for clip in clips])
    best, mean = _best(means, spec), means.mean(1)
    spread = means.std(1, ddof=1) if means.shape[1] > 1 else np.zeros(len(means))
    low, high = bootstrap.interval(best) or (None, None)
    mean_low, mean_high = bootstrap.interval(mean) or (None, None)
    values = (best.mean(), mean.mean(), spread.mean(), low, high, mean_low, mean_high)
    plain = [None if value is None else float(value) for value in values]
    return dict(zip(VALUES, plain, strict=True))


def _mean_entry(per_clip: Sequence[float], bootstrap: Bootstrap) -> Entry:
    values = np.array(per_clip)
    low, high = bootstrap.interval(values) or (None, None)
    return {"mean": float(values.mean()), "ci_low": low, "ci_high": high}


def _frechet(clips: Sequence[ClipScores], truth: Sequence[np.ndarray] | None) -> Entry:
    """One number of all clips, so it has no best, no spread and no interval of its own."""
    assert truth is not None
    try:
        features = np.stack([clip.features for clip in clips if clip.features is not None])
        value = frechet_distance(features, np.stack(truth))
    except NotComputed as error:
        return _without(str(error))
    return dict.fromkeys(VALUES) | {"best": value, "mean": value}


def _without(reason: str) -> Entry:
    return dict.fromkeys(VALUES) | {"not_computed": reason}
