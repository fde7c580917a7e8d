"""What the models of frames share."""

from __future__ import annotations

import pytest
import torch

from dlh.models.frame_config import FrameConfig
from dlh.models.frame_model import (
    FrameModel,
    bound_figures,
    bound_objective,
    check_size,
    framewise,
)
from refusals import refused


def test_a_bound_is_its_terms_and_the_loss_weighs_the_divergences_per_frame():
    reconstruction = torch.tensor([[-1.0, -2.0], [-4.0, -5.0]])
    divergences = {"state_kl": torch.ones(2, 2, 3), "event_kl": torch.full((2, 2, 3), 0.5)}
    found = bound_objective(reconstruction, divergences, beta=0.5, schedule={"beta": 0.5})
    assert found.elbo is not None and found.elbo.tolist() == [-3 - 9, -9 - 9]
    assert float(found.loss) == pytest.approx(3.0 + 0.5 * 4.5)
    assert list(found.terms) == ["reconstruction", "state_kl", "event_kl"]
    figures = bound_figures(found)
    assert figures.values["elbo"].tolist() == [-6.0, -9.0]
    assert figures.values["kl"].tolist() == [[1.5] * 3] * 2


@pytest.mark.parametrize("clips, samples", [(1, 4), (2, 3)])
def test_futures_are_decoded_a_few_frames_at_a_time(monkeypatch, clips, samples):
    monkeypatch.setattr("dlh.models.frame_model.FRAMES_PER_DECODING", 5)
    model = FrameModel(FrameConfig(channels=1, height=16, width=16))
    asked: list[int] = []

    def decode(rows: torch.Tensor) -> torch.Tensor:
        asked.append(len(rows))
        return rows[:, :1, None, None].expand(-1, 1, 16, 16)

    rows = torch.arange(clips * samples * 2.0).view(-1, 2, 1)
    frames = model.future_frames(decode, rows, clips)
    assert frames.shape == (clips, samples, 2, 1, 16, 16) and max(asked) == 5
    assert torch.equal(frames[..., 0, 0, 0].flatten(), rows.flatten())


def test_a_network_of_frames_keeps_the_clips_and_their_type():
    rows = torch.arange(12.0).view(2, 3, 2).double()
    found = framewise(lambda frames: frames.sum(1, keepdim=True).half(), rows)
    assert torch.equal(found, rows.sum(2, keepdim=True))


def test_what_does_not_fit_is_refused_with_both_sizes():
    with refused(ValueError, (2, 3), (2, 4)):
        check_size("the noise", (2, 3), torch.zeros(2, 4).shape)
