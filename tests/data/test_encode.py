"""Videos for people to watch."""

from __future__ import annotations

import av
import numpy as np
import pytest

from data.refusals import refused
from data.small_store import limited, output
from dlh.data.video.decode import open_video, read_video
from dlh.data.video.encode import write_video


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_can_be_read(tmp_path, videos, channels):
    frames = np.ascontiguousarray(videos.ramp()[..., :channels])
    write_video(tmp_path / "a.mp4", frames, 10)
    video, fps = read_video(tmp_path / "a.mp4", height=32, width=48, channels=channels)
    np.testing.assert_allclose(video.astype(int), frames, atol=4)
    assert fps == 10
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_every_pixel_becomes_a_square(tmp_path):
    frames = np.zeros((3, 5, 4, 3), np.uint8)
    frames[:, 2, 1] = 255
    write_video(tmp_path / "a.mp4", frames, 25, scale=8)
    info = open_video(tmp_path / "a.mp4", height=16, width=16, channels=1)
    assert info.source_size == (32, 40)
    video, _ = read_video(tmp_path / "a.mp4", height=40, width=32, channels=1)
    np.testing.assert_allclose(
        video[1, :, :, 0].astype(int), frames[1, :, :, 0].repeat(8, 0).repeat(8, 1), atol=30
    )


@pytest.mark.parametrize("height", [64, 720])
def test_a_film_says_which_colours_it_holds(tmp_path, height):
    # A player takes an untagged one for BT.601 or for BT.709, by its height.
    colours = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
    frames = np.broadcast_to(colours.repeat(16, 0), (2, height, 48, 3))
    write_video(tmp_path / "a.mp4", np.ascontiguousarray(frames), 10)
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        bt709, studio = 1, 1  # ITU-T H.273; FFmpeg's AVCOL_RANGE_MPEG
        assert (context.colorspace, context.color_primaries, context.color_trc) == (bt709,) * 3
        assert context.color_range == studio
        luma = next(container.decode(video=0)).to_ndarray()[height // 2, 8:48:16]
    np.testing.assert_allclose(luma, 16 + 219 * np.array([0.2126, 0.7152, 0.0722]), atol=2)
    video, _ = read_video(tmp_path / "a.mp4", height=height, width=48, channels=3)
    np.testing.assert_allclose(video[:, :, 8::16].astype(int), frames[:, :, 8::16], atol=3)


def test_odd_sizes_get_a_black_edge(tmp_path):
    write_video(tmp_path / "a.mp4", np.full((3, 7, 9, 1), 255, np.uint8), 25)
    video, _ = read_video(tmp_path / "a.mp4", height=8, width=10, channels=1)
    assert video[1, :6, :8].min() > 200
    assert video[1, 7].max() < 60 and video[1, :, 9].max() < 60


@pytest.mark.parametrize(
    "change, found",
    [
        ({"frames": np.zeros((3, 8, 8, 3))}, "float64"),
        ({"frames": np.zeros((3, 8, 8), np.uint8)}, "uint8 (3, 8, 8)"),
        ({"frames": np.zeros((0, 8, 8, 3), np.uint8)}, "(0, 8, 8, 3)"),
        ({"fps": 0.0}, "0.0"),
        ({"scale": 0}, "scale"),
        ({"path": "a.avi"}, "a.avi"),
        ({"path": "nowhere/a.mp4"}, "nowhere/a.mp4"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch, change, found):
    monkeypatch.chdir(tmp_path)
    arguments = {"path": "a.mp4", "frames": np.zeros((3, 8, 8, 3), np.uint8), "fps": 25.0} | change
    with refused(found):
        write_video(**arguments)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, videos):
    write_video(tmp_path / "a.mp4", videos.ramp(), 25)
    before = (tmp_path / "a.mp4").read_bytes()
    code = """
import numpy as np
from dlh.data.video.encode import write_video
frames = np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), dtype=np.uint8)
try:
    write_video(sys.argv[1], frames, 25)
except DataError as error:
    print(error)
"""
    out = output(limited(20_000) + code, tmp_path / "a.mp4")
    assert "a.mp4" in out and "File too large" in out
    assert (tmp_path / "a.mp4").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
