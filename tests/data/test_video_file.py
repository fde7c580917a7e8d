"""Every way in which a video file can be broken."""

from __future__ import annotations

import os

import av
import numpy as np
import pytest

from data.refusals import refused
from dlh.data.video.decode import VideoWarning, read_video


def cut(data):
    return data[: len(data) * 6 // 10]


def zeroed(data):
    middle, tenth = len(data) // 2, len(data) // 10
    return data[:middle] + bytes(tenth) + data[middle + tenth :]


@pytest.mark.parametrize(
    "suffix, damage, note",
    [
        (".avi", cut, r"damaged at frame \d+: only the frames before it are used"),
        (".webm", cut, r"the end is missing: found \d+ of about 40 frames"),
        (".mp4", zeroed, r"damaged at frame \d+: only the frames before it are used"),
        (".mov", zeroed, r"damaged at frame \d+"),
        (".avi", zeroed, r"damaged at frame \d+"),
    ],
)
def test_the_frames_before_a_damage_are_kept_and_the_damage_is_said(
    tmp_path, videos, suffix, damage, note
):
    # Every frame stands for itself, so that what comes before the damage is sure to be intact.
    options = (
        {"g": "1", "crf": "20", "b:v": "0", "cpu-used": "8"} if suffix == ".webm" else {"g": "1"}
    )
    path = videos.encode(tmp_path / f"a{suffix}", videos.texture(), options=options)
    intact, _ = read_video(path, height=16, width=16, channels=3)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(VideoWarning, match=note):
        video, _ = read_video(path, height=16, width=16, channels=3)
    assert 5 <= len(video) <= 30
    np.testing.assert_array_equal(video, intact[: len(video)])


def test_a_hole_in_the_middle_is_said(tmp_path, videos):
    options = {"g": "1", "crf": "20", "b:v": "0", "cpu-used": "8"}
    path = videos.encode(tmp_path / "a.webm", videos.texture(), options=options)
    intact, _ = read_video(path, height=16, width=16, channels=3)
    path.write_bytes(zeroed(path.read_bytes()))
    with pytest.warns(
        VideoWarning, match=r"frames are missing \(longest gap: .* before frame \d+"
    ) as caught:
        video, _ = read_video(path, height=16, width=16, channels=3)
    hole = int(str(caught[0].message).split("before frame ")[1].split(")")[0])
    np.testing.assert_array_equal(video[: hole - 1], intact[: hole - 1])
    assert 5 <= hole < len(video) < 40


def broken_files(tmp_path, videos):
    good = videos.encode(tmp_path / "good.mp4", videos.texture())
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.mp4").write_text("bring milk\n" * 100)
    (tmp_path / "script.mp4").write_text("ffconcat version 1.0\nfile good.mp4\n")
    (tmp_path / "notes.txt").write_text("bring milk\n" * 100)
    (tmp_path / "cut.mp4").write_bytes(cut(good.read_bytes()))
    videos.encode_audio(tmp_path / "sound.mp4")
    path = videos.encode(tmp_path / "wrecked.avi", videos.texture())
    data = bytearray(path.read_bytes())
    start = data.index(b"movi")
    data[start + 20 :] = np.random.default_rng(0).bytes(len(data) - start - 20)
    path.write_bytes(data)
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder").mkdir()


@pytest.mark.parametrize(
    "name, found",
    [
        ("nowhere.mp4", "No such file"),
        ("empty.mp4", "0 bytes"),
        ("notes.mp4", ".3gp, .avi"),
        ("notes.txt", ".3gp, .avi"),  # FFmpeg by itself draws text as a video
        ("script.mp4", ".3gp, .avi"),  # and follows such a script to other files
        ("cut.mp4", "index"),
        ("sound.mp4", "audio"),
        ("wrecked.avi", "not a single frame"),
        ("pipe.mp4", "is not a file"),
        ("folder", ".png"),
    ],
)
def test_a_file_that_is_no_video_is_one_clear_error(tmp_path, videos, name, found):
    broken_files(tmp_path, videos)
    with refused(tmp_path / name, found) as caught:
        read_video(tmp_path / name, height=16, width=16, channels=3)
    assert "\n" not in str(caught.value)


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=44100)
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        silence.rate = 44100
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with refused(path):
        read_video(path, height=8, width=8, channels=3)


def test_pixels_that_cannot_be_converted_are_one_clear_error(tmp_path, videos, monkeypatch):
    def refuses(*_):
        raise av.error.ArgumentError(22, "Invalid argument")

    path = videos.encode(tmp_path / "a.mkv", videos.ramp())
    monkeypatch.setattr("dlh.data.video.resize.Resizer.scale", refuses)
    with refused(path, "bgr0"):
        read_video(path, height=8, width=8, channels=3)
