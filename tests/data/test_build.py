"""Building a store: complete or absent."""

from __future__ import annotations

import numpy as np
import pytest

from data.small_store import RECIPE, Stream, build, child, names
from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.store.build import Recipe, StoreBuilder
from dlh.data.store.store import INDEX, Store
from dlh.data.store.verify import verify_store


@pytest.mark.parametrize("shard_bytes", [1, 2000, 2**30])
def test_what_goes_in_comes_out(tmp_path, shard_bytes):
    lengths = [2, 30, 7, 500, 3]
    store = build(tmp_path / "store", lengths, shard_bytes=shard_bytes)
    assert [video.length for video in store.videos] == lengths
    for number, video in enumerate(store.videos):
        np.testing.assert_array_equal(store.frames(video), Stream(lengths[number], number).array)
    assert len(store.index.shard_frames) == {1: 5, 2000: 3, 2**30: 1}[shard_bytes]
    assert not verify_store(store.path).damage
    assert names(tmp_path) == ["store"]
    shards = [f"frames-{number:05d}.npy" for number in range(len(store.index.shard_frames))]
    assert names(tmp_path / "store") == [*shards, INDEX]
    plain = np.load(tmp_path / "store" / shards[0])  # it is an ordinary file of numpy's
    assert plain.dtype == np.uint8 and plain.shape == (store.index.shard_frames[0], 4, 6, 3)


def test_blocks_larger_than_the_buffer(tmp_path):
    store = build(tmp_path / "store", [40_000])
    np.testing.assert_array_equal(store.frames(store.videos[0]), Stream(40_000).array)


def test_events_lie_beside_the_frames(tmp_path):
    recipe = Recipe(frame_shape=(3, 4, 6), settings={}, inputs=(), has_events=True)
    marks = [np.arange(length) % 3 == 1 for length in (5, 8)]
    with (
        claim(tmp_path / "s", wait=False) as claimed,
        StoreBuilder(claimed, recipe, name="t", shard_bytes=1) as builder,
    ):
        for number, events in enumerate(marks):
            builder.add(str(number), Stream(len(events)), sha256="", events=events)
        with pytest.raises(DataError, match="events of all videos are known, or of none"):
            builder.add("c", Stream(5), sha256="")
        with pytest.raises(DataError, match=r"events are bool \(5,\), found bool \(4,\)"):
            builder.add("c", Stream(5), sha256="", events=np.zeros(4, bool))
        store = builder.finish({"0": "train", "1": "test"})
    for video, events in zip(store.videos, marks, strict=True):
        np.testing.assert_array_equal(store.events(video), events)
        np.testing.assert_array_equal(store.events(video, 2, 3), events[2:5])
    assert names(tmp_path / "s") == [
        *("events-00000.npy", "events-00001.npy", "frames-00000.npy", "frames-00001.npy", INDEX)
    ]


def test_a_video_that_fails_leaves_nothing_of_itself(tmp_path):
    with (
        claim(tmp_path / "s", wait=False) as claimed,
        StoreBuilder(claimed, RECIPE, name="t") as builder,
    ):
        builder.add("a", Stream(4, 1), sha256="")
        with pytest.raises(DataError, match="broken"):
            builder.add(
                "b", Stream(90_000, fails_after=80_000, error=DataError("broken")), sha256=""
            )
        with pytest.raises(DataError, match="holds one frame"):
            builder.add("c", Stream(1), sha256="")
        builder.skip("b", "is broken")
        builder.add("d", Stream(6, 2), sha256="")
        store = builder.finish({"a": "train", "d": "test"})
    assert [(video.source, video.offset, video.length) for video in store.videos] == [
        ("a", 0, 4),
        ("d", 4, 6),
    ]
    np.testing.assert_array_equal(store.frames(store.videos[1]), Stream(6, 2).array)
    assert [(skipped.source, skipped.reason) for skipped in store.index.skipped] == [
        ("b", "is broken")
    ]
    assert store.index.shard_frames == (10,)


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path):
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    build(sys.argv[1], [5, 100, 5000])
except DataError as error:
    print(error)
"""
    out, problems = child(code, tmp_path / "store").communicate()
    assert str(tmp_path / "store") in out and "File too large" in out, problems
    assert out.count("\n") == 1
    assert names(tmp_path) == []


def test_a_place_that_may_not_be_written_is_one_clear_error(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    for folder in (tmp_path, *tmp_path.parents[:3]):  # an unprivileged user must get there at all
        folder.chmod(folder.stat().st_mode | 0o755)
    code = """
import os
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    build(sys.argv[1], [5])
except DataError as error:
    print(error)
"""
    out, problems = child(code, locked / "sub" / "store").communicate()
    assert "store cannot be made: Permission denied" in out and out.count("\n") == 1, problems
    assert names(locked) == []


def test_a_store_that_exists_is_never_overwritten(tmp_path):
    build(tmp_path / "store", [3])
    with pytest.raises(DataError, match=str(tmp_path / "store")) as caught:
        build(tmp_path / "store", [3])
    assert caught.value.code == "store-exists"
    assert Store.open(tmp_path / "store").videos[0].length == 3


def test_a_store_without_videos_is_none(tmp_path):
    with pytest.raises(DataError, match="at least one video"):
        build(tmp_path / "store", [])
    assert not (tmp_path / "store").exists()


def test_discarding_leaves_nothing(tmp_path):
    with (
        claim(tmp_path / "store", wait=False) as claimed,
        StoreBuilder(claimed, RECIPE, name="t") as builder,
    ):
        builder.add("a", Stream(9, 1), sha256="")
        builder.discard()
    assert names(tmp_path) == []


def test_progress_is_told_in_frames(tmp_path):
    told = []
    with (
        claim(tmp_path / "store", wait=False) as claimed,
        StoreBuilder(claimed, RECIPE, name="t") as builder,
    ):
        builder.add("a", Stream(40_000), sha256="", progress=told.append)
    assert told == sorted(told) and told[-1] == 40_000 and len(told) > 2
