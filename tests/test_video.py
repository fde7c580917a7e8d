from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.video import VideoError, check_video, from_stored, to_stored
from refusals import refused


def video(*shape: int) -> torch.Tensor:
    return torch.linspace(0, 1, int(np.prod(shape))).reshape(shape)


def with_value(value: float) -> torch.Tensor:
    frames = video(1, 2, 3, 16, 16).clone()
    frames[0, 1, 2, 3, 4] = value
    return frames


def test_a_video_is_returned_as_it_is():
    frames = video(2, 3, 1, 16, 16)
    assert check_video(frames) is frames
    assert check_video(frames, (1, 16, 16)) is frames


def test_rounding_beyond_the_bounds_is_forgiven():
    check_video(video(1, 1, 1, 16, 16) * (1 + 2e-5) - 1e-5)


@pytest.mark.parametrize(
    "frames, found",
    [
        (video(2, 3, 16, 16), ("batch", "time", "channel", "height", "width", 4)),
        (video(1, 1, 1, 1, 16, 16), (6, (1, 1, 1, 1, 16, 16))),
        (torch.zeros(1, 2, 3, 16, 16, dtype=torch.uint8), ("torch.uint8", "from_stored")),
        (torch.zeros(1, 2, 3, 16, 16, dtype=torch.int64), ([0, 1], "torch.int64")),
        (torch.zeros(1, 0, 3, 16, 16), ((1, 0, 3, 16, 16),)),
        (torch.zeros(0, 2, 3, 16, 16), ((0, 2, 3, 16, 16),)),
        (with_value(float("nan")), (1, 1536)),
        (with_value(float("inf")), (1, 1536)),
        (with_value(-float("inf")), (1, 1536)),
        (video(1, 2, 3, 16, 16) * 255, ([0, 1], 255)),
        (video(1, 2, 3, 16, 16) * 2 - 1, ([0, 1], -1)),
        (with_value(1.01), ([0, 1], 1.01)),
    ],
)
def test_what_is_no_video_is_refused_by_name(frames, found):
    with refused(VideoError, *found):
        check_video(frames)


def test_frames_of_another_shape_are_refused():
    with refused(VideoError, (3, 16, 16), (3, 16, 32)):
        check_video(video(1, 2, 3, 16, 32), (3, 16, 16))


def test_channels_in_the_last_place_are_refused_by_the_frame_shape():
    with refused(VideoError, (3, 16, 16), (16, 16, 3)):
        check_video(video(1, 2, 16, 16, 3), (3, 16, 16))


def test_every_stored_value_survives_the_way_there_and_back():
    stored = np.arange(256, dtype=np.uint8).reshape(1, 4, 8, 8, 1)
    frames = from_stored(stored)
    assert frames.shape == (1, 4, 1, 8, 8)
    assert frames.dtype == torch.float32 and frames.min() == 0 and frames.max() == 1
    assert np.array_equal(to_stored(frames), stored)


def test_stored_frames_without_a_batch_are_one_clip_and_channels_move_to_their_place():
    stored = np.zeros((5, 4, 6, 3), dtype=np.uint8)
    stored[1, 2, 3, 0] = 255
    frames = from_stored(stored, dtype=torch.float64)
    assert frames.shape == (1, 5, 3, 4, 6) and frames.dtype == torch.float64
    assert frames[0, 1, 0, 2, 3] == 1 and frames.sum() == 1
    check_video(frames, (3, 4, 6))


@pytest.mark.parametrize(
    "frames, found",
    [
        (np.zeros((2, 4, 4, 3), dtype=np.float32), ("float32", (2, 4, 4, 3))),
        (np.zeros((4, 4, 3), dtype=np.uint8), ("uint8", (4, 4, 3))),
    ],
)
def test_what_is_not_stored_frames_is_refused(frames, found):
    with refused(VideoError, *found):
        from_stored(frames)


def test_storing_clips_and_rounds_and_leaves_the_frames_as_they_were():
    frames = torch.tensor([-0.2, 0.0, 0.5, 0.999, 1.7]).reshape(5, 1, 1, 1)
    assert to_stored(frames).ravel().tolist() == [0, 0, 128, 255, 255]
    assert frames.flatten()[[0, 4]].tolist() == pytest.approx([-0.2, 1.7])
