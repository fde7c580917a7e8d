"""The video that a command is given."""

from __future__ import annotations

from pathlib import Path

from dlh.data.video.decode import probe


def describe_resizing(video: Path, frame_shape: tuple[int, int, int]) -> str | None:
    """What is done to the frames of a file so that a model can take them; None where nothing is.

    Raises:
        DataError: the file cannot be read as a video.
    """
    info, (channels, height, width) = probe(video), frame_shape
    done = []
    if (info.width, info.height) != (width, height):
        done.append(f"resized from {info.width} x {info.height} to {width} x {height}")
    if channels == 1:
        done.append("read as grey")
    return f"{video}: {', '.join(done)}, as the model was trained" if done else None
