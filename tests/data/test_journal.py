"""A build that was interrupted or killed goes on where it was."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from data.small_store import RECIPE, Stream, building, child, names
from dlh.data.store.verify import verify_store


@pytest.mark.parametrize("shard_bytes", [1, 2**30])
def test_an_interrupted_build_goes_on_where_it_was(tmp_path, shard_bytes):
    out = tmp_path / "store"
    ctrl_c = Stream(20_000, 3, fails_after=15_000, error=KeyboardInterrupt())
    with building(out, shard_bytes=shard_bytes) as builder:
        builder.add("a", Stream(9, 1), sha256="")
        builder.skip("x", "is nothing")
        builder.add("b", Stream(5, 2), sha256="")
        with pytest.raises(KeyboardInterrupt):
            builder.add("c", ctrl_c, sha256="")
    assert not out.exists()
    with building(out, shard_bytes=shard_bytes) as builder:
        assert [builder.has(source) for source in "abcx"] == [True, True, False, True]
        builder.add("c", Stream(6, 4), sha256="")
        store = builder.finish(dict.fromkeys("abc", "train"))
    for video, (length, seed) in zip(store.videos, [(9, 1), (5, 2), (6, 4)], strict=True):
        np.testing.assert_array_equal(store.frames(video), Stream(length, seed).array)
    assert not verify_store(store.path).damage
    assert names(tmp_path) == ["store"]


def interrupted(out):
    """What a build leaves that ended before it was finished."""
    with building(out) as builder:
        builder.add("a", Stream(9, 1), sha256="")
        builder.add("b", Stream(5, 2), sha256="")
    return out.with_name(f".{out.name}.unfinished")


@pytest.mark.parametrize(
    "harm, left",
    [
        (lambda folder: (folder / "journal.jsonl").open("a").write('{"source": "c", "spl'), "ab"),
        (lambda folder: (folder / "journal.jsonl").open("ab").write(b"\x00\xff" * 50), "ab"),
        (lambda folder: (folder / "journal.jsonl").unlink(), ""),
        (lambda folder: os.truncate(folder / "frames-00000.npy", 128 + 10 * 72), "a"),
        (lambda folder: overwrite(folder / "frames-00000.npy", 128 + 12 * 72), "a"),
        (lambda folder: overwrite(folder / "frames-00000.npy", 128 + 3 * 72), ""),
        (lambda folder: (folder / "frames-00000.npy").unlink(), ""),
        (lambda folder: (folder / "recipe.json").write_text("another"), ""),
        (lambda folder: (folder / "recipe.json").unlink(), ""),
    ],
)
def test_only_what_is_intact_is_taken_over(tmp_path, harm, left):
    harm(interrupted(tmp_path / "store"))
    with building(tmp_path / "store") as builder:
        assert "".join(video.source for video in builder.videos) == left
        for source, length, seed in (("a", 9, 1), ("b", 5, 2)):
            if not builder.has(source):
                builder.add(source, Stream(length, seed), sha256="")
        store = builder.finish(dict.fromkeys("ab", "train"))
    np.testing.assert_array_equal(store.frames(store.videos[1]), Stream(5, 2).array)
    np.testing.assert_array_equal(store.frames(store.videos[0]), Stream(9, 1).array)
    assert not verify_store(store.path).damage


def overwrite(path, place):
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 255]))


def test_another_recipe_starts_anew(tmp_path):
    unfinished = interrupted(tmp_path / "store")
    with building(tmp_path / "store", replace(RECIPE, settings={"fps": 5})) as builder:
        assert not builder.videos
        assert names(unfinished) == ["journal.jsonl", "recipe.json"]


def test_a_killed_build_goes_on_where_it_was(tmp_path):
    code = """
class Endless(Stream):
    def __iter__(self):
        while True:
            yield self.array[0]

def tell(frames):
    if frames < 20_000:
        print("go", flush=True)

with building(sys.argv[1]) as builder:
    builder.add("a", Stream(9, 1), sha256="")
    builder.add("b", Endless(2), sha256="", progress=tell)
"""
    process = child(code, tmp_path / "store")
    assert process.stdout.readline() == "go\n", process.stderr.read()
    process.kill()
    process.wait()
    assert names(tmp_path) == [".store.lock", ".store.unfinished"]
    with building(tmp_path / "store") as builder:
        assert [video.source for video in builder.videos] == ["a"]
        builder.add("b", Stream(4, 7), sha256="")
        store = builder.finish({"a": "train", "b": "train"})
    np.testing.assert_array_equal(store.frames(store.videos[1]), Stream(4, 7).array)
    assert store.index.shard_frames == (13,)
    assert (tmp_path / "store" / "frames-00000.npy").stat().st_size == 128 + 13 * 72
    assert names(tmp_path) == ["store"]
