from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dlh import DLH
from dlh.analysis.event_findings import EventFindings
from dlh.analysis.measure import measure
from dlh.analysis.moving_ball.recalls import colour_recalls, mostly_missed
from dlh.analysis.observe import observe_clips
from dlh.data.clips import Clips
from dlh.data.held_out import held_out
from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation.events import event_scores
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


@pytest.fixture(scope="module")
def measured(model):
    return measure(model, MovingBall(BALL), clip_length=10, batch_size=4)


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
def test_long_clips_come_first_then_test_clips(model, longest, split, length):
    found = measure(model, Videos(**longest), clip_length=10, batch_size=4)
    if split is None:
        assert found is None
    else:
        clips = found.held_out.clips
        assert (found.held_out.split, clips.video.shape[1]) == (split, length)


def test_without_held_out_clips_nothing_is_measured(model):
    assert measure(model, Videos(), clip_length=10, batch_size=4) is None
    assert held_out_validation(Videos(test=50), clips=4, clip_length=10) is None
    assert held_out_validation(Videos(validation=50), clips=0, clip_length=10) is None


def test_the_same_model_measures_the_same(model, measured):
    one, other = measured, measure(model, MovingBall(BALL), clip_length=10, batch_size=4)
    changes, futures = one.changes, one.futures
    assert np.array_equal(futures.model.time_means, other.futures.model.time_means)
    assert changes == other.changes
    truth = one.held_out.clips.events[:, :20]
    assert changes.events.level_2 == event_scores(one.changed[..., 1], truth)
    assert changes.events.higher == {}
    assert futures.model.samples == LITTLE["SAMPLES"] and (changes.clips, changes.steps) == (6, 20)
    assert futures.context_steps == 8 and (
        futures.model.clips,
        futures.model.samples,
        futures.model.horizon,
    ) == (6, 3, 12)
    assert changes.mean_depth == pytest.approx(sum(changes.rates))
    assert set(futures.floors) == {"black frame", "mean frame", "last frame"}
    clips = one.held_out.clips.video[:, 8:] / 255
    squared = (clips**2).mean((-3, -2, -1))
    black = (-10 * np.log10(squared)).mean(0)
    np.testing.assert_allclose(futures.floors["black frame"].best_curve, black, atol=1e-3)


def test_clips_without_known_events_are_measured_without(model):
    found = measure(model, Videos(test=10), clip_length=10, batch_size=4)
    changes, futures = found.changes, found.futures
    assert changes.events == EventFindings() and changes.events.missed == ()
    assert (futures.context_steps, futures.window, changes.steps) == (5, 5, 10)
    assert changes.foresight is not None and changes.foresight.true_change is None


def test_bounces_and_random_changes_are_told_apart_where_there_are_both(model, measured):
    random = replace(BALL, colour_change_probability=0.3)
    found = measure(model, MovingBall(random), clip_length=10, batch_size=4)
    assert set(found.changes.events.recalls) == {"bounces", "random changes"}
    assert measured.changes.events.recalls == {}


def test_a_change_of_colour_that_is_never_noticed_has_a_recall_of_its_own(model):
    clips = held_out(MovingBall(BALL), count=6, clip_length=20).clips
    trace, _ = observe_clips(model, clips, torch.Generator().manual_seed(0), steps=20)
    colours = MovingBall(BALL).config.colours
    before, after = clips.colours[:, :19], clips.colours[:, 1:20]
    changed = trace.changed.clone()
    changed[:, 1:, 1] = torch.from_numpy((before != after) & (before != 5))
    recalls = colour_recalls(changed, clips, colours)
    happened = set(before[before != after])
    assert recalls == {
        f"{colours[i]} to {colours[(i + 1) % 6]}": float(i != 5) for i in sorted(happened)
    }
    assert recalls["green to cyan"] == 0 and len(recalls) > 3
    assert mostly_missed(recalls) == ("green to cyan",)


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


def test_both_kinds_of_divergence_are_measured_for_every_level(measured):
    kl = measured.changes.divergences
    assert len(kl.state) == len(kl.event) == 2 and kl.event[0] == 0
    assert LITTLE["CONTEXT_STEPS"] + LITTLE["HORIZON"] < CLIP_FRAMES
