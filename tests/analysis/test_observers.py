from __future__ import annotations

import math

import numpy as np
import pytest

from dlh.analysis.foresight import foresight
from dlh.analysis.moving_ball.observers import (
    change_known_bounces,
    foreseen_bounces,
    foreseen_places,
    known_bounces,
)
from dlh.data.clips import DataError
from dlh.data.worlds.moving_ball import MovingBall, MovingBallClips, MovingBallConfig, move

SMALL = MovingBallConfig(size=32, radius=4, speed=5.0)


def test_the_closed_form_gives_what_the_model_of_record_says_of_table_3():
    # Changes on 22 % of steps at lambda = 0, as the paper's tables imply.
    for probability, change, static in ((0.1, 0.76, 0.10), (0.3, 0.64, 0.30)):
        found = known_bounces(0.22, probability)
        assert round(found.change, 2) == change and found.static == pytest.approx(static)
    # Its own figures, .82 / .074 and .73 / .167, are near to those of a level 2 that misses some.
    missing = known_bounces(0.22, 0.1, random_recall=0.75)
    assert missing.change == pytest.approx(0.82, abs=0.02)
    assert missing.static == pytest.approx(0.075)
    assert known_bounces(0.22, 0.0).change == 1


def test_the_closed_form_is_the_mean_of_what_the_observer_says():
    config = MovingBallConfig(size=32, radius=4, speed=5.0, colour_change_probability=0.2)
    clips = MovingBall(config).held_out("test", count=300, clip_length=60)
    said = change_known_bounces(clips.bounces, 0.2)
    found = foresight(said, clips.events, clips.events)
    expected = known_bounces(clips.bounces[:, 1:].mean(), 0.2)
    assert found.true_change.mean == pytest.approx(expected.change, abs=4 * found.true_change.error)
    assert found.true_static.mean == pytest.approx(0.2)
    # Of the inferred changes of a level that finds half of the random ones:
    half = np.random.default_rng(0).random(clips.events.shape) < 0.5
    noticed = clips.bounces | (clips.random_changes & half)
    expected = known_bounces(clips.bounces[:, 1:].mean(), 0.2, random_recall=0.5)
    found = foresight(change_known_bounces(clips.bounces, 0.1), noticed)
    assert found.inferred_change.mean == pytest.approx(expected.change, abs=0.02)


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"bounce rate lies in \[0, 1\], found 1.2"):
        known_bounces(1.2, 0.1)
    with pytest.raises(ValueError, match="nothing ever changes at a bounce rate of 0"):
        known_bounces(0.0, 0.0)


def straight(start: tuple[float, float], angle: float, steps: int) -> MovingBallClips:
    """One clip from a given beginning."""
    low, high = SMALL.radius, SMALL.size - 1 - SMALL.radius
    here, velocity = np.array([start]), SMALL.speed * np.array([[math.cos(angle), math.sin(angle)]])
    positions, bounces = [here], [np.array([False])]
    for _ in range(steps - 1):
        bounced, here, velocity = move(here, velocity, low, high)
        positions.append(here)
        bounces.append(bounced)
    mask = np.stack(bounces, 1)
    return MovingBallClips(
        video=np.zeros((1, steps, 1, 1, 3), np.uint8),
        events=mask,
        bounces=mask,
        random_changes=np.zeros_like(mask),
        positions=np.stack(positions, 1),
        colours=np.zeros(mask.shape, int),
    )


def test_a_bounce_is_certain_where_the_ball_is_beyond_the_wall_and_impossible_far_from_it():
    clips = straight((15.0, 15.0), 0.0, 6)  # x: 15, 20, 25, 30 (beyond 27), then back
    assert clips.bounces[0].tolist() == [False, False, False, False, True, False]
    found = foreseen_bounces(clips, SMALL)
    assert found.lost == 0
    np.testing.assert_allclose(found.probability[0], [0, 0, 0, 0, 1, 0], atol=1e-12)


def test_what_the_filter_says_is_what_brute_force_says():
    """Against balls drawn from the prior, of which those are kept that agree with the frames."""
    clips = straight((19.0, 12.2), 0.62, 4)
    low, high = SMALL.radius, SMALL.size - 1 - SMALL.radius
    seen = np.floor(clips.positions[0] + 0.5)
    random = np.random.default_rng(3)
    here = seen[0] - 0.5 + random.random((400_000, 2))
    angle = 2 * math.pi * random.random(400_000)
    velocity = SMALL.speed * np.stack([np.cos(angle), np.sin(angle)], 1)
    exact = [0.0]
    for time in range(1, 4):
        bounced, here, velocity = move(here, velocity, low, high)
        exact.append(float(bounced.mean()))
        agree = (np.floor(here + 0.5) == seen[time]).all(1)
        here, velocity = here[agree], velocity[agree]
    assert len(here) > 1000 and 0.1 < exact[3] < 0.9  # not a certain case
    found = [foreseen_bounces(clips, SMALL, particles=400, seed=s).probability[0] for s in range(8)]
    spread = np.std(found, 0) / math.sqrt(8)
    np.testing.assert_allclose(np.mean(found, 0), exact, atol=4 * spread.max() + 1e-9)


def test_what_is_foreseen_is_calibrated_and_nearly_certain_in_the_end():
    clips = MovingBall(SMALL).held_out("test", count=24, clip_length=40)
    found = foreseen_bounces(clips, SMALL, particles=64)
    assert found.lost < 0.002
    score = foresight(found.probability, clips.bounces, clips.bounces)
    difference = found.probability[:, 1:] - clips.bounces[:, 1:]
    error = difference.mean(1).std() / math.sqrt(len(difference))
    assert abs(difference.mean()) < 4 * error + 1e-3
    assert score.true_change.mean > 0.8 and score.true_static.mean < 0.06
    late = slice(20, None)
    sure = foresight(found.probability[:, late], clips.bounces[:, late], clips.bounces[:, late])
    assert sure.true_change.mean > score.true_change.mean


def test_it_looks_at_the_past_only():
    clips = MovingBall(SMALL).held_out("test", count=2, clip_length=12)
    longer = foreseen_bounces(clips, SMALL, particles=32)
    cut = MovingBall(SMALL).held_out("test", count=2, clip_length=7)
    shorter = foreseen_bounces(cut, SMALL, particles=32)
    np.testing.assert_array_equal(longer.probability[:, :7], shorter.probability)


def test_who_has_seen_the_context_knows_where_the_ball_will_be():
    clips = MovingBall(SMALL).held_out("test", count=6, clip_length=100)
    draws = foreseen_places(clips, SMALL, context_steps=30, samples=20)
    assert draws.shape == (6, 20, 70, 2)
    off = np.linalg.norm(draws - clips.positions[:, None, 30:], axis=-1)
    assert (off < 4).mean() > 0.97 and off[..., 0].mean() < off[..., 40].mean() < 2
    # After one frame it knows no direction: the draws go apart by the speed.
    first = foreseen_places(clips, SMALL, context_steps=1, samples=20)[:, :, 0]
    assert first.std(1).max() > 2 and first.shape == (6, 20, 2)


def test_too_few_particles_are_refused():
    with pytest.raises(DataError, match="at least 8 particles, found 3"):
        foreseen_bounces(straight((15.0, 15.0), 0.0, 3), SMALL, particles=3)


def test_the_places_it_expects_hold_the_true_one_and_are_drawn_before_it_is_seen():
    clips = MovingBall(SMALL).held_out("test", count=4, clip_length=12)
    places = foreseen_bounces(clips, SMALL, particles=64).places
    assert places.shape == (4, 12, 64, 2)
    pixel = np.floor(clips.positions + 0.5)[:, :, None]
    shown = np.floor(places + 0.5)
    agree = (shown == pixel).all(-1).mean(-1)
    assert (agree[:, 6:] > 0).all()
    assert agree[:, 1:].mean() < 1  # drawn after the frame, all would agree
    assert agree[:, 0].mean() < 0.1
