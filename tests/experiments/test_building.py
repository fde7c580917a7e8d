from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dlh import DLH
from dlh.data.encode import write_video
from dlh.experiments import build
from dlh.experiments.errors import UsageError
from dlh.experiments.experiment import DataConfig
from dlh.experiments.presets import tiny
from dlh.pretrained import PretrainedError
from tiny_run import ball_frames


def seeded(seed: int):
    return replace(tiny(), training=replace(tiny().training, seed=seed))


def on(path) -> object:
    return replace(tiny(), data=DataConfig(source=str(path)))


def first_weights(experiment) -> torch.Tensor:
    return next(build.build_model(experiment).parameters()).detach()


def test_the_seed_decides_the_first_weights_and_nothing_else_is_drawn():
    before = torch.get_rng_state()
    assert torch.equal(first_weights(seeded(1)), first_weights(seeded(1)))
    assert not torch.equal(first_weights(seeded(1)), first_weights(seeded(2)))
    assert torch.equal(torch.get_rng_state(), before)


def test_given_weights_are_taken_over_whatever_the_seed(finished):
    given = next(DLH.from_pretrained(finished).model.parameters())
    assert torch.equal(first_weights(replace(seeded(9), init=str(finished))), given)
    other = replace(tiny(), init=str(finished), model=replace(tiny().model, num_levels=3))
    with pytest.raises(PretrainedError, match="num_levels is 2 there and 3 here; give the settin"):
        build.build_model(other)


def test_data_that_is_not_named_is_asked_for():
    with pytest.raises(UsageError, match="the preset tiny needs its data"):
        build.open_source(on(""))


def test_generated_clips_have_no_files_to_speak_of():
    ball = build.open_source(tiny())
    assert build.describe_source(ball, clip_length=10) is None
    assert build.digest(ball) is None and build.frames_per_second(ball) is None


def test_videos_are_described_and_known_again(workspace, capsys):
    folder = workspace / "videos"
    folder.mkdir()
    for number in range(3):
        write_video(folder / f"{number}.mp4", ball_frames(20, clip=number), fps=10)
    source = build.open_source(on(folder))
    said = build.describe_source(source, clip_length=10)
    assert "3 videos, 60 frames" in said and str(source.store.path) in said
    assert build.frames_per_second(source) == 10
    known = build.digest(source)
    assert build.digest(build.open_source(on(folder))) == known
    write_video(folder / "3.mp4", ball_frames(20, clip=3), fps=5)
    source = build.open_source(on(folder))
    assert build.digest(source) != known and build.frames_per_second(source) is None
    assert capsys.readouterr().err == ""  # the progress is for terminals
