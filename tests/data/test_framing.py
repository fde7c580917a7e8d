"""A part of a frame, and frames that keep their shape."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data.refusals import refused
from dlh.data.store.folder import import_folder, open_data
from dlh.data.store.store import Store
from dlh.data.video.decode import open_video
from dlh.data.video.resize import Target


@pytest.fixture
def wide(tmp_path, videos):
    """A small white animal in a wide grey frame, at x 160 to 176 and y 16 to 24."""
    frames = np.full((3, 40, 240, 3), 60, np.uint8)
    frames[:, 16:24, 160:176] = 255
    return videos.encode(tmp_path / "wide.mkv", frames)


def read(path, **options):
    video = open_video(path, **{"height": 16, "width": 16, "channels": 1} | options)
    return video.read()[1, :, :, 0].astype(int)


def test_a_crop_keeps_the_animal_that_squashing_loses(wide):
    assert read(wide).max() < 255
    cropped = read(wide, crop=(152, 8, 32, 24))
    expected = np.full((16, 16), 60)
    expected[8 * 16 // 24 : 11, 4:12] = 255
    np.testing.assert_allclose(cropped[6:10], expected[6:10], atol=1)
    assert (cropped[:, :3] == 60).all() and (cropped[0] == 60).all()


def test_padding_keeps_the_shape_between_black_bars(wide):
    padded = read(wide, height=48, width=48, fit="pad")
    assert padded.shape == (48, 48)
    assert (padded[:20] == 0).all() and (padded[28:] == 0).all()  # 240 x 40 become 48 x 8
    assert (padded[20:28, :30] == 60).all()
    tall = read(wide, crop=(160, 0, 16, 40), fit="pad", height=40, width=32)
    assert (tall[:, :8] == 0).all() and (tall[:, 24:] == 0).all()
    assert (tall[16:24, 8:24] == 255).all() and (tall[:16, 8:24] == 60).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_part_is_that_of_the_upright_picture(tmp_path, videos, channels):
    frames = np.zeros((3, 32, 64, 3), np.uint8)
    frames[:, :8, :16] = 255  # top left; a quarter turn to the left puts it at the bottom
    path = videos.encode(tmp_path / "a.mp4", frames, rotation=(90,))
    options = {"height": 16, "width": 8, "channels": channels}
    video = open_video(path, **options, crop=(0, 48, 8, 16))
    assert video.source_size == (32, 64)
    assert video.read().min() > 240
    other = open_video(path, **options, crop=(8, 0, 8, 16)).read()
    assert other.max() < 15


def test_pictures_are_cropped_as_films_are(tmp_path):
    for number in range(2):
        pixels = np.zeros((10, 20), np.uint8)
        pixels[2:4, 10:14] = 200
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    assert (read(tmp_path, crop=(10, 2, 4, 2), fps=5) == 200).all()


@pytest.mark.parametrize("crop", [(230, 0, 20, 10), (0, 35, 10, 10)])
def test_a_part_outside_the_frame_is_refused(wide, crop):
    with refused(wide, 240, 40):
        read(wide, crop=crop)


@pytest.mark.parametrize(
    "change, found",
    [
        ({"crop": (0, 0, 0, 5)}, "[0, 0, 0, 5]"),
        ({"crop": (-1, 0, 5, 5)}, "-1"),
        ({"fit": "x"}, "x"),
    ],
)
def test_a_framing_that_cannot_be_is_refused(change, found):
    with refused(found):
        Target(**{"height": 8, "width": 8, "channels": 3} | change)


def test_a_store_has_its_framing_and_takes_no_other(tmp_path, wide):
    out = tmp_path / "store"
    sizes = {"height": 16, "width": 16, "channels": 3}
    import_folder(wide, out, **sizes, crop=(152, 8, 32, 24), fit="pad")
    settings = Store.open(out).index.settings
    assert (settings["crop"], settings["fit"]) == ([152, 8, 32, 24], "pad")
    with refused(out):
        open_data(out, frame_shape=(3, 16, 16), clip_length=2, fit="pad")
