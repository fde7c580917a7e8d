"""Clips of a store that are named: chosen, written down, refused when they are not what they
were.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import RECIPE, Stream, building
from dlh.data.named.manifest import Manifest, name_clips
from dlh.data.named.stored import StoredClip
from dlh.data.store.source import StoreSource
from dlh.data.store.store import Store
from dlh.data.worlds.moving_ball import MovingBall

LENGTHS = {"a": 20, "b": 8, "c": 33, "d": 9, "e": 50}
SPLITS = {"a": "test", "b": "test", "c": "test", "d": "validation", "e": "train"}


def make(path, *, lengths=LENGTHS, splits=SPLITS, recipe=RECIPE, sha="", fps=25.0):
    with building(path, recipe, name="five") as builder:
        for number, (name, length) in enumerate(lengths.items()):
            stream = Stream(length, number, fps=fps)
            digest = hashlib.sha256((name + sha).encode()).hexdigest()
            builder.add(f"{name}.mp4", stream, sha256=digest)
        return builder.finish({f"{name}.mp4": splits[name] for name in lengths})


@pytest.fixture
def store(tmp_path):
    return make(tmp_path / "store")


@pytest.fixture
def manifest(store):
    return name_clips(store, context=3, horizon=5, count=100)


def with_source(manifest, **changes):
    return dataclasses.replace(manifest, source=dataclasses.replace(manifest.source, **changes))


def places(manifest):
    return [(clip.source[0], clip.first_frame) for clip in manifest.clips]


def test_spaced_clips_cover_every_test_video_without_overlap(store, manifest):
    # 20 frames hold two clips of 8, 8 hold one, 33 hold four
    assert places(manifest) == [("a", 0), ("a", 12), ("b", 0)] + [
        ("c", start) for start in (0, 8, 16, 25)
    ]
    assert manifest.clip_length == 8 and {clip.length for clip in manifest.clips} == {8}
    assert (manifest.name, manifest.split, manifest.source.select) == ("five", "test", "spaced")
    assert manifest.source.store_sha256 == store.digest()
    assert {clip.source: clip.sha256 for clip in manifest.clips} == {
        video.source: video.sha256 for video in store.videos if video.split == "test"
    }
    few = name_clips(store, context=3, horizon=5, count=3)
    assert places(few) == [("a", 12), ("c", 0), ("c", 16)]


def test_first_takes_the_first_frames_of_each_video_that_is_long_enough(store):
    first = name_clips(store, context=4, horizon=5, count=100, select="first")
    assert places(first) == [("a", 0), ("c", 0)]
    assert places(name_clips(store, context=4, horizon=5, count=1, select="first")) == [("a", 0)]


@pytest.mark.parametrize("split, found", [("train", "e"), ("validation", "d")])
def test_other_splits(store, split, found):
    chosen = name_clips(store, context=1, horizon=8, count=1, split=split)
    assert chosen.split == split and chosen.clips[0].source == f"{found}.mp4"


def test_the_frames_are_those_named(store, manifest):
    clips = manifest.read(store)
    assert clips.video.shape == (7, 8, 4, 6, 3) and clips.events is None
    videos = {video.source: video for video in store.videos}
    for row, clip in enumerate(manifest.clips):
        expected = store.frames(videos[clip.source])[clip.first_frame : clip.first_frame + 8]
        np.testing.assert_array_equal(clips.video[row], expected)
    part = manifest.read(store, range(4, 6))
    np.testing.assert_array_equal(part.video, clips.video[4:6])
    with refused(7):
        manifest.read(store, [])


@pytest.mark.parametrize(
    "options, found, code",
    [
        ({"context": 30}, "35 frames", "no-clips"),
        ({"context": 0}, "context", "data"),
        ({"horizon": -1}, "horizon", "data"),
        ({"count": 0}, "clips", "data"),
        ({"split": "tests"}, "'tests'", "data"),
        ({"select": "last"}, "'last'", "data"),
    ],
)
def test_no_clip_is_an_error(store, options, found, code):
    with refused(found, code=code):
        name_clips(store, **{"context": 3, "horizon": 5, "count": 9} | options)


def test_a_split_without_videos_says_which_have_some(tmp_path):
    store = make(tmp_path / "s", splits=SPLITS | dict.fromkeys("abc", "train"))
    with refused("train 4, validation 1", code="no-clips"):
        name_clips(store, context=1, horizon=1, count=1)


def test_saved_and_loaded_it_is_the_same(manifest, tmp_path):
    path = tmp_path / "clips.json"
    path.write_text("old")
    manifest.save(path)
    loaded = Manifest.load(path)
    assert loaded == manifest and loaded.digest() == manifest.digest()
    written = json.loads(path.read_text())
    assert written["sha256"] == manifest.digest() == digest(written)
    path.write_text(json.dumps(json.loads(path.read_text())))  # laid out otherwise
    assert Manifest.load(path) == manifest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips.json", "store"]


def test_the_digest_changes_with_every_value(manifest):
    clips = manifest.clips
    changed = [
        dataclasses.replace(manifest, name="six"),
        dataclasses.replace(manifest, split="train"),
        dataclasses.replace(manifest, context=4, horizon=4),
        with_source(manifest, store_sha256="0"),
        with_source(manifest, select="first"),
        with_source(manifest, clips=clips[:-1]),
        with_source(manifest, clips=clips[::-1]),
        with_source(manifest, clips=(dataclasses.replace(clips[0], fps=24.0), *clips[1:])),
    ]
    assert len({each.digest() for each in [manifest, *changed]}) == 9


def test_a_save_that_fails_leaves_the_old_file(manifest, tmp_path, monkeypatch):
    path = tmp_path / "clips.json"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with refused(path, "No space left on device"):
            manifest.save(path)
    assert path.read_text() == "old" and len(list(tmp_path.glob(".*"))) == 0
    with refused(tmp_path / "no" / "missing.json"):
        manifest.save(tmp_path / "no" / "missing.json")


def digest(written):
    content = {k: v for k, v in written.items() if k not in ("format", "version", "sha256")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def edited(change, *, resigned=False):
    """Changes what is written; its SHA-256 too, if wanted."""

    def edit(path):
        written = json.loads(path.read_text())
        change(written)
        if resigned:
            written["sha256"] = digest(written)
        path.write_text(json.dumps(written))

    return edit


def signed(change):
    return edited(change, resigned=True)


@pytest.mark.parametrize(
    "code, found, harm",
    [
        ("data", "No such file", lambda p: p.unlink()),
        ("no-manifest", "", lambda p: p.write_text("{")),
        ("no-manifest", "", lambda p: p.write_text("[1]")),
        ("no-manifest", "", lambda p: p.write_bytes(b"\xff\xff")),
        ("no-manifest", "", lambda p: p.write_text("[" * 100_000)),
        ("no-manifest", "", edited(lambda w: w.pop("sha256"))),
        ("no-manifest", "'dlh-clips'", edited(lambda w: w.update(format="dlh-clips"))),
        ("newer-version", "2", edited(lambda w: w.update(version=2))),
        ("changed-manifest", "", edited(lambda w: w.update(context=2))),
        ("changed-manifest", "", edited(lambda w: w["clips"].pop())),
        ("changed-manifest", "", edited(lambda w: w.update(more=1))),
        ("changed-manifest", "None", edited(lambda w: w.update(sha256=None))),
        ("no-manifest", "more", signed(lambda w: w.update(more=1))),
        ("no-manifest", "split", signed(lambda w: w.pop("split"))),
        ("no-manifest", "'3'", signed(lambda w: w.update(context="3"))),
        ("no-manifest", "clips[2].fps", signed(lambda w: w["clips"][2].pop("fps"))),
        ("no-manifest", "9 frames of a.mp4", signed(lambda w: w["clips"][0].update(length=9))),
        ("no-manifest", "none", signed(lambda w: w.update(clips=[]))),
    ],
)
def test_a_changed_or_foreign_file_is_refused_by_name(manifest, tmp_path, code, found, harm):
    path = tmp_path / "clips.json"
    manifest.save(path)
    harm(path)
    with refused(path, found, code=code) as caught:
        Manifest.load(path)
    assert "\n" not in str(caught.value)


def test_a_manifest_of_the_first_version_still_opens(tmp_path):
    clip = {"source": "a.mp4", "sha256": "cd" * 32, "fps": 25.0, "first_frame": 7, "length": 5}
    written = {
        **{"format": "dlh-manifest", "version": 1},
        "sha256": "ad283a58caf90595f0d76bfd1c2901b0be7418e8477c6c3b8bb4fb96b98bafe6",
        **{"name": "films", "split": "test", "context": 2, "horizon": 3},
        **{"store_sha256": "ab" * 32, "select": "first", "clips": [clip]},
    }
    (tmp_path / "clips.json").write_text(json.dumps(written))
    manifest = Manifest.load(tmp_path / "clips.json")
    assert manifest.clips == (StoredClip(**clip),) and manifest.digest() == written["sha256"]
    manifest.save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == written


def test_a_manifest_that_contradicts_itself_is_refused(manifest):
    with refused("frame -1"):
        StoredClip(source="a", sha256="", fps=1.0, first_frame=-1, length=8)
    with refused("twice"):
        with_source(manifest, clips=manifest.clips[:1] * 2)
    with refused("horizon", 0):
        dataclasses.replace(manifest, context=8, horizon=0)


@pytest.mark.parametrize(
    "options, found",
    [
        ({"lengths": {k: v for k, v in LENGTHS.items() if k != "b"}}, ["b.mp4"]),
        ({"splits": SPLITS | {"c": "train"}}, ["c.mp4", "train"]),
        ({"sha": "other"}, ["a.mp4", "SHA-256"]),
        ({"fps": 12.5}, ["a.mp4", 12.5, 25]),
        ({"lengths": LENGTHS | {"c": 32}}, ["c.mp4", 32, "8 from frame 25"]),
    ],
)
def test_a_store_without_these_clips_is_refused(manifest, tmp_path, options, found):
    other = make(tmp_path / "other", **options)
    # open refuses at once, before a clip is asked for
    for use in (manifest.check, manifest.read, manifest.open):
        with refused(*found, code="manifest-mismatch"):
            use(other)


def test_a_store_of_the_same_files_will_do(manifest, tmp_path):
    more = make(tmp_path / "more", lengths={"0": 30} | LENGTHS, splits=SPLITS | {"0": "test"})
    manifest.check(more)
    assert more.digest() != manifest.source.store_sha256
    (tmp_path / "store").rename(tmp_path / "moved")
    assert Store.open(tmp_path / "moved").digest() == manifest.source.store_sha256


def test_clips_come_one_at_a_time_as_context_and_truth(store, manifest):
    whole = manifest.read(store).video
    for source in (store, StoreSource(store)):
        clips = list(manifest.open(source))
        assert [context.shape for context, _ in clips] == [(3, 4, 6, 3)] * 7
        for expected, (context, truth) in zip(whole, clips, strict=True):
            np.testing.assert_array_equal(np.concatenate([context, truth]), expected)
    with refused("moving-ball", code="manifest-mismatch"):
        manifest.open(MovingBall())


def test_frames_that_changed_in_the_store_are_refused_at_their_clip(store, manifest):
    (video,) = [video for video in store.videos if video.source == "c.mp4"]
    shard = store.path / "frames-00000.npy"
    data = bytearray(shard.read_bytes())
    data[128 + (video.offset + 2) * 4 * 6 * 3] ^= 1
    shard.write_bytes(data)
    clips = manifest.open(Store.open(store.path))
    assert len([next(clips) for _ in range(3)]) == 3  # of a and b
    with refused("c.mp4", code="damaged-store"):
        next(clips)
