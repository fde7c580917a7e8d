from __future__ import annotations

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from dlh.evaluation import PSNR_CAP
from dlh.evaluation.scores.frames import psnr


def test_a_constant_offset_of_a_tenth_is_twenty_decibels():
    truth = torch.full((2, 5, 3, 8, 8), 0.5, dtype=torch.float64)
    assert torch.allclose(psnr(truth + 0.1, truth), torch.full((2, 5), 20.0, dtype=torch.float64))


def test_identical_frames_score_the_cap_and_the_smallest_stored_difference_does_not():
    truth = torch.zeros(2, 3, 64, 64)
    prediction = truth.clone()
    prediction[1, 0, 0, 0] = 1 / 255
    identical, nearly = psnr(prediction, truth).tolist()
    assert identical == pytest.approx(PSNR_CAP)
    assert nearly == pytest.approx(89.0, abs=0.1)


def test_an_inverted_frame_of_black_and_white_scores_nothing():
    truth = (torch.rand(1, 8, 8) > 0.5).float()
    assert psnr(1 - truth, truth).item() == pytest.approx(0.0)


def test_predictions_are_clipped_before_they_are_scored():
    truth = torch.ones(1, 4, 4)
    assert psnr(truth + 7, truth).item() == pytest.approx(PSNR_CAP)
    assert psnr(-truth, truth).item() == pytest.approx(0.0)


def test_agrees_with_an_independent_implementation_frame_by_frame():
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(4, 3, 16, 12, generator=generator, dtype=torch.float64)
    prediction = torch.rand(4, 3, 16, 12, generator=generator, dtype=torch.float64)
    expected = [
        peak_signal_noise_ratio(ours.numpy(), theirs.numpy(), data_range=1)
        for ours, theirs in zip(truth, prediction, strict=True)
    ]
    assert psnr(prediction, truth).tolist() == pytest.approx(expected)


def test_one_truth_is_compared_with_many_samples():
    truth, samples = torch.rand(2, 5, 1, 4, 4), torch.rand(2, 3, 5, 1, 4, 4)
    scores = psnr(samples, truth[:, None])
    assert scores.shape == (2, 3, 5)
    assert scores[1, 2, 4] == psnr(samples[1, 2, 4], truth[1, 4])


def test_frames_of_different_shapes_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\) and truth \(2, 3, 4, 5\)"):
        psnr(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 5))
