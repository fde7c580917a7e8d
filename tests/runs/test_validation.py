"""What a validation shows: the model's figures, and events only of a model that decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dlh.data.worlds.moving_ball import MovingBall
from dlh.data.worlds.two_clocks import TwoClocks, TwoClocksConfig
from dlh.interfaces import Figures
from dlh.models import registry
from dlh.runs.presets import tiny, tiny_flat
from dlh.runs.validation import held_out_validation, score
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


def test_each_level_is_held_against_its_own_truth_where_there_is_one() -> None:
    world = TwoClocks(TwoClocksConfig(ball=tiny().data.ball, period=(2, 2)))
    clips = world.held_out("validation", count=10, clip_length=20)

    class Knows(torch.nn.Linear):
        """Level 2 sees every change, level 3 only every other one of the room's, level 4 none."""

        def figures(self, video, *, generator=None) -> Figures:
            rows = slice(self.seen, self.seen + len(video))
            self.seen += len(video)
            changed = torch.zeros(*video.shape[:2], 4, dtype=torch.bool)
            changed[..., 0] = True
            changed[..., 1] = torch.from_numpy(clips.events[rows])
            room = torch.from_numpy(clips.room_changes[rows])
            changed[..., 2] = room & (room.cumsum(1) % 2 == 0)
            return Figures(values={}, changed=changed)

    model = Knows(1, 1)
    model.seen = 0
    found = score(model, clips)
    assert (found["events.precision"], found["events.recall"]) == (1, 1)
    assert found["events.precision.L3"] == 1
    room = clips.room_changes
    half = (room & (room.cumsum(1) % 2 == 0)).sum() / room.sum()
    assert found["events.recall.L3"] == pytest.approx(half) and 0.2 < half < 0.6
    assert found["true_change_rate.L3"] == pytest.approx(room[:, 1:].mean())
    assert found["true_change_rate"] == pytest.approx(clips.events[:, 1:].mean())
    # A fourth level has nothing to find, and claims nothing.
    assert found["true_change_rate.L4"] == 0 and found["events.f1.L4"] == 1


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
