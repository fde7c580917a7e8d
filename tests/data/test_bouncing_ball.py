"""SUNTA's ball: at each bounce the colour of six changes ago, read off the pixels."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dlh.data.clips import DataError
from dlh.data.worlds.bouncing_ball import BouncingBall, BouncingBallConfig
from dlh.data.worlds.moving_ball import MovingBallConfig
from refusals import refused

BALL = MovingBallConfig(size=32, radius=4, speed=5.0)


def held_out(config=None, count=40, clip_length=200):
    config = config or BouncingBallConfig(ball=BALL)
    return BouncingBall(config).held_out("test", count=count, clip_length=clip_length)


def colours_in_turn(clip, events):
    """The colour that the pixels of a clip show before, between and after its changes; None where
    two follow each other while the ball is outside, in a corner.
    """
    shown = clip.max((1, 2))
    parts = np.split(shown, np.flatnonzero(events))
    found = []
    for part in parts:
        seen = {tuple(colour) for colour in part.tolist() if any(colour)}
        assert len(seen) <= 1
        found.append(seen.pop() if seen else None)
    return found


@pytest.mark.parametrize("memory", [6, 2, 3])
def test_each_colour_is_that_of_so_many_changes_ago(memory):
    clips = held_out(BouncingBallConfig(ball=BALL, memory=memory))
    for video, events in zip(clips.video, clips.events, strict=True):
        colours = colours_in_turn(video, events)
        assert len(colours) > 2 * memory and colours.count(None) < len(colours) / 8
        pairs = [pair for pair in zip(colours[memory:], colours, strict=False) if None not in pair]
        assert all(new == old for new, old in pairs)
        following = [pair for pair in itertools.pairwise(colours) if None not in pair]
        assert all(new != old for new, old in following)


def test_events_are_the_bounces_and_no_change_is_missed():
    clips = held_out()
    np.testing.assert_array_equal(clips.events, clips.bounces)
    shown = clips.video.max(axis=(2, 3)).astype(int)
    seen = shown.any(-1)
    both = seen[:, 1:] & seen[:, :-1]
    differs = (np.diff(shown, axis=1) != 0).any(-1)
    np.testing.assert_array_equal(differs[both], clips.events[:, 1:][both])


def test_the_first_colours_of_clips_are_drawn_at_random():
    world = BouncingBall(BouncingBallConfig(ball=BALL))
    draws = np.random.default_rng(0).random((20_000, 6))
    colours = world._first_colours(draws)
    following = np.concatenate([colours, colours[:, :1]], axis=1)
    assert (np.diff(following, axis=1) != 0).all()
    # The first is uniform, and each of the next four uniform over the five others.
    assert np.abs(np.bincount(colours[:, 0], minlength=6) / 20_000 - 1 / 6).max() < 0.011
    for number in range(1, 5):
        step = (colours[:, number] - colours[:, number - 1]) % 6
        assert np.abs(np.bincount(step, minlength=6)[1:] / 20_000 - 1 / 5).max() < 0.012
    assert len(np.unique(colours, axis=0)) > 5_000
    # A clip shows the colours that were drawn for it.
    clips = held_out(count=5, clip_length=80)
    first = [
        row[events | (np.arange(80) == 0)]
        for row, events in zip(clips.colours, clips.events, strict=True)
    ]
    assert len({tuple(row[:6].tolist()) for row in first}) == 5


@pytest.mark.parametrize(
    "change, found",
    [
        ({"memory": 1}, ("memory", 1)),
        ({"ball": replace(BALL, noise=0.1)}, (0.1,)),
        ({"ball": replace(BALL, colours=("red", "green"))}, ("red",)),
        ({"ball": replace(BALL, colours=("red", "green", "red", "blue"))}, ("red",)),
    ],
)
def test_an_invalid_world_is_refused(change, found):
    with refused(DataError, *found):
        replace(BouncingBallConfig(), **change)
