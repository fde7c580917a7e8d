"""What is done to the frames of a video so that a model can take them."""

from __future__ import annotations

from dlh.data.video.decode import Video


def describe_resizing(video: Video, frame_shape: tuple[int, int, int]) -> str | None:
    """A line for a person; None where the frames are taken as they are.

    Args:
        video: an open one.
        frame_shape: the model's (channel, height, width).
    """
    channels, height, width = frame_shape
    done = []
    if video.source_size != (width, height):
        done.append("resized from {} x {} to {} x {}".format(*video.source_size, width, height))
    if channels == 1:
        done.append("read as grey")
    return f"{video.path}: {', '.join(done)}, as the model was trained" if done else None
