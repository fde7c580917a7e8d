"""A picture that is resized by way of planes has the very bytes that swscale gives directly."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter

from dlh.data.video.resize import Resizer, Target

FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "nv12", "gray", "bgr0")


@pytest.mark.parametrize(
    "size", [(16, 16), (31, 47), (1, 1), (32, 32), (36, 64), (47, 16), (48, 64), (96, 128)]
)
@pytest.mark.parametrize("pixels", FORMATS)
def test_planes_change_no_byte(pixels, size):
    height, width = size
    random = np.random.default_rng(0)
    for picture in (
        random.integers(0, 256, (48, 64, 3), dtype=np.uint8),
        np.full((48, 64, 3), 255, np.uint8),
        np.zeros((48, 64, 3), np.uint8),
    ):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
        direct = VideoReformatter().reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation=Interpolation.AREA | Interpolation.FULL_CHR_H_INT,
            threads=1,
        )
        found = Resizer(Target(height=height, width=width, channels=3))(frame)
        np.testing.assert_array_equal(found, direct.to_ndarray())
