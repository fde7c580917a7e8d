"""A finished demo of the tiny preset, and a video for it: made once for all tests of a process."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from dlh.analysis import measure
from dlh.commands.demo import demo
from dlh.commands.options import DemoOptions
from dlh.data.video.encode import write_video
from dlh.data.video.video_file import VideoFile
from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation import floors
from dlh.reports.figures import canvas
from dlh.runs.presets import tiny

# Enough to go through every line of the measurement, not to mean anything.
LITTLE = {
    "CLIPS": 6,
    "CONTEXT_STEPS": 8,
    "HORIZON": 12,
    "SAMPLES": 3,
    "WINDOW": 6,
    "TRACED_STEPS": 20,
}
CLIP_FRAMES = 40


def measure_little(patch: pytest.MonkeyPatch) -> None:
    """Make the measurement after a training short."""
    for name, value in LITTLE.items():
        patch.setattr(measure, name, value)
    patch.setattr(floors, "MEAN_FRAME_CLIPS", 8)


def draw_small(patch: pytest.MonkeyPatch) -> None:
    """Make pictures small. Not for a whole session: tests of pictures look at pixels."""
    patch.setattr(canvas, "DOTS_PER_INCH", 40)


MADE: dict[str, Path] = {}  # a factory of paths cannot be the key of a cache


def finished_demo(factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished demo; who wants to change it copies it."""
    if "demo" in MADE:
        return MADE["demo"]
    folder = MADE["demo"] = factory.mktemp("tiny") / "demo"
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()):
        measure_little(patch)
        draw_small(patch)
        demo(DemoOptions(run=folder, preset="tiny"), say=lambda line: None)
    return folder


def ball_frames(frames: int = CLIP_FRAMES, *, clip: int = 0) -> np.ndarray:
    """Stored frames of the tiny preset's world."""
    ball = MovingBall(tiny().data.ball)
    return ball.draw(clip + 1, frames, np.random.default_rng(5)).video[clip]


def ball_clip(factory: pytest.TempPathFactory) -> Path:
    """A video file of the ball, of the size of the tiny model."""
    if "clip" in MADE:
        return MADE["clip"]
    path = MADE["clip"] = factory.mktemp("clip") / "clip.mp4"
    write_video(path, ball_frames(), fps=10)
    return path


def write_damaged_video(path: Path) -> None:
    """60 frames of noise, of which some in the middle cannot be decoded any more."""
    random = np.random.default_rng(0)
    write_video(path, random.integers(0, 256, (60, 64, 64, 3), dtype=np.uint8), fps=10)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 2
    content[start : start + 4000] = bytes(4000)
    path.write_bytes(content)


@contextlib.contextmanager
def interrupted_at(step: int, source: type = MovingBall) -> Generator[None]:
    """Ctrl-C while the clips of a training step are made."""
    batch = source.batch

    def interrupted(self, number, **options):
        if number == step:
            signal.raise_signal(signal.SIGINT)
        return batch(self, number, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "batch", interrupted)
        yield


def count_decodings(patch: pytest.MonkeyPatch) -> list[int]:
    """For every time that a video file is opened from now on, the frames decoded of it."""
    counts: list[int] = []
    decoded = VideoFile._decoded

    def counted(self):
        counts.append(0)
        for frame in decoded(self):
            counts[-1] += 1
            yield frame

    patch.setattr(VideoFile, "_decoded", counted)
    return counts
