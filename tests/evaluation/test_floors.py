from __future__ import annotations

import pytest
import torch

from dlh.evaluation.floors import KnownFutures, black_frame, floors, last_frame, mean_frame
from dlh.interfaces import VideoModel
from dlh.video import VideoError
from refusals import refused

SHAPE = (3, 4, 5)


def a_context(batch: int = 2, steps: int = 3) -> torch.Tensor:
    return torch.rand(batch, steps, *SHAPE, generator=torch.Generator().manual_seed(0))


def test_every_floor_keeps_the_contract_and_gives_one_sample_whatever_is_asked():
    context = a_context()
    for floor in floors(torch.rand(*SHAPE)):
        assert isinstance(floor, VideoModel)
        assert floor.frame_shape == SHAPE
        frames = floor.predict(context, horizon=7, samples=9).frames
        assert frames.shape == (2, 1, 7, *SHAPE)
        assert torch.equal(frames, frames[:, :, :1].expand_as(frames))


def test_each_floor_repeats_its_own_frame():
    context, mean = a_context(), torch.rand(*SHAPE)
    black, average, last = (floor.predict(context, horizon=2).frames for floor in floors(mean))
    assert not black.any()
    assert torch.equal(average[1, 0, 1], mean)
    assert torch.equal(last[:, 0, 1], context[:, -1])


def test_the_floors_have_the_names_that_tables_print():
    assert [floor.name for floor in floors(torch.zeros(SHAPE))] == [
        "black frame",
        "mean frame",
        "last frame",
    ]


def test_a_prediction_can_be_changed_without_touching_the_context():
    context = a_context()
    before = context.clone()
    last_frame(SHAPE).predict(context, horizon=2).frames.zero_()
    assert torch.equal(context, before)


def test_frames_of_another_shape_are_refused_by_name_of_the_shape():
    with refused(VideoError, (3, 4, 4), (3, 4, 5)):
        black_frame((3, 4, 4)).predict(a_context(), horizon=1)


@pytest.mark.parametrize("horizon, samples", [(0, 1), (-3, 1), (1, 0)])
def test_a_horizon_or_a_number_of_samples_below_one_is_refused(horizon: int, samples: int):
    with refused(ValueError, horizon, samples):
        last_frame(SHAPE).predict(a_context(), horizon=horizon, samples=samples)


def test_a_mean_frame_must_be_one_frame_in_the_unit_interval():
    for shape in ((4, 5), (1, 3, 4, 5)):
        with refused(VideoError, shape):
            mean_frame(torch.zeros(shape))
    with refused(VideoError, "200"):
        mean_frame(torch.full(SHAPE, 200.0))


READY = torch.rand(3, 4, 1, 5, 6, generator=torch.Generator().manual_seed(0))
WATCHED = torch.zeros(2, 1, 1, 5, 6)


def test_known_futures_keep_the_contract_and_give_what_lies_ready():
    model = KnownFutures(name="other clips", futures=READY)
    assert isinstance(model, VideoModel) and model.frame_shape == (1, 5, 6)
    frames = model.predict(WATCHED, horizon=2, samples=2).frames
    assert frames.shape == (2, 2, 2, 1, 5, 6)
    assert torch.equal(frames[0], READY[:2, :2]) and torch.equal(frames[0], frames[1])
    assert model.predict(WATCHED, horizon=4, samples=9).frames.shape[1] == 3


def test_known_futures_may_be_too_short():
    model = KnownFutures(name="oracle", futures=READY)
    with refused(VideoError, "'oracle'", 4, 5):
        model.predict(WATCHED, horizon=5)
    with refused(ValueError, 0, 1):
        model.predict(WATCHED, horizon=0)
