"""Clips of a store that are named: chosen, written down, refused when they are not what they
were.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from data.small_store import RECIPE, Stream
from dlh.data.clips import DataError
from dlh.data.named.manifest import Manifest, ManifestClip, of_store, open_clips, read_clips
from dlh.data.store.build import StoreBuilder
from dlh.data.store.journal import Recipe
from dlh.data.store.source import StoreSource
from dlh.data.store.store import Store
from dlh.data.worlds.moving_ball import MovingBall
from dlh.files.claim import claim

LENGTHS = {"a": 20, "b": 8, "c": 33, "d": 9, "e": 50}
SPLITS = {"a": "test", "b": "test", "c": "test", "d": "validation", "e": "train"}


def make(path, *, lengths=LENGTHS, splits=SPLITS, recipe=RECIPE, sha="", fps=25.0):
    with claim(path, wait=False) as claimed, StoreBuilder(claimed, recipe, name="five") as builder:
        for number, (name, length) in enumerate(lengths.items()):
            stream = Stream(length, number)
            stream.fps = fps
            events = np.arange(length) % 3 == 0 if recipe.has_events else None
            digest = hashlib.sha256((name + sha).encode()).hexdigest()
            builder.add(f"{name}.mp4", stream, sha256=digest, events=events)
        return builder.finish({f"{name}.mp4": splits[name] for name in lengths})


@pytest.fixture
def store(tmp_path):
    return make(tmp_path / "store")


@pytest.fixture
def manifest(store):
    return of_store(store, context=3, horizon=5, count=100)


def places(manifest):
    return [(clip.source[0], clip.first_frame) for clip in manifest.clips]


def test_spaced_clips_cover_every_test_video_without_overlap(store, manifest):
    # 20 frames hold two clips of 8, 8 hold one, 33 hold four
    assert places(manifest) == [("a", 0), ("a", 12), ("b", 0)] + [
        ("c", start) for start in (0, 8, 16, 25)
    ]
    assert manifest.clip_length == 8 and {clip.length for clip in manifest.clips} == {8}
    assert (manifest.name, manifest.split, manifest.select) == ("five", "test", "spaced")
    assert manifest.store_sha256 == store.digest()
    assert {clip.source: clip.sha256 for clip in manifest.clips} == {
        video.source: video.sha256 for video in store.videos if video.split == "test"
    }
    few = of_store(store, context=3, horizon=5, count=3)
    assert places(few) == [("a", 12), ("c", 0), ("c", 16)]


def test_first_takes_the_first_frames_of_each_video_that_is_long_enough(store):
    first = of_store(store, context=4, horizon=5, count=100, select="first")
    assert places(first) == [("a", 0), ("c", 0)]
    assert places(of_store(store, context=4, horizon=5, count=1, select="first")) == [("a", 0)]


@pytest.mark.parametrize("split, found", [("train", "e"), ("validation", "d")])
def test_other_splits(store, split, found):
    chosen = of_store(store, context=1, horizon=8, count=1, split=split)
    assert chosen.split == split and chosen.clips[0].source == f"{found}.mp4"


def test_the_frames_are_those_named(store, manifest):
    clips = read_clips(manifest, store)
    assert clips.video.shape == (7, 8, 4, 6, 3) and clips.events is None
    videos = {video.source: video for video in store.videos}
    for row, clip in enumerate(manifest.clips):
        expected = store.frames(videos[clip.source])[clip.first_frame : clip.first_frame + 8]
        np.testing.assert_array_equal(clips.video[row], expected)
    part = read_clips(manifest, store, range(4, 6))
    np.testing.assert_array_equal(part.video, clips.video[4:6])
    with pytest.raises(DataError, match="no clip was asked for; the manifest holds 7"):
        read_clips(manifest, store, range(0))


def test_true_events_come_with_the_frames(tmp_path):
    recipe = Recipe(frame_shape=(3, 4, 6), settings={}, inputs=(), has_events=True)
    store = make(tmp_path / "s", recipe=recipe)
    clips = read_clips(of_store(store, context=3, horizon=5, count=100), store)
    assert clips.events[1].tolist() == [number % 3 == 0 for number in range(12, 20)]


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"context": 30},
            r"no test video of .*store has 35 frames \(context 30 \+ horizon 5\); the longest of 3 "
            "has 33: choose a shorter horizon",
        ),
        ({"context": 0}, "context is at least 1, found 0"),
        ({"horizon": -1}, "horizon is at least 1, found -1"),
        ({"count": 0}, "clips is at least 1, found 0"),
        ({"split": "tests"}, "a split is one of train, validation, test, found 'tests'"),
        ({"select": "last"}, "clips are selected spaced or first, found 'last'"),
    ],
)
def test_no_clip_is_an_error(store, options, message):
    with pytest.raises(DataError, match=message):
        of_store(store, **{"context": 3, "horizon": 5, "count": 9} | options)


def test_a_split_without_videos_says_which_have_some(tmp_path):
    store = make(tmp_path / "s", splits=SPLITS | dict.fromkeys("abc", "train"))
    with pytest.raises(DataError, match=r"no test videos \(videos: train 4, validation 1\)"):
        of_store(store, context=1, horizon=1, count=1)


def test_saved_and_loaded_it_is_the_same(manifest, tmp_path):
    path = tmp_path / "clips.json"
    path.write_text("old")
    manifest.save(path)
    loaded = Manifest.load(path)
    assert loaded == manifest and loaded.digest() == manifest.digest()
    written = json.loads(path.read_text())
    assert written["sha256"] == manifest.digest()
    del written["format"], written["version"], written["sha256"]
    canonical = json.dumps(written, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == manifest.digest()
    path.write_text(json.dumps(json.loads(path.read_text())))  # laid out otherwise
    assert Manifest.load(path) == manifest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips.json", "store"]


def test_the_digest_changes_with_every_value(manifest):
    clips = manifest.clips
    changed = [
        dataclasses.replace(manifest, name="six"),
        dataclasses.replace(manifest, store_sha256="0"),
        dataclasses.replace(manifest, split="train"),
        dataclasses.replace(manifest, context=4, horizon=4),
        dataclasses.replace(manifest, select="first"),
        dataclasses.replace(manifest, clips=clips[:-1]),
        dataclasses.replace(manifest, clips=clips[::-1]),
        dataclasses.replace(manifest, clips=(dataclasses.replace(clips[0], fps=24.0), *clips[1:])),
    ]
    assert len({each.digest() for each in [manifest, *changed]}) == 9


def test_a_save_that_fails_leaves_the_old_file(manifest, tmp_path, monkeypatch):
    path = tmp_path / "clips.json"
    path.write_text("old")

    def full(path, text):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dlh.data.named.manifest_file.write_durably", full)
    with pytest.raises(DataError, match="clips.json cannot be written: No space left on device"):
        manifest.save(path)
    assert path.read_text() == "old" and len(list(tmp_path.glob(".*"))) == 0
    with pytest.raises(DataError, match="missing.json cannot be written"):
        manifest.save(tmp_path / "no" / "missing.json")


def edit(path, change):
    written = json.loads(path.read_text())
    change(written)
    path.write_text(json.dumps(written))


def resign(written):
    content = {k: v for k, v in written.items() if k not in ("format", "version", "sha256")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    written["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    "harm, message",
    [
        (lambda p: p.unlink(), "cannot be read: No such file"),
        (lambda p: p.write_text("{"), "is not a manifest of clips; make one with `dlh data manif"),
        (lambda p: p.write_text("[1]"), "is not a manifest of clips"),
        (lambda p: p.write_bytes(b"\xff\xff"), "is not a manifest of clips"),
        (lambda p: p.write_text("[" * 100_000), "is not a manifest of clips"),
        (lambda p: edit(p, lambda w: w.pop("sha256")), "is not a manifest of clips"),
        (lambda p: edit(p, lambda w: w.update(format="dlh-clips")), "it says 'dlh-clips'"),
        (lambda p: edit(p, lambda w: w.update(version=2)), "is of version 2 and this dlh reads up"),
        (
            lambda p: edit(p, lambda w: w.update(context=2)),
            "was changed after it was made: its SHA",
        ),
        (lambda p: edit(p, lambda w: w["clips"].pop()), "was changed after it was made"),
        (lambda p: edit(p, lambda w: w.update(more=1)), "was changed after it was made"),
        (lambda p: edit(p, lambda w: w.update(sha256=None)), "it says None"),
        (
            lambda p: edit(p, lambda w: (w.update(more=1), resign(w))),
            "is not a manifest of clips: unknown setting more",
        ),
        (
            lambda p: edit(p, lambda w: (w.update(context="3"), resign(w))),
            "context cannot be '3', it is of type int",
        ),
        (
            lambda p: edit(p, lambda w: (w["clips"][2].pop("fps"), resign(w))),
            r"missing setting clips\[2\].fps",
        ),
        (
            lambda p: edit(p, lambda w: (w["clips"][0].update(length=9), resign(w))),
            "a clip is 8 frames .* found 9 frames of a.mp4 from frame 0",
        ),
        (
            lambda p: edit(p, lambda w: (w.update(clips=[]), resign(w))),
            "a manifest holds at least one clip",
        ),
    ],
)
def test_a_changed_or_foreign_file_is_refused_by_name(manifest, tmp_path, harm, message):
    path = tmp_path / "clips.json"
    manifest.save(path)
    harm(path)
    with pytest.raises(DataError, match=message) as caught:
        Manifest.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_clip_that_cannot_be_is_refused(manifest):
    clip = ManifestClip(source="a", sha256="", fps=1.0, first_frame=-1, length=8)
    with pytest.raises(DataError, match="found 8 frames of a from frame -1"):
        dataclasses.replace(manifest, clips=(clip,))
    with pytest.raises(DataError, match="holds no clip twice"):
        dataclasses.replace(manifest, clips=manifest.clips[:1] * 2)
    with pytest.raises(DataError, match="horizon is at least 1, found 0"):
        dataclasses.replace(manifest, context=8, horizon=0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"lengths": {k: v for k, v in LENGTHS.items() if k != "b"}}, "has no b.mp4, of which"),
        ({"splits": SPLITS | {"c": "train"}}, "has c.mp4 in its train split, the man"),
        ({"sha": "other"}, "a.mp4 in .* is another file than the manifest's: SHA-256"),
        ({"fps": 12.5}, "a.mp4 in .* has 12.5 frames a second, the manifest counts 25"),
        ({"lengths": LENGTHS | {"c": 32}}, "c.mp4 in .* has 32 frames, .* names 8 from frame 25"),
    ],
)
def test_a_store_without_these_clips_is_refused(manifest, tmp_path, options, message):
    other = make(tmp_path / "other", **options)
    with pytest.raises(DataError, match=message):
        manifest.check(other)
    with pytest.raises(DataError, match=message):
        read_clips(manifest, other)
    with pytest.raises(DataError, match=message):
        open_clips(manifest, other)  # at once, before a clip is asked for


def test_a_store_of_the_same_files_will_do(manifest, tmp_path):
    more = make(tmp_path / "more", lengths={"0": 30} | LENGTHS, splits=SPLITS | {"0": "test"})
    manifest.check(more)
    assert more.digest() != manifest.store_sha256
    (tmp_path / "store").rename(tmp_path / "moved")
    assert Store.open(tmp_path / "moved").digest() == manifest.store_sha256


def test_clips_come_one_at_a_time_as_context_and_truth(store, manifest):
    whole = read_clips(manifest, store).video
    for source in (store, StoreSource(store)):
        clips = list(open_clips(manifest, source))
        assert [context.shape for context, _ in clips] == [(3, 4, 6, 3)] * 7
        for expected, (context, truth) in zip(whole, clips, strict=True):
            np.testing.assert_array_equal(np.concatenate([context, truth]), expected)
    with pytest.raises(DataError, match="names clips of a store of five, found the gen.* moving-b"):
        open_clips(manifest, MovingBall())


def test_frames_that_changed_in_the_store_are_refused_at_their_clip(store, manifest):
    (video,) = [video for video in store.videos if video.source == "c.mp4"]
    shard = store.path / "frames-00000.npy"
    data = bytearray(shard.read_bytes())
    data[128 + (video.offset + 2) * 4 * 6 * 3] ^= 1
    shard.write_bytes(data)
    clips = open_clips(manifest, Store.open(store.path))
    assert len([next(clips) for _ in range(3)]) == 3  # of a and b
    with pytest.raises(DataError, match="c.mp4 in .*store is damaged: its frames are not those"):
        next(clips)
