"""Reading a store, and refusing one that is not whole."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import zlib

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import Stream, building
from dlh.data.store.build import Recipe
from dlh.data.store.shards import npy_header
from dlh.data.store.store import INDEX, VERSION, Store, StoredVideo, checksum, is_store
from dlh.data.store.verify import verify_store


@pytest.fixture
def path(tmp_path):
    """Two videos of 50 and 30 frames in two shards; every pixel is the number of its frame."""
    frames = np.arange(80, dtype=np.uint8)[:, None, None, None] * np.ones((4, 6, 1), np.uint8)
    recipe = Recipe(frame_shape=(1, 4, 6), settings={"fps": 12.5}, inputs=())
    with building(tmp_path / "store", recipe, name="numbers", shard_bytes=1) as builder:
        builder.add("a.mp4", Stream(frames[:50], fps=12.5), sha256="aa")
        builder.add("b.mp4", Stream(frames[50:], notes=["a note"]), sha256="bb")
        builder.skip("c.mp4", "is empty")
        builder.finish({"a.mp4": "train", "b.mp4": "test"}, others={".txt": 3})
    return tmp_path / "store"


def test_the_index_says_everything(path):
    store = Store.open(path)
    common = {"offset": 0, "source_size": (60, 40)}
    crcs = [zlib.crc32(store.frames(video).tobytes()) for video in store.videos]
    a = {"source": "a.mp4", "split": "train", "shard": 0, "length": 50, "fps": 12.5, "sha256": "aa"}
    b = {"source": "b.mp4", "split": "test", "shard": 1, "length": 30, "fps": 25.0, "sha256": "bb"}
    assert store.videos == (
        StoredVideo(**common, **a, crc32=f"{crcs[0]:08x}"),
        StoredVideo(**common, **b, crc32=f"{crcs[1]:08x}", notes=("a note",)),
    )
    assert store.frame_shape == (1, 4, 6)
    assert store.index.name == "numbers" and store.index.settings == {"fps": 12.5}
    assert store.index.others == {".txt": 3} and store.index.skipped[0].reason == "is empty"
    assert is_store(path) and not is_store(path.parent) and not is_store(path / INDEX)


def test_a_clip_is_a_view_of_the_memory_map(path):
    store = Store.open(path)
    clip = store.frames(store.videos[1], 7, 3)
    assert clip[:, 0, 0, 0].tolist() == [57, 58, 59]
    assert not clip.flags.owndata and not clip.flags.writeable
    assert len(store.frames(store.videos[0])) == 50 and len(store.frames(store.videos[0], 45)) == 5


@pytest.mark.parametrize("start, length", [(48, 3), (-1, 3), (0, 0), (50, None), (0, 51)])
def test_a_clip_outside_its_video_is_refused(path, start, length):
    store = Store.open(path)
    with refused("a.mp4", 50, start):
        store.frames(store.videos[0], start, length)


def change_index(path, change):
    index = json.loads((path / INDEX).read_text())
    change(index)
    (path / INDEX).write_text(json.dumps(index))


def video(**changes):
    return lambda path: change_index(path, lambda index: index["videos"][1].update(changes))


def index(**changes):
    return lambda path: change_index(path, lambda index: index.update(changes))


def without(key):
    return lambda path: change_index(path, lambda index: index.pop(key))


def content(file, data):
    return lambda path: (path / file).write_bytes(data)


def shorter(size):
    return lambda path: os.truncate(path / "frames-00001.npy", size)


@pytest.mark.parametrize(
    "code, found, harm",
    [
        ("no-store", INDEX, lambda path: (path / INDEX).unlink()),
        ("no-store", INDEX, content(INDEX, b"{")),
        ("no-store", INDEX, content(INDEX, b"[]")),
        ("no-store", INDEX, content(INDEX, b"\xff\xfe\xff")),
        ("no-store", "'zip'", index(format="zip")),
        ("newer-version", VERSION + 1, index(version=VERSION + 1)),
        ("damaged-store", "'videos'", without("videos")),
        ("damaged-store", "frame_shape", without("frame_shape")),
        ("damaged-store", "colour", index(colour=1)),
        ("damaged-store", "source_size", index(videos=[{"source": "a"}])),
        ("damaged-store", "b.mp4", video(length=31)),
        ("damaged-store", "b.mp4", video(shard=2)),
        ("damaged-store", "b.mp4", video(offset=-1)),
        ("damaged-store", INDEX, video(shard="7")),
        ("damaged-store", "'x'", video(split="x")),
        ("damaged-store", "824", shorter(128 + 29 * 24)),
        ("damaged-store", "frames-00001.npy", shorter(128 + 30 * 24 - 1)),
        ("damaged-store", "frames-00001.npy", shorter(0)),
        ("damaged-store", "frames-00000.npy", lambda path: (path / "frames-00000.npy").unlink()),
        ("damaged-store", "frames-00000.npy", content("frames-00000.npy", bytes(2000))),
        ("damaged-store", "(50, 6, 4, 1)", index(frame_shape=[1, 6, 4])),
    ],
)
def test_a_store_that_is_not_whole_is_one_clear_error(path, code, found, harm):
    harm(path)
    with refused(path, found, code=code) as caught:
        Store.open(path)
    assert "\n" not in str(caught.value)


def test_the_digest_is_that_of_the_shape_and_of_every_video(path, tmp_path):
    turned = np.arange(80, dtype=np.uint8)[:, None, None, None] * np.ones((6, 4, 1), np.uint8)
    recipe = Recipe(frame_shape=(1, 6, 4), settings={"fps": 12.5}, inputs=())
    with building(tmp_path / "turned", recipe) as builder:
        builder.add("a.mp4", Stream(turned[:50], fps=12.5), sha256="aa")
        builder.add("b.mp4", Stream(turned[50:]), sha256="bb")
        builder.finish({"a.mp4": "train", "b.mp4": "test"}, others={})
    digests = [Store.open(path).digest(), Store.open(tmp_path / "turned").digest()]
    for changes in ({"source": "c"}, {"split": "train"}, {"fps": 5.0}, {"crc32": "0" * 8}):
        video(**changes)(path)
        digests.append(Store.open(path).digest())
    assert len(set(digests)) == 6


def test_a_checksum_is_that_of_all_frames():
    frames = np.random.default_rng(0).integers(0, 256, (2500, 2, 2, 1), np.uint8)
    assert checksum(frames) == f"{zlib.crc32(frames.tobytes()):08x}"


def test_the_header_is_always_of_one_length():
    for shape in ((), (0, 64, 64, 3), (10**15, 4096, 4096, 3)):
        header = npy_header(shape)
        assert len(header) == 128 and header.endswith(b"\n")


def test_a_store_travels_to_another_process_as_its_path(path):
    store = Store.open(path)
    assert len(pickle.dumps(store)) < 500
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        sums = pool.map(total, [(store, number) for number in (0, 1)] * 2)
    assert sums == [24 * sum(range(50)), 24 * sum(range(50, 80))] * 2


def total(task):
    store, number = task
    return int(store.frames(store.videos[number]).sum())


def test_a_store_of_the_first_version_still_opens(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    np.save(tmp_path / "frames-00000.npy", frames)
    video = {
        **{"source": "a.mp4", "split": "train", "shard": 0, "offset": 0, "length": 5},
        **{"fps": 25.0, "sha256": "ab" * 32, "crc32": f"{zlib.crc32(frames.data):08x}"},
        **{"source_size": [60, 40], "notes": ["a note"]},
    }
    index = {
        **{"format": "dlh-clips", "version": 1, "name": "old", "frame_shape": [3, 4, 6]},
        **{"shard_frames": [5], "has_events": False, "videos": [video]},
        **{"skipped": [{"source": "b", "reason": "is empty"}], "others": {".txt": 1}},
        **{"settings": {"fps": None}},
    }
    (tmp_path / INDEX).write_text(json.dumps(index))
    store = Store.open(tmp_path)
    np.testing.assert_array_equal(store.frames(store.videos[0]), frames)
    assert store.videos[0].source_size == (60, 40) and store.index.skipped[0].source == "b"
    assert json.loads(store.index.to_json()) | {"has_events": False} == index
    assert not verify_store(tmp_path).damage
