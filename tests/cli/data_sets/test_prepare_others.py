"""``dlh data prepare`` on files of every other layout, and with mirrors of every kind."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

import published
import tfrecords
from dlh.data.fetch.remote import Remote
from dlh.data.published.catalogue import CATALOGUE
from dlh.data.video.decode import read_video
from published import change_remotes, prepared


def test_a_mirror_that_is_down_or_sends_something_else_is_passed_over(dlh, server, monkeypatch):
    published.write_mnist(Path("here"))
    for path in Path("here").iterdir():
        server.files[f"/good/{path.name}"] = path.read_bytes()
        server.files[f"/bad/{path.name}"] = b"x" * path.stat().st_size

    def several(remote: Remote) -> Remote:
        content = server.files[f"/good/{remote.file}"]
        places = ("http://127.0.0.1:9", f"{server.url}/gone", f"{server.url}/bad")
        return Remote(
            file=remote.file,
            mirrors=tuple(f"{place}/{remote.file}" for place in (*places, f"{server.url}/good")),
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
        )

    change_remotes(monkeypatch, "mnist", several)
    answer = dlh("data", "prepare", "mnist", "--root", "root")
    assert answer.status == 0, answer.err
    assert "root/mnist: prepared (train 22, validation 2, test 3 digits)" in answer.out
    labels = Path("root/mnist/t10k-labels-idx1-ubyte.gz")
    assert labels.read_bytes() == server.files[f"/good/{labels.name}"]
    again = dlh("data", "prepare", "mnist", "--root", "root")
    assert "is prepared already" in again.out and again.out.count(", as expected\n") == 4
    labels.write_bytes(b"other")
    spoilt = dlh("data", "prepare", "mnist", "--root", "root")
    assert spoilt.status == 1 and "is not the expected file" in spoilt.line


def test_long_moving_mnist_is_the_first_channel_of_its_films(dlh, server):
    published.write_mp4s(Path("here/train-seq100"), [10, 11])
    published.write_mp4s(Path("here/test-seq1000"), [15], seed=9)
    server.files["/moving-mnist-long/moving_mnist_2digit.zip"] = published.zipped(Path("here"))
    answer = dlh("data", "prepare", "moving-mnist-long", "--root", "root")
    assert answer.status == 0, answer.err
    store = prepared("moving-mnist-long")
    assert {v.source: (v.split, v.length) for v in store.videos} == {
        "train-seq100/0.mp4": ("train", 10),
        "train-seq100/1.mp4": ("train", 11),
        "test-seq1000/0.mp4": ("test", 15),
    }
    for video in store.videos:
        decoded, _ = read_video(Path("here") / video.source, height=64, width=64, channels=3)
        np.testing.assert_array_equal(store.frames(video), decoded[..., :1])


def test_half_of_a_set_is_fetched_as_a_whole(dlh, server):
    published.write_mp4s(Path("here/train"), [10])
    published.write_mp4s(Path("here/test"), [12], seed=5)
    shutil.copytree("here/train", "root/gqn-mazes/train")
    archive = "/gqn-mazes/gqn_mazes.zip"
    answer = dlh("data", "prepare", "gqn-mazes", "--root", "root")
    assert answer.status == 1 and "gqn_mazes.zip could not be downloaded" in answer.line
    server.files[archive] = published.zipped(Path("here"))
    answer = dlh("data", "prepare", "gqn-mazes", "--root", "root", "--clip-length", 5)
    assert answer.status == 0, answer.err
    twice = "gqn-mazes/train/0.mp4 has the name of gqn_mazes/train/0.mp4, which is used"
    assert twice in answer.out
    assert {v.source: v.split for v in prepared("gqn-mazes").videos} == {
        "test/0.mp4": "test",
        "train/0.mp4": "train",
    }


def test_records_of_the_mazes_are_read_and_damaged_ones_said(dlh, server):
    folder = Path("root/gqn-mazes-tfrecord/mazes")
    tfrecords.write_mazes(folder / "train/0001-of-1080.tfrecord", [6, 7, 8])
    tfrecords.write_mazes(folder / "test/001-of-120.tfrecord", [9], seed=5)
    spoilt = tfrecords.write_mazes(folder / "train/0002-of-1080.tfrecord", [5, 5], seed=7)
    content = bytearray(spoilt.read_bytes())
    content[100] ^= 1
    spoilt.write_bytes(content[:-3])
    words = ["data", "prepare", "gqn-mazes-tfrecord", "--root", "root", "--size", 16]
    answer = dlh(*words, "--clip-length", 5)
    assert answer.status == 0, answer.err
    store = prepared("gqn-mazes-tfrecord")
    assert not server.asked and store.frame_shape == (3, 16, 16)
    assert {v.source: (v.split, v.length) for v in store.videos} == {
        **{f"train/0001-of-1080.tfrecord#{n}": ("train", 6 + n) for n in range(3)},
        "test/001-of-120.tfrecord#0": ("test", 9),
    }
    assert {v.source_size for v in store.videos} == {(84, 84)}
    whole, record = sorted(store.index.skipped, key=lambda skipped: skipped.source)
    assert (whole.source, record.source) == (
        "train/0002-of-1080.tfrecord",
        "train/0002-of-1080.tfrecord#0",
    )
    assert "cut off after record 1" in whole.reason and "checksum" in record.reason
    assert "2 of 1200 published files are in the store; missing: train/0002-of" in answer.out


def test_records_of_the_mazes_are_fetched_file_by_file(dlh, server, monkeypatch):
    parts = CATALOGUE["gqn-mazes-tfrecord"].parts
    few = tuple(dataclasses.replace(part, remotes=part.remotes[:2]) for part in parts)
    changed = dataclasses.replace(CATALOGUE["gqn-mazes-tfrecord"], parts=few)
    monkeypatch.setitem(CATALOGUE, "gqn-mazes-tfrecord", changed)
    for number, remote in enumerate([r for part in few for r in part.remotes]):
        path = tfrecords.write_mazes(Path("here") / remote.file, [4 + number], seed=number)
        server.files[f"/gqn-mazes-tfrecord/{remote.file}"] = path.read_bytes()
    last = server.files.pop("/gqn-mazes-tfrecord/002-of-120.tfrecord")
    words = ["data", "prepare", "gqn-mazes-tfrecord", "--root", "root", "--size", 16]
    assert dlh(*words).status == 1  # three of four came
    server.files["/gqn-mazes-tfrecord/002-of-120.tfrecord"] = last
    server.asked.clear()
    answer = dlh(*words)
    assert answer.status == 0, answer.err
    assert [path for path, _ in server.asked] == ["/gqn-mazes-tfrecord/002-of-120.tfrecord"]
    assert sorted(v.length for v in prepared("gqn-mazes-tfrecord").videos) == [4, 5, 6, 7]
    assert "4 of 4 published files are in the store\n" in answer.out


def test_tecos_mazes_are_taken_from_files_and_never_fetched(dlh, server):
    answer = dlh("data", "prepare", "teco-dmlab", "--root", "root")
    assert answer.status == 1 and not server.asked
    assert "has no train and no test files of teco-dmlab" in answer.line
    assert "cat dmlab.tar.part* | tar x" in answer.line
    random = np.random.default_rng(0)
    for part, count in (("train", 3), ("test", 1)):
        for number in range(count):
            path = Path(f"root/teco-dmlab/dmlab/{part}/0/{number}.npz")
            path.parent.mkdir(parents=True, exist_ok=True)
            video = random.integers(0, 256, (30, 64, 64, 3), dtype=np.uint8)
            np.savez(path, video=video, actions=np.zeros(30, np.int64))
    answer = dlh("data", "prepare", "teco-dmlab", "--root", "root")
    assert answer.status == 0, answer.err
    store = prepared("teco-dmlab")
    assert [v.split for v in store.videos] == ["test", "train", "train", "train"]
    with np.load("root/teco-dmlab/dmlab/train/0/2.npz") as arrays:
        np.testing.assert_array_equal(store.frames(store.videos[3]), arrays["video"])
    assert store.videos[3].source == "train/0/2.npz"


@pytest.mark.skipif(importlib.util.find_spec("vizdoom") is None, reason="needs vizdoom")
def test_vizdoom_mazes_are_made(dlh):
    words = ["data", "prepare", "vizdoom-mazes", "--root", "root", "--size", 16, "--videos"]
    answer = dlh(*words, 2, 1, 1)
    assert answer.status == 0, answer.err
    store = prepared("vizdoom-mazes")
    assert sorted(v.split for v in store.videos) == ["test", "train", "train", "validation"]
    assert {v.length for v in store.videos} == {300}
    assert "is prepared already" in dlh(*words, 2, 1, 1).out
    other = dlh(*words, 3, 1, 1)
    assert other.status == 1 and "videos = {'train': 2" in other.line
