"""Files that are read several at once: in order, not too far ahead, no thread left behind."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import numpy as np
import pytest

import dlh.data.store.read_ahead as module
import dlh.data.video.video_file as video_file
from data.refusals import refused
from dlh.data.clips import DataError
from dlh.data.store.discover import SourceFile, find_sources
from dlh.data.store.read_ahead import read_ahead
from dlh.data.video.decode import open_clips, read_video
from dlh.data.video.frames import Frames
from dlh.data.video.resize import Target


class Numbers(Frames):
    """Frames that hold their own number; raises ``error`` after the last."""

    def __init__(self, path, count, error=None, told=None):
        super().__init__(path, Target(height=16, width=16, channels=1), 25.0, count)
        self.error, self.told = error, told

    def __iter__(self):
        for number in range(self.expected_frames):
            self.source_size = (3, 2)
            if self.told is not None:
                self.told.append(number)
            yield np.full((16, 16, 1), number % 256, np.uint8)
        self.notes.append(f"a note of {self.path.name}")
        if self.error is not None:
            raise self.error


def files(tmp_path, count):
    for number in range(count):
        (tmp_path / str(number)).write_text(str(number))
    return [
        SourceFile(name=str(n), path=tmp_path / str(n), files=(tmp_path / str(n),))
        for n in range(count)
    ]


def ahead(sources, opener, *, at_once=3, wanted=lambda source, clip: True):
    return closing(read_ahead(sources, opener, wanted=wanted, at_once=at_once))


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read_")]


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_files_and_their_clips_come_in_order_whoever_is_fast(tmp_path, at_once):
    def opened(path):
        for clip in range(3):
            time.sleep(0.002 * (5 - int(path.name)))  # the later, the faster
            yield clip, Numbers(path, 10 * int(path.name) + clip + 2)

    found = []
    sources = files(tmp_path, 5)
    wanted = lambda source, clip: (source.name, clip) != ("2", 1)  # noqa: E731
    with ahead(sources, opened, at_once=at_once, wanted=wanted) as readings:
        for reading in readings:
            assert reading.sha256() == reading.source.sha256()
            for clip, stream in reading.clips():
                values = np.concatenate(list(stream.blocks(1)))[:, 0, 0, 0]
                assert values.tolist() == list(range(len(values)))
                assert stream.source_size == (3, 2) and stream.expected_frames == len(values)
                assert stream.notes == [f"a note of {reading.source.name}"]
                found.append((reading.source.name, clip, len(values)))
    assert found == [
        (str(n), clip, 10 * n + clip + 2)
        for n in range(5)
        for clip in range(3)
        if (n, clip) != (2, 1)
    ]
    assert not readers()


def test_several_files_are_read_at_the_same_time(tmp_path):
    both = threading.Barrier(2, timeout=20)

    def opened(path):
        stream = Numbers(path, 3)
        yield None, stream
        both.wait()  # nobody passes alone

    with ahead(files(tmp_path, 2), opened, at_once=2) as readings:
        for reading in readings:
            reading.sha256()
            assert [len(list(stream)) for _, stream in reading.clips()] == [3]


def test_a_reader_is_only_so_far_ahead_however_long_a_file_is(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCKS_AHEAD", 1)
    block = 2**20 // 256  # frames
    told = []
    opened = lambda path: iter([(None, Numbers(path, 10 * block, told=told))])  # noqa: E731
    with ahead(files(tmp_path, 1), opened) as readings:
        for reading in readings:
            reading.sha256()
            for _, stream in reading.clips():
                taken = 0
                for part in stream.blocks(1):
                    taken += len(part)
                    time.sleep(0.02)
                    # one block waits, one is in hand, one is being gathered
                    assert len(told) <= taken + 2 * block
                assert taken == 10 * block
    assert not readers()


def test_what_ends_a_clip_or_a_file_is_met_where_it_lies(tmp_path):
    def opened(path):
        if path.name == "1":
            raise DataError("no file of ours")
        yield 0, Numbers(path, 4, error=DataError("is broken") if path.name == "0" else None)
        yield 1, Numbers(path, 5)
        if path.name == "2":
            raise KeyboardInterrupt

    met = []

    def read():
        with ahead(files(tmp_path, 4), opened) as readings:
            for reading in readings:
                try:
                    reading.sha256()
                    for clip, stream in reading.clips():
                        try:
                            met.append((reading.source.name, clip, len(list(stream))))
                        except DataError as error:
                            met.append((reading.source.name, clip, str(error)))
                except DataError as error:
                    met.append((reading.source.name, str(error)))

    with pytest.raises(KeyboardInterrupt):
        read()
    assert met == [
        ("0", 0, "is broken"),
        ("0", 1, 5),
        ("1", "no file of ours"),
        ("2", 0, 4),
        ("2", 1, 5),
    ]
    assert not readers()


def test_what_is_not_wanted_is_passed_over_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCKS_AHEAD", 1)
    opened = lambda path: iter((clip, Numbers(path, 9000)) for clip in range(2))  # noqa: E731
    seen = []
    with ahead(files(tmp_path, 6), opened) as readings:
        for reading in readings:
            reading.sha256()
            if reading.source.name == "1":
                continue  # a copy of another file: not even its first clip
            for clip, stream in reading.clips():
                seen.append((reading.source.name, clip))
                if clip == 0:
                    next(iter(stream))  # and the rest is dropped
            if reading.source.name == "3":
                break
    assert seen == [(name, clip) for name in "023" for clip in (0, 1)]
    assert not readers()


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    (source,) = files(tmp_path, 1)
    source.path.unlink()
    with ahead([source], None) as readings:
        for reading in readings:
            with refused(source.path, "No such file"):
                reading.sha256()


def test_a_long_large_film_waits_for_its_turn_and_short_ones_share_the_cores(
    tmp_path, videos, monkeypatch
):
    monkeypatch.setattr(video_file, "_PIXELS_FOR_ONE_THREAD", 100)
    monkeypatch.setattr(video_file.os, "cpu_count", lambda: 4)
    for name in "abc":
        videos.encode(tmp_path / f"{name}.mp4", videos.texture(frames=12 + ord(name) % 3))
    sources = find_sources(tmp_path).sources
    target = Target(height=16, width=16, channels=1)

    def decoders(expected):
        threads, decoded = {}, {}  # of each file, and how many others are decoded at its turn
        opened = []

        def opener(path):
            for clip, stream in open_clips(path, target):
                opened.append((path.stem, stream))
                yield clip, stream

        with ahead(sources, opener) as readings:
            for reading in readings:
                reading.sha256()
                for _, stream in reading.clips():
                    name = reading.source.path.stem
                    begun = time.monotonic()
                    while time.monotonic() < begun + (20 if expected[name] else 0.2):
                        decoded[name] = sum(
                            stream.source_size is not None for n, stream in opened if n > name
                        )
                        if decoded[name] == expected[name] > 0:
                            break
                        time.sleep(0.01)
                    assert len(list(stream)) >= 12
                    threads[name] = dict(opened)[name].threads
        return threads, decoded

    side_by_side, alone = {"a": 2, "b": 1, "c": 0}, {"a": 0, "b": 0, "c": 0}
    assert decoders(side_by_side) == (dict.fromkeys("abc", 1), side_by_side)
    monkeypatch.setattr(module, "frames_in_block", lambda target: 1)
    assert decoders(alone) == (dict.fromkeys("abc", 4), alone)


@pytest.mark.parametrize(
    "options, target",
    [
        ({}, {"height": 16, "width": 16, "channels": 3}),
        ({}, {"height": 17, "width": 13, "channels": 3}),  # rows that are padded
        ({"rotation": (90,)}, {"height": 24, "width": 18, "channels": 3}),
        ({}, {"height": 48, "width": 64, "channels": 1}),  # nothing is resized
        ({}, {"height": 16, "width": 16, "channels": 1, "fps": 60}),  # frames are repeated
        ({}, {"height": 16, "width": 16, "channels": 3, "fps": 10}),
    ],
)
@pytest.mark.parametrize("count", [1, 7, 1000])
def test_blocks_hold_the_very_frames_that_come_one_by_one(tmp_path, videos, options, target, count):
    path = videos.encode(tmp_path / "a.mp4", videos.texture(frames=45), **options)
    expected, _ = read_video(path, **target)
    ((_, stream),) = open_clips(path, Target(**target))
    found = list(stream.blocks(count))
    assert [len(block) for block in found[:-1]] == [count] * (len(found) - 1)
    assert len({id(block) for block in found}) == len(found)
    np.testing.assert_array_equal(np.concatenate(found), expected)
