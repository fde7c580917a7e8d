"""Real video files for the tests of the data room, made with PyAV."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest

# suffix: (codec, pixel format, options); the options make small files that are close to the
# original
CODECS = {
    ".mp4": ("libx264", "yuv420p", {"crf": "4", "preset": "ultrafast"}),
    ".mov": ("libx264", "yuv420p", {"crf": "4", "preset": "ultrafast"}),
    ".mkv": ("ffv1", "bgr0", {}),
    ".avi": ("mpeg4", "yuv420p", {"qmin": "1", "qmax": "2"}),
    ".webm": ("libvpx-vp9", "yuv420p", {"crf": "4", "b:v": "0", "cpu-used": "8"}),
    ".gif": ("gif", "rgb8", {}),
    ".ts": ("libx264", "yuv420p", {"crf": "4"}),
}


def ramp(frames=12, height=32, width=48):
    """Frames of one grey each, brighter from frame to frame by 16: which frame it is can be read
    off it.
    """
    levels = 16 * np.arange(1, frames + 1)
    return np.broadcast_to(levels[:, None, None, None] % 256, (frames, height, width, 3)).astype(
        np.uint8
    )


def texture(frames=40, height=48, width=64, seed=0):
    """Noise that moves: enough bytes a frame that a damage in the middle of the file hits one."""
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (height + frames, width, 3), dtype=np.uint8)
    return np.stack([base[number : number + height] for number in range(frames)])


def encode(
    path,
    frames,
    *,
    fps=25,
    times=None,
    rotation=None,
    codec=None,
    pixels=None,
    options=None,
    tag=None,
):
    """Writes uint8 (time, height, width, 3) with the codec of the suffix; ``times`` in units of 1 /
    fps.
    """
    default = CODECS[path.suffix]
    codec, pixels = codec or default[0], pixels or default[1]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=Fraction(fps), options=default[2] if options is None else options
        )
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixels
        stream.codec_context.time_base = 1 / Fraction(fps)
        if tag:
            stream.codec_context.codec_tag = tag
        if rotation is not None:
            stream.set_display_rotation(*rotation)
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts = number if times is None else times[number]
            picture.time_base = 1 / Fraction(fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def encode_audio(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        sound.rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def videos():
    """The functions above, for tests that write their own files."""
    return SimpleNamespace(ramp=ramp, texture=texture, encode=encode, encode_audio=encode_audio)


@pytest.fixture
def folder(tmp_path, videos):
    """Five good videos of 20 to 60 frames in a folder of their own."""
    path = tmp_path / "my videos"
    path.mkdir()
    for number, suffix in enumerate((".mp4", ".avi", ".gif", ".mkv", ".mov")):
        encode(
            path / f"clip {number}{suffix}",
            texture(frames=20 + 10 * number, height=16, width=24, seed=number),
        )
    return path
