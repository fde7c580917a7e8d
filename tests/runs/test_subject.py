"""Which clips an analysis is made on, and where it belongs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dlh import DLH
from dlh.analysis.findings import AnalysisConfig
from dlh.data.clips import DataError
from dlh.data.held_out import HeldOut
from dlh.data.store.source import StoreSource
from dlh.data.video.encode import write_video
from dlh.errors import UsageError
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.runs.build import open_source
from dlh.runs.experiment import DataConfig, Experiment, write_snapshot
from dlh.runs.presets import tiny
from dlh.runs.subject import Framing, Subject, open_subject
from dlh.training.errors import RunFolderError
from dlh.training.run import RunFolder
from refusals import holds, refused
from tiny_run import ball_frames

LITTLE = AnalysisConfig(
    clips=9, futures_clips=2, context_steps=4, horizon=6, samples=1, traced_steps=8
)


def clips_to_analyse(subject: Subject, config: AnalysisConfig) -> HeldOut:
    return subject.held_out(
        count=config.clips, lengths=config.clip_lengths, enough=config.futures_clips
    )


def videos(folder: str, lengths: dict[str, int]) -> Path:
    Path(folder).mkdir()
    for number, (name, length) in enumerate(lengths.items()):
        write_video(f"{folder}/{name}.mp4", ball_frames(length, clip=number), fps=10)
    return Path(folder)


def run_on(source: str) -> Path:
    """The folder of a run on these videos, untrained: its snapshot and its model."""
    preset = tiny()
    experiment = Experiment(
        preset="videos",
        model=preset.model,
        data=DataConfig(source=source),
        training=replace(preset.training, clip_length=8),
    )
    run = RunFolder.create(Path("runs/mine"))
    write_snapshot(run, experiment, open_source(experiment))
    model = DLH(DynamicLatentHierarchy(experiment.model))
    model.save_pretrained(run.path)
    model.save_pretrained(run.path / "best")
    return run.path


def test_a_run_is_analysed_on_the_held_out_clips_of_its_own_videos(workspace):
    videos("own", {f"v{number}": 20 for number in range(10)})
    run = run_on("own")
    shutil.copytree("own", "copy")
    for data in (None, "own", "./own", str(Path("own").absolute()), "copy"):
        subject = open_subject(str(run), data)
        chosen = clips_to_analyse(subject, LITTLE)
        assert chosen.split == "test" and len(chosen.clips.video) == 2  # one video of 20 frames
        assert subject.folder == run / "analysis" and chosen.left_out == {}
    of_one_frame = subject.held_out(count=9, lengths=(1,), enough=1)  # nothing changes in these
    assert of_one_frame.clips.video.shape[1] == subject.experiment.training.clip_length


def test_videos_that_have_changed_since_the_training_are_refused(workspace):
    videos("own", {f"v{number}": 20 for number in range(10)})
    run = run_on("own")
    write_video("own/another.mp4", ball_frames(20, clip=11), fps=10)
    for data in (None, "own"):
        with refused(RunFolderError, "runs/mine"):
            open_subject(str(run), data)


def test_all_clips_of_other_videos_are_read_even_of_a_single_one(workspace):
    videos("own", {f"v{number}": 20 for number in range(3)})
    run = run_on("own")
    write_video("one.mp4", ball_frames(30, clip=20), fps=10)
    subject = open_subject(str(run), "one.mp4")
    chosen = clips_to_analyse(subject, LITTLE)
    assert (chosen.split, len(chosen.clips.video), chosen.left_out) == ("all", 3, {})
    assert subject.folder == run / "analysis-one.mp4"
    Path("more").mkdir()
    for number in range(10):
        write_video(f"more/{number}.mp4", ball_frames(12, clip=30 + number), fps=10)
    chosen = clips_to_analyse(open_subject(str(run), "more"), replace(LITTLE, clips=64))
    assert (chosen.split, len(chosen.clips.video)) == ("all", 10)


def test_among_other_videos_those_that_were_trained_on_are_left_out(workspace):
    own = videos("own", {f"v{number}": 20 for number in range(10)})
    run = run_on("own")
    trained = open_source(tiny_on("own")).videos("train")
    assert len(trained) == 8
    Path("mixed").mkdir()
    for video in trained[:2]:
        shutil.copy(own / video.source, "mixed")
    write_video("mixed/new.mp4", ball_frames(20, clip=15), fps=10)
    chosen = clips_to_analyse(open_subject(str(run), "mixed"), LITTLE)
    assert len(chosen.clips.video) == 2  # of 20 frames, so of new.mp4 alone
    assert chosen.left_out == {"videos that it was trained on": "2 of the 3 videos of mixed"}
    Path("mixed/new.mp4").unlink()
    with refused(DataError, 8):
        clips_to_analyse(open_subject(str(run), "mixed"), LITTLE)


def test_other_videos_are_re_timed_cut_and_padded_where_that_is_asked(workspace):
    videos("own", {f"v{number}": 20 for number in range(10)})
    run = run_on("own")
    write_video("wide.mp4", np.full((40, 16, 32, 3), 250, np.uint8), fps=10)
    video = {}
    for name, framing in {
        "half": Framing(fps=5.0),
        "pad": Framing(fit="pad"),
        "crop": Framing(crop=(0, 0, 16, 16), fit="pad"),
    }.items():
        source = open_subject(str(run), "wide.mp4", framing).source
        assert isinstance(source, StoreSource)
        video[name] = source.of_all_splits(count=1, clip_length=16, but=frozenset()).video[0]
        assert [each.length for each in source.store.videos] == [20 if name == "half" else 40]
    assert video["half"].min() > 200 and video["crop"].min() > 200
    assert video["pad"][:, 0].max() < 50 and video["pad"][:, 8].min() > 200
    again = open_subject(str(run), "own", Framing(fps=5.0))  # its own, but not as it was trained
    assert again.new and again.source.store.videos[0].length == 10
    for data in (None, "moving-ball"):
        with refused(UsageError, "--fps", "--data"):
            open_subject(str(run), data, Framing(fps=5.0))


def tiny_on(source: str) -> Experiment:
    return replace(tiny(), data=DataConfig(source=source))


def test_who_does_not_say_what_it_was_trained_on_gets_held_out_clips_if_there_are_some(workspace):
    DLH(DynamicLatentHierarchy(tiny().model)).save_pretrained("bare")
    videos("many", {f"v{number}": 20 for number in range(10)})
    chosen = clips_to_analyse(open_subject("bare", "many"), LITTLE)
    assert (chosen.split, chosen.left_out) == ("test", {})
    subject = open_subject("bare", "many/v1.mp4")
    chosen = clips_to_analyse(subject, LITTLE)
    assert chosen.split == "all"
    said = chosen.left_out["certainty that the clips are held out"]
    assert holds(said, "bare", "v1.mp4")


def test_the_best_model_of_a_run_is_known_by_the_run(workspace):
    videos("own", {f"v{number}": 20 for number in range(10)})
    run = run_on("own")
    subject = open_subject(str(run / "best"), None)
    assert subject.experiment.data.source == "own"
    assert (subject.name, subject.folder) == ("mine/best", run / "best" / "analysis")
    assert open_subject(str(run.absolute()), None).name == "mine"


def test_the_digest_is_that_of_the_weights(workspace):
    digests = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        DLH(DynamicLatentHierarchy(tiny().model)).save_pretrained("bare")
        digests.append(open_subject("bare", "moving-ball").digest())
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    "lengths, enough, expected",
    [
        ({"long": 12, "short": 11}, 1, (1, 12)),
        ({"long": 12, "short": 11}, 2, (2, 8)),
        ({"long": 24, "short": 11}, 9, (4, 8)),  # nowhere enough: the most there are
        ({"short": 6, "shorter": 5}, 2, (2, 5)),  # training's
    ],
)
def test_enough_clips_are_not_given_up_for_one_long_one(workspace, lengths, enough, expected):
    videos("own", {f"v{number}": 20 for number in range(3)})
    run = run_on("own")
    videos("new", lengths)
    subject = open_subject(str(run), "new")
    training = replace(subject.experiment.training, clip_length=5)
    subject = replace(subject, experiment=replace(subject.experiment, training=training))
    config = replace(LITTLE, horizon=8, futures_clips=enough)
    assert clips_to_analyse(subject, config).clips.video.shape[:2] == expected
