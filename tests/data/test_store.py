"""Reading a store, and refusing one that is not whole."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import zlib

import numpy as np
import pytest

from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.store.build import Recipe, StoreBuilder
from dlh.data.store.shards import npy_header
from dlh.data.store.store import INDEX, VERSION, Store, is_store
from dlh.data.store.verify import verify_store


class Numbered:
    """Frames whose pixels are the number of the frame in the store."""

    path, fps, expected_frames, source_size, notes = "x", 12.5, None, (60, 40), ("a note",)

    def __init__(self, numbers):
        self.numbers = numbers

    def __iter__(self):
        return (np.full((4, 6, 1), number % 256, np.uint8) for number in self.numbers)


@pytest.fixture
def path(tmp_path):
    """Two videos of 50 and 30 frames in two shards."""
    recipe = Recipe(frame_shape=(1, 4, 6), settings={"fps": 12.5}, inputs=())
    with (
        claim(tmp_path / "store", wait=False) as claimed,
        StoreBuilder(claimed, recipe, name="numbers", shard_bytes=1) as builder,
    ):
        builder.add("a.mp4", Numbered(range(50)), sha256="aa")
        builder.add("b.mp4", Numbered(range(50, 80)), sha256="bb")
        builder.skip("c.mp4", "is empty")
        builder.finish({"a.mp4": "train", "b.mp4": "test"}, others={".txt": 3})
    return tmp_path / "store"


def test_the_index_says_everything(path):
    store = Store.open(path)
    a, b = store.videos
    assert (a.source, a.split, a.shard, a.offset, a.length, a.fps, a.sha256) == (
        "a.mp4",
        "train",
        0,
        0,
        50,
        12.5,
        "aa",
    )
    assert (b.split, b.shard, b.length, b.source_size, b.notes) == (
        "test",
        1,
        30,
        (60, 40),
        ("a note",),
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
    assert store.events(store.videos[0]) is None


@pytest.mark.parametrize("start, length", [(48, 3), (-1, 3), (0, 0), (50, None), (0, 51)])
def test_a_clip_outside_its_video_is_refused(path, start, length):
    store = Store.open(path)
    with pytest.raises(DataError, match=r"a.mp4 has 50 frames; asked for .* from frame"):
        store.frames(store.videos[0], start, length)


def change_video(path, **changes):
    change_index(path, lambda index: index["videos"][1].update(**changes))


def change_index(path, change):
    index = json.loads((path / INDEX).read_text())
    change(index)
    (path / INDEX).write_text(json.dumps(index))


def shorten(path, size):
    os.truncate(path / "frames-00001.npy", size)


@pytest.mark.parametrize(
    "code, found, harm",
    [
        ("no-store", "index.json", lambda path: (path / INDEX).unlink()),
        ("no-store", "index.json", lambda path: (path / INDEX).write_text("{")),
        ("no-store", "index.json", lambda path: (path / INDEX).write_text("[]")),
        ("no-store", "index.json", lambda path: (path / INDEX).write_bytes(b"\xff\xfe\xff")),
        ("no-store", "'zip'", lambda path: change_index(path, lambda i: i.update(format="zip"))),
        (
            "newer-version",
            f"{VERSION + 1}",
            lambda path: change_index(path, lambda i: i.update(version=VERSION + 1)),
        ),
        ("damaged-store", "'videos'", lambda p: change_index(p, lambda i: i.pop("videos"))),
        ("damaged-store", "frame_shape", lambda p: change_index(p, lambda i: i.pop("frame_shape"))),
        ("damaged-store", "colour", lambda p: change_index(p, lambda i: i.update(colour=1))),
        (
            "damaged-store",
            "length",
            lambda p: change_index(p, lambda i: i["videos"][0].pop("length")),
        ),
        ("damaged-store", "b.mp4", lambda p: change_video(p, length=31)),
        ("damaged-store", "b.mp4", lambda p: change_video(p, shard=7)),
        ("damaged-store", "index.json", lambda p: change_video(p, shard="7")),
        ("damaged-store", "b.mp4 is in a split 'x'", lambda p: change_video(p, split="x")),
        ("damaged-store", "824 bytes, the index promises 848", lambda p: shorten(p, 128 + 29 * 24)),
        ("damaged-store", "frames-00001.npy is cut off: 0 bytes", lambda p: shorten(p, 0)),
        ("damaged-store", "frames-00000.npy", lambda path: (path / "frames-00000.npy").unlink()),
        (
            "damaged-store",
            "frames-00000.npy",
            lambda path: (path / "frames-00000.npy").write_bytes(bytes(2000)),
        ),
        (
            "damaged-store",
            "uint8 (50, 4, 6, 1) and the index promises uint8 (50, 6, 4, 1)",
            lambda path: change_index(path, lambda i: i.update(frame_shape=[1, 6, 4])),
        ),
    ],
)
def test_a_store_that_is_not_whole_is_one_clear_error(path, code, found, harm):
    harm(path)
    with pytest.raises(DataError) as caught:
        Store.open(path)
    message = str(caught.value)
    assert caught.value.code == code and found in message
    assert str(path) in message and "\n" not in message


def test_a_header_without_its_last_frame_is_short(path):
    # numpy itself would only say that a memory map is too long
    shard = path / "frames-00001.npy"
    os.truncate(shard, shard.stat().st_size - 1)
    with pytest.raises(DataError, match="frames-00001.npy"):
        Store.open(path)


def test_the_header_is_always_of_one_length():
    for shape in ((), (0, 64, 64, 3), (10**15, 4096, 4096, 3)):
        header = npy_header(shape, np.dtype(np.uint8))
        assert len(header) == 128 and header.endswith(b"\n")


def test_a_store_travels_to_another_process_as_its_path(path):
    store = Store.open(path)
    assert len(pickle.dumps(store)) < 500
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
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
    assert json.loads(store.index.to_json()) == index
    assert not verify_store(tmp_path).damage
