"""What is done to the frames of a video so that a model can take them."""

from __future__ import annotations

from dlh.data.video.decode import Frames


def describe_resizing(frames: Frames, frame_shape: tuple[int, int, int]) -> str | None:
    """A line for a person; None where the frames are taken as they are.

    Args:
        frames: of which the first has been read, so that the size of the file's is known.
        frame_shape: the model's (channel, height, width).
    """
    channels, height, width = frame_shape
    done = []
    if frames.source_size not in (None, (width, height)):
        there = " x ".join(map(str, frames.source_size or ()))
        done.append(f"resized from {there} to {width} x {height}")
    if channels == 1:
        done.append("read as grey")
    return f"{frames.path}: {', '.join(done)}, as the model was trained" if done else None
