"""What a validation shows: the model's figures, and events only of a model that decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dlh.data.worlds.moving_ball import MovingBall
from dlh.interfaces import Figures
from dlh.models import registry
from dlh.runs.presets import tiny, tiny_flat
from dlh.runs.validation import held_out_validation
from small_models import changing_model

SOURCE = MovingBall(tiny().data.ball)


def shown(model, clips: int = 10) -> dict[str, float]:
    validate = held_out_validation(SOURCE, clips=clips, clip_length=6)
    assert validate is not None
    return dict(validate(model.eval(), 0))


def test_a_model_that_decides_shows_its_levels_and_events() -> None:
    found = shown(changing_model(tiny().model))
    assert list(found) == [
        *("elbo", "kl.L1", "kl.L2", "mean_depth", "change_rate.L2"),
        *("events.precision", "events.recall", "events.f1", "true_change_rate"),
    ]
    assert found["mean_depth"] == pytest.approx(1 + found["change_rate.L2"])
    one = changing_model(replace(tiny().model, num_levels=1))
    assert list(shown(one)) == ["elbo", "kl.L1", "mean_depth"]


def test_a_model_that_decides_nothing_shows_its_bound_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = registry.build(tiny_flat().model)
    assert list(shown(model)) == ["elbo", "kl.L1"]
    assert shown(model) == shown(model)


def test_figures_are_means_over_all_clips_whatever_is_taken_at_once() -> None:
    class Counts(torch.nn.Linear):
        """One figure a clip and one a clip and level: how bright its first frame is."""

        def figures(self, video, *, generator=None) -> Figures:
            brightness = video[:, 0].mean((1, 2, 3))
            levels = torch.stack([brightness, 2 * brightness], 1)
            return Figures(values={"bright": brightness, "both": levels})

    clips = SOURCE.held_out("validation", count=10, clip_length=6)
    expected = clips.video[:, 0].mean() / 255
    found = shown(Counts(1, 1))
    assert found == pytest.approx(
        {"bright": expected, "both.L1": expected, "both.L2": 2 * expected}, rel=1e-5
    )
