"""The studies measure what they say, and that of the gradient's norm changes nothing else."""

from __future__ import annotations

import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dlh.commands.evaluate import evaluate
from dlh.commands.options import EvaluateOptions
from dlh.evaluation.results import read_scores
from dlh.runs.presets import tiny
from dlh.training.run import RunFolder
from reproduction.arena import Arena, behaviours_of
from reproduction.studies import average_frame, behaviours, colour_steps, digits, gradient_norm


def test_changes_are_counted_apart_where_the_frame_is_darkest():
    brightness = torch.tensor([[0.0, 9, 8, 1, 7, 6], [0.0, 2, 9, 8, 7, 6]])
    changed = torch.zeros(2, 6, dtype=torch.bool)
    changed[0, [0, 3]] = True  # the first step is no change
    changed[1, 4] = True
    assert digits.changes_where_covered(changed, brightness) == (0.5, 1 / 8)


def test_brightness_is_held_against_the_frames_own():
    original = torch.full((2, 1, 2, 2), 0.5)
    frames = original[:, None] * torch.tensor([0.5, 1.0, 1.5])[:, None, None, None]
    expected = torch.tensor([-0.5, 0, 0.5] * 2).std()
    assert digits.brightness_differs(original, frames) == pytest.approx(float(expected))
    moved = frames.roll(1, -1)[:, 1:2]
    assert digits.brightness_differs(original, moved.expand(-1, 3, -1, -1, -1)) == 0


def test_every_level_has_a_row(finished, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["digits.py", str(finished), "--clips", "2"])
    digits.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [int(row[0]) for row in rows] == [1, 2]
    assert [float(value) for value in rows[0][2:]] == [1, 1]
    assert float(rows[0][1]) > 0


def test_an_average_of_futures_can_be_closer_than_each_of_them():
    truth = torch.full((2, 1, 2, 2), 0.5)
    dark, bright = truth - 0.1, truth + 0.1
    far = torch.stack((truth[0] + 2, truth[1]))  # clipped to 1, as every score does
    futures, average = average_frame.by_future_and_average(
        [torch.stack((dark, bright)), torch.stack((dark, far))], truth
    )
    assert futures.shape == (4, 2)
    assert futures[:3] == pytest.approx(torch.full((3, 2), 20.0), abs=1e-4)
    assert futures[3, 0] == pytest.approx(6.0206, abs=1e-4)
    # (.4 + .6 + .4 + 1) / 4 - .5 = .1 and (.4 + .6 + .4 + .5) / 4 - .5 = -.025
    assert average == pytest.approx(torch.tensor([20.0, 32.0412]), abs=1e-3)


def test_futures_are_those_that_an_evaluation_scores(finished, tmp_path, monkeypatch, capsys):
    words = "--clips 2 --samples 3 --horizon 30"
    monkeypatch.setattr(sys, "argv", ["average_frame.py", str(finished), *words.split()])
    average_frame.main()
    lines = [re.split(r" {2,}", line) for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines[1:]] == ["1-20", "21-30", "1-30"]
    options = EvaluateOptions(
        model=str(finished), context=30, horizon=30, samples=3, clips=2,
        num_processes=1, out=tmp_path / "scores",
    )  # fmt: skip
    evaluate(options, say=lambda line: None)
    _, scores = read_scores(tmp_path / "scores")
    rows = {name: row["psnr"] for name, row in scores["rows"].items() if row}
    found = [float(cell) for cell in lines[-1][2:6]]
    expected = [rows["model"]["best"], rows["model"]["mean"], rows["mean_frame"]["best"]]
    assert [found[0], found[1], found[3]] == pytest.approx(expected, abs=0.006)
    assert found[2] >= found[1]  # squared error is convex
    gap, low, high = map(float, re.findall(r"[-+]\d+\.\d+", lines[-1][6]))
    assert low <= gap <= high and gap == pytest.approx(found[2] - found[3], abs=0.011)


def test_only_the_steps_from_one_colour_to_the_next_are_counted():
    colours = torch.tensor([[5, 0, 0, 1, 5, 0], [0, 1, 5, 0, 0, 0]])
    nats = torch.arange(12.0).reshape(2, 6)
    trace = SimpleNamespace(
        change_divergence=torch.stack((nats * 0, nats), 2),
        static_divergence=torch.stack((nats * 0, nats * 10), 2),
    )
    assert colour_steps.costs(trace, colours, 5, 0) == (5, 50)  # of 1, 5 and 9


def test_every_step_of_the_cycle_that_happened_has_a_row(finished, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["colour_steps.py", str(finished), "--clips", "6"])
    colour_steps.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows and all(" to " in row[0] for row in rows)
    for row in rows:
        recall, to_change, to_static = map(float, row[1:])
        assert 0 <= recall <= 1 and min(to_change, to_static) >= 0


KEY = "validation.events.recall"


def test_only_the_limit_differs_after_the_fork(workspace):
    training = replace(tiny().training, steps=12, validate_every=2, gradient_norm=1000.0)
    experiment = gradient_norm.train_to(replace(tiny(), training=training), 4, Path("base"))
    assert [line["step"] for line in losses("base")] == [1, 2, 3, 4]
    found = {
        norm: gradient_norm.continued(
            experiment, Path("base"), norm, at=4, until=8, folder=Path(f"norm-{norm:g}")
        )
        for norm in (1000.0, 1e-9)
    }
    free, held = losses("norm-1000"), losses("norm-1e-09")
    assert [line["step"] for line in free] == [line["step"] for line in held] == list(range(1, 10))
    assert [line["loss"] for line in free[:5]] == [line["loss"] for line in held[:5]]
    assert free[5]["loss"] != held[5]["loss"]
    for norm, lines in ((1000.0, free), (1e-9, held)):
        assert found[norm].largest_norm == max(line["gradient_norm"] for line in lines[4:8])
        assert found[norm].largest_loss == max(line["loss"] for line in lines[4:8])
        assert found[norm].last_loss == lines[7]["loss"]
        validated = [v for v in RunFolder(Path(f"norm-{norm:g}")).metrics.read() if KEY in v]
        assert validated[-1]["step"] == 8
        assert found[norm].recall == validated[-1][KEY]


def test_the_table_comes_from_a_job_in_the_background_too(workspace, monkeypatch, capsys):
    training = replace(tiny().training, steps=9, validate_every=2)
    small = SimpleNamespace(name="small", experiment=replace(tiny(), training=training))
    monkeypatch.setattr(gradient_norm, "experiments", lambda: [small])
    words = "small --seed 3 --at 2 --until 4 --norms 1000 0.5 --out forks"
    monkeypatch.setattr(sys, "argv", ["gradient_norm.py", *words.split()])
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        gradient_norm.main()
    finally:
        signal.signal(signal.SIGINT, before)
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in table[2:]] == ["1000", "0.5"]
    assert [line["step"] for line in losses("forks/base")] == [1, 2]
    assert [line["step"] for line in losses("forks/norm-0.5")] == [1, 2, 3, 4, 5]


def losses(folder: str) -> list[dict]:
    return [line for line in RunFolder(Path(folder)).metrics.read() if "loss" in line]


def test_frames_of_each_behaviour_are_counted_in_every_cluster(tmp_path, monkeypatch):
    pytest.importorskip("ruptures")
    monkeypatch.setattr(behaviours, "SECONDS", 6.0)
    found = behaviours.shares(3, 1, tmp_path)
    assert sum(frames.sum() for frames in found.values()) == 150
    shown = behaviours_of(Arena(), 3, 0, seconds=6.0)
    assert sum(found.values()).tolist() == np.bincount(shown, minlength=3).tolist()
