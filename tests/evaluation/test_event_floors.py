"""Trivial detectors and VPR's rule, by hand-computed cases and on the worlds they are for."""

from __future__ import annotations

import numpy as np
import pytest

from dlh.data.clips import Clips
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.data.worlds.two_clocks import TwoClocks, TwoClocksConfig
from dlh.evaluation import event_floors
from dlh.evaluation.event_floors import (
    DETECTORS,
    RUPTURES,
    best_threshold,
    expected,
    fit_detectors,
    floor_scores,
    frame_difference,
    has_ruptures,
    mean_colour_change,
    moving_colour_change,
    pool_floors,
    unexpected,
    vpr_events,
)
from dlh.evaluation.events import event_scores

BALL = MovingBallConfig(size=32, radius=4, speed=5.0)
ROOM = MovingBallConfig(size=32, radius=4, speed=5.0, texture=0.5, noise=0.02, flicker=0.02)


def train_and_test(config, steps=60):
    world = MovingBall(config)
    train = world.batch(0, batch_size=20, clip_length=steps, seed=0)
    return train, world.held_out("test", count=20, clip_length=steps)


def film(*frames):
    """One clip of frames of 2 x 2 pixels, each given as four grey levels."""
    grey = np.array(frames, dtype=np.uint8).reshape(1, len(frames), 2, 2, 1)
    return np.repeat(grey, 3, axis=-1)


def test_scores_worked_out_by_hand():
    video = film((0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 255, 255, 0))
    np.testing.assert_allclose(frame_difference(video), [[0, 1 / 4, 2 / 4, 1 / 4]])
    # The mean grey is 0, 1/4, 1/4, 1/2, in three channels.
    np.testing.assert_allclose(
        mean_colour_change(video), np.sqrt(3) * np.array([[0, 0.25, 0, 0.25]])
    )


def test_a_difference_does_not_wrap_around():
    # As unsigned bytes 0 - 255 is 1.
    np.testing.assert_allclose(frame_difference(film((255,) * 4, (0,) * 4)), [[0, 1]])


def test_what_moves_is_what_is_off_the_median_frame():
    still, moving, other = (10, 10, 10, 10), (10, 200, 10, 10), (10, 10, 100, 10)
    video = film(still, still, moving, moving, still, other, still)
    # Nothing moves at first; 200 appears; a frame without it holds its colour; then 100.
    expected_score = np.array([[0, 0, 200, 0, 0, 100, 0]]) * np.sqrt(3) / 255
    np.testing.assert_allclose(moving_colour_change(video), expected_score)


def test_the_best_threshold_is_the_one_of_all_that_has_the_best_f1():
    random = np.random.default_rng(0)
    for _ in range(30):
        score, truth = random.integers(0, 6, (3, 8)) / 2, random.random((3, 8)) < 0.3
        truth[0, 1] = True
        threshold = best_threshold(score, truth)
        found = event_scores(score > threshold, truth).f1
        every = [event_scores(score > other, truth).f1 for other in np.arange(-0.25, 3.3, 0.5)]
        assert found == pytest.approx(max(every))


def test_a_threshold_lies_between_two_scores_and_passes_over_the_first_frame():
    score = np.array([[9.0, 1, 5, 2, 3]])
    truth = np.array([[False, False, True, False, True]])
    assert best_threshold(score, truth) == 2.5
    nothing = best_threshold(score, np.zeros_like(truth))
    assert not (score > nothing).any()


def test_on_a_plain_ball_the_mean_colour_of_what_moves_finds_every_change():
    train, test = train_and_test(BALL)
    claimed = fit_detectors(train)["mean colour of what moves"](test.video)
    assert not (claimed & ~test.events).any()
    # None is missed but while the ball is outside the frame, in a corner.
    seen = test.video.any((2, 3, 4))
    missed = np.argwhere(test.events & ~claimed)
    assert len(missed) < 3 and not any(seen[clip, time] for clip, time in missed)
    scores = floor_scores(train, test)
    assert scores["mean colour of the frame"].f1 > 0.95
    assert scores["frame difference"].f1 < 0.6


def test_in_a_textured_room_no_difference_of_frames_tells_the_changes():
    train, test = train_and_test(ROOM)
    scores = floor_scores(train, test)
    rate = test.events[:, 1:].mean()
    every_frame = 2 * rate / (1 + rate)
    assert scores["frame difference"].f1 < every_frame + 0.12
    assert scores["mean colour of the frame"].f1 < 0.7


def test_thresholds_are_those_of_training_clips():
    train, test = train_and_test(BALL)
    fitted = fit_detectors(train)
    for name, detector in DETECTORS.items():
        threshold = best_threshold(detector(train.video), train.events)
        claimed = detector(test.video) > threshold
        np.testing.assert_array_equal(fitted[name](test.video), claimed)
    # A clip is judged alone as it is among others.
    for detect in fitted.values():
        together = detect(test.video[:3])
        np.testing.assert_array_equal(detect(test.video[1:2]), together[1:2])


def test_the_thresholds_of_a_higher_level_are_for_its_own_events():
    world = TwoClocks(TwoClocksConfig(ball=BALL))
    train = world.batch(0, batch_size=20, clip_length=60, seed=0)
    test = world.held_out("test", count=20, clip_length=60)
    claimed = fit_detectors(train, 3)["frame difference"](test.video)
    # A change of the room moves all pixels; the ball never does.
    np.testing.assert_array_equal(claimed, test.room_changes)
    assert floor_scores(train, test, 3)["frame difference"].f1 == 1
    assert floor_scores(train, test)["frame difference"].f1 < 0.7
    pooled = pool_floors(train, (test.row(number) for number in range(20)), 3)
    assert pooled["frame difference"]["tolerance"]["0"]["f1"] == 1


def test_without_true_events_there_are_no_floors():
    train, test = train_and_test(BALL, steps=5)
    assert fit_detectors(Clips(video=train.video)) == {}
    assert floor_scores(train, Clips(video=test.video)) == {}


def test_clips_that_come_one_after_the_other_are_pooled():
    train, test = train_and_test(BALL)
    found = pool_floors(train, (test.row(number) for number in range(20)))
    assert found.keys() == fit_detectors(train).keys()
    for name, scores in floor_scores(train, test).items():
        assert found[name]["tolerance"]["0"]["f1"] == pytest.approx(scores.f1)
        assert found[name]["rate"] == pytest.approx(scores.inferred_rate)
        recalls = [found[name]["tolerance"][each]["recall"] for each in "012"]
        assert recalls == sorted(recalls)


def test_ruptures_is_left_out_where_it_is_not_installed(monkeypatch):
    train, _ = train_and_test(BALL, steps=5)
    monkeypatch.setattr(event_floors.importlib.util, "find_spec", lambda name: None)
    assert not has_ruptures()
    assert set(fit_detectors(train)) == set(DETECTORS)


def test_ruptures_finds_the_steps_of_the_mean_of_a_film():
    pytest.importorskip("ruptures")
    random = np.random.default_rng(0)
    truth = np.zeros((6, 30), dtype=bool)
    video = np.zeros((6, 30, 4, 4, 3), np.uint8)
    for clip, events in zip(video, truth, strict=True):
        events[np.sort(random.choice(np.arange(3, 28), 3, replace=False))] = True
        colours = random.integers(0, 256, (4, 4, 4, 3))
        clip[:] = colours[events.cumsum()]
    train, test = (Clips(video=video[part], events=truth[part]) for part in (slice(3), slice(3, 6)))
    assert floor_scores(train, test)[RUPTURES].f1 == 1


def test_vprs_rule_worked_out_by_hand():
    static = np.array([[90.0, 1, 1, 2, 1, 5, 1, 3]])
    # Means of up to two steps before: from t = 2 on 1, 1, 1.5, 1.5, 3, 3; the first never counts.
    claimed = unexpected(static, gamma=1.1, window=2)
    assert np.flatnonzero(claimed[0]).tolist() == [3, 5]
    # 3 is above its mean of 3 with a smaller gamma.
    assert np.flatnonzero(unexpected(static, gamma=0.99, window=2)[0]).tolist() == [2, 3, 5, 7]
    change = np.array([[0.0, 2, 2, 3, 0.5, 9, 1, 2]])
    assert np.flatnonzero(expected(change, static)[0]).tolist() == [4, 7]


def test_both_criteria_are_either_of_them():
    random = np.random.default_rng(0)
    change, static = random.random((2, 4, 150))
    alone, both = vpr_events(change, static).values()
    np.testing.assert_array_equal(both, alone | expected(change, static))
    assert (both != alone).any() and not both[:, 0].any()
    # A window of 100: what was before it plays no part.
    moved = static.copy()
    moved[:, 1:40] += 5
    np.testing.assert_array_equal(unexpected(moved)[:, 140:], unexpected(static)[:, 140:])
    assert (unexpected(moved)[:, 40:139] != unexpected(static)[:, 40:139]).any()
