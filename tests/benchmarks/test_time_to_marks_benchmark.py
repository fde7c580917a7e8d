"""The benchmark of two marks: what it looks up, and that it runs on a model that reaches none."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
import torch

from benchmark_files import load_benchmark
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.interfaces import AS_LEARNT, Prediction
from dlh.runs.presets import preset
from dlh.video import from_stored

marks = load_benchmark("time_to_marks")
BALL = MovingBallConfig(size=16, radius=2, speed=3.0)


def test_the_mark_of_events_is_the_first_validation_that_reaches_it() -> None:
    lines = [
        {"step": 10, "cpu_seconds": 3.0},
        {"step": 20, "cpu_seconds": 6.0},
        {"step": 20, "validation.events.f1": 0.979},
        {"step": 30, "cpu_seconds": 9.0},
        {"step": 30, "validation.events.f1": 0.98},
        {"step": 40, "cpu_seconds": 12.0},
        {"step": 40, "validation.events.f1": 1.0},
    ]
    assert marks.event_mark(lines) == {"update": 30, "core_seconds": 9.0}
    assert marks.event_mark(lines[:4]) is None


class Knowing:
    """Futures of which one keeps the ball, until a step, and the others have no ball."""

    def __init__(self, films: torch.Tensor, until: int) -> None:
        self.films, self.until = films, until

    def predict(self, context, *, horizon, samples, generator, temperature) -> Prediction:
        seen = context.shape[1]
        film = next(film for film in self.films if torch.equal(film[:seen], context[0]))
        frames = torch.zeros(1, samples, horizon, *film.shape[1:])
        frames[0, 1, : self.until] = film[seen : seen + self.until]
        return Prediction(frames=frames, changed=None)


@pytest.mark.parametrize("until, steps", [(0, 0), (3, 3), (6, 6)])
def test_the_best_future_counts_until_it_loses_the_ball(monkeypatch, until, steps) -> None:
    monkeypatch.setattr(marks, "CONTEXT", 4)
    monkeypatch.setattr(marks, "IN_PLACE", 6)
    monkeypatch.setattr(marks, "SAMPLES", 2)
    source = MovingBall(BALL)
    clips = source.held_out("validation", count=marks.CLIPS, clip_length=10)
    model = Knowing(from_stored(clips.video), until)
    assert marks.in_place(model, source, BALL, AS_LEARNT) == steps


def test_before_is_the_joint_training_alone() -> None:
    found = marks.recipes(seed=3)
    before, after = found["before"], found["after"]
    assert before.training.total_steps == 800 and before.model.dynamics.clips == 0
    assert before.model.emergence == type(before.model.emergence)()
    assert after.model == preset("moving-ball").model
    assert {one.training.seed for one in found.values()} == {3}


def test_both_recipes_train_and_are_looked_up(workspace, monkeypatch) -> None:
    tiny = preset("tiny")
    short = replace(tiny.training, steps=4, checkpoint_every=2, validate_every=2, threads=1)
    tiny = replace(tiny, training=replace(short, keep_checkpoints=9))
    for name, value in {"CONTEXT": 4, "IN_PLACE": 50, "CLIPS": 2, "SAMPLES": 2}.items():
        monkeypatch.setattr(marks, name, value)
    monkeypatch.setattr(marks, "KEEP_EVERY", 2)
    monkeypatch.setattr(marks, "recipes", lambda seed: {"before": tiny, "after": tiny})
    words = ["work", "--every", "2", "--json", "marks.json"]
    monkeypatch.setattr(sys, "argv", ["benchmark", *words])
    marks.main()
    report = json.loads((workspace / "marks.json").read_text())
    for name in ("before", "after"):
        assert report[name]["events"] is None and report[name]["futures"] is None
        assert [point["update"] for point in report[name]["course_of_futures"]] == [2, 4]
        assert report[name]["whole"]["core_seconds"] > 0


def test_looks_fall_on_checkpoints(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "work", "--every", "150"])
    with pytest.raises(SystemExit) as raised:
        marks.main()
    assert raised.value.code == 2 and "found 150" in capsys.readouterr().err
