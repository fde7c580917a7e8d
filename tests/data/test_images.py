"""Folders of pictures as videos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data.refusals import refused
from dlh.data.video.decode import VideoWarning, open_video, read_video
from dlh.data.video.images import natural_order


def save(path, level, mode="L", size=(6, 4), **options):
    Image.new(mode, size, level).save(path, **options)


def read(path, **options):
    with pytest.warns(VideoWarning, match="25 a second assumed"):
        return read_video(path, height=4, width=6, channels=1, **options)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff", ".PNG"])
def test_pictures_are_in_the_order_of_their_numbers(tmp_path, suffix):
    for number in (10, 9, 1, 100, 2):
        save(tmp_path / f"frame {number}{suffix}", number)
    (tmp_path / "notes.txt").write_text("not a picture")
    save(tmp_path / ".hidden.png", 200)
    video, fps = read(tmp_path)
    np.testing.assert_allclose(video.mean(axis=(1, 2, 3)), [1, 2, 9, 10, 100], atol=1)
    assert fps == 25


def test_a_frame_rate_can_be_given(tmp_path, recwarn):
    for number in range(3):
        save(tmp_path / f"{number}.png", 50)
    video, fps = read_video(tmp_path, height=4, width=6, channels=3, fps=10)
    assert (len(video), fps) == (3, 10)
    assert not recwarn.list


def test_sixteen_bits_transparency_palettes_and_turned_photographs(tmp_path):
    Image.fromarray(np.full((4, 6), 32768, np.uint16)).save(tmp_path / "1.png")
    save(tmp_path / "2.png", (255, 255, 255, 0), mode="RGBA")
    palette = Image.new("P", (6, 4), 1)
    palette.putpalette([0, 0, 0, 200, 200, 200])
    palette.save(tmp_path / "3.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be seen a quarter turn clockwise
    photograph = Image.fromarray(
        np.repeat(np.arange(0, 240, 60, dtype=np.uint8)[:, None], 6, axis=1)
    )
    photograph.save(tmp_path / "4.png", exif=exif)
    video, _ = read_video(tmp_path, height=6, width=4, channels=1, fps=25)
    assert (video[0] == 128).all() and (video[1] == 0).all() and (video[2] == 200).all()
    np.testing.assert_allclose(video[3, :, :, 0], np.tile([180, 120, 60, 0], (6, 1)), atol=1)


def test_the_size_is_that_of_the_first_picture(tmp_path):
    save(tmp_path / "1.png", 10, size=(20, 10))
    save(tmp_path / "2.png", 10, size=(30, 15))
    info = open_video(tmp_path, height=16, width=16, channels=1)
    assert (info.source_size, info.expected_frames, info.fps) == ((20, 10), 2, 25)
    assert read(tmp_path)[0].shape == (2, 4, 6, 1)


def test_a_picture_that_cannot_be_read_ends_the_video(tmp_path):
    for number in range(1, 5):
        save(tmp_path / f"{number}.png", 10)
    (tmp_path / "3.png").write_bytes((tmp_path / "3.png").read_bytes()[:40])
    with pytest.warns(VideoWarning, match="only the first 2 frames: .*3.png is not a picture"):
        video, _ = read_video(tmp_path, height=4, width=6, channels=1, fps=25)
    assert len(video) == 2
    (tmp_path / "1.png").write_text("no picture")
    with refused(tmp_path / "1.png"):
        read_video(tmp_path, height=4, width=6, channels=1)


def test_numbers_in_names_count_as_numbers():
    names = ["b2", "a10", "a9", "a", "10", "9", "a9b"]
    assert sorted(names, key=natural_order) == ["9", "10", "a", "a9", "a9b", "a10", "b2"]
