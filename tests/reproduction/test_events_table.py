"""Events of runs beside the trivial detectors, measured once; and the arena."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from dlh.data.video.decode import open_video
from dlh.data.video.encode import write_video
from dlh.data.worlds.mazes.maze import Maze, Walk
from dlh.errors import UsageError
from reproduction.arena import Arena, draw_clip
from reproduction.events_table import arena_clips, render, tabulate
from reproduction.joined import FPS, write_joined
from reproduction.walks import entered, write_walks
from tiny_run import finished_demo

SMALL = Arena(height=40, width=48, radius=5.0, fps=10, shortest=2.0, mean=4.0, speed=30.0)


def test_the_arena_moves_as_it_says_and_changes_where_it_says() -> None:
    random = np.random.default_rng(3)
    film, changes = draw_clip(SMALL, random, seconds=60)
    assert film.shape == (600, 40, 48, 3) and film.dtype == np.uint8
    assert len(changes) > 5 and min(np.diff([0, *changes])) >= 2 - 1e-9
    # Behaviours differ in motion: within a stretch it varies less than from stretch to stretch.
    motion = np.abs(np.diff(film.astype(int), axis=0)).mean((1, 2, 3))
    stretches = np.split(motion, (np.array(changes) * 10).astype(int))
    long = [stretch[2:] for stretch in stretches if len(stretch) > 5]
    errors = [stretch.std() / len(stretch) ** 0.5 for stretch in long]
    assert np.std([stretch.mean() for stretch in long]) > 3 * np.mean(errors)


def test_clips_of_the_arena_have_their_events_at_their_rate() -> None:
    clips = arena_clips((1, 16, 16), 5.0, 2, 40, 7)
    assert clips.video.shape == (2, 40, 16, 16, 1) and clips.events.shape == (2, 40)
    _, changes = draw_clip(Arena(), np.random.default_rng([7, 1]), seconds=9)
    expected = [int(np.ceil(change * 5 - 1e-9)) for change in changes]
    assert np.flatnonzero(clips.events[1]).tolist() == [step for step in expected if step < 40]


def test_a_run_is_measured_once_and_the_table_has_every_record(tmp_path, tmp_path_factory) -> None:
    run, said = finished_demo(tmp_path_factory), []
    more = {"results": tmp_path, "clips": 2, "clip_length": 12}
    tabulate([run], say=said.append, **more)
    (path,) = (tmp_path / "events").iterdir()
    record = json.loads(path.read_text())
    assert record["world"] == "tiny" and record["clips"] == 2
    assert {"dlh", "motion", "frame difference"} <= record["scores"].keys()
    exact, near = (record["scores"]["frame difference"][t] for t in ("none", "half a second"))
    assert 0 <= exact["f1"] <= near["f1"] <= 1
    before = path.stat().st_mtime_ns
    tabulate([run], say=said.append, **more)
    assert path.stat().st_mtime_ns == before
    assert "| dlh |" in (tmp_path / "events.md").read_text()
    with pytest.raises(UsageError):
        tabulate([run, Path(run)], say=said.append, **more)


def test_clips_of_a_run_are_shown_to_another_program_large_enough(
    tmp_path, tmp_path_factory, monkeypatch
) -> None:
    run = finished_demo(tmp_path_factory)
    seen = []

    def scenes_in(paths, length, python):
        films = [open_video(path, height=8, width=8, channels=3) for path in paths]
        seen.extend((len(film.read()), film.source_size, film.fps) for film in films)
        return {"PySceneDetect": np.ones((len(paths), length), bool)}

    monkeypatch.setattr("reproduction.events_table.scenes_in", scenes_in)
    more = {"results": tmp_path, "clips": 2, "clip_length": 12, "scenes": Path("python")}
    tabulate([run], say=print, **more)
    assert seen == [(12, (256, 256), 10.0)] * 2
    (path,) = (tmp_path / "events").iterdir()
    found = json.loads(path.read_text())["scores"]["PySceneDetect"]["none"]
    assert found["recall"] == 1.0 and found["precision"] < 1


def test_the_table_has_the_mean_over_runs_and_its_spread() -> None:
    def record(world: str, f1: float) -> dict:
        return {"world": world, "scores": {"dlh": {"none": {"f1": f1}}}}

    room = record("room", 0.25) | {"higher": {"L3": {"dlh": {"none": {"f1": 0.875}}}}}
    table = render([record("ball", 0.5), record("ball", 1.0), room])
    assert "## Tolerance: none" in table and "|  | ball | room | room L3 |" in table
    assert "| dlh | 0.75 (0.50 to 1.00) | 0.25 | 0.88 |" in table
    assert "| dlh | 0.50 |" in render([record("ball", 0.5), record("ball", 0.5)])  # no range


def test_films_are_joined_at_their_labels_and_measured_with_and_without_a_training(
    tmp_path, tmp_path_factory
) -> None:
    random, shots = np.random.default_rng(0), [tmp_path / f"{name}.mp4" for name in "ab"]
    for shot, grey in zip(shots, (40, 200), strict=True):
        # Sides of 16 n: of others x264 reads memory that nobody wrote, and no two films are equal.
        noise = random.integers(-3, 4, (50, 32, 48, 3))
        write_video(shot, (grey + noise).astype(np.uint8), fps=FPS)
    labels = write_joined(tmp_path / "cuts-7", shots, films=2, seconds=6.0, seed=1)
    film = open_video(tmp_path / "cuts-7/film-01.mp4", height=8, width=8, channels=1).read()
    jumps = 1 + np.flatnonzero(np.abs(np.diff(film.mean((1, 2, 3)))) > 50)
    rows = [row.split(",") for row in labels.read_text().splitlines()[1:]]
    cuts = [float(seconds) for name, seconds in rows if name == "film-01.mp4"]
    assert len(film) == 6 * FPS and cuts and cuts == pytest.approx(jumps / FPS, abs=1e-3)
    tabulate([], films=[tmp_path / "cuts-7"], results=tmp_path, clips=1, clip_length=2, say=print)
    record = json.loads((tmp_path / "events/films-cuts-7.json").read_text())
    assert (record["world"], record["clips"]) == ("cuts", 1)
    scores = record["scores"]
    taken = "level of moving-ball" if record["auto"] == "level" else record["auto"]
    assert scores["auto"] == scores[taken]
    assert scores["frame difference"]["none"]["f1"] == scores["motion"]["none"]["f1"] == 1.0
    run = finished_demo(tmp_path_factory)
    more = {"films": [tmp_path / "cuts-7"], "trained": run, "results": tmp_path}
    tabulate([], clips=1, clip_length=2, say=print, **more)
    (path,) = (tmp_path / "events").glob("films-cuts-7-by-*.json")
    levels = json.loads(path.read_text())
    assert levels["world"] == "cuts" and list(levels["scores"]) == ["dlh"]
    table = (tmp_path / "events.md").read_text()
    assert "| auto |" in table and "| dlh |" in table and "cuts 1. Made" in table.replace("\n", " ")


def test_another_room_is_entered_where_the_region_under_the_eye_changes() -> None:
    region = np.array([[-1, -1, -1, -1], [-1, 0, 1, -1], [-1, 2, 1, -1], [-1, -1, -1, -1]])
    maze = Maze(open=region >= 0, region=region)
    xy = np.array([[1.1, 1.5], [1.9, 1.5], [2.1, 1.5], [2.5, 2.5], [1.5, 2.5], [1.5, 2.4]])
    assert entered(maze, Walk(positions=xy, angles=np.zeros(6))) == [2, 4]


@pytest.mark.skipif(find_spec("vizdoom") is None, reason="needs pip install 'dlh[mazes]'")
def test_walks_are_filmed_with_their_labels(tmp_path) -> None:
    labels = write_walks(tmp_path / "walks-1", films=2, seconds=30.0, seed=1)
    films = sorted((tmp_path / "walks-1").iterdir())
    frames = [open_video(film, height=8, width=8, channels=3).read() for film in films]
    assert [len(film) for film in frames] == [300, 300]
    assert not np.array_equal(*frames)
    rows = [row.split(",") for row in labels.read_text().splitlines()[1:]]
    assert {name for name, _ in rows} == {film.name for film in films}
    assert all(0 < float(seconds) < 30 for _, seconds in rows)
