"""Clips out of a store."""

from __future__ import annotations

import numpy as np
import pytest

from dlh.data.claim import claim
from dlh.data.clips import ClipSource, DataError
from dlh.data.store.build import Recipe, StoreBuilder
from dlh.data.store.source import StoreSource


class Marked:
    """Frames that carry the number of their video and their own."""

    path, fps, expected_frames, source_size, notes = "x", 25.0, None, (3, 2), ()

    def __init__(self, video, length):
        self.video, self.length = video, length

    def __iter__(self):
        for number in range(self.length):
            frame = np.zeros((2, 3, 1), np.uint8)
            frame[0], frame[1] = self.video, number
            yield frame


LENGTHS = {"a": 40, "b": 12, "c": 5, "d": 60, "e": 25}
SPLITS = {"a": "train", "b": "train", "c": "train", "d": "validation", "e": "test"}


def build(path, *, lengths=LENGTHS, splits=SPLITS, has_events=False):
    recipe = Recipe(frame_shape=(1, 2, 3), settings={}, inputs=(), has_events=has_events)
    with (
        claim(path, wait=False) as claimed,
        StoreBuilder(claimed, recipe, name="marked") as builder,
    ):
        for number, (name, length) in enumerate(lengths.items()):
            events = np.arange(length) % 4 == 0 if has_events else None
            builder.add(name, Marked(number, length), sha256=name, events=events)
        return StoreSource(builder.finish(splits))


def places(clips):
    """(video, first frame) of each clip, after checking that its frames follow each other."""
    videos, numbers = clips.video[:, :, 0, 0, 0], clips.video[:, :, 1, 0, 0]
    assert (videos == videos[:, :1]).all() and (np.diff(numbers.astype(int), axis=1) == 1).all()
    return list(zip(videos[:, 0].tolist(), numbers[:, 0].tolist(), strict=True))


def test_it_is_a_source_of_clips(tmp_path):
    source = build(tmp_path / "s")
    assert isinstance(source, ClipSource)
    assert source.frame_shape == (1, 2, 3) and source.name == "marked"
    assert StoreSource(source.store, name="mine").name == "mine"
    clips = source.batch(0, batch_size=4, clip_length=10, seed=0)
    assert (
        clips.video.shape == (4, 10, 2, 3, 1)
        and clips.video.dtype == np.uint8
        and clips.events is None
    )


def test_training_clips_are_uniform_over_the_places_of_the_training_split(tmp_path):
    source = build(tmp_path / "s")
    found = [
        p
        for step in range(100)
        for p in places(source.batch(step, batch_size=20, clip_length=10, seed=3))
    ]
    expected = {(0, start) for start in range(31)} | {(1, start) for start in range(3)}
    assert set(found) == expected
    counts = [found.count(place) for place in expected]
    assert max(abs(count - 2000 / 34) for count in counts) < 4.5 * np.sqrt(2000 / 34)


@pytest.mark.parametrize("world_size", [2, 4])
def test_the_processes_share_the_batch_of_one(tmp_path, world_size):
    source = build(tmp_path / "s", has_events=True)
    for step in (0, 7):
        whole = source.batch(step, batch_size=8, clip_length=9, seed=1)
        shares = [
            StoreSource(source.store).batch(
                step, batch_size=8, clip_length=9, seed=1, rank=rank, world_size=world_size
            )
            for rank in range(world_size)
        ]
        np.testing.assert_array_equal(
            np.concatenate([share.video for share in shares]), whole.video
        )
        np.testing.assert_array_equal(
            np.concatenate([share.events for share in shares]), whole.events
        )


def test_a_batch_depends_on_its_number_and_the_seed_alone(tmp_path):
    source = build(tmp_path / "s")
    late = places(source.batch(5, batch_size=8, clip_length=9, seed=1))
    assert late == places(source.batch(5, batch_size=8, clip_length=9, seed=1))
    assert late != places(source.batch(4, batch_size=8, clip_length=9, seed=1))
    assert late != places(source.batch(5, batch_size=8, clip_length=9, seed=2))


def test_held_out_clips_are_spaced_and_of_their_split(tmp_path):
    source = build(tmp_path / "s")
    assert places(source.held_out("validation", count=100, clip_length=20)) == [
        (3, 0),
        (3, 20),
        (3, 40),
    ]
    assert places(source.held_out("validation", count=1, clip_length=20)) == [(3, 20)]
    assert places(source.held_out("test", count=100, clip_length=10)) == [(4, 0), (4, 15)]
    assert source.held_out("test", count=4, clip_length=26) is None
    with pytest.raises(DataError, match="found 'train'"):
        source.held_out("train", count=1, clip_length=5)


def test_held_out_clips_can_be_named_and_read_again(tmp_path):
    source = build(tmp_path / "s")
    windows = source.held_out_windows("validation", count=2, clip_length=15)
    assert [(source.videos("validation")[w.video].source, w.start) for w in windows] == [
        ("d", 15),
        ("d", 45),
    ]
    np.testing.assert_array_equal(
        source.read("validation", windows).video,
        source.held_out("validation", count=2, clip_length=15).video,
    )


def test_events_come_with_the_frames(tmp_path):
    source = build(tmp_path / "s", has_events=True)
    clips = source.batch(0, batch_size=16, clip_length=9, seed=0)
    np.testing.assert_array_equal(clips.events, clips.video[:, :, 1, 0, 0] % 4 == 0)
    held = source.held_out("test", count=1, clip_length=9)
    np.testing.assert_array_equal(held.events, held.video[:, :, 1, 0, 0] % 4 == 0)


def test_a_split_that_is_empty_gives_none(tmp_path):
    source = build(tmp_path / "s", lengths={"a": 9}, splits={"a": "train"})
    assert source.held_out("validation", count=4, clip_length=3) is None


def test_no_training_clip_says_how_many_frames_each_file_gives(tmp_path):
    source = build(tmp_path / "s")
    message = (
        "marked gives no training clip of 50 frames; its training files hold: a 40, b 12, c 5. "
        "Use a clip length of at most 40"
    )
    with pytest.raises(DataError, match=message):
        source.check_clip_length(50)
    with pytest.raises(DataError, match=message):
        source.batch(0, batch_size=2, clip_length=50, seed=0)
    source.check_clip_length(40)
    many = build(
        tmp_path / "many",
        lengths={f"{n:02}": n + 2 for n in range(15)},
        splits={f"{n:02}": "train" for n in range(15)},
    )
    with pytest.raises(DataError, match="hold: 14 16, 13 15, .* 05 7 and 5 shorter ones. Use"):
        many.check_clip_length(17)


def test_clips_of_all_splits_are_spaced_over_all_videos_but_those_named(tmp_path):
    source = build(tmp_path / "s")
    found = places(source.of_all_splits(count=99, clip_length=12))
    assert [sum(video == number for video, _ in found) for number in range(5)] == [3, 1, 0, 5, 2]
    rest = places(source.of_all_splits(count=99, clip_length=12, but={"a", "d"}))
    assert rest == [place for place in found if place[0] not in (0, 3)]
    assert len(places(source.of_all_splits(count=4, clip_length=12))) == 4
    assert source.of_all_splits(count=4, clip_length=61) is None
