"""ViZDoom mazes: a store of them, drawn by the engine itself where it is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import child, names
from data.wad_files import read_lumps
from dlh.data.store.verify import verify_store
from dlh.data.worlds.mazes import vizdoom_engine, vizdoom_mazes
from dlh.data.worlds.mazes.maze_looks import CEILINGS, FLOORS, WALLS
from dlh.data.worlds.mazes.vizdoom_mazes import make_vizdoom_mazes

needs_vizdoom = pytest.mark.skipif(
    importlib.util.find_spec("vizdoom") is None, reason="needs pip install 'dlh[mazes]'"
)
VIDEOS = {"train": 3, "validation": 1, "test": 1}
SOURCES = ["test/00000", "train/00000", "train/00001", "train/00002", "validation/00000"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_vizdoom_mazes(tmp_path_factory.mktemp("s") / "store", videos=VIDEOS, frames=40)


def pixels(store):
    return {video.source: store.frames(video) for video in store.videos}


@needs_vizdoom
def test_the_store_says_what_it_holds(store):
    assert store.index.name == "ViZDoom mazes"
    assert store.frame_shape == (3, 64, 64) and store.index.shard_frames == (200,)
    assert [video.source for video in store.videos] == SOURCES
    assert [video.split for video in store.videos] == [name.split("/")[0] for name in SOURCES]
    assert {video.length for video in store.videos} == {40}
    assert not verify_store(store.path).damage
    settings = store.index.settings
    assert settings["made_with"].startswith("vizdoom 1.") and settings["videos"] == VIDEOS
    assert len({video.sha256 for video in store.videos}) == 5


@needs_vizdoom
def test_pictures_show_a_maze_that_moves(store):
    for frames in pixels(store).values():
        frames = frames.astype(np.int16)
        assert (np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)) > 1).all()
        brightness = frames.mean(axis=(1, 2, 3))
        assert brightness.min() > 15 and brightness.max() < 200
        assert (frames.std(axis=(1, 2)).mean(axis=1) > 4).all()  # nothing is of one colour
        # Eyes at 41 of 128 units: floor below, ceiling above, and a wall from one to the other.
        below, above = frames[:, 60:], frames[:, :4]
        assert np.abs(below.mean(axis=(1, 2)) - above.mean(axis=(1, 2))).max() > 5


@needs_vizdoom
def test_one_seed_gives_one_store_whatever_was_drawn_before(store, tmp_path, monkeypatch):
    monkeypatch.setattr(vizdoom_mazes, "_MAPS", 2)
    again = make_vizdoom_mazes(tmp_path / "again", videos=VIDEOS, frames=40)
    assert again.digest() == store.digest()
    fewer = make_vizdoom_mazes(tmp_path / "fewer", videos={"test": 1}, frames=40)
    np.testing.assert_array_equal(pixels(fewer)["test/00000"], pixels(store)["test/00000"])
    other = make_vizdoom_mazes(tmp_path / "other", videos={"test": 1}, frames=40, seed=1)
    assert not np.array_equal(pixels(other)["test/00000"], pixels(store)["test/00000"])


@needs_vizdoom
def test_a_build_that_was_killed_goes_on_and_its_engine_is_gone(store, tmp_path):
    code = """
from dlh.data.worlds.mazes.vizdoom_mazes import make_vizdoom_mazes
def tell(progress):
    if progress.files_done == 3 and progress.frames == 0:
        print("three are done", flush=True)
        sys.stdin.read()
videos = {"train": 3, "validation": 1, "test": 1}
make_vizdoom_mazes(sys.argv[1], videos=videos, frames=40, progress=tell)
"""
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = child(code, tmp_path / "store", stdin=subprocess.PIPE, env=environment)
    assert process.stdout is not None and process.stdout.readline() == "three are done\n"
    if sys.platform == "linux":
        assert len(engines_with(folder)) == 1
    process.kill()
    process.wait()
    assert ".store.unfinished" in names(tmp_path) and not (tmp_path / "store").exists()
    begun = []
    resumed = make_vizdoom_mazes(
        tmp_path / "store",
        videos=VIDEOS,
        frames=40,
        progress=lambda progress: begun.append(progress.source),
    )
    assert set(begun) == {"validation/00000", "test/00000"}
    assert resumed.digest() == store.digest() and names(tmp_path) == ["store", "temporary"]
    if sys.platform == "linux":
        end = time.monotonic() + 5
        while engines_with(folder):
            assert time.monotonic() < end, "an engine outlives the process that started it"
            time.sleep(0.02)


def engines_with(folder):
    """Process ids of engines that were given a file in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (process / "cmdline").read_bytes()
            if str(folder).encode() in arguments and b"+viz_instance_id" in arguments:
                found.append(process.name)
    return found


@needs_vizdoom
def test_nothing_is_left_where_it_runs(workspace):
    make_vizdoom_mazes(workspace / "store", videos={"train": 1}, frames=2, size=16)
    assert names(workspace) == ["store"]


@needs_vizdoom
def test_frames_of_another_size_are_of_the_same_walk(store, tmp_path):
    small = make_vizdoom_mazes(tmp_path / "small", videos={"train": 1}, frames=40, size=32)
    means = pixels(store)["train/00000"].reshape(40, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(pixels(small)["train/00000"] - means).mean() < 2


@needs_vizdoom
def test_progress_counts_videos_and_frames(tmp_path):
    told = []
    videos = {"train": 1, "test": 1}
    make_vizdoom_mazes(tmp_path / "s", videos=videos, frames=5, size=16, progress=told.append)
    assert [(p.files_done, p.source, p.frames) for p in told] == [
        (number, f"{split}/00000", frames)
        for number, split in enumerate(videos)
        for frames in (0, 5)
    ]
    assert {(p.files, p.expected_frames) for p in told} == {(2, 5)}


@needs_vizdoom
def test_every_texture_comes_with_the_engine():
    import vizdoom

    lumps = read_lumps((Path(vizdoom.__path__[0]) / "freedoom2.wad").read_bytes())
    flats = {name for name, content in lumps if len(content) == 64 * 64}
    assert flats >= {*FLOORS, *CEILINGS}
    sizes = {}
    for content in (content for name, content in lumps if name in ("TEXTURE1", "TEXTURE2")):
        (count,) = struct.unpack_from("<i", content)
        for offset in struct.unpack_from(f"<{count}i", content, 4):
            name, _, width, height = struct.unpack_from("<8sihh", content, offset)
            sizes[name.rstrip(b"\0").decode()] = (width, height)
    assert {sizes[wall] for wall in WALLS} <= {(64, 128), (128, 128)}
    for some in (WALLS, FLOORS, CEILINGS):
        assert len(set(some)) == len(some)


@needs_vizdoom
def test_an_engine_that_is_missing_is_one_clear_error(tmp_path, monkeypatch):
    import vizdoom

    monkeypatch.setattr(vizdoom, "exe_path", str(tmp_path / "no engine"))
    with refused("ViZDoom 1.", tmp_path / "no engine"):
        make_vizdoom_mazes(tmp_path / "store", videos={"train": 1}, frames=2)
    assert not (tmp_path / "store").exists()


@needs_vizdoom
def test_an_engine_that_does_not_obey_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(vizdoom_engine, "_EYES", 40)
    with refused(41.0, 40):
        make_vizdoom_mazes(tmp_path / "store", videos={"train": 1}, frames=2)


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with refused("dlh[mazes]", code="missing-extra"):
        make_vizdoom_mazes(tmp_path / "store")
    assert names(tmp_path) == []


def test_an_extra_of_another_python_says_so(tmp_path, monkeypatch):
    (tmp_path / "vizdoom").mkdir()
    (tmp_path / "vizdoom" / "__init__.py").write_text("raise SystemError('not this version')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vizdoom", raising=False)
    with refused("not this version"):
        make_vizdoom_mazes(tmp_path / "store")
    assert names(tmp_path) == ["vizdoom"]


def test_no_maze_is_in_two_videos(monkeypatch):
    plans = vizdoom_mazes._draw_plans({"train": 150, "validation": 20, "test": 20}, 0)
    assert len({plan.maze.open.tobytes() for plan in plans}) == len(plans) == 190
    # Where there are four mazes only, those that were taken are drawn again until all differ.
    draw = vizdoom_mazes.draw_maze
    few = [draw(np.random.default_rng(number)) for number in range(4)]
    monkeypatch.setattr(vizdoom_mazes, "draw_maze", lambda random: few[random.integers(4)])
    plans = vizdoom_mazes._draw_plans({"train": 2, "validation": 1, "test": 1}, 0)
    assert {id(plan.maze) for plan in plans} == {id(maze) for maze in few}
    assert max(attempt for *_, attempt in (plan.key for plan in plans)) > 0
    sources = ["train/00000", "train/00001", "validation/00000", "test/00000"]
    assert [plan.source for plan in plans] == sources
    assert [plan.split for plan in plans] == [source.split("/")[0] for source in sources]


@pytest.mark.parametrize(
    "change, found",
    [
        ({"videos": {}}, "{}"),
        ({"videos": {"train": 0}}, {"train": 0}),
        ({"videos": {"train": 2, "test": -1}}, {"train": 2, "test": -1}),
        ({"videos": {"training": 2}}, "'training'"),
        ({"frames": 1}, "found 1"),
        ({"size": 15}, "size 15"),
        ({"size": 193}, "size 193"),
        ({"seed": -1}, "found -1"),
    ],
)
def test_an_invalid_request_is_refused_at_once(tmp_path, change, found):
    with refused(found):
        make_vizdoom_mazes(tmp_path / "store", **change)
    assert names(tmp_path) == []
