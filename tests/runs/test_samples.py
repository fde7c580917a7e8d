"""The pictures that show a run learning: the same clips, the same noise, every time."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from dlh.commands.train import start
from dlh.data.clips import Clips
from dlh.data.worlds.moving_ball import MovingBall
from dlh.reports.figures import futures as figure
from dlh.reports.figures.futures import draw_samples
from dlh.runs import presets
from dlh.runs.build import build_model
from dlh.runs.validation import DrawClips, sample_drawing
from dlh.training.errors import RunFolderError
from dlh.training.run import RunFolder
from refusals import refused

TINY = presets.preset("tiny")


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run")


def drawn(run: RunFolder, model, step: int, *, draw_clips: DrawClips = draw_samples) -> bytes:
    draw = sample_drawing(run, MovingBall(TINY.data.ball), draw_clips, clip_length=10)
    assert draw is not None
    with torch.no_grad():
        draw(model, step)
    return (run.path / f"samples/step-{step:07d}.png").read_bytes()


def pixels_below_the_title(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))[figure.MARGIN + figure.LINE :]


def test_what_differs_from_one_picture_to_the_next_is_the_model_alone(run):
    model = build_model(TINY)
    first = drawn(run, model, 500)
    torch.manual_seed(99)
    again = drawn(run, model, 1000)
    assert np.array_equal(pixels_below_the_title(first), pixels_below_the_title(again))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1
    other = drawn(run, model, 1500)
    assert not np.array_equal(pixels_below_the_title(first), pixels_below_the_title(other))


class Recorded:
    """In place of a picture: what was to be drawn."""

    def __call__(self, context, truth, predicted, *, title) -> bytes:
        self.context, self.truth, self.predicted = context, truth, predicted
        return b"png"


def test_half_a_clip_is_watched_and_the_rest_is_predicted(run):
    seen = Recorded()
    drawn(run, build_model(TINY), 3, draw_clips=seen)
    held_out = MovingBall(TINY.data.ball).held_out("validation", count=4, clip_length=10)
    assert np.array_equal(np.concatenate((seen.context, seen.truth), axis=1), held_out.video)
    assert seen.context.shape[:2] == (4, 5)
    assert seen.predicted.shape == seen.truth.shape and seen.predicted.dtype == np.uint8


def test_at_most_30_frames_are_watched(run):
    seen = Recorded()
    draw = sample_drawing(run, MovingBall(TINY.data.ball), seen, clip_length=70)
    draw(build_model(TINY), 1)
    assert seen.context.shape[1] == 30 and seen.predicted.shape[1] == 40


@pytest.mark.parametrize("clip_length", [1, 10])
def test_without_clips_to_predict_there_are_no_pictures(run, clip_length):
    class Nothing(MovingBall):
        def held_out(self, split, *, count, clip_length) -> Clips | None:
            return (
                None
                if clip_length > 1
                else super().held_out(split, count=count, clip_length=clip_length)
            )

    assert (
        sample_drawing(run, Nothing(TINY.data.ball), draw_samples, clip_length=clip_length) is None
    )


def test_a_folder_that_cannot_be_made_is_named(run):
    (run.path / "samples").write_text("in the way")
    with refused(RunFolderError, "samples"):
        drawn(run, build_model(TINY), 3)


@pytest.mark.usefixtures("not_shown")
def test_a_training_draws_them_as_often_as_asked(tmp_path):
    settings = {"steps": 5, "sample_every": 2, "validate_every": 0, "checkpoint_every": 5}
    experiment = replace(TINY, training=replace(TINY.training, **settings))
    start(experiment, tmp_path / "run", say=lambda line: None)
    names = sorted(path.name for path in (tmp_path / "run" / "samples").iterdir())
    assert names == ["step-0000002.png", "step-0000004.png"]
