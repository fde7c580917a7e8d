from __future__ import annotations

import numpy as np

from dlh.data.clips import Clips, DataError
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.evaluation.clips import SourceClips, identify
from refusals import refused

BALL = MovingBall(MovingBallConfig(size=16, radius=2, speed=3.0))


class Together:
    """A source of one's own, which gives its held-out clips only together."""

    name, frame_shape = "mine", (3, 16, 16)

    def __init__(self, clips: Clips | None) -> None:
        self.clips = clips

    def batch(self, step, *, batch_size, clip_length, seed, rank=0, world_size=1):
        raise AssertionError("nothing is trained here")

    def held_out(self, split, *, count, clip_length):
        return self.clips


def test_generated_clips_one_by_one_are_the_held_out_ones():
    clips = SourceClips(BALL, context=4, horizon=6, count=3)
    together = BALL.held_out("test", count=3, clip_length=10)
    for number in range(3):
        clip = clips.read(number)
        video = together.video[number].transpose(0, 3, 1, 2) / np.float32(255)
        np.testing.assert_allclose(clip.context, video[:4], rtol=1e-6)
        np.testing.assert_allclose(clip.truth, video[4:], rtol=1e-6)
        assert (clip.known.events[0] == together.events[number]).all()


def test_a_source_of_ones_own_serves_and_may_have_fewer_clips():
    clips = SourceClips(
        Together(BALL.held_out("test", count=2, clip_length=10)), context=4, horizon=6, count=9
    )
    assert clips.count == 2
    known = identify(SourceClips(BALL, context=4, horizon=6, count=2))
    assert identify(clips).truth_sha256 == known.truth_sha256
    with refused(DataError, "mine", "test", 10):
        SourceClips(Together(None), context=4, horizon=6, count=9)


def test_the_sums_name_the_clips_and_their_order():
    def known(count: int = 3, context: int = 4, horizon: int = 6):
        return identify(SourceClips(BALL, context=context, horizon=horizon, count=count))

    assert known() == known()
    assert known().truth_sha256 != known(2).truth_sha256
    shorter = known(context=3, horizon=6)
    assert known().manifest_sha256 != shorter.manifest_sha256


def test_the_same_clip_twice_is_refused():
    video = BALL.held_out("test", count=2, clip_length=10).video[[0, 1, 0]]
    clips = SourceClips(Together(Clips(video=video)), context=4, horizon=6, count=3)
    with refused(DataError, 0, 2, "mine"):
        identify(clips)
