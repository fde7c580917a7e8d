"""``dlh data manifest`` of generated clips, and ``dlh data verify`` of a manifest."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import published
from dlh.commands.data_manifests import open_manifest
from dlh.data.named.manifest import Manifest
from dlh.data.store.store import Store
from dlh.data.video.encode import write_video
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from documentation import documented_fields
from refusals import holds
from tiny_run import ball_frames

WORLD = ["--ball.size", 16, "--ball.radius", 2, "--ball.speed", 3]
NUMBERS = ["--context", 3, "--horizon", 5, "--clips", 4]


@pytest.fixture
def store(dlh, workspace: Path) -> Path:
    """A store of five videos, and a manifest of its three test clips in clips.json."""
    Path("films").mkdir()
    for number in range(5):
        write_video(f"films/{number}.mp4", ball_frames(10, clip=number), fps=20)
    words = ["films", "--out", "store", "--size", 16, "--split", 0.2, 0.2, 0.6]
    assert dlh("data", "import", *words).status == 0
    assert dlh("data", "manifest", "store", *NUMBERS, "--out", "clips.json").status == 0
    return Path("store")


def test_clips_of_the_ball_are_named_and_found_again(dlh, workspace):
    answer = dlh("data", "manifest", "moving-ball", *NUMBERS, *WORLD, "--out", "new/clips.json")
    assert (answer.status, answer.err) == (0, "")
    manifest, source = open_manifest(Path("new/clips.json"))
    assert holds(answer.out, 4, "test", 3, 5, "moving-ball")
    assert f"written: new/clips.json (SHA-256 {manifest.digest()})" in answer.out
    ball = MovingBall(MovingBallConfig(size=16, radius=2, speed=3.0))
    expected = ball.held_out("test", count=4, clip_length=8).video
    found = [np.concatenate(clip) for clip in manifest.open(source)]
    np.testing.assert_array_equal(found, expected)
    answer = dlh("data", "verify", "new/clips.json")
    assert answer.status == 0 and holds(answer.out, 4, "test", 3, 5, "moving-ball")
    assert manifest.digest() in answer.out


def test_clips_of_digits_are_named_and_found_again(dlh, workspace):
    published.write_mnist(Path("mine"))
    words = ["moving-mnist", *NUMBERS, "--mnist.size", 32, "--mnist.digit-size", 14]
    answer = dlh("data", "manifest", *words, "--mnist.speed", 1, 2, "--digits", "mine")
    assert answer.status == 0, answer.err
    manifest = Manifest.load("manifest.json")
    assert manifest.source.mnist.size == 32 and manifest.source.digits == "mnist"
    assert dlh("data", "verify", "manifest.json", "--data", "mine").status == 0
    answer = dlh("data", "verify", "manifest.json")  # by name, and that is not prepared
    assert answer.status == 2 and holds(answer.line, "dlh data prepare mnist")
    shutil.copytree("mine", "cache/data/mnist")
    assert dlh("data", "verify", "manifest.json").status == 0
    for train in Path("mine").glob("train-*"):
        shutil.copy(train, str(train).replace("train", "t10k"))
    answer = dlh("data", "verify", "manifest.json", "--data", "mine")
    assert answer.status == 1 and answer.names("SHA-256 mnist")


def test_clips_that_are_generated_otherwise_are_one_line(dlh, workspace):
    assert dlh("data", "manifest", "moving-ball", *NUMBERS, *WORLD).status == 0
    manifest = Manifest.load("manifest.json")
    wrong = dataclasses.replace(manifest.clips[0], sha256="0" * 64)
    source = dataclasses.replace(manifest.source, clips=(*manifest.clips[1:], wrong))
    dataclasses.replace(manifest, source=source).save("manifest.json")
    answer = dlh("data", "verify", "manifest.json")
    assert answer.status == 1 and answer.names("test 0 moving-ball")


def test_a_manifest_of_a_store_is_verified_against_it(dlh, store):
    answer = dlh("data", "verify", "clips.json", "--data", "store")
    assert (answer.status, answer.err) == (0, "")
    assert holds(answer.out, 3, "test", 5, "films", "clips.json")
    assert "the frames are those that the manifest was made from\n" in answer.out
    words = ["films", "--out", "larger", "--size", 32, "--split", 0.2, 0.2, 0.6]
    assert dlh("data", "import", *words).status == 0
    answer = dlh("data", "verify", "clips.json", "--data", "larger")
    assert answer.status == 0 and holds(answer.out, Store.open("larger").digest()[:12])
    answer = dlh("data", "verify", "clips.json")
    assert answer.status == 2
    assert answer.names("films --data")
    last = Manifest.load("clips.json").clips[-1].source
    shard = store / "frames-00000.npy"
    data = bytearray(shard.read_bytes())
    (video,) = [v for v in Store.open(store).videos if v.source == last]
    data[128 + video.offset * 16 * 16 * 3] ^= 1
    shard.write_bytes(data)
    answer = dlh("data", "verify", "clips.json", "--data", "store")
    assert answer.status == 1 and answer.names(f"{last} store")


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("manifest store --ball.size 32", 2, "--ball moving-ball store"),
        ("manifest moving-mnist --ball.size 32", 2, "--ball moving-ball moving-mnist"),
        ("manifest moving-ball --mnist.size 72", 2, "--mnist moving-mnist moving-ball"),
        ("manifest moving-mnist --mnist.size 32", 2, "32 28 4"),
        ("manifest store --digits mnist", 2, "--digits moving-mnist store"),
        ("manifest moving-ball --split train", 2, "training validation test"),
        ("manifest moving-ball --clips 0", 2, "clips 0"),
        ("manifest moving-ball --ball.size 9", 2, "14 9"),
        ("manifest moving-ball --out clips.txt", 2, "clips.txt .json"),
        ("manifest store --out store/index.json", 2, "store/index.json --out"),
        ("manifest moving-ball --out store/index.json", 2, "store/index.json --out"),
        ("manifest moving-mnist --digits mnist", 2, "`dlh data prepare mnist`"),
        ("manifest moving-mnist --digits films", 1, "--digits films"),
        ("verify store --data films", 2, "--data .json store"),
        ("verify other.json", 1, "other.json"),
        ("verify store/index.json", 1, "store/index.json"),
        ("verify clips.json --data films", 1, "films"),
    ],
)
def test_what_cannot_be_is_one_line(dlh, store, words, status, said):
    before = sorted(Path().rglob("*"))
    answer = dlh("data", *words.split())
    assert answer.status == status and answer.names(said)
    assert sorted(Path().rglob("*")) == before


def test_a_folder_with_the_name_of_a_generated_set_is_not_shadowed(dlh, workspace):
    Path("moving-ball").mkdir()
    answer = dlh("data", "manifest", "moving-ball")
    assert answer.status == 2 and answer.names("moving-ball ./moving-ball")


def test_data_of_another_kind_is_refused(dlh, workspace):
    assert dlh("data", "manifest", "moving-ball", *NUMBERS, *WORLD).status == 0
    answer = dlh("data", "verify", "manifest.json", "--data", "store")
    assert answer.status == 2 and answer.names("moving-ball --data store")


def test_the_fields_are_those_documented(dlh, workspace):
    assert dlh("data", "manifest", "moving-ball", *NUMBERS, *WORLD).status == 0
    outside, inside = documented_fields("generator")
    written = json.loads(Path("manifest.json").read_text())
    assert outside == set(written) and inside == list(written["clips"][0])
