from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from dlh import DLH
from dlh.analysis.measure import (
    colour_recalls,
    held_out_clips,
    measure,
    observe_clips,
    overlooked,
)
from dlh.data.clips import Clips
from dlh.data.worlds.moving_ball import MovingBall
from dlh.runs.presets import tiny
from dlh.runs.validation import held_out_validation, score
from tiny_run import CLIP_FRAMES, LITTLE

BALL = tiny().data.ball


class Videos:
    """A source that has held-out clips of some splits, up to some length, and knows no events."""

    name, frame_shape = "videos", (3, 16, 16)

    def __init__(self, **longest: int) -> None:
        self.longest = longest

    def batch(self, step, *, batch_size, clip_length, seed, rank=0, world_size=1) -> Clips:
        clips = MovingBall(BALL).batch(
            step, batch_size=batch_size, clip_length=clip_length, seed=seed
        )
        return Clips(video=clips.video)

    def held_out(self, split, *, count, clip_length) -> Clips | None:
        if self.longest.get(split, 0) < clip_length:
            return None
        return self.batch(0, batch_size=count, clip_length=clip_length, seed=99)


@pytest.fixture(scope="module")
def model(finished):
    return DLH.from_pretrained(finished).model


@pytest.mark.parametrize(
    "longest, split, length",
    [
        ({"test": 20, "validation": 30}, "test", 20),
        ({"test": 10, "validation": 20}, "validation", 20),
        ({"test": 10, "validation": 10}, "test", 10),
        ({"test": 9, "validation": 10}, "validation", 10),
        ({"validation": 9}, None, None),
    ],
)
def test_long_clips_come_first_then_test_clips(longest, split, length):
    found = held_out_clips(Videos(**longest), clip_length=10)
    if split is None:
        assert found is None
    else:
        assert (found[0], found[1].video.shape[1]) == (split, length)


def test_without_held_out_clips_nothing_is_measured(model):
    assert measure(model, Videos(), clip_length=10, batch_size=4) is None
    assert held_out_validation(Videos(test=50), clips=4, clip_length=10) is None
    assert held_out_validation(Videos(validation=50), clips=0, clip_length=10) is None


def test_the_same_model_measures_the_same(model):
    one, other = (measure(model, MovingBall(BALL), clip_length=10, batch_size=4) for _ in range(2))
    assert np.array_equal(one.model.curves, other.model.curves)
    assert (one.events, one.rates, one.mean_depth) == (other.events, other.rates, other.mean_depth)
    assert one.samples == LITTLE["SAMPLES"] and one.traced_steps == 20
    assert one.context_steps == 8 and one.model.curves.shape == (6, 3, 12)
    assert one.mean_depth == pytest.approx(sum(one.rates))
    assert set(one.floors) == {"black frame", "mean frame", "last frame"}
    clips = one.clips.video[:, 8:] / 255
    squared = (clips**2).mean((-3, -2, -1))
    black = (-10 * np.log10(squared)).mean(0)
    np.testing.assert_allclose(one.floors["black frame"].best_curve, black, atol=1e-3)


def test_clips_without_known_events_are_measured_without(model):
    found = measure(model, Videos(test=10), clip_length=10, batch_size=4)
    assert found.events is None and found.recalls == {}
    assert (found.context_steps, found.model.window, found.traced_steps) == (5, 5, 10)
    assert found.predicted is not None and found.predicted.where_true_change is None


def test_bounces_and_random_changes_are_told_apart_where_there_are_both(model):
    random = replace(BALL, colour_change_probability=0.3)
    found = measure(model, MovingBall(random), clip_length=10, batch_size=4)
    assert set(found.recalls) == {"bounces", "random changes"}
    assert measure(model, MovingBall(BALL), clip_length=10, batch_size=4).recalls == {}


def test_a_change_of_colour_that_is_never_noticed_has_a_recall_of_its_own(model):
    clips = held_out_clips(MovingBall(BALL), clip_length=10)[1]
    trace, _ = observe_clips(model, clips, torch.Generator().manual_seed(0), steps=20)
    colours = MovingBall(BALL).config.colours
    before, after = clips.colours[:, :19], clips.colours[:, 1:20]
    changed = trace.changed.clone()
    changed[:, 1:, 1] = torch.from_numpy((before != after) & (before != 5))
    recalls = colour_recalls(replace(trace, changed=changed), clips, colours)
    happened = set(before[before != after])
    assert recalls == {
        f"{colours[i]} to {colours[(i + 1) % 6]}": float(i != 5) for i in sorted(happened)
    }
    assert recalls["green to cyan"] == 0 and len(recalls) > 3
    assert overlooked(recalls) == ("green to cyan",)


def test_validation_says_the_same_every_time_and_counts_every_clip(model):
    validate = held_out_validation(MovingBall(BALL), clips=11, clip_length=12)
    figures = validate(model, 5)
    assert figures == validate(model, 900)
    assert set(figures) == {
        *("elbo", "kl.L1", "kl.L2", "mean_depth", "change_rate.L2", "true_change_rate"),
        *("events.precision", "events.recall", "events.f1"),
    }
    clips = MovingBall(BALL).held_out("validation", count=11, clip_length=12)
    assert figures["true_change_rate"] == pytest.approx(clips.events[:, 1:].mean())
    blind = score(model, Clips(video=clips.video))
    seen = ("elbo", "kl.L1", "kl.L2", "mean_depth", "change_rate.L2")
    assert blind == {name: figures[name] for name in seen}
    assert figures["mean_depth"] == pytest.approx(1 + figures["change_rate.L2"])
    assert "mean_depth" not in score(model, Clips(video=clips.video[:, :1]))


def test_what_is_measured_can_be_written_down(model):
    found = measure(model, MovingBall(BALL), clip_length=10, batch_size=4)
    predicted = asdict(found.predicted)
    assert set(predicted) == {
        *("where_inferred_change", "where_inferred_static"),
        *("where_true_change", "where_true_static"),
    }
    assert len(found.divergences.state) == len(found.divergences.event) == 2
    assert LITTLE["CONTEXT_STEPS"] + LITTLE["HORIZON"] < CLIP_FRAMES
