"""Reading video files: every container, size, rate and orientation."""

from __future__ import annotations

import os
import warnings

import av
import numpy as np
import pytest

import dlh.data.video.decode as decode_module
from data.refusals import refused
from dlh.data.video.decode import VideoWarning, open_video, read_video
from dlh.data.video.resize import Target


def levels(video):
    """The mean of each frame."""
    return video.reshape(len(video), -1).mean(axis=1)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif"])
def test_every_container_gives_all_frames_in_order(tmp_path, videos, suffix):
    path = videos.encode(
        tmp_path / f"a{suffix}", videos.ramp(), tag="XVID" if suffix == ".avi" else None
    )
    video, fps = read_video(path, height=16, width=24, channels=3)
    assert video.shape == (12, 16, 24, 3) and video.dtype == np.uint8
    assert fps == 25
    tolerance = 20 if suffix == ".gif" else 3  # this gif has 8 levels of red
    np.testing.assert_allclose(levels(video), 16 * np.arange(1, 13), atol=tolerance)
    grey, _ = read_video(path, height=16, width=24, channels=1)
    assert grey.shape == (12, 16, 24, 1)
    np.testing.assert_allclose(levels(grey), levels(video), atol=12 if suffix == ".gif" else 2)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm", ".mkv"])
def test_colours_come_out_as_they_went_in(tmp_path, videos, suffix):
    colours = np.array(
        [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8
    )
    frames = np.broadcast_to(colours.repeat(16, axis=0)[None, None], (3, 32, 80, 3))
    path = videos.encode(tmp_path / f"a{suffix}", frames)
    video, _ = read_video(path, height=16, width=40, channels=3)
    np.testing.assert_allclose(video[1, 8, 4::8], colours, atol=4)
    assert (video[1, 8, 4] == 0).all() and (video[1, 8, 12] == 255).all()
    grey, _ = read_video(path, height=16, width=40, channels=1)
    np.testing.assert_allclose(grey[1, 8, 4::8, 0], [0, 255, 76, 150, 29], atol=3)


def test_shrinking_averages_areas(tmp_path, videos):
    frames = videos.texture(frames=2, height=48, width=64)
    path = videos.encode(tmp_path / "a.mkv", frames)  # without loss
    video, _ = read_video(path, height=16, width=16, channels=3)
    means = frames.reshape(2, 16, 3, 16, 4, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(video, means, atol=1)
    same, _ = read_video(path, height=48, width=64, channels=3)
    np.testing.assert_array_equal(same, frames)


@pytest.mark.parametrize(
    "rotation, turned",
    [
        ((90,), lambda video: np.rot90(video, 1, axes=(1, 2))),
        ((180,), lambda video: np.rot90(video, 2, axes=(1, 2))),
        ((270,), lambda video: np.rot90(video, 3, axes=(1, 2))),
        ((0, True), lambda video: video[:, :, ::-1]),
        ((0,), lambda video: video),
    ],
)
def test_rotated_videos_are_turned_upright(tmp_path, videos, rotation, turned):
    frames = np.zeros((3, 32, 64, 3), np.uint8)
    frames[:, :8, :16] = 255
    frames[:, 16:24, 48:] = 128
    path = videos.encode(tmp_path / "a.mp4", frames, rotation=rotation)
    expected = turned(frames)
    height, width = expected.shape[1:3]
    video, _ = read_video(path, height=height, width=width, channels=3)
    np.testing.assert_allclose(video.astype(int), expected, atol=12)
    info = open_video(path, height=16, width=16, channels=1)
    assert info.source_size == (width, height)


@pytest.mark.parametrize(
    "suffix, height, width", [(".gif", 33, 47), (".mkv", 31, 45), (".webm", 33, 47)]
)
def test_odd_sizes(tmp_path, videos, suffix, height, width):
    path = videos.encode(tmp_path / f"a{suffix}", videos.ramp(height=height, width=width))
    video, _ = read_video(path, height=7, width=5, channels=3)
    assert video.shape == (12, 7, 5, 3)
    info = open_video(path, height=16, width=16, channels=1)
    assert (info.source_size, info.fps) == ((width, height), 25)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm", ".gif"])
@pytest.mark.parametrize(
    "fps, shown",
    [
        (25, range(12)),
        (12.5, range(0, 12, 2)),
        (50, [n // 2 for n in range(24)]),
        (10, [0, 2, 5, 7, 10]),
    ],
)
def test_retiming_repeats_or_leaves_out_frames(tmp_path, videos, suffix, fps, shown):
    path = videos.encode(tmp_path / f"a{suffix}", videos.ramp())
    every, _ = read_video(path, height=8, width=8, channels=3)
    video, rate = read_video(path, height=8, width=8, channels=3, fps=fps)
    assert rate == fps
    np.testing.assert_array_equal(video, every[list(shown)])


def test_a_variable_frame_rate_is_said_and_can_be_retimed(tmp_path, videos):
    # Frames at 0, 1, 2, 6, 7 twenty-fifths of a second: the third is on show for four of them.
    path = videos.encode(tmp_path / "a.mkv", videos.ramp(frames=5), times=[0, 1, 2, 6, 7])
    with pytest.warns(VideoWarning, match=r"the frame rate varies.*0.16 s before frame 3\); give"):
        every, _ = read_video(path, height=8, width=8, channels=1)
    assert len(every) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        even, _ = read_video(path, height=8, width=8, channels=1, fps=25)
    np.testing.assert_array_equal(even, every[[0, 1, 2, 2, 2, 2, 3, 4]])


def test_transparency_is_laid_over_black(tmp_path):
    path = tmp_path / "a.mkv"
    pixels = np.full((8, 8, 4), 200, np.uint8)
    pixels[:, :4, 3] = 0
    pixels[:, 4:, 3] = 128
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 8, 8, "bgra"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgba")))
        container.mux(stream.encode(None))
    video, _ = read_video(path, height=8, width=8, channels=3)
    assert (video[:, :, :4] == 0).all()
    np.testing.assert_allclose(video[:, :, 4:].astype(int), 200 * 128 / 255, atol=1)


def test_sixteen_bits_become_eight(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 8, 8, "gray16le"
        for level in (0, 32768, 65535):
            picture = np.full((8, 8), level, np.uint16)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray16le")))
        container.mux(stream.encode(None))
    video, _ = read_video(path, height=8, width=8, channels=1)
    np.testing.assert_allclose(levels(video), [0, 128, 255], atol=1)


def test_only_the_first_frames_can_be_read(tmp_path, videos):
    path = videos.encode(tmp_path / "a.mp4", videos.ramp())
    every, _ = read_video(path, height=8, width=8, channels=1)
    for count in (1, 5, 12, 100):
        video, _ = read_video(path, height=8, width=8, channels=1, frames=count)
        np.testing.assert_array_equal(video, every[:count])
    with refused("frames = 0"):
        read_video(path, height=8, width=8, channels=1, frames=0)


@pytest.mark.parametrize(
    "name", ["with spaces.mp4", "Vidéo №1 видео.mp4", "http:x.mp4", "-i.mp4", b"\xff\xfe.mp4"]
)
def test_any_name_of_a_file(tmp_path, videos, monkeypatch, name):
    plain = videos.encode(tmp_path / "plain.mp4", videos.ramp(frames=3))
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(name)
    os.rename(plain, name)
    video, _ = read_video(name, height=8, width=8, channels=1)
    assert len(video) == 3


@pytest.mark.parametrize(
    "change, found",
    [
        ({"channels": 4}, "found 4"),
        ({"height": 0}, "height 0"),
        ({"fps": 0}, "found 0"),
        ({"fps": float("nan")}, "nan"),
    ],
)
def test_a_form_that_no_frame_can_have_is_refused(change, found):
    with refused(found):
        Target(**({"height": 8, "width": 8, "channels": 3} | change))


def test_an_open_video_is_read_once_and_piece_by_piece(tmp_path, videos, monkeypatch):
    path = videos.encode(tmp_path / "a.mp4", videos.ramp(), fps=10)
    whole, _ = read_video(path, height=8, width=6, channels=1)
    opened = []
    original = decode_module.VideoFile
    monkeypatch.setattr(
        decode_module, "VideoFile", lambda *a, **o: opened.append(a) or original(*a, **o)
    )
    video = open_video(path, height=8, width=6, channels=1)
    assert (video.source_size, video.fps, video.expected_frames) == ((48, 32), 10, 12)
    assert video.path == path and video.notes == []
    parts = [video.read(5), *video.pieces(3)]
    assert [len(part) for part in parts] == [5, 3, 3, 1] and len(opened) == 1
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert list(video.pieces(3)) == []
    with refused(path):
        video.read(1)
