"""The sheet and the film of a store's videos, read back pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dlh.reports.figures.canvas import BORDER, LINE
from dlh.reports.figures.contact_sheet import (
    GAP,
    MARGIN,
    ShownVideo,
    VideoFilm,
    draw_contact_sheet,
    shortened,
    spread,
)


def ramp(frames, *, size=16, channels=3, fps=10.0, split="train"):
    """A video whose frame number n is a grey of 3 n."""
    levels = 3 * np.arange(frames, dtype=np.uint8)
    shape = (frames, size, size, channels)
    video = np.broadcast_to(levels[:, None, None, None], shape)
    return ShownVideo(name="a.mp4", split=split, fps=fps, frames=video)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_row_goes_from_the_first_frame_to_the_last(channels):
    videos = [ramp(50, channels=channels), ramp(3, channels=channels, split="test")]
    png = draw_contact_sheet(videos, title="two", columns=5, panel=32)
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    panel = 32 + 2 * BORDER
    rows = [MARGIN + LINE + GAP + row * (2 * LINE + panel + GAP) + LINE for row in (0, 1)]
    middles = [
        [pixels[y + panel // 2, MARGIN + c * (panel + GAP) + panel // 2, 0] for c in range(5)]
        for y in rows
    ]
    assert middles == [[3 * n for n in (0, 12, 24, 37, 49)], [0, 3, 6, 255, 255]]
    assert (pixels[rows[0], MARGIN] != pixels[rows[1], MARGIN]).any()  # the colour of the split


def test_the_film_plays_each_video_at_its_rate_and_again():
    film = VideoFilm(videos=(ramp(30, fps=10.0), ramp(4, fps=5.0)), seconds=2.0, panel=32)
    frames = np.stack(list(film))
    assert film.fps == 10 and frames.shape == film.shape and len(frames) == 20
    y, x = MARGIN + LINE + 20, MARGIN + 20
    assert frames[:, y, x, 0].tolist() == [3 * n for n in range(20)]
    second = frames[:, y, x + 32 + 2 * BORDER + GAP, 0]
    assert second.tolist() == [3 * (n // 2 % 4) for n in range(20)]
    assert VideoFilm(videos=(ramp(7, fps=10.0),)).shape[0] == 7


def test_very_large_frames_make_no_very_large_picture():
    png = draw_contact_sheet([ramp(2, size=1000)], title="large", columns=2)
    assert max(Image.open(io.BytesIO(png)).size) < 700
    assert max(VideoFilm(videos=(ramp(2, size=1000),)).shape[1:]) < 700


def test_evenly_spaced_numbers():
    assert spread(100, 4) == [0, 33, 66, 99] and spread(3, 8) == [0, 1, 2] and spread(9, 1) == [0]


def test_what_is_too_long_is_cut_in_the_middle_and_stays_on_its_line():
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcd...ijk"
    assert shortened("a\nb\x00c", 10) == "a?b?c" and len(shortened("a" * 99, -3)) == 5
