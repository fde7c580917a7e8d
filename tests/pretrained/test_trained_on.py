"""A model compares a video with those that it was trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import dlh
from dlh import DLH
from dlh.data.video.encode import write_video
from dlh.pretrained import PretrainedError
from dlh.pretrained.trained_on import STEPS, TrainedOn, figures_of, measured_on
from dlh.runs.presets import tiny
from refusals import holds, refused
from small_models import changing_model
from tiny_run import ball_frames


@pytest.fixture
def model() -> DLH:
    return DLH(changing_model(tiny().model))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds, 30 frames each, of a small white square in a wide grey frame."""
    frames = np.full((60, 16, 64, 3), 60, np.uint8)
    frames[:, 6:10, 40:44] = 255
    write_video(tmp_path / "film.mp4", frames, 30)
    return tmp_path / "film.mp4"


def test_a_video_of_another_rate_is_retimed_to_that_of_the_training(model: DLH, film: Path) -> None:
    assert model.open(film).fps == 30
    model.trained_on = TrainedOn(fps=10)
    video = model.open(film)
    assert video.fps == 10 and video.read().shape[0] == 20
    np.testing.assert_allclose(video.times, np.arange(20) / 10, atol=1e-4)
    said = model.describe_resizing(video)
    assert said is not None and holds(said, film, "30", "10")
    asked = model.open(film, fps=15)
    assert asked.fps == 15
    model.trained_on = TrainedOn(fps=30.5)  # the same, but for a clock's rounding
    assert model.open(film).fps == 30


def test_frames_are_fitted_as_they_were_in_training(model: DLH, film: Path) -> None:
    squashed = model.open(film).read()[0]
    model.trained_on = TrainedOn(fit="pad", crop=(0, 0, 16, 16))
    video = model.open(film)
    assert (video.read()[0][:5] == 0).all() and (squashed[:5] > 50).all()
    said = model.describe_resizing(video)
    assert said is not None and "--crop" in said  # which part matters is for a person to say
    close = model.open(film, crop=(36, 2, 12, 12), fit="squash").read()[0]
    assert (close > 240).mean() > 2 * (squashed > 240).mean()


def test_what_is_known_of_the_training_survives_saving(model: DLH, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "none")
    assert "trained_on" not in json.loads((tmp_path / "none/config.json").read_text())
    assert dlh.open_model(tmp_path / "none").trained_on is None
    known = TrainedOn(
        fps=12.5, crop=(1, 2, 3, 4), fit="pad", figure="elbo", steps=30, low=-9.5, high=-4.0
    )
    model.trained_on = known
    model.save_pretrained(tmp_path / "some")
    assert dlh.open_model(tmp_path / "some").trained_on == known
    assert DLH.from_pretrained(tmp_path / "some").trained_on == known
    path = tmp_path / "some/config.json"
    path.write_text(path.read_text().replace('"pad"', '"stretch"'))
    with refused(PretrainedError, path, "stretch"):
        dlh.open_model(tmp_path / "some")


def test_the_range_is_that_of_the_bound_on_clips(model: DLH) -> None:
    clips = np.stack([ball_frames(40, clip=number) for number in range(5)])
    known = measured_on(model.model, clips, TrainedOn(fps=5))
    assert (known.figure, known.steps, known.fps) == ("elbo", STEPS, 5)
    found = figures_of(model.model, clips, steps=STEPS)
    assert found is not None and [known.low, known.high] == [min(found), max(found)]
    short = measured_on(model.model, clips[:, :7], TrainedOn())
    assert short.steps == 7
    alone = torch.stack(
        [
            model.model.figures(
                model.as_video(clip[:STEPS]), generator=torch.Generator().manual_seed(0)
            ).values["elbo"][0]
            for clip in clips[:1]
        ]
    )
    assert known.low <= float(alone[0]) + 1 and float(alone[0]) - 1 <= known.high


def test_a_video_unlike_the_training_is_said_with_the_distance_and_the_range(model: DLH) -> None:
    clips = np.stack([ball_frames(40, clip=number) for number in range(5)])
    model.trained_on = measured_on(model.model, clips, TrainedOn())
    assert model.describe_unlikeness(ball_frames(40, clip=7)) is None
    noise = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    said = model.describe_unlikeness(noise)
    (found,) = figures_of(model.model, noise[None], steps=STEPS) or [0.0]
    known = model.trained_on
    assert said is not None and known.low is not None
    assert all(f"{value:.5g}" in said for value in (found, known.low, known.high))
    assert model.describe_unlikeness(noise[:5]) is None  # too short to tell
    still = np.repeat(ball_frames(1), 40, axis=0)
    assert "differ by 0.00%" in (model.describe_unlikeness(still) or "")
    model.trained_on = replace(known, low=None, high=None)
    assert model.describe_unlikeness(noise) is None
