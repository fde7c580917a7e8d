"""The study of emergence measures what it says."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dlh.models.dlh import EmergenceConfig
from dlh.runs.presets import preset
from reproduction.studies import emergence


def test_starts_are_counted_for_each_world_and_recipe():
    rows = [
        {"world": "lambda 0", "early_memories": "none", "f1": 1.0},
        {"world": "lambda 0.1", "early_memories": "none", "f1": 0.97},
        {"world": "lambda 0", "early_memories": "none", "f1": 0.98},
        {"world": "lambda 0", "early_memories": "every 2.", "f1": 0.99},
    ]
    assert emergence.summary(rows) == [
        ["lambda 0", "none", "2", "2", "0.980", "-"],
        ["lambda 0.1", "none", "1", "0", "0.970", "-"],
        ["lambda 0", "every 2.", "1", "1", "0.990", "-"],
    ]


@pytest.mark.parametrize(
    "recipe, expected",
    [
        (EmergenceConfig(), "all"),
        (EmergenceConfig(memory_from=9), "none"),
        (EmergenceConfig(memory_from=9, memory_every=1), "all"),
        (EmergenceConfig(memory_from=9, memory_every=3), "every 3."),
    ],
)
def test_the_recipe_is_named_by_its_early_memories(recipe, expected):
    experiment = preset("tiny")
    model = replace(experiment.model, emergence=recipe)
    assert emergence.early_memories(replace(experiment, model=model)) == expected


def test_a_world_is_named_with_what_the_recipe_changes():
    experiment = preset("moving-ball")
    assert emergence.world_of(experiment) == "lambda 0, 32 px, std 1"
    ball = replace(experiment.data.ball, texture=0.5)
    changed = replace(
        experiment,
        data=replace(experiment.data, ball=ball),
        training=replace(experiment.training, clip_length=48),
    )
    assert emergence.world_of(changed) == "lambda 0, 32 px, textured, std 1, clips of 48 frames"
    recipe = replace(experiment.model.emergence, exploration_until=700)
    changed = replace(experiment, model=replace(experiment.model, emergence=recipe))
    assert emergence.world_of(changed) == "lambda 0, 32 px, std 1, exploration until 700"
    for begin, said in ((600, "memories from 600"), (experiment.training.steps, "no memories")):
        recipe = replace(experiment.model.emergence, memory_from=begin)
        changed = replace(experiment, model=replace(experiment.model, emergence=recipe))
        assert emergence.world_of(changed) == f"lambda 0, 32 px, std 1, {said}"
    clocks = preset("two-clocks")
    assert emergence.world_of(clocks) == "Two Clocks, the room by the ball, N = 3"


def test_a_run_has_a_record_with_its_world_and_its_course(finished, workspace, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["emergence", str(finished), "--clips", "6", "--out", "e.json"]
    )
    emergence.main()
    (record,) = json.loads(Path("e.json").read_text())
    assert record["world"] == "lambda 0, 16 px, std 1"
    assert record["early_memories"] == "all"
    assert 0 <= record["f1"] <= 1 and list(record["f1_by_step"])[-1] == "20"
    assert "lambda 0, 16 px, std 1" in capsys.readouterr().out
