"""The one tensor convention for video, its check, and the way to and from stored bytes.

A *video* is float in [0, 1] with shape (batch, time, channel, height, width). A *stored* video is
uint8 with shape (..., time, height, width, channel). Every module of this project speaks one of the
two.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dlh.errors import DlhError

AXES = ("batch", "time", "channel", "height", "width")


class VideoError(DlhError, ValueError):
    """A video that does not follow the convention, or that a model cannot take."""

    code = "video"


def check_video(video: Tensor, frame_shape: tuple[int, int, int] | None = None) -> Tensor:
    """Return ``video`` if it follows the convention; otherwise raise, saying what it is.

    Args:
        video: float, (batch, time, channel, height, width), in [0, 1].
        frame_shape: the (channel, height, width) that the frames must have; None accepts any.
    """
    check_shape(video, frame_shape)
    low, high = (float(bound) for bound in torch.aminmax(video.detach()))
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int((~torch.isfinite(video)).sum())
        raise VideoError(
            f"a video is finite, found {bad} values that are NaN or infinite of {video.numel()}"
        )
    if low < -1e-4 or high > 1 + 1e-4:
        hint = "; divide by 255" if high > 2 else ""
        raise VideoError(f"a video lies in [0, 1], found values from {low:g} to {high:g}{hint}")
    return video


def check_shape(
    video: Tensor,
    frame_shape: tuple[int, int, int] | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The part of :func:`check_video` that reads no value, so that no device has to be waited for.

    Args:
        video: (batch, time, channel, height, width).
        frame_shape: the (channel, height, width) that the frames must have; None accepts any.
        dtype: the floating-point type that it must have; None accepts any.
    """
    if video.ndim != len(AXES):
        raise VideoError(
            f"a video has axes {AXES}, found {video.ndim} axes of shape {tuple(video.shape)}"
        )
    if not video.is_floating_point():
        raise VideoError(
            f"a video is float in [0, 1], found {video.dtype}; dlh.video.from_stored turns uint8 "
            "frames into one"
        )
    if 0 in video.shape:
        raise VideoError(
            f"a video holds at least one frame of one clip, found shape {tuple(video.shape)}"
        )
    if frame_shape is not None and tuple(video.shape[2:]) != tuple(frame_shape):
        raise VideoError(
            f"this model takes frames of (channel, height, width) = {tuple(frame_shape)}, found "
            f"{tuple(video.shape[2:])}; resize the video or train a model of that size"
        )
    if dtype is not None and video.dtype != dtype:
        raise VideoError(
            f"this model computes in {dtype}, found a video of {video.dtype}; use video.to({dtype})"
        )
    return video


def from_stored(
    frames: np.ndarray,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    channels_last: bool = False,
) -> Tensor:
    """uint8 ([batch,] time, height, width, channel) to a video; bytes travel, then scale.

    With ``channels_last`` the numbers stay in memory in the order in which they are stored, which
    convolutions of the same layout (``torch.channels_last``) take as it is.
    """
    if frames.dtype != np.uint8 or frames.ndim not in (4, 5):
        raise VideoError(
            "stored frames are uint8 of shape ([batch,] time, height, width, channel), found "
            f"{frames.dtype} of shape {frames.shape}"
        )
    if frames.ndim == 4:
        frames = frames[None]
    stored = torch.from_numpy(np.ascontiguousarray(frames))
    # From page-locked memory a GPU fetches them while the next lines are computed.
    bytes_on_device = stored.to(device, non_blocking=torch.device(device).type == "cuda")
    video = bytes_on_device.permute(0, 1, 4, 2, 3).to(dtype).div_(255)
    return video if channels_last else video.contiguous()


def to_stored(video: Tensor) -> np.ndarray:
    """Frames (..., channel, height, width), clipped and rounded, to uint8 (..., channel)."""
    scaled = video.detach().clamp(0, 1).mul(255).round().to(torch.uint8)
    return scaled.movedim(-3, -1).cpu().numpy()


def channels_last(video: Tensor) -> np.ndarray:
    """Frames (..., channel, height, width) as floats (..., height, width, channel) on the CPU."""
    return video.detach().movedim(-3, -1).cpu().numpy()
