from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch

from dlh.analysis import event_list, surprise
from dlh.errors import UsageError
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy
from refusals import refused

CHANGED = [[[1, 1], [1, 0], [1, 1], [1, 0]]]
STATIC = [[[0.0, 9.0], [0.0, 1.0], [0.0, 7.5], [0.0, 2.0]]]
CHANGE = [[[0.0, 1.0], [0.0, 3.0], [0.0, 0.5], [0.0, 2.5]]]
PROBABILITY = [[[0.5, 0.6], [0.5, 0.1], [0.5, 0.9], [0.5, 0.2]]]


@pytest.fixture
def trace(make_trace):
    return make_trace(CHANGED, static=STATIC, change=CHANGE, probability=PROBABILITY)


def test_surprise_is_the_static_minus_the_change_divergence_where_there_was_a_test(trace):
    evidence = surprise(trace)
    assert evidence.surprise[0, :, 1].tolist() == [0.0, -2.0, 7.0, -0.5]
    assert evidence.tested[0].tolist() == [
        [False, False],
        [False, True],
        [False, True],
        [False, True],
    ]
    assert evidence.static_divergence[0, :, 1].tolist() == [0.0, 1.0, 7.5, 2.0]
    assert evidence.change_divergence[0, :, 1].tolist() == [0.0, 3.0, 0.5, 2.5]


def test_what_is_not_tested_is_certain_to_change(trace):
    probability = surprise(trace).change_probability
    assert probability[0, :, 0].tolist() == [1, 1, 1, 1]
    assert probability[0, :, 1].tolist() == pytest.approx([1, 0.1, 0.9, 0.2])


def test_events_are_the_changes_after_the_first_frame_with_time_and_surprise(trace):
    found = event_list(trace, fps=25)
    assert (found.frames, found.fps) == (4, 25)
    level = found.levels[1]
    assert [asdict(event) for event in level.events] == [
        {"frame": 2, "seconds": 2 / 25, "surprise": 7.0}
    ]
    assert level.changed == (True, False, True, False)


def test_every_frame_has_both_divergences_and_the_probability(trace):
    level = event_list(trace).levels[1]
    assert level.surprise == (None, -2.0, 7.0, -0.5)
    assert level.static_divergence == (None, 1.0, 7.5, 2.0)
    assert level.change_divergence == (None, 3.0, 0.5, 2.5)
    assert level.change_probability[0] is None
    assert level.change_probability[1:] == pytest.approx((0.1, 0.9, 0.2))


def test_level_one_always_changes_and_has_no_events(trace):
    first, second = event_list(trace).levels
    assert (first.level, first.always_changes, first.events) == (1, True, ())
    assert (second.level, second.always_changes) == (2, False)
    assert set(first.surprise) == {None}


def test_without_a_frame_rate_there_are_no_seconds(trace):
    assert event_list(trace).levels[1].events[0].seconds is None


def test_the_list_goes_through_json_unchanged_in_meaning(trace):
    found = event_list(trace, fps=10)
    loaded = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert loaded["levels"][1]["events"] == [{"frame": 2, "seconds": 0.2, "surprise": 7.0}]
    assert loaded["levels"][1]["surprise"][0] is None


def test_one_clip_of_a_batch_is_chosen(make_trace):
    both = make_trace([*CHANGED, [[1, 1], [1, 1], [1, 0], [1, 0]]])
    assert [event.frame for event in event_list(both, clip=1).levels[1].events] == [1]
    with refused(ValueError, 0, 1, 2):
        event_list(both, clip=2)


@pytest.mark.parametrize("fps", [0, -5.0, float("inf"), float("nan")])
def test_a_frame_rate_that_is_none_is_refused(trace, fps):
    with refused(UsageError, fps):
        event_list(trace, fps=fps)


def test_the_surprise_of_a_real_model_explains_its_decisions():
    sizes = {"feature_size": 8, "context_size": 8, "memory_size": 8, "factor_size": 8}
    config = DLHConfig(
        channels=1,
        height=16,
        width=16,
        num_levels=3,
        state_size=2,
        hidden_sizes=(8,),
        convolution_channels=(4, 4, 4, 4),
        **sizes,
    )
    # Black and white in turn, and weights far from where training begins, so that some frames
    # change something in some of the models.
    rates = []
    for seed in range(6):
        torch.manual_seed(seed)
        model = DynamicLatentHierarchy(config)
        video = torch.rand(4, 12, 1, 1, 1).round().expand(4, 12, 1, 16, 16).contiguous()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.5)
            trace, _ = model.observe(video)
        wants = surprise(trace).surprise >= 0
        expected = wants[..., 1:].cumprod(2).bool() | trace.first[..., None]
        assert torch.equal(trace.changed[..., 1:], expected)
        rates.append(float(trace.changed[:, 1:, 1].float().mean()))
    assert 0 < sum(rates) < 6
