from __future__ import annotations

import pytest
import torch

from dlh.models.vta.pixels import dequantise, grey_level, to_frames

EVERY_BYTE = torch.arange(256, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_8_bit_value_falls_into_the_bin_of_its_5_highest_bits(dtype):
    frames = (EVERY_BYTE / 255).to(dtype)
    assert torch.equal(grey_level(frames), torch.arange(256) // 8)


def test_what_is_within_rounding_of_the_range_is_in_the_range():
    assert grey_level(torch.tensor([-1e-4, 1 + 1e-4])).tolist() == [0, 31]


def test_a_dequantised_frame_fills_its_bin_in_minus_1_to_1():
    frames = EVERY_BYTE / 255
    low = dequantise(frames, torch.zeros(256, dtype=torch.float64))
    assert (low[0], low[-1]) == (-1, 1 - 2 / 32)
    high = dequantise(frames, torch.full((256,), 0.999, dtype=torch.float64))
    torch.testing.assert_close(high - low, torch.full_like(low, 2 * 0.999 / 32))


@pytest.mark.parametrize("way_back", ["grey_levels", "smooth"])
def test_the_way_back_of_the_middle_of_a_bin_is_its_grey(way_back):
    frames = EVERY_BYTE / 255
    middle = dequantise(frames, torch.full((256,), 0.5, dtype=torch.float64))
    grey = grey_level(frames) / 31
    torch.testing.assert_close(to_frames(middle, way_back), grey.double())


def test_one_way_back_has_32_values_and_the_other_no_steps():
    line = torch.linspace(-1, 1, 1001, dtype=torch.float64)
    assert len(to_frames(line, "grey_levels").unique()) == 32
    smooth = to_frames(line, "smooth")
    assert smooth.diff().max() < 0.0011
    assert (smooth[0], smooth[-1]) == (0, 1)
