from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation import PSNR_CAP
from dlh.evaluation.scores.frames import NotComputed, psnr, ssim, ssim_legacy
from refusals import refused

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
BOTH = pytest.mark.parametrize("score", [ssim, ssim_legacy])


def by_scikit_image(prediction: np.ndarray, truth: np.ndarray, score) -> float:
    """Of frames (channel, height, width), as the two conventions call it."""
    if score is ssim:
        how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        return structural_similarity(prediction, truth, data_range=1, channel_axis=0, **how)
    return structural_similarity(prediction, truth, data_range=2, channel_axis=0)


def synthetic_pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    noise = random.random((3, 24, 31))
    ball = MovingBall().held_out("test", count=1, clip_length=9).video[0] / 255
    frames = ball.transpose(0, 3, 1, 2)
    return [
        (noise, random.random((3, 24, 31))),
        (np.clip(noise + 0.05 * random.standard_normal(noise.shape), 0, 1), noise),
        (np.zeros((1, 11, 11)), np.ones((1, 11, 11))),
        (frames[0], frames[8]),
        (np.zeros_like(frames[0]), frames[0]),
    ]


def real_pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    camera = data.camera()[::8, ::8] / 255
    cat = data.astronaut()[::8, ::8].transpose(2, 0, 1) / 255
    return [(camera[None, 1:, 1:], camera[None, :-1, :-1]), (cat[:, :, ::-1].copy(), cat)]


@BOTH
@pytest.mark.parametrize("precision", [torch.float64, torch.float32])
@pytest.mark.parametrize("pairs", [synthetic_pairs(), real_pairs()], ids=["synthetic", "real"])
def test_agrees_with_scikit_image(score, precision: torch.dtype, pairs):
    for prediction, truth in pairs:
        ours = score(*(torch.from_numpy(frame).to(precision) for frame in (prediction, truth)))
        theirs = by_scikit_image(prediction, truth, score)
        assert ours.item() == pytest.approx(theirs, abs=TOLERANCE[precision])


@BOTH
def test_identical_frames_score_one_and_inverted_ones_below_zero(score):
    frame = (torch.rand(2, 3, 1, 16, 16, generator=torch.Generator().manual_seed(0)) > 0.5).double()
    assert torch.allclose(score(frame, frame), torch.ones(2, 3, dtype=torch.float64))
    assert (score(1 - frame, frame) < 0).all()


@BOTH
def test_a_constant_offset_of_flat_frames_is_the_luminance_term_alone(score):
    """Without variance only (2 x y + C1) / (x^2 + y^2 + C1) is left."""
    data_range = 1 if score is ssim else 2
    x, y, c1 = 0.25, 0.75, (0.01 * data_range) ** 2
    flat = torch.ones(1, 13, 12, dtype=torch.float64)
    expected = (2 * x * y + c1) / (x * x + y * y + c1)
    assert score(x * flat, y * flat).item() == pytest.approx(expected, abs=1e-12)


@BOTH
def test_in_chunks_it_is_what_it_is_at_once_and_one_truth_serves_many_samples(score, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(5, 3, 14, 12, generator=generator, dtype=torch.float64)
    samples = torch.rand(4, 5, 3, 14, 12, generator=generator, dtype=torch.float64)
    whole = score(samples, truth)
    assert whole.shape == (4, 5)
    assert whole[2, 3].item() == pytest.approx(score(samples[2, 3], truth[3]).item(), abs=1e-12)
    monkeypatch.setattr("dlh.evaluation.scores.frames._PIXELS_AT_ONCE", 3 * 3 * 14 * 12)
    assert torch.allclose(score(samples, truth), whole, atol=1e-12)


@BOTH
def test_predictions_are_clipped_before_they_are_scored(score):
    truth = torch.ones(1, 12, 12)
    assert score(truth + 5, truth).item() == pytest.approx(1)


@pytest.mark.parametrize("score, smallest", [(ssim, 11), (ssim_legacy, 7)])
def test_a_frame_smaller_than_the_window_has_no_score_and_says_why(score, smallest: int):
    fits = torch.zeros(1, smallest, smallest)
    assert score(fits, fits).item() == 1
    with refused(NotComputed, f"{smallest} x {smallest}", f"{smallest} x {smallest - 1}"):
        score(fits[..., 1:], fits[..., 1:])


def test_bytes_are_refused():
    frame = torch.zeros(1, 16, 16, dtype=torch.uint8)
    with refused(ValueError, "torch.uint8"):
        ssim(frame.float(), frame)


def test_psnr_of_a_constant_offset_of_a_tenth_is_twenty_decibels():
    truth = torch.full((2, 5, 3, 8, 8), 0.5, dtype=torch.float64)
    assert torch.allclose(psnr(truth + 0.1, truth), torch.full((2, 5), 20.0, dtype=torch.float64))


def test_psnr_of_identical_frames_is_the_cap_and_the_smallest_stored_difference_does_not():
    truth = torch.zeros(2, 3, 64, 64)
    prediction = truth.clone()
    prediction[1, 0, 0, 0] = 1 / 255
    identical, nearly = psnr(prediction, truth).tolist()
    assert identical == pytest.approx(PSNR_CAP)
    assert nearly == pytest.approx(89.0, abs=0.1)


def test_psnr_of_an_inverted_frame_of_black_and_white_is_nothing():
    truth = (torch.rand(1, 8, 8) > 0.5).float()
    assert psnr(1 - truth, truth).item() == pytest.approx(0.0)


def test_psnr_clips_predictions_before_they_are_scored():
    truth = torch.ones(1, 4, 4)
    assert psnr(truth + 7, truth).item() == pytest.approx(PSNR_CAP)
    assert psnr(-truth, truth).item() == pytest.approx(0.0)


def test_psnr_agrees_with_an_independent_implementation_frame_by_frame():
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(4, 3, 16, 12, generator=generator, dtype=torch.float64)
    prediction = torch.rand(4, 3, 16, 12, generator=generator, dtype=torch.float64)
    expected = [
        peak_signal_noise_ratio(ours.numpy(), theirs.numpy(), data_range=1)
        for ours, theirs in zip(truth, prediction, strict=True)
    ]
    assert psnr(prediction, truth).tolist() == pytest.approx(expected)


def test_psnr_of_one_truth_is_compared_with_many_samples():
    truth, samples = torch.rand(2, 5, 1, 4, 4), torch.rand(2, 3, 5, 1, 4, 4)
    scores = psnr(samples, truth[:, None])
    assert scores.shape == (2, 3, 5)
    assert scores[1, 2, 4] == psnr(samples[1, 2, 4], truth[1, 4])


def test_psnr_of_different_shapes_are_refused_with_both_shapes():
    with refused(ValueError, (2, 3, 4, 4), (2, 3, 4, 5)):
        psnr(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 5))
