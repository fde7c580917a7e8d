"""A stream gives the frames that its file gives, as early as that can be."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest

from dlh.data.video import live
from dlh.data.video.decode import open_video
from dlh.data.video.live import LiveVideo
from dlh.data.video.resize import Target

VARYING = np.cumsum(np.random.default_rng(0).choice([1, 2, 5], 60)).tolist()


@pytest.fixture
def piped(tmp_path):
    """Opens a file through a named pipe, which can be read forward only."""

    def opened(path):
        os.mkfifo(pipe := tmp_path / "pipe")

        def fill():
            with contextlib.suppress(BrokenPipeError):  # read as far as is needed
                pipe.write_bytes(path.read_bytes())

        threading.Thread(target=fill, daemon=True).start()
        return LiveVideo(pipe, Target(height=8, width=8, channels=1))

    return opened


@pytest.mark.parametrize("fps", [None, 5, 12.5, 30])
@pytest.mark.parametrize(
    "name, made",
    [
        ("steady.ts", {"fps": 25}),  # with B-frames
        ("ntsc.mkv", {"fps": Fraction(30000, 1001)}),
        ("varying.mkv", {"fps": 25, "times": VARYING}),
        ("paused.ts", {"fps": 25, "times": [*range(30), *range(80, 110)]}),
        ("broken.mkv", {"fps": 25, "times": [*range(100), *range(3000, 3030)]}),
        ("slow.ts", {"fps": 2}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*the frame rate varies", "ignore:.*the clock jumps")
def test_a_stream_gives_the_frames_and_times_of_its_file(tmp_path, videos, piped, name, made, fps):
    length = len(made.get("times", range(60)))
    path = videos.encode(tmp_path / name, videos.texture(length), **made)
    file = open_video(path, height=8, width=8, channels=1, fps=fps)
    pixels = file.read()
    stream = piped(path)
    if fps is not None:
        stream.retime_to(fps)
    frames = list(stream)
    np.testing.assert_array_equal([frame.pixels for frame in frames], pixels)
    seconds = np.array(file.times) - file.times[0]
    np.testing.assert_allclose([frame.seconds for frame in frames], seconds, atol=1e-9)
    assert stream.source_size == file.source_size
    if "times" not in made:
        assert stream.source_fps == file.source_fps
    assert ("the clock jumps" in "".join(stream.notes)) == (name == "broken.mkv" and bool(fps))


@pytest.mark.parametrize("real, header", [(25, 5), (5, 25)])
def test_the_rate_is_that_of_the_stamps_where_the_header_has_another(
    tmp_path, videos, piped, real, header
):
    path = tmp_path / "stream.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=header)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, frame in enumerate(videos.ramp(30)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = number * 1000 // real, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == header
    opened = piped(path)
    assert opened.source_fps == opened.fps == real


def test_a_retimed_frame_waits_for_the_next_one_and_no_longer(tmp_path, videos, piped, monkeypatch):
    """And it says when it arrived itself."""
    path = videos.encode(tmp_path / "a.ts", videos.ramp(60), options={"bf": "0"})
    clock = itertools.count()
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(live, "PACKETS_LOOKED_AT", 1)
    stream = piped(path)
    stream.retime_to(5)
    numbers = [[frame.arrived, next(clock)] for frame in itertools.islice(stream, 11)]
    arrived, now = np.transpose(numbers)
    assert (np.diff(now) == 5 + 1).all()  # packets, and the number that is taken here
    assert (now - arrived == 1 + 1).all()
