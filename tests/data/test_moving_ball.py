"""Moving Ball against a scalar, frame-by-frame reference and against a trajectory worked out by
hand.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from data.refusals import refused
from dlh.data.worlds.moving_ball import RGB, MovingBall, MovingBallConfig

SMALL = MovingBallConfig(size=32, radius=4, speed=5.0)


class Scripted(np.random.Generator):
    """Gives the uniform numbers of a script instead of random ones."""

    def __init__(self, draws):
        super().__init__(np.random.PCG64(0))
        self.draws = np.asarray(draws, dtype=float)

    def random(self, size=None, dtype=np.float64, out=None):
        assert size == self.draws.shape
        return self.draws


def reference(config: MovingBallConfig, draws: list[float]) -> tuple[np.ndarray, list, list, list]:
    """One clip, one frame and one pixel at a time; draws: x, y, direction, colour, then one per
    later step.
    """
    size, radius = config.size, config.radius
    x, y = (radius + (size - 1 - 2 * radius) * draw for draw in draws[:2])
    angle = 2 * math.pi * draws[2]
    vx, vy = config.speed * math.cos(angle), config.speed * math.sin(angle)
    colour = int(draws[3] * len(config.colours))
    frames, bounces, changes, positions = [], [], [], []
    for time, draw in enumerate([None, *draws[4:]]):
        bounce = change = False
        if time:
            if (x - radius < 0 and vx < 0) or (x + radius > size - 1 and vx > 0):
                vx, bounce = -vx, True
            elif (y - radius < 0 and vy < 0) or (y + radius > size - 1 and vy > 0):
                vy, bounce = -vy, True
            x, y = x + vx, y + vy
            change = draw < config.colour_change_probability
            if bounce or change:
                colour = (colour + 1) % len(config.colours)
        frame = np.zeros((size, size, 3), dtype=np.uint8)
        centre_x, centre_y = math.floor(x + 0.5), math.floor(y + 0.5)
        for row in range(size):
            for column in range(size):
                if (row - centre_y) ** 2 + (column - centre_x) ** 2 <= radius**2:
                    frame[row, column] = RGB[config.colours[colour]]
        frames.append(frame)
        bounces.append(bounce)
        changes.append(change)
        positions.append((x, y))
    return np.stack(frames), bounces, changes, positions


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        MovingBallConfig(),
        MovingBallConfig(size=33, radius=3, speed=11.5, colour_change_probability=0.3),
        MovingBallConfig(size=20, radius=2, speed=9.0, colours=("red", "white", "green")),
    ],
)
def test_equals_the_scalar_reference(config):
    draws = np.random.default_rng(3).random((4, 4 + 39))
    clips = MovingBall(config).draw(4, 40, Scripted(draws))
    for row in range(4):
        frames, bounces, changes, positions = reference(config, draws[row].tolist())
        np.testing.assert_array_equal(clips.video[row], frames)
        np.testing.assert_array_equal(clips.bounces[row], bounces)
        np.testing.assert_array_equal(clips.random_changes[row], changes)
        np.testing.assert_allclose(clips.positions[row], positions, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(clips.events[row], np.logical_or(bounces, changes))
    assert clips.bounces.any()


def test_a_corner_worked_out_by_hand():
    # size 32, radius 4: the centre is free in [4, 27]. Speed 5 along (3/5, 4/5), so the velocity is
    # (3, 4). From (23.25, 19.25) to (26.25, 23.25) and (29.25, 27.25): both axes are now out and
    # moving outward. x flips: (26.25, 31.25). y is still due and flips one step later: (23.25,
    # 27.25). That is still below the wall, but moving inward: no third flip. (20.25, 23.25).
    draws = [19.25 / 23, 15.25 / 23, math.atan2(4, 3) / (2 * math.pi), 0.0, *[0.5] * 5]
    clips = MovingBall(SMALL).draw(1, 6, Scripted([draws]))
    whole_numbers = [(23, 19), (26, 23), (29, 27), (26, 31), (23, 27), (20, 23)]
    np.testing.assert_allclose(clips.positions[0], np.array(whole_numbers) + 0.25, atol=1e-9)
    assert clips.events[0].tolist() == [False, False, False, True, True, False]
    assert clips.colours[0].tolist() == [0, 0, 0, 1, 2, 2]
    # The disc at (26, 31) is cut off below the frame: its rows -4..0 are left.
    shown = clips.video[0, 3].any(axis=2)
    assert np.flatnonzero(shown.any(axis=1)).tolist() == [27, 28, 29, 30, 31]
    assert np.flatnonzero(shown.any(axis=0)).tolist() == list(range(22, 31))
    assert shown.sum() == 1 + 5 + 7 + 7 + 9
    assert tuple(clips.video[0, 3, 27, 26]) == RGB["magenta"]
    assert clips.video[0, 5].any(axis=2).sum() == 49


def test_the_disc_of_the_paper_has_113_pixels_and_one_colour():
    draws = [0.5, 0.5, 0.0, 0.99]
    frame = MovingBall().draw(1, 1, Scripted([draws])).video[0, 0]
    assert frame.any(axis=2).sum() == 113
    assert {tuple(pixel) for pixel in frame.reshape(-1, 3).tolist()} == {(0, 0, 0), RGB["green"]}
    # The centre of the free path, 31.5, is rounded half up: column and row 32.
    assert np.flatnonzero(frame.any(axis=2).any(axis=0)).tolist() == list(range(26, 39))


def test_events_are_exactly_the_frames_whose_colour_differs_from_the_frame_before():
    config = replace(SMALL, colour_change_probability=0.2)
    clips = MovingBall(config).held_out("test", count=20, clip_length=60)
    colour_shown = clips.video.max(axis=(2, 3)).astype(int)
    differs = (np.diff(colour_shown, axis=1) != 0).any(axis=2)
    np.testing.assert_array_equal(clips.events[:, 1:], differs)
    assert not clips.events[:, 0].any()


def test_a_random_change_on_a_bounce_counts_once():
    ball = MovingBall(replace(SMALL, colour_change_probability=0.5))
    clips = ball.held_out("test", count=50, clip_length=50)
    both = clips.bounces & clips.random_changes
    assert both.sum() > 50
    np.testing.assert_array_equal((np.diff(clips.colours, axis=1) % 6)[both[:, 1:]], 1)


def test_lambda_one_changes_at_every_step_and_lambda_zero_only_at_bounces():
    def clips(probability):
        config = replace(SMALL, colour_change_probability=probability)
        return MovingBall(config).held_out("validation", count=20, clip_length=50)

    always, never = clips(1.0), clips(0.0)
    assert always.events[:, 1:].all() and not always.events[:, 0].any()
    np.testing.assert_array_equal(always.colours, (always.colours[:, :1] + np.arange(50)) % 6)
    assert not never.random_changes.any()
    np.testing.assert_array_equal(never.events, never.bounces)
    # Lambda changes colours, never the motion.
    np.testing.assert_array_equal(always.positions, never.positions)


@pytest.mark.parametrize(
    "config, low, high", [(SMALL, 0.21, 0.245), (MovingBallConfig(), 0.13, 0.15)]
)
def test_the_rate_of_bounces_is_the_published_one(config, low, high):
    clips = MovingBall(config).held_out("test", count=80, clip_length=100)
    assert low < clips.events[:, 1:].mean() < high


@pytest.mark.parametrize(
    "change, found",
    [
        ({"radius": 0}, "radius"),
        ({"size": 12}, "size 12"),
        ({"speed": 0.0}, 0.0),
        ({"speed": float("nan")}, "nan"),
        ({"speed": 52.0}, 52.0),
        ({"colour_change_probability": 1.5}, 1.5),
        ({"colours": ("cyan", "mauve")}, "'mauve'"),
        ({"colours": ("cyan",)}, "('cyan',)"),
        ({"colours": ("cyan", "red", "cyan")}, "('cyan', 'red', 'cyan')"),
    ],
)
def test_an_impossible_world_is_refused_at_birth(change, found):
    with refused(found):
        MovingBallConfig(**change)
