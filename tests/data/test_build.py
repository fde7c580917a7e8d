"""Building a store: complete or absent."""

from __future__ import annotations

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import (
    UNPRIVILEGED,
    Stream,
    build,
    building,
    let_others_in,
    limited,
    names,
    output,
)
from dlh.data.clips import DataError
from dlh.data.store.store import INDEX, Store
from dlh.data.store.verify import verify_store


@pytest.mark.parametrize("shard_bytes, shards", [(1, 5), (2000, 3), (2**30, 1)])
def test_what_goes_in_comes_out(tmp_path, shard_bytes, shards):
    lengths = [2, 30, 7, 500, 3]
    store = build(tmp_path / "store", lengths, shard_bytes=shard_bytes)
    assert [video.length for video in store.videos] == lengths
    for number, video in enumerate(store.videos):
        np.testing.assert_array_equal(store.frames(video), Stream(lengths[number], number).array)
    assert len(store.index.shard_frames) == shards
    assert not verify_store(store.path).damage
    assert names(tmp_path) == ["store"]
    files = [f"frames-{number:05d}.npy" for number in range(shards)]
    assert names(tmp_path / "store") == [*files, INDEX]
    plain = np.load(tmp_path / "store" / files[0])  # it is an ordinary file of numpy's
    assert plain.dtype == np.uint8 and plain.shape == (store.index.shard_frames[0], 4, 6, 3)


def test_a_long_video_is_stored_in_blocks_and_told_in_frames(tmp_path):
    told = []
    with building(tmp_path / "store") as builder:
        builder.add("a", Stream(40_000), sha256="", progress=told.append)
        store = builder.finish({"a": "train"})
    np.testing.assert_array_equal(store.frames(store.videos[0]), Stream(40_000).array)
    assert not verify_store(store.path).damage
    assert told == sorted(told) and told[-1] == 40_000 and len(told) > 2


def test_a_video_that_fails_leaves_nothing_of_itself(tmp_path):
    with building(tmp_path / "s") as builder:
        builder.add("a", Stream(4, 1), sha256="")
        broken = Stream(90_000, fails_after=80_000, error=DataError("broken"))
        for source, stream, found in (("b", broken, "broken"), ("c", Stream(1), "one frame")):
            with refused(found):
                builder.add(source, stream, sha256="")
        builder.skip("b", "is broken")
        builder.add("d", Stream(6, 2), sha256="")
        store = builder.finish({"a": "train", "d": "test"})
    places = [(video.source, video.offset, video.length) for video in store.videos]
    assert places == [("a", 0, 4), ("d", 4, 6)]
    np.testing.assert_array_equal(store.frames(store.videos[1]), Stream(6, 2).array)
    assert [(entry.source, entry.reason) for entry in store.index.skipped] == [("b", "is broken")]
    assert store.index.shard_frames == (10,)


BUILD = """
try:
    build(sys.argv[1], [5, 100, 5000])
except DataError as error:
    print(error)
"""


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path):
    out = output(limited(100_000) + BUILD, tmp_path / "store")
    assert str(tmp_path / "store") in out and "File too large" in out and out.count("\n") == 1
    assert names(tmp_path) == []


def test_a_place_that_may_not_be_written_is_one_clear_error(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    let_others_in(tmp_path)
    out = output(UNPRIVILEGED + BUILD, locked / "sub" / "store")
    assert "sub/store" in out and "Permission denied" in out and out.count("\n") == 1
    assert names(locked) == []


def test_a_store_that_exists_is_never_overwritten(tmp_path):
    build(tmp_path / "store", [3])
    with refused(tmp_path / "store", code="store-exists"):
        build(tmp_path / "store", [3])
    assert Store.open(tmp_path / "store").videos[0].length == 3


def test_a_store_without_videos_is_none(tmp_path):
    with refused("at least one video"):
        build(tmp_path / "store", [])
    assert not (tmp_path / "store").exists()


def test_discarding_leaves_nothing(tmp_path):
    with building(tmp_path / "store") as builder:
        builder.add("a", Stream(9, 1), sha256="")
        builder.discard()
    assert names(tmp_path) == []
