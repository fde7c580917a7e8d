"""The results of an evaluation: from the scores of every clip to the numbers of a table, and the
files that hold them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlh.errors import UsageError
from dlh.evaluation.futures import FutureScores, expected_best
from dlh.evaluation.protocol import COVERAGE, RESAMPLES, MetricSpec, Protocol, differences
from dlh.evaluation.rows import FLOORS, MODEL, ROWS
from dlh.evaluation.scores.frames import NotComputed
from dlh.evaluation.scores.fvd import FVD, frechet_distance
from dlh.evaluation.scoring import DIVERSITY, ENERGY, ClipScores
from dlh.files.writing import make_folder
from dlh.settings import SettingsError, from_plain

SCORES, CURVES, PER_FUTURE = "scores.json", "curves.json", "per-future.json"
DIGITS = 6
"""Significant digits of a future's score in a file."""
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
                rows[name][metric] = _entry(_of(clips, metric), bootstrap)
        if isinstance(clips, str):
            continue
        samples[name] = next(iter(clips[0].metrics.values())).samples
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
                "best": found.best_curve.tolist(),
                "mean": found.mean_curve.tolist(),
            }
            expected = expected_best(found.time_means, higher_is_better=spec.higher_is_better)
            best_of[spec.name] = expected.mean(0).tolist()
            per_clip[spec.name] = {
                "best": found.best_means.tolist(),
                "mean": found.time_means.mean(1).tolist(),
                "best_sample": found.best_sample.tolist(),
            }
        frames[ENERGY] = {"mean": np.mean([clip.energy for clip in clips], 0).tolist()}
        frames[DIVERSITY] = {"mean": np.mean([clip.diversity for clip in clips], 0).tolist()}
        result["per_frame"][name] = frames
        result["best_of"][name] = best_of
        result["per_clip"][name] = per_clip
    return result


def per_future(scores: Mapping[str, RowScores]) -> dict[str, dict[str, Any]]:
    """What every number of a table is the mean of, to six digits.

    ``NAME.METRIC`` has a list for every clip, with the mean over the predicted frames of each of
    its futures; ``NAME.energy_score`` and ``NAME.diversity`` have one number for every clip.
    """
    result = {}
    for name, clips in scores.items():
        if isinstance(clips, str):
            continue
        found: dict[str, Any] = {}
        for metric in clips[0].metrics:
            means = [clip.metrics[metric].time_means[0] for clip in clips]
            found[metric] = [[_short(value) for value in clip] for clip in means]
        found[ENERGY] = [_short(clip.energy.mean()) for clip in clips]
        found[DIVERSITY] = [_short(clip.diversity.mean()) for clip in clips]
        result[name] = found
    return result


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


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


def _of(clips: Sequence[ClipScores], metric: str) -> FutureScores:
    return FutureScores.joined([clip.metrics[metric] for clip in clips])


def _entry(scores: FutureScores, bootstrap: Bootstrap) -> Entry:
    low, high = bootstrap.interval(scores.best_means) or (None, None)
    mean_low, mean_high = bootstrap.interval(scores.time_means.mean(1)) or (None, None)
    values = (scores.best, scores.mean, scores.spread, low, high, mean_low, mean_high)
    return dict(zip(VALUES, values, strict=True))


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


class Bootstrap:
    """How sure is a mean over clips? Resamples of them answer without assuming a shape.

    They are drawn once, so that all rows of a table are resampled alike.

    Args:
        clips: how many there are.
        seed: of the resamples.
        resamples: how many.
    """

    def __init__(self, clips: int, *, seed: int, resamples: int = RESAMPLES) -> None:
        self.clips = clips
        self._chosen = np.random.default_rng(seed).integers(clips, size=(resamples, clips))

    def interval(self, values: np.ndarray) -> tuple[float, float] | None:
        """The central 95 % of the resampled means of (clips,) values; None for a single clip."""
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (self.clips,):
            raise ValueError(f"there is one value per clip, {self.clips}, found {values.shape}")
        if self.clips < 2:
            return None
        tails = (1 - COVERAGE) / 2
        low, high = np.quantile(values[self._chosen].mean(1), [tails, 1 - tails])
        return float(low), float(high)


def read_scores(path: Path) -> tuple[Protocol, dict[str, Any]]:
    """The protocol and all of a scores.json, or of the one in a folder.

    Raises:
        UsageError: there is none, or it is something else.
    """
    path = path / SCORES if path.is_dir() else path
    try:
        scores = json.loads(path.read_text("utf-8"))
        # Scores written before models said how their predictions got into [0, 1] do not say it.
        model = {"to_unit_range": ""} | scores["protocol"]["model"]
        saved = scores["protocol"] | {"model": model}
        return from_plain(Protocol, saved, name="protocol"), scores
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}; `dlh evaluate` writes {SCORES}"
        ) from None
    except SettingsError as error:
        raise UsageError(f"{path}: {error}; it was edited or is of another version") from None
    except (ValueError, TypeError, KeyError):
        raise UsageError(f"{path} holds no scores; `dlh evaluate` writes {SCORES}") from None


def check_folder(out: Path) -> None:
    """Raises UsageError for a name that cannot be a folder's."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder for the scores")


def claim_folder(out: Path, protocol: Protocol) -> None:
    """Make the folder, and refuse one that holds the scores of something else.

    Raises:
        UsageError: it does.
        OutputError: nothing can be written there.
    """
    if (out / SCORES).exists():
        there, _ = read_scores(out)
        if there.digest() != protocol.digest():
            found = differences(protocol, there)
            if there.model != protocol.model:
                found.append(f"model: {protocol.model.name} and {there.model.name}")
            raise UsageError(
                f"{out} holds other scores ({'; '.join(found) or 'of other software'}): choose "
                "another --out, or move them"
            )
    make_folder(out)
