"""From a folder of videos to their events in one command."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dlh.analysis.event_methods import Method
from dlh.data.store.source import StoreSource
from dlh.data.video.encode import write_video
from dlh.data.worlds.moving_ball import MovingBall
from dlh.runs import presets, small_sets
from refusals import holds
from tiny_run import interrupted_at


@pytest.fixture(autouse=True)
def hardly_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A training of seconds, with its cache here."""
    monkeypatch.setattr(small_sets, "STEPS", (4, 4))
    monkeypatch.setattr(small_sets, "BATCH_SIZE", 2)
    monkeypatch.setattr(small_sets, "CLIP_LENGTH", 16)
    monkeypatch.setattr(small_sets, "seconds_per_step", lambda experiment: 100.0)
    monkeypatch.setenv("DLH_CACHE", str(tmp_path / "cache"))


def videos(folder: str, count: int = 4, frames: int = 60) -> None:
    """A block that stands and moves in turn, before noise."""
    Path(folder).mkdir()
    for number in range(count):
        random = np.random.default_rng(number)
        film = random.integers(80, 90, (frames, 48, 64, 3), dtype=np.uint8)
        left = 4
        for index in range(frames):
            left += 2 * ((index // 20) % 2)
            film[index, 16:32, left : left + 14] = 240
        write_video(f"{folder}/v{number}.mp4", film, fps=10)


def test_one_command_from_videos_to_events_goes_on_when_it_is_repeated(dlh):
    videos("films")
    Path("labels.csv").write_text("video,seconds\nother.mp4,2\n")
    words = ("discover", "films", "--out", "found", "--truth", "labels.csv")
    refused = dlh(*words)  # before anything is trained
    assert refused.status == 1 and refused.names("v1.mp4") and not Path("found").exists()
    rows = [f"v{number}.mp4,{second}" for number in range(3) for second in (2, 4)]
    Path("labels.csv").write_text("\n".join(["video,seconds", *rows]))
    with interrupted_at(2, StoreSource):
        first = dlh(*words)
    assert first.status == 130 and holds(first.err, "interrupted", "dlh discover", 3)
    assert [line.split(":")[0] for line in first.out.splitlines()[:3]] == [
        "videos",
        "clips",
        "model",
    ]
    assert holds(first.out, "videos", 4) and holds(first.out, "32 x 32", "minutes")
    assert not Path("found/events").exists()
    answer = dlh(*words)
    assert answer.status == 0, answer.err
    for word in ("goes on", "held-out", "method", "F1"):
        assert holds(answer.out, word)
    assert holds(answer.out, "not scored", "v3.mp4")
    overview = json.loads(Path("found/events/overview.json").read_text())
    assert ["f1" in row for row in overview["videos"]] == [True, True, True, False]
    assert json.loads(Path("found/run/experiment.json").read_text())["experiment"]["init"] is None
    about = json.loads(Path("found/discover.json").read_text())
    assert about["method"] in get_args(Method) and about["choice"]["why"]
    assert about["model"] == "found/run/best" and about["footage"]["files"] == 4
    documents = [json.loads(Path(f"found/events/v{n}.json").read_text()) for n in range(4)]
    assert {each["method"] for each in documents} == {about["method"]}
    with open("found/events/overview.csv", newline="") as file:
        assert all(float(row["seconds"]) < 6 for row in csv.DictReader(file))
    assert all(Path(f"found/events/v{n}.html").stat().st_size for n in range(4))
    # Once more: nothing is trained, and the question must be the same.
    again = dlh(*words, "--method", "motion")
    assert again.status == 0 and holds(again.out, "as asked for")
    other = dlh(*words, "--minutes", 3)
    assert other.status == 2 and other.names("found minutes 3.0 --out")


def test_training_begins_from_the_shipped_weights_where_they_see_the_changes(dlh):
    world, rows = MovingBall(presets.preset("moving-ball").data.ball), ["video,seconds"]
    Path("films").mkdir()
    for number in range(4):
        clip = world.held_out_clip("test", number, clip_length=60)
        write_video(f"films/v{number}.mp4", clip.video[0], fps=10, scale=4)
        rows += [f"v{number}.mp4,{frame / 10}" for frame in np.flatnonzero(clip.events[0])]
    Path("labels.csv").write_text("\n".join(rows))
    answer = dlh("discover", "films", "--out", "found", "--truth", "labels.csv")
    assert answer.status == 0, answer.err
    assert holds(answer.out, "from moving-ball") and holds(answer.out, "method level")
    experiment = json.loads(Path("found/run/experiment.json").read_text())["experiment"]
    assert experiment["init"] == "moving-ball" and experiment["data"]["augment"]["stride"] == 1
    assert experiment["training"]["beta_warmup_steps"] == 0
    rows = json.loads(Path("found/events/overview.json").read_text())["videos"]
    assert min(row["f1"] for row in rows) > 0.9


@pytest.mark.slow
def test_the_minutes_end_the_training_and_the_answers_follow(dlh, monkeypatch):
    monkeypatch.setattr(small_sets, "STEPS", (500, 500))
    videos("films")
    answer = dlh("discover", "films", "--out", "found", "--minutes", 0.02)
    assert answer.status == 0, answer.err
    status = json.loads(Path("found/run/status.json").read_text())
    assert status["state"] == "finished" and 0 < status["step"] < 500
    assert holds(answer.out, f"trained: {status['step']} of 500 steps", "minutes")
    assert Path("found/events/overview.csv").exists()


def test_a_video_that_cannot_be_used_is_left_out_and_named_in_the_end(dlh):
    videos("films")
    Path("films/broken.mp4").write_bytes(b"this is no film" * 50)
    write_video("films/one.mp4", np.zeros((1, 48, 64, 3), np.uint8), fps=10)
    write_video("films/brief.mp4", np.zeros((5, 48, 64, 3), np.uint8), fps=10)
    answer = dlh("discover", "films", "--out", "found", "--method", "motion")
    assert answer.status == 1
    assert holds(answer.out, "left out", "broken.mp4") and holds(answer.out, "left out", "one.mp4")
    assert holds(answer.out, "not learnt from", "brief.mp4", 5, 23)
    assert holds(answer.err, "broken.mp4", "one.mp4", "found/events")
    found = json.loads(Path("found/events/overview.json").read_text())["videos"]
    assert "brief.mp4" in [row["video"] for row in found]  # its events are looked for all the same


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("empty --out found", 1, "empty"),
        ("short --out found", 1, "short"),
        ("none.mp4 --out found", 1, "none.mp4"),
        ("films --out file.txt", 2, "file.txt"),
        ("films --out films/found", 2, "films/found"),
        ("films --out other", 2, "other"),
        ("films --out found --minutes 0", 2, "minutes 0"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(dlh, words, status, said):
    videos("films", 1, 4)
    Path("empty").mkdir()
    videos("short", 2, 5)
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine")
    Path("file.txt").write_text("mine")
    answer = dlh("discover", *words.split())
    assert answer.status == status and answer.names(said)
    assert answer.err.count("\n") == 1
    assert not Path("found").exists() and not Path("films/found").exists()
    assert [path.name for path in Path("other").iterdir()] == ["notes.txt"]


def test_several_files_are_trained_on_together(dlh, monkeypatch):
    videos("films", 4)
    asked = []
    monkeypatch.setattr(
        "dlh.commands.discover.find_events", lambda options, say: asked.append(options)
    )
    answer = dlh("discover", "films/v0.mp4", "films/v1.mp4", "films/v2.mp4", "--out", "found")
    assert answer.status == 0, answer.err
    links = sorted(path.name for path in Path("found/videos").iterdir())
    assert links == ["0000-v0.mp4", "0001-v1.mp4", "0002-v2.mp4"]
    assert [path.name for path in asked[0].videos] == ["v0.mp4", "v1.mp4", "v2.mp4"]
