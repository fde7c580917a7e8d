from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.analysis.moving_ball.ball import read_ball
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.video import from_stored
from refusals import refused

BALL = MovingBallConfig(size=32, radius=4, speed=5.0)


@pytest.fixture(scope="module")
def clips():
    return MovingBall(BALL).held_out("test", count=20, clip_length=40)


@pytest.fixture(scope="module")
def frames(clips):
    return from_stored(clips.video)


def test_true_frames_are_read_as_what_they_are(clips, frames):
    found = read_ball(frames, BALL)
    inside = found.area.numpy() >= 0.15  # in a corner it may be outside as a whole
    assert found.clear.numpy().tolist() == inside.tolist() and inside.mean() > 0.99
    assert (found.colour.numpy() == clips.colours)[inside].all()
    assert found.sharpness.numpy()[inside].min() == pytest.approx(1)
    whole = ((clips.positions > 4) & (clips.positions < 27)).all(-1)
    drawn = np.floor(clips.positions + 0.5)
    np.testing.assert_allclose(found.centre.numpy()[whole], drawn[whole], atol=1e-4)
    assert (found.area.numpy()[whole] == 1).all()


def test_what_is_no_ball_of_one_colour_is_not_clear(frames):
    one, two = frames[0, 0], frames[1, 20]
    assert read_ball(one, BALL).colour != read_ball(two, BALL).colour
    black = torch.zeros_like(one)
    spoiled = {
        "black": black,
        "white": black + 1.0,
        "grey": 0.3 * one,
        "pale": one * 0.55 + 0.45 * one.amax(0),
        "half and half": torch.cat([one[..., :16], one[..., 16:].roll(1, 0)], -1)
        if one[..., 16:].any() and one[..., :16].any()
        else one.roll(1, 0) / 2,
        "a speck": one * (one.amax(0).cumsum(0).cumsum(1) == 1),
    }
    for name, frame in spoiled.items():
        assert not bool(read_ball(frame, BALL).clear), name
    assert bool(read_ball(0.85 * one, BALL).clear)  # a little dim is no other colour


def test_two_colours_in_one_ball_are_not_clear():
    frame = torch.zeros(3, 32, 32)
    frame[0, 10:17, 10:14] = 1.0  # red
    frame[2, 10:17, 14:18] = 1.0  # blue
    assert not bool(read_ball(frame, BALL).clear)
    frame[0], frame[2] = frame.amax(0), 0.0
    found = read_ball(frame, BALL)
    assert bool(found.clear) and BALL.colours[int(found.colour)] == "red"
    assert found.centre.tolist() == pytest.approx([13.5, 13.0])


def test_blur_is_less_sharp_than_an_edge_and_a_black_frame_has_no_centre(frames):
    frame = frames[0, 0]
    blurred = torch.nn.functional.avg_pool2d(frame[None], 5, 1, 2)[0]
    assert float(read_ball(blurred, BALL).sharpness) < 0.8
    assert float(read_ball(0.5 * frame, BALL).sharpness) == pytest.approx(0)
    empty = read_ball(torch.zeros(3, 32, 32), BALL)
    assert bool(empty.centre.isnan().all()) and float(empty.sharpness) == 0


def test_grey_frames_have_no_colour_to_read():
    with refused(ValueError, 3, (1, 32, 32)):
        read_ball(torch.zeros(1, 32, 32), BALL)
