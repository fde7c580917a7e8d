"""`dlh train --data FOLDER`: people's own videos, reported, trained on and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlh.data.store.source import StoreSource
from dlh.data.video.encode import write_video
from refusals import holds
from tiny_run import ball_frames, interrupted_at

SHORT = ("--steps", 4, "--checkpoint-every", 2, "--training.log-every", 2)


@pytest.fixture
def videos(workspace) -> Path:
    """Four videos of a ball, and three things that are none or hardly one."""
    folder = Path("videos")
    folder.mkdir()
    for number, frames in enumerate((30, 26, 22, 6)):
        write_video(folder / f"{number}.mp4", ball_frames(frames, clip=number), fps=10)
    (folder / "notes.mp4").write_text("not a video\n" * 50)
    (folder / "empty.avi").touch()
    (folder / "readme.txt").touch()
    return folder


def test_a_folder_of_videos_is_reported_trained_on_and_shown(dlh, videos, monkeypatch):
    with interrupted_at(0, StoreSource):
        answer = dlh("train", "tiny", "--data", videos, "--run", "run", *SHORT)
    assert answer.status == 130
    assert holds(answer.out, 4, 84, "16 x 16")
    assert holds(answer.out, "notes.mp4")
    assert holds(answer.out, "empty.avi", 0) and holds(answer.out, 1, ".txt")
    assert holds(answer.out, "0.mp4 3", "1.mp4 2", "2.mp4 2", "3.mp4 0")
    assert "they are in" in answer.out
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")  # the run knows where its videos are
    answer = dlh("train", "--resume", "../run")
    assert answer.status == 0, answer.err
    summary = json.loads(Path("../run/summary.json").read_text())
    assert "events" not in summary and "true_change_rate" not in summary
    assert summary["mean_depth"] >= 1 and set(summary["psnr"]) >= {"model_best", "black"}
    for name in ("report.html", "events.png", "prediction.mp4"):
        assert Path("../run", name).stat().st_size > 1000
    assert "depth:" in answer.out and "events:" not in answer.out


def test_clips_of_a_later_stage_are_looked_for_before_the_first_one(dlh, videos):
    later = ("--model.dynamics.clips", 4, "--training.later-steps", 2, 2)
    words = ("train", "tiny", "--data", videos, "--run", "run", *SHORT, *later)
    answer = dlh(*words, "--model.dynamics.clip-length", 31)
    assert answer.status == 1 and not Path("run").exists()
    assert holds(answer.err, "has 31 frames", "0.mp4 30", "--model.dynamics.clip-length")
    with interrupted_at(0, StoreSource):
        assert dlh(*words, "--model.dynamics.clip-length", 30).status == 130


def test_how_videos_are_read_can_be_said_with_any_preset(dlh, videos):
    with interrupted_at(0, StoreSource):
        answer = dlh("train", "tiny", "--data", videos, "--data.fps", 5, "--run", "run", *SHORT)
    assert answer.status == 130 and holds(answer.out, "0.mp4 1")  # half as many frames
    assert dlh("train", "tiny", "--data.fps", 5).names("are generated")


def test_other_videos_than_those_it_began_with_stop_a_run(dlh, videos):
    with interrupted_at(0, StoreSource):
        assert dlh("train", "tiny", "--data", videos, "--run", "run", *SHORT).status == 130
    write_video(videos / "new.mp4", ball_frames(20, clip=7), fps=10)
    assert dlh("train", "--resume", "run").names("run")


def test_two_files_leave_nothing_to_validate_and_it_says_so(dlh, videos):
    for number in (2, 3):
        (videos / f"{number}.mp4").unlink()
    answer = dlh("train", "tiny", "--data", videos, "--run", "run", *SHORT)
    assert answer.status == 0
    assert holds(answer.out, 10, "train 5", "validation 0", "test 0")
    assert holds(answer.out, "videos", 10)
    assert "no held-out clips" in answer.out
    summary = json.loads(Path("run/summary.json").read_text())
    assert set(summary) == {"steps", "seconds", "cpu_seconds", "frames"}
    assert Path("run/report.html").exists() and not Path("run/prediction.mp4").exists()
