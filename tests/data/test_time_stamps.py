"""Files whose frame count and header do not tell when a frame is shown: their time stamps do."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from fractions import Fraction

import av
import numpy as np
import pytest

from data.refusals import refused
from dlh.data.store.folder import import_folder
from dlh.data.video.decode import open_video, read_video


def read(path, **options):
    """The mean of every frame, and the open video at its end; nothing is said about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_and_told(path, **options)


def read_and_told(path, **options):
    video = open_video(path, height=8, width=8, channels=1, **options)
    frames = video.read()
    assert len(video.times) == len(frames)
    return frames.reshape(len(frames), -1).mean(axis=1), video


def remuxed(source, path, change, *, options=None):
    """The packets of a file, changed, in another container."""
    with (
        av.open(str(source)) as old,
        av.open(str(path), "w", container_options=options or {}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                change(packet)
                packet.stream = stream
                new.mux(packet)
    return path


def shifted(by):
    def change(packet):
        packet.pts, packet.dts = packet.pts + by, packet.dts + by

    return change


def test_a_variable_rate_keeps_the_time_of_every_frame(tmp_path, videos):
    times = [*range(0, 40, 4), *range(40, 60)]
    path = videos.encode(tmp_path / "a.mp4", videos.texture(len(times)), times=times)
    with pytest.warns(UserWarning, match="the frame rate varies"):
        _, video = read_and_told(path)
    np.testing.assert_allclose(video.times, np.array(times) / 25, atol=1e-6)
    assert video.fps == pytest.approx(12.5, abs=0.25)  # 30 frames in 2.4 seconds
    levels, even = read(path, fps=25)
    assert len(levels) == 60
    np.testing.assert_allclose(even.times, np.arange(60) / 25, atol=1e-6)


def test_the_delays_of_a_gif_are_its_times(tmp_path, videos):
    times = [0, 10, 12, 30, 35]  # hundredths of a second
    path = videos.encode(tmp_path / "a.gif", videos.ramp(5), fps=100, times=times)
    with pytest.warns(UserWarning, match="the frame rate varies"):
        _, video = read_and_told(path)
    np.testing.assert_allclose(video.times, np.array(times) / 100, atol=1e-6)


def test_a_header_that_lies_about_the_rate_is_not_believed(tmp_path, videos):
    # Browsers write that a frame lasts a millisecond.
    stamps = [round(1000 * n / 30) for n in range(45)]
    path = videos.encode(tmp_path / "a.webm", videos.texture(45), fps=1000, times=stamps)
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate > 100
    levels, video = read(path)
    assert (len(levels), video.fps) == (45, 30)
    np.testing.assert_allclose(video.times, np.array(stamps) / 1000)
    retimed, _ = read(path, fps=10)
    np.testing.assert_array_equal(retimed, levels[::3])


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_a_clock_that_does_not_begin_at_zero_is_no_missing_end(tmp_path, videos, suffix):
    path = videos.encode(tmp_path / f"a{suffix}", videos.texture(), times=range(125, 165))
    levels, video = read(path)
    assert len(levels) == 40
    np.testing.assert_allclose(video.times, np.arange(125, 165) / 25)
    _, slower = read(path, fps=5)
    np.testing.assert_allclose(slower.times, 5 + np.arange(8) / 5)


def test_a_picture_that_begins_after_the_sound_keeps_the_times_of_the_file(tmp_path, videos):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=10)
        picture.height, picture.width, picture.pix_fmt = 48, 64, "yuv420p"
        sound = container.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 48000), np.float32), format="fltp", layout="mono"
        )
        silence.rate = 48000
        for second in range(5):
            silence.pts = second * 48000
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
        for number, frame in enumerate(videos.texture(20)):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            image.pts, image.time_base = 30 + number, Fraction(1, 10)
            container.mux(picture.encode(image))
        container.mux(picture.encode(None))
    _, video = read(path)
    np.testing.assert_allclose(video.times, 3 + np.arange(20) / 10)


def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path, videos):
    # As a phone trims, or ffmpeg -ss with -c copy: the frames before the cut stay in the file.
    whole = videos.encode(
        tmp_path / "whole.mp4", videos.texture(), options={"crf": "10", "g": "99"}
    )
    with av.open(str(whole)) as container:
        unit = container.streams.video[0].time_base
    path = remuxed(
        whole,
        tmp_path / "cut.mp4",
        shifted(-round(Fraction(15, 25) / unit)),
        options={"avoid_negative_ts": "disabled"},
    )
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 40
    levels, video = read(path)
    every, _ = read(whole)
    np.testing.assert_array_equal(levels, every[15:])
    np.testing.assert_allclose(video.times, np.arange(25) / 25, atol=1e-3)


def test_stamps_that_are_out_of_order_are_not_believed(tmp_path, videos):
    # AVI has no stamps of display, and H.264 shows frames in another order than it stores them.
    frames = videos.ramp(15)
    options = {"crf": "4", "bf": "3", "g": "99", "x264-params": "b-adapt=0:scenecut=0"}
    path = videos.encode(tmp_path / "a.avi", frames, codec="libx264", options=options)
    with av.open(str(path)) as container:
        stamps = [frame.pts for frame in container.decode(video=0)]
    assert stamps != sorted(stamps)
    levels, video = read(path)
    assert (np.diff(levels) > 8).all() and video.fps == 25
    np.testing.assert_allclose(video.times, np.arange(15) / 25)
    retimed, _ = read(path, fps=25)
    np.testing.assert_array_equal(retimed, levels)
    half, _ = read(path, fps=12.5)
    np.testing.assert_array_equal(half, levels[::2])


def test_dropped_frames_are_neither_missing_nor_skipped_by_the_clock(tmp_path, videos):
    times = [*range(0, 60, 3), *range(60, 80)]
    path = videos.encode(tmp_path / "a.avi", videos.texture(40), fps=30, times=times)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 80
    with pytest.warns(UserWarning, match="the frame rate varies"):
        levels, video = read_and_told(path)
    assert len(levels) == 40 and len(video.notes) == 1  # and nothing of a missing end
    np.testing.assert_allclose(video.times, np.array(times) / 30)
    even, _ = read(path, fps=30)
    assert len(even) == 80


@pytest.mark.parametrize("goes_on", [True, False])
def test_joined_segments_of_a_stream_are_read_to_the_end(tmp_path, videos, goes_on):
    frames, whole = videos.texture(60), b""
    for start in range(0, 60, 20):
        times = range(start, start + 20) if goes_on else None
        part = tmp_path / f"{start}.ts"
        videos.encode(part, frames[start : start + 20], times=times)
        whole += part.read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(whole)
    told = nullcontext() if goes_on else pytest.warns(UserWarning, match="clock goes back")
    with told:
        levels, video = read_and_told(path)
    assert len(levels) == 60 and video.fps == 25
    np.testing.assert_allclose(np.diff(video.times), 1 / 25, atol=1e-6)
    assert len(video.notes) == (0 if goes_on else 1)


def two_videos(path, videos, *, default, small=None, large=None):
    """A small and a large video in one file; returns what each has."""
    small = videos.ramp(10, 32, 32) if small is None else small
    large = videos.ramp(12, 64, 64) if large is None else large
    with av.open(str(path), "w") as container:
        streams = []
        for number, frames in enumerate((small, large)):
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
            stream.disposition = (
                av.stream.Disposition.default if number == default else av.stream.Disposition(0)
            )
            streams.append(stream)
        for stream, frames in zip(streams, (small, large), strict=True):
            for number, frame in enumerate(frames):
                image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                image.pts = number
                container.mux(stream.encode(image))
            container.mux(stream.encode(None))


@pytest.mark.parametrize(
    "suffix, default, size", [(".mp4", 0, 32), (".mp4", 1, 64), (".mkv", 0, 32), (".mkv", None, 64)]
)
def test_of_several_videos_the_default_is_read_else_the_largest(
    tmp_path, videos, suffix, default, size
):
    path = tmp_path / f"a{suffix}"
    two_videos(path, videos, default=default)
    with pytest.warns(UserWarning, match="holds 2 videos"):
        levels, video = read_and_told(path)
    assert (len(levels), video.source_size) == (10 if size == 32 else 12, (size, size))


def test_a_thumbnail_is_not_the_video(tmp_path, videos):
    path = tmp_path / "a.mov"
    two_videos(path, videos, default=0, small=videos.ramp(1, 64, 64), large=videos.ramp(9, 32, 32))
    with pytest.warns(UserWarning, match="holds 2 videos"):
        levels, _ = read_and_told(path)
    assert len(levels) == 9


def test_a_video_without_a_decoder_is_left_out_and_the_others_are_imported(tmp_path, videos):
    folder = tmp_path / "videos"
    folder.mkdir()
    good = videos.encode(folder / "good.mp4", videos.texture(5))
    protected = folder / "protected.mp4"
    protected.write_bytes(good.read_bytes().replace(b"avc1", b"drmi"))
    with refused(protected, "DRM") as caught:
        read_video(protected, height=8, width=8, channels=3)
    assert "\n" not in str(caught.value)
    report = import_folder(folder, tmp_path / "store", height=8, width=8, channels=3)
    assert [video.source for video in report.videos] == ["good.mp4"]
    assert [skipped.source for skipped in report.skipped] == ["protected.mp4"]


def test_frames_that_are_reordered_only_later_keep_their_stamps(tmp_path, videos):
    """In the first hundred packets no frame is, so the file looks as if it had no stamps."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (110, 32, 48, 3), dtype=np.uint8)
    path = videos.encode(
        tmp_path / "late.ts", np.concatenate([noise, videos.ramp(60)]), codec="libx264"
    )
    with av.open(str(path)) as container:
        delays = [p.pts - p.dts for p in container.demux(video=0) if p.pts is not None]
    assert len(set(delays[:96])) == 1 < len(set(delays))
    levels, video = read(path)
    assert len(levels) == 170 and not video.notes
    np.testing.assert_allclose(np.diff(video.times), 1 / 25, atol=1e-3)
    retimed, _ = read(path, fps=5)
    assert len(retimed) == 34
