from __future__ import annotations

import math

import pytest
import torch

from dlh.analysis.moving_ball.ball import BallReading
from dlh.analysis.moving_ball.rollouts import track, world_scores


def reading(colours: list, clear: list | None = None) -> BallReading:
    colour = torch.tensor(colours)
    return BallReading(
        colour=colour,
        clear=torch.ones(colour.shape, dtype=torch.bool) if clear is None else torch.tensor(clear),
        centre=torch.zeros(*colour.shape, 2),
        area=torch.ones(colour.shape),
        sharpness=torch.full(colour.shape, 0.5),
    )


def test_switches_of_a_known_answer():
    futures = reading([[[0, 0, 1, 3, 3], [5, 0, 0, 0, 0]]])
    changed = torch.tensor([[[1, 0, 1, 0, 0], [0, 1, 0, 0, 1]]]).bool()
    found = world_scores(futures, reading([[0, 1, 1, 1, 2]]), changed, colours=6)
    assert found.frames == 10 and found.clear == found.true_clear == 1 and found.sharpness == 0.5
    assert found.switch_rate == pytest.approx(3 / 8)
    assert found.in_order == pytest.approx(2 / 3)  # 0 to 1 and 5 to 0, not 1 to 3
    assert found.event_rate == pytest.approx(4 / 10)
    assert found.switches_at_events == pytest.approx(2 / 3)
    assert found.true_switch_rate == pytest.approx(2 / 4)


def test_an_unclear_frame_hides_a_switch_for_a_while_only():
    futures = reading([[[0, 2, 1, 1]]], [[[True, False, True, True]]])
    changed = torch.tensor([[[0, 1, 0, 0]]]).bool()
    found = world_scores(futures, reading([[0, 0, 0, 0]]), changed, colours=6)
    assert found.clear == 0.75 and found.switch_rate == pytest.approx(1 / 3)
    assert found.in_order == 1 and found.true_switch_rate == 0
    assert found.switches_at_events is None  # it is not known at which of the two steps
    alone = world_scores(futures, reading([[0, 0, 0, 0]]), None, colours=6)
    assert alone.event_rate is None and alone.switches_at_events is None
    first = reading([[[2, 2, 0]]], [[[False, False, True]]])
    nothing = world_scores(first, reading([[0, 0, 0]]), None, colours=6)
    assert nothing.switch_rate is None and nothing.in_order is None


def test_steps_until_a_ball_is_off_by_its_radius():
    truth = torch.zeros(2, 4, 2)
    centre = torch.zeros(2, 3, 4, 2)
    centre[0, 0, 2:, 0] = 5.0  # off from the third step on: two steps were right
    centre[0, 1, 1, 1] = 4.1  # off once, and back again: that was luck
    centre[0, 2, :, 0] = 4.0  # never more than the radius
    centre[1, :, 0] = math.nan  # no ball
    found = track(centre, truth, 4.0)
    assert found.steps.tolist() == [[2, 1, 4], [0, 0, 0]]
    hidden = truth.clone()
    hidden[:, 1] = math.nan  # the true ball is outside the frame: nobody is wrong then
    assert track(centre, hidden, 4.0).steps.tolist() == [[2, 4, 4], [0, 0, 0]]
    assert found.median_best == pytest.approx((4 + 0) / 2)
    assert found.median_mean == pytest.approx((7 / 3 + 0) / 2)
    assert found.still_there(best=True).tolist() == [0.5, 0.5, 0.5, 0.5]
    assert found.still_there(best=False).tolist() == pytest.approx([3 / 6, 2 / 6, 1 / 6, 1 / 6])
