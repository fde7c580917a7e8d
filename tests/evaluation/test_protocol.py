from __future__ import annotations

from dataclasses import replace

import pytest

import scoring
from dlh.evaluation.protocol import (
    MOST_VALUES,
    MetricSpec,
    ProtocolError,
    ScoredModel,
    differences,
    samples_per_draw,
)
from dlh.evaluation.scores.frames import METRICS

OURS = scoring.protocol()


@pytest.mark.parametrize("samples", range(1, 40))
@pytest.mark.parametrize("at_once", [3, 4, 20])
def test_blocks_cover_the_samples_once_and_none_is_too_large_or_alone(samples: int, at_once: int):
    blocks = scoring.protocol(samples=samples, samples_per_draw=at_once).blocks()
    assert [sample for block in blocks for sample in block] == list(range(samples))
    sizes = [len(block) for block in blocks]
    assert max(sizes) <= at_once and (min(sizes) >= 2 or samples == 1)
    assert max(sizes) - min(sizes) <= 1


def test_a_draw_holds_as_many_samples_as_memory_bounds():
    assert samples_per_draw(100, 300, (1, 64, 64)) == MOST_VALUES // (300 * 64 * 64) == 54
    assert samples_per_draw(16, 100, (3, 32, 32)) == 16
    assert samples_per_draw(100, 1000, (3, 512, 512)) == 3


def test_equal_protocols_may_be_compared_whatever_the_model():
    theirs = replace(
        OURS,
        name="paper",
        model=ScoredModel(name="another", sha256="d" * 64),
        software={"torch": "9"},
        data=replace(OURS.data, manifest_sha256="e" * 64),
        metrics=OURS.metrics[:1],
    )
    assert differences(OURS, theirs) == []
    assert OURS.digest() != theirs.digest()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"context": 5}, "frames observed: 3 and 5"),
        ({"context": None}, "frames observed: 3 and not given"),
        ({"horizon": 9}, "frames predicted: 5 and 9"),
        ({"samples": 100}, "samples: 7 and 100"),
        ({"seed": 1}, "seed: 5 and 1"),
        ({"best_of": "per frame"}, "choice of the best sample: one sample per clip"),
        ({"data": replace(OURS.data, clips=9)}, "number of clips: 4 and 9"),
        (
            {"data": replace(OURS.data, frame_shape=(3, 12, 12))},
            r"frames (channel, height, width): (1, 12, 12) and (3, 12, 12)",
        ),
        (
            {"data": replace(OURS.data, truth_sha256="f" * 64)},
            "clips: SHA-256 of their frames bbbbbbbbbbbb... (noise) and ffffffffffff... (noise)",
        ),
    ],
)
def test_each_difference_is_named(changes: dict, said: str):
    found = differences(OURS, replace(OURS, **changes))
    assert len(found) == 1 and said in found[0]


def test_a_metric_with_another_parameter_is_named_with_it():
    other = replace(METRICS["ssim"], parameters=METRICS["ssim"].parameters | {"data_range": 2.0})
    theirs = replace(OURS, metrics=(MetricSpec.of(METRICS["psnr"]), MetricSpec.of(other)))
    assert differences(OURS, theirs) == ["ssim, data_range: 1.0 and 2.0"]


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(ProtocolError, match="horizon is at least 1, found 0"):
        scoring.protocol(horizon=0)
    with pytest.raises(ProtocolError, match="seed is at least 0, found -1"):
        scoring.protocol(seed=-1)


def test_the_digest_sees_every_parameter():
    spec = MetricSpec(name="psnr", higher_is_better=True, parameters={"unit": "bel"})
    changed = replace(OURS, metrics=(spec, *OURS.metrics[1:]))
    assert len({OURS.digest(), changed.digest(), replace(OURS, seed=6).digest()}) == 3
