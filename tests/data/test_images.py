"""Folders of pictures as videos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data.refusals import refused
from dlh.data.store.discover import find_sources
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


def test_float_pictures_are_scaled_as_float_arrays_are(tmp_path):
    for number, level in enumerate((0, 0.2, 1)):
        Image.fromarray(np.full((4, 6), level, np.float32)).save(tmp_path / f"{number}.tif")
    video, _ = read(tmp_path)
    np.testing.assert_array_equal(video[:, 0, 0, 0], [0, 51, 255])


@pytest.mark.parametrize(
    "values, found",
    [
        (np.full((4, 6), 300, np.float32), "300"),
        (np.full((4, 6), np.nan, np.float32), "NaN"),
        (np.full((4, 6), 70000, np.int32), "70000"),
    ],
)
def test_pictures_of_an_unknown_range_are_refused(tmp_path, values, found):
    for number in range(2):
        Image.fromarray(values).save(tmp_path / f"{number}.tif")
    with refused(tmp_path / "0.tif", found):
        read_video(tmp_path, height=4, width=6, channels=1)


def save_pages(path, levels, **options):
    pages = [Image.new("RGB", (6, 4), (level,) * 3) for level in levels]
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)


def test_a_stack_is_a_video_of_all_its_pages(tmp_path):
    save_pages(tmp_path / "a.tif", [10, 20, 30])
    video, fps = read(tmp_path / "a.tif")
    assert (video[:, 0, 0, 0].tolist(), fps) == ([10, 20, 30], 25)
    save_pages(tmp_path / "b.tiff", [40, 50])
    for number in (1, 2):
        save(tmp_path / f"{number}.tif", 100)
    found = {source.name: source.files for source in find_sources(tmp_path).sources}
    assert list(found) == ["a.tif", "b.tiff", tmp_path.name]
    assert [file.name for file in found[tmp_path.name]] == ["1.tif", "2.tif"]


def test_an_animation_is_shown_by_its_delays(tmp_path):
    path, options = tmp_path / "a.webp", {"height": 4, "width": 6, "channels": 1}
    save_pages(path, [10, 60, 110], duration=[100, 300, 200], lossless=True)
    video = open_video(path, **options)
    with pytest.warns(VideoWarning, match="the frame rate varies"):
        levels = video.read()[:, 0, 0, 0]
    assert levels.tolist() == [10, 60, 110] and video.fps == pytest.approx(5)
    np.testing.assert_allclose(video.times, [0, 0.1, 0.4])
    even = open_video(path, **options, fps=10)
    assert even.read()[:, 0, 0, 0].tolist() == [10, 60, 60, 60, 110, 110]
    np.testing.assert_allclose(even.times, np.arange(6) / 10)
