"""Two Clocks: what the pixels show is what the truth of each level says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlh.data.clips import DataError
from dlh.data.worlds.moving_ball import RGB, MovingBall, MovingBallConfig
from dlh.data.worlds.two_clocks import ROOMS, TwoClocks, TwoClocksConfig
from refusals import refused

BALL = MovingBallConfig(size=32, radius=4, speed=5.0)
CONFIG = TwoClocksConfig(ball=BALL)
FEW_PIXELS = TwoClocksConfig(ball=MovingBallConfig(size=16, radius=2, speed=3.0))
"""For what is counted over many clips."""


def held_out(config=CONFIG, count=30, clip_length=100):
    return TwoClocks(config).held_out("test", count=count, clip_length=clip_length)


def room_shown(video):
    """The colour of most pixels of each frame, (batch, time, 3)."""
    return np.median(video, axis=(2, 3)).astype(int)


def ball_shown(video):
    """The colour of what is not the room, (batch, time, 3); -1 where nothing else is there."""
    differs = (video != room_shown(video)[:, :, None, None]).any(-1, keepdims=True)
    return np.where(differs, video.astype(int), -1).max((2, 3))


def changes(shown):
    return (np.diff(shown, axis=1) != 0).any(-1)


@pytest.mark.parametrize("chance", [0.0, 0.05])
def test_the_truth_of_every_level_is_what_the_pixels_show(chance):
    clips = held_out(replace(CONFIG, room_change_probability=chance))
    room, ball = changes(room_shown(clips.video)), ball_shown(clips.video)
    seen = (ball >= 0).all(-1)
    both = seen[:, 1:] & seen[:, :-1]
    of_ball = changes(ball)
    np.testing.assert_array_equal(clips.truth(3)[:, 1:], room)
    np.testing.assert_array_equal(clips.truth(2)[:, 1:][both], (of_ball | room)[both])
    np.testing.assert_array_equal(clips.ball_changes[:, 1:][both], of_ball[both])
    assert both.mean() > 0.97 and room.any()
    assert not clips.level_events[:, 0].any()
    # Levels nest, and a level above both clocks has nothing to find.
    assert (clips.truth(2) | ~clips.truth(3)).all()
    np.testing.assert_array_equal(clips.events, clips.truth(2))
    assert clips.truth(4).shape == clips.events.shape and not clips.truth(4).any()


@pytest.mark.parametrize("brightness", [96, 30])
def test_colours_follow_their_cycles(brightness):
    clips = held_out(replace(CONFIG, room_brightness=brightness))
    room = brightness * np.array([ROOMS[name] for name in CONFIG.rooms])[clips.rooms]
    np.testing.assert_array_equal(room_shown(clips.video), room)
    ball, seen = (
        np.array([RGB[name] for name in BALL.colours])[clips.colours],
        ball_shown(clips.video),
    )
    there = (seen >= 0).all(-1)
    np.testing.assert_array_equal(seen[there], ball[there])
    np.testing.assert_array_equal(np.diff(clips.rooms, axis=1) % 4, clips.room_changes[:, 1:])
    np.testing.assert_array_equal(np.diff(clips.colours, axis=1) % 6, clips.ball_changes[:, 1:])


def counted(clips):
    """The changes of the ball up to each clip's first of the room, and between two of these."""
    before, between = [], []
    for ball, room in zip(clips.ball_changes, clips.room_changes, strict=True):
        assert not (room & ~ball).any()
        numbers = ball.cumsum()[room]
        before.append(numbers[0])
        between.append(set(np.diff(numbers).tolist()))
    return before, between


def test_the_room_changes_at_every_kth_change_of_the_ball():
    before, between = counted(held_out(FEW_PIXELS, count=400, clip_length=120))
    assert all(len(periods) == 1 for periods in between)
    periods = np.array([periods.pop() for periods in between])
    assert np.isin(periods, [5, 6, 7, 8]).all()
    for period in (5, 6, 7, 8):
        assert abs((periods == period).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 400)
        # A clip begins anywhere between two changes of the room.
        first = np.array(before)[periods == period]
        assert set(first.tolist()) == set(range(1, period + 1))


def test_the_period_can_be_given():
    before, between = counted(held_out(replace(CONFIG, period=(3, 3)), count=10))
    assert between == [{3}] * 10 and max(before) <= 3


def test_the_room_may_change_at_random_times():
    clips = held_out(replace(FEW_PIXELS, room_change_probability=0.05), count=200)
    room, ball = clips.room_changes[:, 1:], clips.ball_changes[:, 1:]
    error = np.sqrt(0.05 * 0.95 / room.size)
    assert abs(room.mean() - 0.05) < 4 * error
    at_bounces = room[ball]
    assert abs(at_bounces.mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / at_bounces.size)


def test_the_ball_knows_nothing_of_the_room():
    clips, others = held_out(), held_out(replace(CONFIG, room_change_probability=0.3))
    for name in ("ball_changes", "positions", "colours"):
        np.testing.assert_array_equal(getattr(clips, name), getattr(others, name))
    # Where the ball goes is Moving Ball's rule.
    speed = np.linalg.norm(np.diff(clips.positions, axis=1), axis=-1)
    np.testing.assert_allclose(speed, 5.0)
    rate = MovingBall(BALL).held_out("test", count=80, clip_length=100).events[:, 1:].mean()
    assert abs(clips.ball_changes[:, 1:].mean() - rate) < 0.03


def test_a_row_has_the_truth_of_its_clip():
    clips = held_out(count=3, clip_length=20)
    one = clips.row(2)
    assert one.video.shape[0] == 1 and one.level_events.shape == (1, 20, 2)
    np.testing.assert_array_equal(one.truth(3), clips.truth(3)[2:3])


@pytest.mark.parametrize(
    "change, found",
    [
        ({"period": (0, 3)}, (0, 3)),
        ({"period": (8, 5)}, (8, 5)),
        ({"room_change_probability": 1.5}, "1.5"),
        ({"rooms": ("black", "pink")}, "'pink'"),
        ({"rooms": ("black",)}, ("black",)),
        ({"rooms": ("black", "navy", "black")}, ("black", "navy", "black")),
        ({"ball": replace(BALL, texture=0.5)}, "0.5"),
        ({"room_brightness": 0}, "0"),
        ({"room_brightness": 256}, "256"),
    ],
)
def test_an_invalid_world_is_refused(change, found):
    with refused(DataError, found):
        replace(CONFIG, **change)
