from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import scoring
from dlh.evaluation.futures import FutureScores
from dlh.evaluation.protocol import MetricSpec
from dlh.evaluation.results import NAMES, VALUES, curves, summarise
from dlh.evaluation.rows import FLOORS, ROWS
from dlh.evaluation.scores.frames import METRICS
from dlh.evaluation.scoring import ClipScores

WITHOUT = {"lpips": "its weights are not here", "fvd": "its weights are not here"}
SPECS = tuple(MetricSpec.of(metric) for metric in METRICS.values())


def clip(
    means: Sequence[float], features: np.ndarray | None = None, *, higher_is_better: bool = True
) -> ClipScores:
    """A clip whose samples have these scores at every step, under every metric."""
    curves = np.repeat(np.array(means, float)[None, :, None], scoring.HORIZON, 2)
    scores = FutureScores.of(curves, higher_is_better=higher_is_better)
    steps = np.full(scoring.HORIZON, 0.25)
    return ClipScores(
        metrics=dict.fromkeys(("psnr", "ssim", "ssim_legacy"), scores),
        energy=steps,
        diversity=2 * steps,
        features=features,
    )


def table(**rows) -> dict:
    """Scores of every row; those not given are 10 everywhere."""
    return {name: rows.get(name, [clip([10.0])] * 4) for name in ROWS}


MODEL = [clip([1, 5, 3]), clip([2, 2, 8]), clip([0, 0, 0]), clip([4, 6, 5])]
PROTOCOL = scoring.protocol(samples=3, metrics=SPECS)


def test_best_mean_and_spread_by_hand():
    found = summarise(PROTOCOL, table(model=MODEL), missing=WITHOUT)
    entry = found["rows"]["model"]["psnr"]
    assert tuple(entry) == VALUES
    assert entry["best"] == pytest.approx((5 + 8 + 0 + 6) / 4)
    assert entry["mean"] == pytest.approx((3 + 4 + 0 + 5) / 4)
    assert entry["spread"] == pytest.approx((2 + 12**0.5 + 0 + 1) / 4)
    assert entry["ci_low"] < entry["best"] < entry["ci_high"]
    assert entry["mean_ci_low"] < entry["mean"] < entry["mean_ci_high"]
    assert found["samples"]["model"] == 3 and found["samples"]["black"] == 1
    assert found["distribution"]["model"]["energy_score"]["mean"] == pytest.approx(0.25)
    assert found["distribution"]["model"]["diversity"]["mean"] == pytest.approx(0.5)


def test_every_row_and_metric_is_there_and_what_is_missing_says_why():
    scores = table(model=MODEL, last_frame="the file has no context")
    found = summarise(PROTOCOL, scores, missing=WITHOUT)
    assert tuple(found["rows"]) == ROWS
    assert all(tuple(row) == NAMES for row in found["rows"].values())
    assert found["rows"]["model"]["lpips"] == dict.fromkeys(VALUES) | {
        "not_computed": "its weights are not here"
    }
    assert found["rows"]["last_frame"]["psnr"]["not_computed"] == "the file has no context"
    assert "last_frame" not in found["distribution"]


def test_a_model_below_a_floor_is_marked_by_best_and_by_mean():
    low, high = [clip([3.0])] * 4, [clip([4.9])] * 4
    scores = table(model=MODEL, **dict.fromkeys(FLOORS, low)) | {"black": high}
    scores["mean_frame"] = "there is no training data"
    found = summarise(PROTOCOL, scores, missing=WITHOUT)["below"]
    assert found["psnr"] == {
        "best": ["black"],  # 4.75 < 4.9
        "mean": ["black"],  # 3.0 = 3.0 is not below
    }
    scores["oracle"] = [clip([100.0])] * 4
    again = summarise(PROTOCOL, scores, missing=WITHOUT)["below"]
    assert again == found  # the oracle is no floor


def test_a_better_energy_score_of_a_floor_is_marked():
    better = [replace(each, energy=each.energy / 2) for each in [clip([10.0])] * 4]
    scores = table(model=MODEL, black=better)
    assert summarise(PROTOCOL, scores, missing=WITHOUT)["below"]["energy_score"] == {
        "best": ["black"],
        "mean": ["black"],
    }


def test_below_is_above_where_lower_is_better():
    spec = MetricSpec(name="psnr", higher_is_better=False, parameters={})
    protocol = replace(PROTOCOL, metrics=(spec, *SPECS[1:]))
    model = [clip(each.metrics["psnr"].time_means[0], higher_is_better=False) for each in MODEL]
    scores = table(model=model, black=[clip([0.5])] * 4)
    found = summarise(protocol, scores, missing=WITHOUT)
    assert found["rows"]["model"]["psnr"]["best"] == pytest.approx((1 + 2 + 0 + 4) / 4)
    assert found["below"]["psnr"]["best"] == ["black"]


def test_the_same_scores_give_the_same_numbers_and_one_clip_has_no_interval():
    scores = table(model=MODEL)
    first, again = (summarise(PROTOCOL, scores, missing=WITHOUT) for _ in range(2))
    assert first == again
    alone = replace(PROTOCOL, data=replace(PROTOCOL.data, clips=1))
    one = summarise(alone, {name: clips[:1] for name, clips in scores.items()}, missing=WITHOUT)
    entry = one["rows"]["model"]["psnr"]
    assert entry["best"] == 5 and entry["ci_low"] is None and entry["mean_ci_high"] is None


def test_the_frechet_distance_is_one_number_of_all_clips():
    random = np.random.default_rng(0)
    truth = list(random.normal(size=(4, 6)))
    ours = [replace(each, features=truth[index] + 3) for index, each in enumerate(MODEL)]
    same = [clip([1.0], features=features) for features in truth]
    fvd = MetricSpec(name="fvd", higher_is_better=False, parameters={})
    protocol = replace(PROTOCOL, metrics=(*SPECS, fvd))
    scores = table(model=ours, **dict.fromkeys(ROWS[1:], same))
    missing = {"lpips": "no weights"}
    found = summarise(protocol, scores, missing=missing, truth_features=truth)
    entry = found["rows"]["model"]["fvd"]
    assert entry["best"] == entry["mean"] == pytest.approx(6 * 9)
    assert entry["ci_low"] is None and entry["spread"] is None
    assert found["rows"]["oracle"]["fvd"]["best"] == pytest.approx(0, abs=1e-9)
    assert found["below"]["fvd"]["best"] == list(FLOORS)


def test_the_curves_of_a_row():
    found = curves(PROTOCOL, table(model=MODEL, oracle="nobody asked"))
    assert "oracle" not in found["per_frame"]
    assert found["per_frame"]["model"]["psnr"]["best"] == pytest.approx([4.75] * scoring.HORIZON)
    assert found["per_frame"]["model"]["psnr"]["mean"] == pytest.approx([3.0] * scoring.HORIZON)
    best_of = found["best_of"]["model"]["ssim"]
    assert best_of[0] == pytest.approx(3.0) and best_of[-1] == pytest.approx(4.75)
    assert best_of == sorted(best_of) and len(best_of) == 3
    assert found["per_clip"]["model"]["psnr"]["best"] == [5, 8, 0, 6]
    assert found["per_clip"]["model"]["psnr"]["best_sample"] == [1, 2, 0, 1]
