"""A ball before a texture, seen by a noisy sensor: the same events behind other pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlh.data.clips import DataError
from dlh.data.worlds.moving_ball import RGB, MovingBall, MovingBallConfig
from refusals import refused

PLAIN = MovingBallConfig(size=32, radius=4, speed=5.0, colour_change_probability=0.1)
ROOM = replace(PLAIN, texture=0.5)
PALETTE = np.array([RGB[colour] for colour in PLAIN.colours])


def held_out(config, count=20, clip_length=40):
    return MovingBall(config).held_out("test", count=count, clip_length=clip_length)


def colours_shown(video):
    """The palette's place of the one saturated colour in each frame; -1 where there is none."""
    saturated = (np.abs(video.astype(int) - 127) >= 100).all(-1)
    of_palette = (video[..., None, :] == PALETTE).all(-1) & saturated[..., None]
    pixels = of_palette.sum((2, 3))
    return np.where(pixels.any(-1), pixels.argmax(-1), -1)


def test_a_room_changes_the_pixels_and_nothing_that_happens():
    plain = held_out(PLAIN)
    room = held_out(replace(ROOM, noise=0.02, flicker=0.02))
    for name in ("events", "bounces", "random_changes", "positions", "colours"):
        np.testing.assert_array_equal(getattr(room, name), getattr(plain, name))
    assert (room.video != plain.video).mean() > 0.9


def test_the_ball_is_the_plain_one_and_its_changes_can_be_read_off():
    plain, room = held_out(PLAIN), held_out(ROOM)
    ball = plain.video.any(-1)
    np.testing.assert_array_equal(room.video[ball], plain.video[ball])
    shown = colours_shown(room.video)
    there = ball.any((2, 3))
    np.testing.assert_array_equal(shown[there], plain.colours[there])
    both = there[:, 1:] & there[:, :-1]
    differs = shown[:, 1:] != shown[:, :-1]
    np.testing.assert_array_equal(differs[both], room.events[:, 1:][both])
    assert both.mean() > 0.97 and room.events.any()


def test_every_clip_has_a_texture_of_its_own_that_stands_still():
    plain, room = held_out(PLAIN), held_out(ROOM)
    ball = plain.video.any(-1, keepdims=True)
    background = np.where(ball, 0, room.video).max(1)
    still = np.broadcast_to(background[:, None], room.video.shape)
    np.testing.assert_array_equal(np.where(ball, still, room.video), still)
    assert len(np.unique(background.reshape(len(background), -1), axis=0)) == len(background)
    # Corners are 4 radii apart and uniform in [1/4, 3/4]; in the middle between two is their mean.
    assert background.min() >= 63 and background.max() <= 192
    corners = background[:, ::16, ::16].astype(float)
    error = 255 * 0.5 / np.sqrt(12 * corners.size)
    assert abs(corners.mean() - 127.5) < 4 * error
    assert abs(corners.std() / 255 - 0.5 / np.sqrt(12)) < 0.01
    middle = background[:, 8, ::16]
    assert np.abs(middle - (corners[:, 0] + corners[:, 1]) / 2).max() <= 1
    middle = background[:, ::16, 8]
    assert np.abs(middle - (corners[:, :, 0] + corners[:, :, 1]) / 2).max() <= 1


@pytest.mark.parametrize("contrast", [0.2, 1.0])
def test_contrast_is_the_range_of_the_texture(contrast):
    video = held_out(replace(ROOM, texture=contrast), count=100, clip_length=1).video
    corner = video[:, 0, 0, 0] / 255  # of most clips without the ball
    corner = corner[((corner > 0) & (corner < 1)).all(-1)]
    assert abs(corner.mean() - 0.5) < 4 * contrast / np.sqrt(12 * corner.size)
    assert contrast * 0.9 < np.ptp(corner) <= contrast + 2 / 255


def test_noise_and_flicker_have_the_deviation_that_was_asked_for():
    clean = held_out(ROOM).video.astype(float)
    background = ((clean > 0) & (clean < 255)).all(-1)
    noisy = (held_out(replace(ROOM, noise=0.02)).video - clean)[background]
    assert abs(noisy.mean()) < 4 * 5.1 / np.sqrt(noisy.size) + 0.01
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.02)
    flickering = held_out(replace(ROOM, flicker=0.03)).video - clean
    frames = zip(flickering.reshape(-1, 32, 32, 3), background.reshape(-1, 32, 32), strict=True)
    offsets = np.array([frame[seen][0] for frame, seen in frames])
    np.testing.assert_array_equal(
        flickering[background],
        np.repeat(offsets, background.reshape(len(offsets), -1).sum(1), axis=0),
    )
    assert offsets.std() == pytest.approx(0.03 * 255, rel=0.05)
    over_time = offsets.reshape(20, 40, 3)
    following = np.corrcoef(over_time[:, 1:].ravel(), over_time[:, :-1].ravel())[0, 1]
    of_channels = np.corrcoef(offsets.T)[0, 1]
    assert abs(following) < 4 / np.sqrt(over_time.size) and abs(of_channels) < 4 / np.sqrt(800)


def test_noise_of_frames_pixels_and_clips_is_independent():
    clean = held_out(ROOM).video.astype(float)
    # Of the ball, whose colours are at the ends of the range, half of it is cut off.
    background = np.broadcast_to(((clean > 0) & (clean < 255)).all(-1, keepdims=True), clean.shape)
    noise = held_out(replace(ROOM, noise=0.02)).video - clean
    for axis in range(noise.ndim):
        first, second = (np.delete(noise, place, axis) for place in (0, -1))
        seen = np.delete(background, 0, axis) & np.delete(background, -1, axis)
        one, other = first[seen], second[seen]
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(one.size)


@pytest.mark.parametrize("name", ["texture", "noise", "flicker"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(name, value):
    with refused(DataError, name, value):
        replace(PLAIN, **{name: value})
