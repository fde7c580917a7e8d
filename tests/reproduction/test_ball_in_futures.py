"""The ball in futures while they are scored, of models whose futures are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from dlh.analysis.moving_ball.ball import BallReading
from dlh.analysis.moving_ball.rollouts import ideal_tracking
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.evaluation.clips import SourceClips
from dlh.evaluation.floors import KnownFutures, black_frame
from dlh.evaluation.protocol import ScoredModel
from dlh.evaluation.rows import MODEL, Row, floor_rows
from dlh.evaluation.scoring import Evaluation, Scorers
from dlh.video import to_stored
from reproduction.ball import BallInFutures, switches_in

BALL = MovingBallConfig(size=24, radius=3, speed=3.0, colour_change_probability=0.3)
CLIPS, CONTEXT, HORIZON, SAMPLES = 3, 4, 12, 4


def read(model):
    """What the ball does in the futures of a model, a function of truth and block."""
    clips = SourceClips(MovingBall(BALL), context=CONTEXT, horizon=HORIZON, count=CLIPS)
    row = Row(
        name=MODEL, samples=SAMPLES, model=lambda clip, block: model(clips.read(clip).truth, block)
    )
    evaluation = Evaluation(
        clips=clips,
        rows={MODEL: row} | floor_rows(clips, samples=SAMPLES, seed=0, mean="there is none"),
        scorers=Scorers(metrics=(), frechet=None),
        device=torch.device("cpu"),
        reader=BallInFutures(ball=BALL),
    )
    protocol = evaluation.protocol(
        name="test", samples=SAMPLES, seed=0, model=ScoredModel(name="test", sha256="")
    )
    protocol = dataclasses.replace(protocol, samples_per_draw=2)
    found = evaluation.what_was_read([evaluation.score(clip, protocol) for clip in range(CLIPS)])
    return evaluation, found["world"], found["tracking"]


def test_of_the_truth_every_frame_is_clear_and_in_place():
    evaluation, world, tracking = read(
        lambda truth, block: KnownFutures(name="t", futures=truth[None])
    )
    assert world["clear"] == world["true_clear"] > 0.9
    assert world["frames"] == CLIPS * HORIZON  # it has one future, whatever was asked
    assert world["switch_rate"] == world["true_switch_rate"] > 0.1 and world["in_order"] == 1
    assert tracking["median_steps_best"] == tracking["median_steps_mean"] == HORIZON
    known = MovingBall(BALL).held_out("test", count=CLIPS, clip_length=CONTEXT + HORIZON)
    for clip in range(CLIPS):
        truth = to_stored(evaluation.clips.read(clip).truth)
        assert np.array_equal(truth, known.video[clip, CONTEXT:])
    colours = known.colours[:, CONTEXT:]
    switches = (colours[:, 1:] != colours[:, :-1]).mean()
    assert world["true_switch_rate"] == pytest.approx(switches, abs=0.05)


def test_of_several_futures_the_best_is_told_from_the_mean():
    """One that is right and three that are black, drawn two at a time."""

    def one_of_four(truth, block):
        futures = torch.stack([truth * 0] * 3 + [truth])
        return KnownFutures(name="mixed", futures=futures[block.start : block.stop])

    _, world, tracking = read(one_of_four)
    assert world["frames"] == CLIPS * SAMPLES * HORIZON
    assert world["clear"] == pytest.approx(world["true_clear"] / SAMPLES)
    assert tracking["median_steps_best"] == HORIZON
    assert tracking["median_steps_mean"] == HORIZON / SAMPLES


def test_a_mixture_of_two_colours_is_no_clear_ball_though_it_is_in_place():
    """What a model predicts that cannot decide whether the colour has changed."""

    def mixed(truth, block):
        return KnownFutures(name="mixed", futures=(truth + truth.roll(1, 1))[None] / 2)

    _, world, tracking = read(mixed)
    assert world["clear"] == 0 < world["true_clear"]
    assert world["switch_rate"] is None
    assert tracking["median_steps_best"] == HORIZON


def test_a_black_future_has_no_ball():
    _, world, tracking = read(lambda truth, block: black_frame(tuple(truth.shape[1:])))
    assert world["clear"] == tracking["median_steps_best"] == 0


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
