from __future__ import annotations

import json
from dataclasses import replace

import torch

import published
from dlh import DLH
from dlh.commands.train import resume, start
from dlh.data.clips import DataError
from dlh.data.video.encode import write_video
from dlh.data.worlds.moving_mnist import MovingMNISTConfig
from dlh.errors import UsageError
from dlh.pretrained import PretrainedError
from dlh.runs import build
from dlh.runs.experiment import DataConfig, check_same_videos, source_digest, write_snapshot
from dlh.runs.presets import tiny
from dlh.training.errors import RunFolderError
from dlh.training.run import RunFolder
from refusals import refused
from tiny_run import ball_frames


def seeded(seed: int):
    return replace(tiny(), training=replace(tiny().training, seed=seed))


def on(path) -> object:
    return replace(tiny(), data=DataConfig(source=str(path)))


def on_digits(folder):
    return replace(
        tiny(),
        model=replace(tiny().model, channels=1),
        data=DataConfig(
            source="moving-mnist",
            mnist=MovingMNISTConfig(size=16, digits=1, digit_size=8, speed=(1.0, 3.0)),
            digits=str(folder),
        ),
        training=replace(tiny().training, steps=2, batch_size=2, held_out_clips=2),
    )


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
    with refused(PretrainedError, "num_levels", 2, 3):
        build.build_model(other)


def test_data_that_is_not_named_is_asked_for():
    with refused(UsageError, "tiny"):
        build.open_source(on(""))


def test_generated_clips_have_no_files_to_speak_of():
    ball = build.open_source(tiny())
    assert build.describe_source(ball, clip_length=10) is None
    assert source_digest(ball) is None and build.frames_per_second(ball) is None


def test_videos_are_described_and_known_again(workspace, capsys):
    folder = workspace / "videos"
    folder.mkdir()
    for number in range(3):
        write_video(folder / f"{number}.mp4", ball_frames(20, clip=number), fps=10)
    source = build.open_source(on(folder))
    said = build.describe_source(source, clip_length=10)
    assert "3 videos, 60 frames" in said and str(source.store.path) in said
    assert build.frames_per_second(source) == 10
    known = source_digest(source)
    assert source_digest(build.open_source(on(folder))) == known
    write_video(folder / "3.mp4", ball_frames(20, clip=3), fps=5)
    source = build.open_source(on(folder))
    assert source_digest(source) != known and build.frames_per_second(source) is None
    assert capsys.readouterr().err == ""  # the progress is for terminals


def test_digits_are_loaded_from_where_they_are_and_asked_for_where_they_are_not(tmp_path):
    with refused(DataError, "--data.digits"):
        build.open_source(on_digits(tmp_path / "nowhere"))
    published.write_mnist(tmp_path / "digits", seed=0)
    source = build.open_source(on_digits(tmp_path / "digits"))
    assert source.frame_shape == (1, 16, 16) and source.name == "moving-mnist"
    assert source.batch(0, batch_size=2, clip_length=5, seed=0).video.shape == (2, 5, 16, 16, 1)
    assert build.describe_source(source, clip_length=10) is None
    assert build.frames_per_second(source) is None


def test_a_run_does_not_go_on_with_other_digits(tmp_path):
    published.write_mnist(tmp_path / "digits", seed=0)
    experiment = on_digits(tmp_path / "digits")
    run = RunFolder.create(tmp_path / "run")
    write_snapshot(run, experiment, build.open_source(experiment))
    check_same_videos(run, build.open_source(experiment))
    published.write_mnist(tmp_path / "digits", seed=1)
    with refused(RunFolderError):
        resume(run.path)


def test_a_run_on_digits_is_shown_without_true_events(tmp_path):
    published.write_mnist(tmp_path / "digits", seed=0)
    said = []
    start(on_digits(tmp_path / "digits"), tmp_path / "run", say=said.append)
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert not {"events", "true_change_rate", "recalls"} & set(summary)
    assert summary["mean_depth"] >= 1 and set(summary["psnr"]) >= {"model_best", "black"}
    assert any(line.startswith("depth:") for line in said)
    page = (tmp_path / "run/report.html").read_text()
    assert "moving-mnist" in page and "recall" not in page
    assert "dlh train videos --data" in page and "the ball" not in page
    for name in ("curves.png", "events.png", "psnr.png", "prediction.mp4"):
        assert (tmp_path / "run" / name).stat().st_size > 500, name
