"""Clips out of a store."""

from __future__ import annotations

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import Stream, building
from dlh.data.augmentation import Augmentation
from dlh.data.clips import ClipSource
from dlh.data.store.build import Recipe
from dlh.data.store.source import StoreSource
from dlh.settings import ConfigError


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


def varied(path, augmentation, **options):
    return StoreSource(build(path).store, augmentation=augmentation, **options)


def test_a_stride_takes_every_nth_frame_from_every_phase(tmp_path):
    source = varied(tmp_path / "s", Augmentation(stride=3))
    clips = [source.batch(step, batch_size=8, clip_length=4, seed=1).video for step in range(20)]
    numbers = np.concatenate(clips)[:, :, 1, 0, 0].astype(int)
    assert (np.diff(numbers, axis=1) == 3).all()
    assert set(numbers[:, 0] % 3) == {0, 1, 2}
    held = source.held_out("validation", count=6, clip_length=4).video[:, :, 1, 0, 0].astype(int)
    assert len(held) == 6 and (np.diff(held, axis=1) == 3).all()  # 60 frames, 10 in a clip
    source.check_clip_length(14)
    with refused(43, 40):
        source.check_clip_length(15)


def test_training_clips_are_changed_as_wholes_and_held_out_ones_are_not(tmp_path):
    plain = build(tmp_path / "s")
    source = StoreSource(plain.store, augmentation=Augmentation(flip=True, shift=1, colour=0.3))
    whole = source.batch(3, batch_size=8, clip_length=4, seed=1).video
    again = [
        source.batch(3, batch_size=8, clip_length=4, seed=1, rank=rank, world_size=2).video
        for rank in range(2)
    ]
    np.testing.assert_array_equal(whole, np.concatenate(again))
    assert (whole != plain.batch(3, batch_size=8, clip_length=4, seed=1).video).any()
    for split in ("validation", "test"):
        np.testing.assert_array_equal(
            source.held_out(split, count=4, clip_length=4).video,
            plain.held_out(split, count=4, clip_length=4).video,
        )


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"flip": True}, lambda clip: {clip.tobytes(), clip[:, :, ::-1].tobytes()}),
        (
            {"shift": 1},
            lambda clip: {
                np.pad(clip, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")[
                    :, down : down + 5, right : right + 4
                ].tobytes()
                for down in range(3)
                for right in range(3)
            },
        ),
    ],
)
def test_flips_and_shifts_are_the_same_for_all_frames_of_a_clip(settings, expected):
    clip = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
    change = Augmentation(**settings).change
    found = {change(clip, seed=0, step=step, row=0).tobytes() for step in range(200)}
    assert found == expected(clip)


def test_a_change_of_colour_keeps_equal_pixels_equal():
    clip = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
    clip[2] = clip[0]
    changed = Augmentation(colour=0.4).change(clip, seed=0, step=1, row=2)
    np.testing.assert_array_equal(changed[2], changed[0])
    assert changed.dtype == np.uint8 and (changed != clip).any()
    with pytest.raises(ConfigError, match="1.0"):
        Augmentation(colour=1.0)


def test_one_recording_is_split_by_blocks_of_time_with_gaps(tmp_path):
    store = build(tmp_path / "s", lengths={"a": 200}, splits={"a": "train"}).store
    source = StoreSource(store, gap=12)
    frames = {
        split: [
            [*range(video.offset, video.offset + video.length)] for video in source.videos(split)
        ]
        for split in ("train", "validation", "test")
    }
    assert [(block[0], block[-1]) for block in frames["train"]] == [(0, 77), (122, 167)]
    assert [(block[0], block[-1]) for block in frames["validation"]] == [(90, 109)]
    assert [(block[0], block[-1]) for block in frames["test"]] == [(180, 199)]
    clip = source.held_out("test", count=1, clip_length=20).video
    assert clip[0, :, 1, 0, 0].tolist() == [*range(180, 200)]
