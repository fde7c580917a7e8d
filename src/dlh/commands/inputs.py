"""The video that a command is given."""

from __future__ import annotations

from pathlib import Path

from dlh.data.video.decode import open_video


def describe_resizing(video: Path, frame_shape: tuple[int, int, int]) -> str | None:
    """What is done to the frames of a file so that a model can take them; None where nothing is.

    Raises:
        DataError: the file cannot be read as a video.
    """
    channels, height, width = frame_shape
    clip = open_video(video, height=height, width=width, channels=channels)
    done = []
    if clip.source_size != (width, height):
        done.append("resized from {} x {} to {} x {}".format(*clip.source_size, width, height))
    if channels == 1:
        done.append("read as grey")
    return f"{video}: {', '.join(done)}, as the model was trained" if done else None
