"""The ball in scored futures, of models whose futures are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.analysis.moving_ball.ball import BallReading
from dlh.analysis.moving_ball.rollouts import ideal_tracking
from dlh.analysis.moving_ball.scored_futures import read_scored_futures, switches_in
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.evaluation.clips import SourceClips
from dlh.evaluation.floors import KnownFutures, black_frame
from dlh.evaluation.protocol import ScoredModel
from dlh.evaluation.rows import MODEL, Row
from dlh.evaluation.scoring import Evaluation, Scorers
from dlh.video import to_stored

BALL = MovingBallConfig(size=24, radius=3, speed=3.0, colour_change_probability=0.3)
CLIPS, CONTEXT, HORIZON, SAMPLES = 3, 4, 12, 4


def read(model):
    """What the ball does in the futures of a model for each clip's truth, two drawn at a time."""
    clips = SourceClips(MovingBall(BALL), context=CONTEXT, horizon=HORIZON, count=CLIPS)
    row = Row(name=MODEL, samples=SAMPLES, model=lambda clip, block: model(clips.read(clip).truth))
    scorers = Scorers(metrics=(), frechet=None)
    evaluation = Evaluation(
        clips=clips, rows={MODEL: row}, scorers=scorers, device=torch.device("cpu")
    )
    protocol = evaluation.protocol(
        name="test", samples=SAMPLES, seed=0, model=ScoredModel(name="test", sha256="")
    )
    return evaluation, read_scored_futures(evaluation, protocol, BALL)


def test_of_the_truth_every_frame_is_clear_and_in_place():
    evaluation, found = read(lambda truth: KnownFutures(name="truth", futures=truth[None]))
    world, tracking = found.world, found.tracking
    assert world.clear == world.true_clear > 0.9 and world.frames == CLIPS * HORIZON
    assert world.switch_rate == world.true_switch_rate > 0.1 and world.in_order == 1
    assert tracking.steps.tolist() == [[HORIZON]] * CLIPS  # it has one future, whatever was asked
    known = MovingBall(BALL).held_out("test", count=CLIPS, clip_length=CONTEXT + HORIZON)
    for clip in range(CLIPS):
        truth = to_stored(evaluation.clips.read(clip).truth)
        assert np.array_equal(truth, known.video[clip, CONTEXT:])
    colours = known.colours[:, CONTEXT:]
    switches = (colours[:, 1:] != colours[:, :-1]).mean()
    assert world.true_switch_rate == pytest.approx(switches, abs=0.05)


def test_a_mixture_of_two_colours_is_no_clear_ball_though_it_is_in_place():
    """What a model predicts that cannot decide whether the colour has changed."""

    def mixed(truth):
        return KnownFutures(name="mixed", futures=(truth + truth.roll(1, 1))[None] / 2)

    _, found = read(mixed)
    assert found.world.clear == 0 < found.world.true_clear
    assert found.world.switch_rate is None
    assert found.tracking.steps.tolist() == [[HORIZON]] * CLIPS


def test_a_black_future_has_no_ball():
    _, found = read(lambda truth: black_frame(tuple(truth.shape[1:])))
    assert found.world.clear == 0 and not found.tracking.steps.any()


def test_the_ideal_observer_keeps_with_the_ball_longer_with_more_context():
    def steps(context):
        clips = MovingBall(BALL).held_out("test", count=CLIPS, clip_length=context + 40)
        found = ideal_tracking(clips, BALL, context_steps=context, samples=16)
        assert found.steps.shape == (CLIPS, 16) and found.horizon == 40
        return found.steps.double().mean()

    assert steps(20) > steps(2) > 0


def test_the_window_with_the_most_switches():
    colour = torch.tensor([0, 0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 5])
    clear = torch.ones(12, dtype=torch.bool)
    truth = BallReading(
        colour=colour, clear=clear, centre=torch.zeros(12, 2), area=clear, sharpness=clear
    )
    assert switches_in(truth, window=4) == 6  # 2 3 4 5
    assert switches_in(truth, window=12) == switches_in(truth, window=50) == 0
