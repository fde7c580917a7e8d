"""Clips out of a store."""

from __future__ import annotations

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import Stream, building
from dlh.data.clips import ClipSource
from dlh.data.store.build import Recipe
from dlh.data.store.source import StoreSource


def marked(video, length):
    """Frames that carry the number of their video and their own."""
    frames = np.empty((length, 2, 3, 1), np.uint8)
    frames[:, 0], frames[:, 1] = video, np.arange(length)[:, None, None]
    return Stream(frames)


LENGTHS = {"a": 40, "b": 12, "c": 5, "d": 60, "e": 25}
SPLITS = {"a": "train", "b": "train", "c": "train", "d": "validation", "e": "test"}


def build(path, *, lengths=LENGTHS, splits=SPLITS):
    recipe = Recipe(frame_shape=(1, 2, 3), settings={}, inputs=())
    with building(path, recipe, name="marked") as builder:
        for number, (name, length) in enumerate(lengths.items()):
            builder.add(name, marked(number, length), sha256=name)
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
    clips = source.batch(0, batch_size=4, clip_length=10, seed=0)
    assert clips.video.shape == (4, 10, 2, 3, 1) and clips.video.dtype == np.uint8
    assert clips.events is None


def test_training_clips_are_uniform_over_the_places_of_the_training_split(tmp_path):
    source, found = build(tmp_path / "s"), []
    for step in range(100):
        found += places(source.batch(step, batch_size=20, clip_length=10, seed=3))
    expected = {(0, start) for start in range(31)} | {(1, start) for start in range(3)}
    assert set(found) == expected
    counts = [found.count(place) for place in expected]
    assert max(abs(count - 2000 / 34) for count in counts) < 4.5 * np.sqrt(2000 / 34)


@pytest.mark.parametrize("world_size", [2, 4])
def test_the_processes_share_the_batch_of_one(tmp_path, world_size):
    source = build(tmp_path / "s")
    for step in (0, 7):
        whole = source.batch(step, batch_size=8, clip_length=9, seed=1)
        shares = [
            StoreSource(source.store).batch(
                step, batch_size=8, clip_length=9, seed=1, rank=rank, world_size=world_size
            )
            for rank in range(world_size)
        ]
        np.testing.assert_array_equal(np.concatenate([s.video for s in shares]), whole.video)


def test_held_out_clips_are_spaced_and_of_their_split(tmp_path):
    source = build(tmp_path / "s")
    found = places(source.held_out("validation", count=100, clip_length=20))
    assert found == [(3, 0), (3, 20), (3, 40)]
    assert places(source.held_out("validation", count=1, clip_length=20)) == [(3, 20)]
    assert places(source.held_out("test", count=100, clip_length=10)) == [(4, 0), (4, 15)]
    assert source.held_out("test", count=4, clip_length=26) is None
    with refused("'train'"):
        source.held_out("train", count=1, clip_length=5)


def test_no_training_clip_says_how_many_frames_each_file_gives(tmp_path):
    source = build(tmp_path / "s")
    with refused("marked", 50, "a 40, b 12, c 5"):
        source.check_clip_length(50)
    with refused("marked", 50, "a 40, b 12, c 5"):
        source.batch(0, batch_size=2, clip_length=50, seed=0)
    source.check_clip_length(40)
    lengths = {f"{n:02}": n + 2 for n in range(15)}
    many = build(tmp_path / "many", lengths=lengths, splits=dict.fromkeys(lengths, "train"))
    with refused(17, "14 16, 13 15, ", "05 7 and 5 shorter"):
        many.check_clip_length(17)


def test_clips_of_all_splits_are_spaced_over_all_videos_but_those_named(tmp_path):
    source = build(tmp_path / "s")
    found = places(source.of_all_splits(count=99, clip_length=12))
    assert [sum(video == number for video, _ in found) for number in range(5)] == [3, 1, 0, 5, 2]
    rest = places(source.of_all_splits(count=99, clip_length=12, but={"a", "d"}))
    assert rest == [place for place in found if place[0] not in (0, 3)]
    assert len(places(source.of_all_splits(count=4, clip_length=12))) == 4
    assert source.of_all_splits(count=4, clip_length=61) is None
