"""``dlh data clip``: a film of the ball that the shipped model understands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dlh import DLH
from dlh.data.video.decode import open_video
from dlh.data.worlds.moving_ball import MovingBall
from dlh.runs.presets import moving_ball
from refusals import holds


def frames_said(out: str) -> list[int]:
    return [int(word) for word in out.rpartition("changes at frames ")[2].split(", ")]


def test_the_shipped_model_finds_the_events_that_are_said(dlh):
    answer = dlh("data", "clip", "moving-ball", "--frames", 40, "--out", "new/ball.mp4")
    assert (answer.status, answer.err) == (0, "")
    assert holds(answer.out, "new/ball.mp4", 40, "test", 0, "moving-ball")
    said = frames_said(answer.out)
    truth = MovingBall(moving_ball().data.ball).held_out_clip("test", 0, clip_length=40)
    assert said == np.flatnonzero(truth.events[0]).tolist()
    film = open_video("new/ball.mp4", height=16, width=16, channels=1)
    assert (film.expected_frames, film.source_size, film.fps) == (40, (256, 256), 10)
    read, _ = DLH.from_pretrained("moving-ball").read("new/ball.mp4")
    assert np.abs(read.astype(float) - truth.video[0]).max() < 64  # and no colour is another
    assert dlh("events", "moving-ball", "new/ball.mp4").status == 0
    level = json.loads(Path("events.json").read_text("utf-8"))["levels"][1]
    assert [event["frame"] for event in level["events"] if event["frame"]] == said


def test_another_number_is_another_clip_and_a_short_one_may_have_no_change(dlh):
    changes = []
    for number in (0, 1):
        words = ("--number", number, "--frames", 30, "--overwrite")
        answer = dlh("data", "clip", "tiny", *words)
        assert answer.status == 0 and Path("clip.mp4").exists()
        changes.append(frames_said(answer.out))
    assert changes[0] != changes[1]
    answer = dlh("data", "clip", "tiny", "--frames", 1, "--out", "short.mp4")
    assert "its colour changes at no frame" in answer.out and holds(answer.out, "1 frame")


def test_a_film_that_exists_is_kept_unless_it_may_be_replaced(dlh):
    Path("clip.mp4").write_text("mine")
    answer = dlh("data", "clip", "tiny", "--frames", 5)
    assert answer.status == 2 and answer.names("clip.mp4 --overwrite --out")
    assert Path("clip.mp4").read_text() == "mine"


@pytest.mark.parametrize(
    "words, said",
    [
        ("tinny", "tinny tiny"),
        ("kth", "kth tiny moving-ball"),
        ("tiny --frames 0", "frames 0"),
        ("tiny --number -1", "number -1"),
        ("tiny --out new/clip.avi", "new/clip.avi .mp4"),
    ],
)
def test_what_cannot_be_is_one_line(dlh, words, said):
    answer = dlh("data", "clip", *words.split())
    assert answer.status == 2 and answer.names(said)
    assert not list(Path().iterdir())
