"""Building a store: complete or absent, one builder at a time, continued after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from dlh.data.build import StoreBuilder
from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.journal import Recipe
from dlh.data.store import INDEX, Store

RECIPE = Recipe(frame_shape=(3, 4, 6), settings={"fps": None}, inputs=(("a", "1"), ("b", "2")))


class Stream(SimpleNamespace):
    """Frames of random bytes, with an error after some of them if wanted."""

    def __init__(self, length, seed=0, *, fails_after=None, error=None, notes=()):
        super().__init__(
            path="x", fps=25.0, expected_frames=length, source_size=(60, 40), notes=list(notes)
        )
        self.array = np.random.default_rng(seed).integers(0, 256, (length, 4, 6, 3), dtype=np.uint8)
        self.fails_after, self.error = fails_after, error
        self.read = 0

    def __iter__(self):
        for number, frame in enumerate(self.array):
            if number == self.fails_after:
                raise self.error
            self.read += 1
            yield frame


def build(out, lengths, *, recipe=RECIPE, **options):
    with (
        claim(out, wait=False) as claimed,
        StoreBuilder(claimed, recipe, name="test", **options) as builder,
    ):
        for number, length in enumerate(lengths):
            builder.add(f"{number}.mp4", Stream(length, number), sha256=f"{number}" * 64)
        return builder.finish({f"{number}.mp4": "train" for number in range(len(lengths))})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("shard_bytes", [1, 2000, 2**30])
def test_what_goes_in_comes_out(tmp_path, shard_bytes):
    lengths = [2, 30, 7, 500, 3]
    store = build(tmp_path / "store", lengths, shard_bytes=shard_bytes)
    assert [video.length for video in store.videos] == lengths
    for number, video in enumerate(store.videos):
        np.testing.assert_array_equal(store.frames(video), Stream(lengths[number], number).array)
    assert len(store.index.shard_frames) == {1: 5, 2000: 3, 2**30: 1}[shard_bytes]
    assert not list(store.damaged())
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


@pytest.mark.parametrize("shard_bytes", [1, 2**30])
def test_an_interrupted_build_goes_on_where_it_was(tmp_path, shard_bytes):
    out = tmp_path / "store"
    ctrl_c = Stream(20_000, 3, fails_after=15_000, error=KeyboardInterrupt())
    with (
        claim(out, wait=False) as claimed,
        StoreBuilder(claimed, RECIPE, name="t", shard_bytes=shard_bytes) as builder,
    ):
        builder.add("a", Stream(9, 1), sha256="")
        builder.skip("x", "is nothing")
        builder.add("b", Stream(5, 2), sha256="")
        with pytest.raises(KeyboardInterrupt):
            builder.add("c", ctrl_c, sha256="")
    assert not out.exists()
    with (
        claim(out, wait=False) as claimed,
        StoreBuilder(claimed, RECIPE, name="t", shard_bytes=shard_bytes) as builder,
    ):
        assert [builder.has(source) for source in "abcx"] == [True, True, False, True]
        builder.add("c", Stream(6, 4), sha256="")
        store = builder.finish(dict.fromkeys("abc", "train"))
    for video, (length, seed) in zip(store.videos, [(9, 1), (5, 2), (6, 4)], strict=True):
        np.testing.assert_array_equal(store.frames(video), Stream(length, seed).array)
    assert not list(store.damaged())
    assert names(tmp_path) == ["store"]


def interrupted(out):
    """What a build leaves that ended before it was finished."""
    with claim(out, wait=False) as claimed, StoreBuilder(claimed, RECIPE, name="t") as builder:
        builder.add("a", Stream(9, 1), sha256="")
        builder.add("b", Stream(5, 2), sha256="")
    return claimed.unfinished


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
    with (
        claim(tmp_path / "store", wait=False) as claimed,
        StoreBuilder(claimed, RECIPE, name="t") as builder,
    ):
        assert "".join(video.source for video in builder.videos) == left
        for source, length, seed in (("a", 9, 1), ("b", 5, 2)):
            if not builder.has(source):
                builder.add(source, Stream(length, seed), sha256="")
        store = builder.finish(dict.fromkeys("ab", "train"))
    np.testing.assert_array_equal(store.frames(store.videos[1]), Stream(5, 2).array)
    np.testing.assert_array_equal(store.frames(store.videos[0]), Stream(9, 1).array)
    assert not list(store.damaged())


def overwrite(path, place):
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 255]))


def test_another_recipe_starts_anew(tmp_path):
    interrupted(tmp_path / "store")
    other = Recipe(frame_shape=(3, 4, 6), settings={"fps": 5}, inputs=RECIPE.inputs)
    with (
        claim(tmp_path / "store", wait=False) as claimed,
        StoreBuilder(claimed, other, name="t") as builder,
    ):
        assert not builder.videos
        assert names(claimed.unfinished) == ["journal.jsonl", "recipe.json"]


CHILD = """
import sys, time
sys.path.insert(0, {tests!r})
from dlh.data.build import StoreBuilder
from dlh.data.claim import claim
from dlh.data.clips import DataError
import importlib.util
spec = importlib.util.spec_from_file_location("build_tests", {file!r})
tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tests)
"""


def child(code, *arguments, **options):
    code = CHILD.format(tests=os.path.dirname(__file__), file=__file__) + code
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_killed_build_goes_on_where_it_was(tmp_path):
    code = """
class Endless(tests.Stream):
    def __iter__(self):
        while True:
            yield self.array[0]

def tell(frames):
    if frames < 20_000:
        print("go", flush=True)

with claim(sys.argv[1], wait=False) as claimed:
    with StoreBuilder(claimed, tests.RECIPE, name="t") as builder:
        builder.add("a", tests.Stream(9, 1), sha256="")
        builder.add("b", Endless(2), sha256="", progress=tell)
"""
    process = child(code, tmp_path / "store")
    assert process.stdout.readline() == "go\n", process.stderr.read()
    process.kill()
    process.wait()
    assert names(tmp_path) == [".store.lock", ".store.unfinished"]
    with (
        claim(tmp_path / "store", wait=False) as claimed,
        StoreBuilder(claimed, RECIPE, name="t") as builder,
    ):
        assert [video.source for video in builder.videos] == ["a"]
        builder.add("b", Stream(4, 7), sha256="")
        store = builder.finish({"a": "train", "b": "train"})
    np.testing.assert_array_equal(store.frames(store.videos[1]), Stream(4, 7).array)
    assert store.index.shard_frames == (13,)
    assert (tmp_path / "store" / "frames-00000.npy").stat().st_size == 128 + 13 * 72
    assert names(tmp_path) == ["store"]


def test_the_second_builder_is_told_who_the_first_is(tmp_path):
    code = """
with claim(sys.argv[1], wait=False) as claimed:
    print("go", flush=True)
    sys.stdin.read()
"""
    process = child(code, tmp_path / "store", stdin=subprocess.PIPE)
    assert process.stdout.readline() == "go\n", process.stderr.read()
    message = rf"another process \(pid {process.pid}\) is building .*store; wait for it"
    with pytest.raises(DataError, match=message), claim(tmp_path / "store", wait=False):
        pass
    os.kill(process.pid, signal.SIGKILL)  # a holder that dies in whatever way holds no longer
    process.wait()
    assert build(tmp_path / "store", [3]).videos
    assert names(tmp_path) == ["store"]


def test_a_builder_can_wait_for_the_other(tmp_path):
    code = """
with claim(sys.argv[1], wait=True) as claimed:
    print("go", flush=True)
    time.sleep(0.3)
    print(time.time(), flush=True)
"""
    first, second = (child(code, tmp_path / "store") for _ in range(2))
    outputs = [process.communicate()[0] for process in (first, second)]
    ends = sorted(float(output.split()[1]) for output in outputs)
    assert ends[1] - ends[0] > 0.28
    assert names(tmp_path) == []


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path):
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    tests.build(sys.argv[1], [5, 100, 5000])
except DataError as error:
    print(error)
"""
    out, problems = child(code, tmp_path / "store").communicate()
    assert out.strip() == (
        f"{tmp_path / 'store'} could not be written: File too large; what was begun is removed"
    ), problems
    assert names(tmp_path) == []


def test_a_place_that_may_not_be_written_is_one_clear_error(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    for folder in (tmp_path, *tmp_path.parents[:2]):  # an unprivileged user must get there at all
        folder.chmod(folder.stat().st_mode | 0o755)
    code = """
import os
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    tests.build(sys.argv[1], [5])
except DataError as error:
    print(error)
"""
    out, problems = child(code, locked / "sub" / "store").communicate()
    assert "store cannot be made: Permission denied" in out and out.count("\n") == 1, problems
    assert names(locked) == []


def test_a_store_that_exists_is_never_overwritten(tmp_path):
    build(tmp_path / "store", [3])
    with pytest.raises(DataError, match="store exists already; choose another place, or remove it"):
        build(tmp_path / "store", [3])
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
