"""``dlh data``: videos into a store, a store checked, looked at, and its clips named."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import published
from dlh.cli.data import COMMANDS
from dlh.data.clips import SPLITS
from dlh.data.named.manifest import Manifest
from dlh.data.published.kth import ACTIONS
from dlh.data.store.store import Store
from dlh.data.video.encode import write_video
from documentation import ROOT, blocks, documented_fields
from imports_watched import files_read
from lerobot_files import lerobot_2
from refusals import holds
from tiny_run import ball_frames


@pytest.fixture
def my_videos(workspace: Path) -> Path:
    """Ten videos of 40 to 49 frames, 20 a second, an empty file and a note."""
    folder = workspace / "my_videos"
    folder.mkdir()
    for number in range(10):
        frames = ball_frames(40 + number, clip=number)
        write_video(folder / f"clip {number}.mp4", frames, fps=20)
    (folder / "empty.mp4").touch()
    (folder / "notes.txt").write_text("bring milk")
    return folder


@pytest.fixture
def store(dlh, my_videos: Path) -> Path:
    split = ["--split", "0.5", "0.2", "0.3"]
    assert dlh("data", "import", "my_videos", "--out", "store", "--size", 16, *split).status == 0
    return Path("store")


def test_import_makes_a_store_and_reports_every_file(dlh, my_videos):
    answer = dlh("data", "import", "my_videos", "--out", "store", "--size", 32, "--clip-length", 20)
    assert (answer.status, answer.err) == (0, "")
    store = Store.open("store")
    assert store.frame_shape == (3, 32, 32)
    assert sorted(v.length for v in store.videos) == list(range(40, 50))
    assert [v.split for v in store.videos].count("train") == 8
    assert re.search(r"clip 7.mp4 +47 +20 +16 x 16", answer.out)
    assert "not used (1):\n  empty.mp4 is empty (0 bytes)" in answer.out
    assert "not videos: 1 .txt" in answer.out and "length (frames)   videos" in answer.out
    assert "clips of 20 frames: train 16, validation 2, test 2" in answer.out
    assert answer.out.endswith("written: store\n") and "no video has" not in answer.out


def test_import_in_grey_at_another_rate_with_other_splits(dlh, my_videos):
    options = ["--size", "16", "--grey", "--fps", "10", "--split", "0.5", "0.5", "0", "--seed", "3"]
    answer = dlh("data", "import", "my_videos", "--out", "store", *options)
    assert answer.status == 0
    store = Store.open("store")
    assert store.frame_shape == (1, 16, 16)
    assert {(v.length, v.fps) for v in store.videos} == {(n, 10.0) for n in range(20, 26)}
    assert [v.split for v in store.videos].count("validation") == 5
    assert store.index.settings["seed"] == 3
    assert holds(answer.out, 100, "--training.clip-length", 25)


def test_an_interrupted_import_goes_on_with_the_same_command(dlh, my_videos, monkeypatch):
    words = ["data", "import", "my_videos", "--out", "store", "--size", 16]
    with monkeypatch.context() as patch:
        files_read(patch, stop=lambda names: len(set(names)) == 4)
        stopped = dlh(*words)
    assert (stopped.status, stopped.err) == (130, "dlh: interrupted\n")
    assert "the same command continues" in stopped.out and not Path("store").exists()

    before = dlh("data", "verify", "store")
    assert before.status == 1 and before.names("store `dlh data import`")

    read = files_read(monkeypatch)
    again = dlh(*words)
    assert again.status == 0 and again.out.startswith("store: continuing")
    assert set(read) == {f"clip {n}.mp4" for n in range(3, 10)}
    assert len(Store.open("store").videos) == 10
    assert dlh("data", "verify", "store").status == 0


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("my_videos", 2, "--out"),
        ("my_videos --out new --size 0", 2, "size 0"),
        ("my_videos --out new --seed -1", 2, "seed -1"),
        ("my_videos --out new --clip-length 0", 2, "clip-length 0"),
        ("my_videos --out new --fps 0", 2, "0"),
        ("my_videos --out new --fps nan", 2, "nan"),
        ("my_videos --out new --split 0.5 0.5 0.5", 2, "three 0.5"),
        ("my_videos --out new --split 0.5 0.5", 2, "--split"),
        ("my_videos --out new --gray", 2, "--gray --grey"),
        ("nothing --out new", 1, "nothing"),
        ("my_videos/notes.txt --out new", 1, "notes.txt"),
        ("my_videos --out my_videos", 1, "my_videos"),
    ],
)
def test_an_import_that_cannot_be_is_one_line(dlh, my_videos, words, status, said):
    answer = dlh("data", "import", *words.split())
    assert answer.status == status and answer.names(said)
    assert not Path("new").exists()


def test_a_store_is_not_imported_again(dlh, store):
    answer = dlh("data", "import", "store", "--out", "new")
    assert answer.status == 2 and answer.names("store")


def test_verify_says_how_much_it_checked(dlh, store):
    answer = dlh("data", "verify", "store")
    assert (answer.status, answer.err) == (0, "")
    assert "the CRC-32 of 10 of 10 videos (445 frames, 0.3 MB)" in answer.out
    assert answer.out.endswith("store is as it was written\n")


def test_verify_names_what_is_damaged_and_fails(dlh, store):
    video = Store.open(store).videos[4]
    with open(store / "frames-00000.npy", "r+b") as file:
        file.seek(128 + (video.offset + 3) * 16 * 16 * 3 + 5)
        (byte,) = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    answer = dlh("data", "verify", "store")
    assert answer.status == 1
    assert answer.names("store") and video.source in answer.line
    assert f"{video.source}: has changed" in answer.out and answer.out.count("CRC-32 ") == 2
    assert "is as it was written" not in answer.out


def test_verify_cuts_a_long_list_of_damage(dlh, store, monkeypatch):
    index = json.loads((store / "index.json").read_text())
    for video in index["videos"]:
        video["crc32"] = "00000000"
    (store / "index.json").write_text(json.dumps(index))
    monkeypatch.setattr("dlh.commands.data_store.LISTED", 4)
    answer = dlh("data", "verify", "store")
    assert answer.names("0.mp4 1.mp4 2.mp4 7")
    assert answer.out.count("has changed") == 4 and "... and 6 more" in answer.out


def test_inspect_draws_a_sheet_and_a_film(dlh, store):
    answer = dlh("data", "inspect", "store", "--out", "look/it.png", "--clip-length", 40)
    assert (answer.status, answer.err) == (0, "")
    assert "clips of 40 frames: train 5, validation 2, test 3" in answer.out
    assert "empty.mp4 is empty" in answer.out
    assert answer.out.endswith("written: look/it.png, look/it.mp4\n")
    with Image.open("look/it.png") as picture:
        assert picture.format == "PNG" and picture.height > picture.width / 2 > 300
    with av.open("look/it.mp4") as film:
        stream = film.streams.video[0]
        assert stream.average_rate == 20 and stream.frames == 49
    assert sorted(path.name for path in Path("look").iterdir()) == ["it.mp4", "it.png"]


@pytest.mark.parametrize("imported, out", [("shots", "shots/0.png"), ("mine.mp4", "mine.png")])
def test_inspect_replaces_nothing_that_was_imported(dlh, workspace, imported, out):
    write_video("mine.mp4", ball_frames(8), fps=10)
    Path("shots").mkdir()
    for number, frame in enumerate(ball_frames(8)):
        Image.fromarray(frame).save(f"shots/{number}.png")
    assert dlh("data", "import", imported, "--out", "store", "--size", 16).status == 0
    before = {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    answer = dlh("data", "inspect", "store", "--out", out)
    assert answer.status == 2 and answer.names("exists --overwrite")
    assert before == {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    for more in ((), ("--overwrite",)):
        assert dlh("data", "inspect", "store", "--out", "looked/at.png", *more).status == 0


def test_inspect_chooses_from_every_split(dlh, store):
    from dlh.commands.data_inspect import choose

    opened = Store.open(store)
    splits = [[video.split for video in choose(opened, count)] for count in (8, 2)]
    assert splits[0] == [*["train"] * 3, *["validation"] * 2, *["test"] * 3]
    assert splits[1] == ["train", "validation"]
    assert choose(opened, 100) == sorted(opened.videos, key=lambda v: SPLITS.index(v.split))


def test_manifest_names_clips_that_can_be_read(dlh, store):
    numbers = ["--context", "5", "--horizon", "10", "--clips", "4"]
    answer = dlh("data", "manifest", "store", *numbers, "--out", "new/clips.json")
    assert (answer.status, answer.err) == (0, "")
    manifest = Manifest.load("new/clips.json")
    assert "4 test clips of 5 + 10 frames (spaced), from 3 of 3 test videos" in answer.out
    assert f"written: new/clips.json (SHA-256 {manifest.digest()})" in answer.out
    assert "asked for" not in answer.out
    assert (manifest.context, manifest.horizon, manifest.name) == (5, 10, "my_videos")
    assert manifest.read(Store.open(store)).video.shape == (4, 15, 16, 16, 3)
    first = dlh("data", "manifest", "store", *numbers, "--select", "first", "--split", "train")
    manifest = Manifest.load("manifest.json")
    assert first.status == 0 and manifest.split == "train"
    assert [clip.first_frame for clip in manifest.clips] == [0] * 4


def test_manifest_says_that_there_are_fewer_clips_than_asked_for(dlh, store):
    answer = dlh("data", "manifest", "store", "--context", 10, "--horizon", 30)
    assert answer.status == 0
    assert holds(answer.out, 100, 3, "manifest")
    assert len(Manifest.load("manifest.json").clips) == 3


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("manifest store", 1, "store 330 30 300"),
        ("manifest store --clips 0", 2, "clips 0"),
        ("manifest store --horizon -3", 2, "horizon -3"),
        ("manifest store --context 3 --horizon 3 --out clips.txt", 2, "clips.txt .json"),
        ("manifest store --split tset", 2, "--split"),
        ("manifest store --select best", 2, "--select"),
        ("inspect store --out grid.jpg", 2, "grid.jpg .png"),
        ("inspect store --clip-length 0", 2, "clip-length 0"),
        ("inspect store --out store/grid.png", 2, "store/grid.png --out"),
        ("verify", 2, "STORE"),
        ("verfy store", 2, "verfy verify"),
    ],
)
def test_what_cannot_be_is_one_line(dlh, store, words, status, said):
    before = sorted(Path().rglob("*"))
    answer = dlh("data", *words.split())
    assert answer.status == status and answer.names(said)
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("command", ["verify", "inspect", "manifest"])
def test_for_what_is_no_store_it_says_how_to_make_one(dlh, my_videos, command):
    assert dlh("data", command, "my_videos").names("my_videos index.json `dlh data import")
    assert dlh("data", command, "my_videos/notes.txt").names("my_videos/notes.txt file")
    assert dlh("data", command, "other").names("other `dlh data import")
    (my_videos / "index.json").write_text("{}")
    assert dlh("data", command, "my_videos").names("my_videos/index.json")


def test_the_group_lists_its_commands(dlh):
    answer = dlh("data", "--help")
    assert answer.status == 0 and all(f"  {name} " in answer.out for name in COMMANDS)
    assert dlh("data").status == 2 and max(map(len, answer.out.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(dlh, command):
    answer = dlh("data", command, "--help")
    assert answer.status == 0 and f"usage: dlh data {command}" in answer.out
    assert re.search(rf"example: +dlh data {command} ", answer.out)


@pytest.mark.slow
def test_the_commands_in_the_documentation_do_what_they_say(dlh, workspace):
    Path("my_videos").mkdir()
    for number in range(10):
        write_video(f"my_videos/{number}.mp4", ball_frames(120, clip=number), fps=20)
    lerobot_2(Path("robot_recordings"))
    for number, action in enumerate(ACTIONS):  # what `prepare` would fetch is there
        for person in (1, 21):
            file = Path(f"cache/data/kth/person{person:02}_{action}_d1_uncomp.avi")
            published.write_avi(
                file, published.textured(5, height=120, width=160, seed=10 * number + person)
            )
    Path("cache/data/kth/00sequences.txt").write_text("person01_boxing_d1 frames 1-5\n")
    published.write_mp4s(Path("data/gqn-mazes/train"), [5, 6])
    published.write_mp4s(Path("data/gqn-mazes/test"), [7], seed=2)
    ran = set()
    for page in ("commands.md", "data.md"):
        for body in [*blocks(ROOT / "docs" / page, "bash"), *blocks(ROOT / "docs" / page, "sh")]:
            for line in body.splitlines():
                words = shlex.split(line)
                if words[:2] != ["dlh", "data"] or line in ran:
                    continue
                ran.add(line)
                answer = dlh(*words[1:])
                assert answer.status == 0, (line, answer.err)
    assert {line.split()[2] for line in ran} == set(COMMANDS)


def test_the_manifest_has_the_fields_documented(dlh, store):
    assert dlh("data", "manifest", "store", "--context", 2, "--horizon", 2).status == 0
    outside, inside = documented_fields("store")
    written = json.loads(Path("manifest.json").read_text())
    assert outside == set(written) and inside == list(written["clips"][0])


def test_the_film_and_the_sheet_take_long_and_foreign_names(dlh, workspace):
    folder = workspace / "v"
    folder.mkdir()
    for name in ("ein sehr langer Name " * 8, "映像\n2", "x"):
        write_video(folder / f"{name}.mp4", ball_frames(3), fps=np.float64(0.5))
    assert dlh("data", "import", "v", "--out", "s", "--size", 16).status == 0
    answer = dlh("data", "inspect", "s")
    assert answer.status == 0 and Path("grid.png").exists() and Path("grid.mp4").exists()
