"""Sources of generated clips: every clip is a pure function of seed, split and number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.made_up_digits import made_up_digits
from data.refusals import refused
from dlh.data.clips import ClipSource
from dlh.data.worlds.bouncing_ball import BouncingBall, BouncingBallConfig
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST
from dlh.data.worlds.two_clocks import TwoClocks, TwoClocksConfig

BALL = MovingBallConfig(size=32, radius=4, speed=5.0)
ROOM = replace(BALL, texture=0.5, noise=0.02, flicker=0.02)
SOURCES = {
    "moving-ball": lambda: MovingBall(BALL),
    "moving-ball in a textured room": lambda: MovingBall(ROOM),
    "moving-mnist": lambda: MovingMNIST(made_up_digits()),
    "bouncing-ball": lambda: BouncingBall(BouncingBallConfig(ball=BALL)),
    "two-clocks": lambda: TwoClocks(TwoClocksConfig(ball=BALL)),
}


@pytest.fixture(params=SOURCES)
def make(request):
    return SOURCES[request.param]


def test_it_is_a_source_of_clips(make):
    source = make()
    channels, height, width = source.frame_shape
    assert isinstance(source, ClipSource) and source.name in SOURCES
    clips = source.batch(0, batch_size=2, clip_length=3, seed=0)
    assert clips.video.shape == (2, 3, height, width, channels) and clips.video.dtype == np.uint8
    if clips.events is not None:
        assert clips.events.shape == (2, 3) and clips.events.dtype == bool


def test_every_clip_is_a_pure_function_of_seed_split_and_number(make):
    source = make()
    whole = source.batch(3, batch_size=8, clip_length=12, seed=5)
    shares = [
        make().batch(3, batch_size=8, clip_length=12, seed=5, rank=rank, world_size=2).video
        for rank in (0, 1)
    ]
    np.testing.assert_array_equal(np.concatenate(shares), whole.video)
    # Clips 24..31 are also the batches 6 and 7 of half the size, and longer clips begin with the
    # shorter ones.
    halved = source.batch(7, batch_size=4, clip_length=12, seed=5)
    np.testing.assert_array_equal(halved.video, whole.video[4:])
    longer = source.batch(3, batch_size=8, clip_length=20, seed=5)
    np.testing.assert_array_equal(longer.video[:, :12], whole.video)
    alone = source.held_out_clip("test", 2, clip_length=12)
    first = source.held_out("test", count=3, clip_length=12)
    np.testing.assert_array_equal(alone.video[0], first.video[2])


def test_seeds_steps_rows_and_splits_give_different_clips(make):
    source = make()
    clips = [
        source.batch(step, batch_size=8, clip_length=5, seed=seed)
        for step in (0, 1)
        for seed in (0, 1)
    ]
    clips += [source.held_out(split, count=8, clip_length=5) for split in ("validation", "test")]
    starts = np.concatenate([clip.positions[:, 0].reshape(8, -1) for clip in clips])
    assert len(np.unique(starts, axis=0)) == len(starts)


@pytest.mark.parametrize("change, found", [({"clip_length": 0}, "clip_length"), ({"rank": 2}, 2)])
def test_invalid_requests_are_refused(make, change, found):
    with refused(found):
        make().batch(0, **({"batch_size": 4, "clip_length": 5, "seed": 0} | change))
    with refused("'train'"):
        make().held_out("train", count=1, clip_length=5)
    with refused("'train'"):
        make().held_out_clip("train", 1, clip_length=5)
    with refused(-1):
        make().held_out_clip("test", -1, clip_length=3)
