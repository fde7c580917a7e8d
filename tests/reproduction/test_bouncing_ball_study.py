"""The study of SUNTA's ball scores what it says it does."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dlh.commands.train import start
from dlh.data.published.catalogue import BOUNCING_BALL
from dlh.data.worlds.bouncing_ball import BouncingBallConfig
from dlh.errors import UsageError
from dlh.runs.experiment import DataConfig
from dlh.runs.preset_bases import TINY_BALL
from dlh.runs.presets import preset
from reproduction.studies import bouncing_ball


def test_errors_are_summed_over_a_frame_and_averaged_over_frames():
    truth = torch.zeros(2, 3, 16, 16)
    frames = torch.stack([truth, truth])
    frames[1, 0, :, 3, 4] = 1.0  # one pixel, three channels, in one of two frames
    right, wrong = bouncing_ball.scores_of(frames, truth)
    assert right == {"ssim": pytest.approx(1), "summed_error": 0}
    assert wrong["summed_error"] == pytest.approx(1.5) and wrong["ssim"] < 1
    assert bouncing_ball.mean_of([right, wrong])["summed_error"] == pytest.approx(0.75)


@pytest.mark.slow
def test_a_run_stands_beside_what_is_published(workspace, monkeypatch, capsys):
    tiny = preset("tiny")
    world = DataConfig(source=BOUNCING_BALL, bouncing=BouncingBallConfig(ball=TINY_BALL.ball))
    training = replace(tiny.training, steps=2, held_out_clips=0, validate_every=0)
    start(replace(tiny, data=world, training=training), "run", present=False)
    monkeypatch.setattr(bouncing_ball, "CONTEXT", 4)
    monkeypatch.setattr(bouncing_ball, "HORIZON", 6)
    monkeypatch.setattr("dlh.runs.temperature.CLIPS", 2)
    words = ["study", "run", "--clips", "2", "--samples", "2", "--out", "found.json"]
    monkeypatch.setattr(sys, "argv", words)
    bouncing_ball.main()
    record = json.loads(Path("found.json").read_text())
    assert set(record["rows"]) == {
        "one future, the mean", "the best of 2 by squared error", "black frame", "last frame",
    }  # fmt: skip
    one, best = list(record["rows"].values())[:2]
    assert 0 <= best["summed_error"] <= one["summed_error"]
    shown = capsys.readouterr().out
    assert "0.981" in shown and f"{record['events']['f1']:.3f}" in shown


@pytest.mark.slow
def test_a_run_on_another_world_is_refused(finished, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["study", str(finished), "--clips", "2"])
    with pytest.raises(UsageError):
        bouncing_ball.main()
