"""Generated clips that are named: the numbers, the world, and the frames they must show."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from dlh.data.clips import DataError
from dlh.data.named.generated_manifest import GeneratedClip, GeneratedManifest, of_generator
from dlh.data.named.manifest import Manifest, load_manifest, open_clips
from dlh.data.worlds.digits import Digits
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig

SMALL = MovingBallConfig(size=16, radius=2, speed=3.0, colour_change_probability=0.1)
NUMBERS = {"context": 3, "horizon": 5, "count": 4}


def made_up_digits(seed=0, name="mnist"):
    random = np.random.default_rng(seed)
    images = {
        split: random.integers(1, 256, (6, 28, 28), dtype=np.uint8)
        for split in ("train", "validation", "test")
    }
    labels = {split: np.arange(6, dtype=np.uint8) for split in images}
    return Digits(name=name, images=images, labels=labels)


def balls():
    return MovingBall(SMALL)


def digits():
    return MovingMNIST(made_up_digits(), MovingMNISTConfig(size=40, speed=(1.0, 3.0)))


@pytest.fixture(params=[balls, digits])
def source(request):
    return request.param()


@pytest.fixture
def manifest(source):
    return of_generator(source, **NUMBERS)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_clips_are_those_that_every_run_is_scored_on(source, split):
    manifest = of_generator(source, **NUMBERS, split=split)
    expected = source.held_out(split, count=4, clip_length=8).video
    clips = list(open_clips(manifest, source))
    assert [(len(context), len(truth)) for context, truth in clips] == [(3, 5)] * 4
    for row, (context, truth) in zip(expected, clips, strict=True):
        assert context.dtype == truth.dtype == np.uint8
        np.testing.assert_array_equal(np.concatenate([context, truth]), row)
    assert [clip.sha256 for clip in manifest.clips] == [
        hashlib.sha256(row.tobytes()).hexdigest() for row in expected
    ]


def test_saved_and_loaded_it_is_the_same_and_says_everything(source, manifest, tmp_path):
    manifest.save(tmp_path / "clips.json")
    loaded = load_manifest(tmp_path / "clips.json")
    assert loaded == manifest and loaded.digest() == manifest.digest()
    written = json.loads((tmp_path / "clips.json").read_text())
    assert written["generator"] == manifest.name
    if manifest.generator == "moving-ball":
        assert written["ball"]["colour_change_probability"] == 0.1
        assert written["mnist"] is written["digits"] is written["digits_sha256"] is None
        rebuilt = loaded.build()
    else:
        assert written["mnist"]["speed"] == [1.0, 3.0] and written["ball"] is None
        assert written["digits_sha256"] == made_up_digits().sha256()
        rebuilt = loaded.build(made_up_digits())
    assert rebuilt.config == source.config
    assert len(list(open_clips(loaded, rebuilt))) == 4
    with pytest.raises(DataError, match="names clips of the generator moving-.*, not of a store"):
        Manifest.load(tmp_path / "clips.json")


def test_the_digest_changes_with_every_value():
    manifest, more = of_generator(balls(), **NUMBERS), of_generator(digits(), **NUMBERS)
    clips = manifest.clips
    changed = [
        dataclasses.replace(manifest, name="other"),
        dataclasses.replace(manifest, ball=MovingBallConfig()),
        dataclasses.replace(manifest, split="validation"),
        dataclasses.replace(manifest, context=4, horizon=4),
        dataclasses.replace(manifest, clips=clips[::-1]),
        dataclasses.replace(manifest, clips=(dataclasses.replace(clips[0], sha256=""), *clips[1:])),
        dataclasses.replace(more, mnist=MovingMNISTConfig()),
        dataclasses.replace(more, digits="mnist-5k"),
        dataclasses.replace(more, digits_sha256=""),
    ]
    assert len({each.digest() for each in [manifest, more, *changed]}) == 11


@pytest.mark.parametrize(
    "config, message",
    [
        (
            {"speed": 4.0, "radius": 3},
            "another moving-ball than the manifest's: radius is 3 there and 2 in the manifest; "
            "speed is 4.0 there and 3.0 in the manifest",
        ),
        ({"colours": ("red", "green")}, r"colours is \(red, green\) there and \(cyan, magenta, "),
        ({"colour_change_probability": 0.0}, "colour_change_probability is 0.0 there and 0.1 in"),
    ],
)
def test_another_world_is_refused_and_the_difference_named(config, message):
    manifest = of_generator(balls(), **NUMBERS)
    with pytest.raises(DataError, match=message):
        open_clips(manifest, MovingBall(dataclasses.replace(SMALL, **config)))


def test_other_sources_are_refused(tmp_path):
    ball, mnist = of_generator(balls(), **NUMBERS), of_generator(digits(), **NUMBERS)
    with pytest.raises(DataError, match="of the generator moving-ball, found moving-mnist"):
        open_clips(ball, digits())
    other = MovingMNIST(made_up_digits(1, "mnist-5k"), digits().config)
    with pytest.raises(
        DataError, match=r"other digits than the manifest's mnist: SHA-256 .* of mnist-5k, expected"
    ):
        open_clips(mnist, other)
    with pytest.raises(DataError, match="other digits than the manifest's mnist"):
        mnist.build(made_up_digits(1))
    with pytest.raises(DataError, match="the clips of moving-mnist show digits: load those named"):
        mnist.build()

    class Films:
        name = "films"

    with pytest.raises(DataError, match="of the generator moving-ball, found the store films"):
        open_clips(ball, Films())
    with pytest.raises(DataError, match="films is no generator of clips"):
        of_generator(Films(), **NUMBERS)


def test_a_generator_that_draws_otherwise_is_found_out_at_the_clip(source, manifest, monkeypatch):
    play = type(source).play

    def changed(self, draws, clip_length, split):
        clips = play(self, draws, clip_length, split)
        if np.array_equal(draws, third):
            clips.video[0, 6, 0, 0] ^= 1  # one pixel of one frame
        return clips

    third = None
    seen = []
    monkeypatch.setattr(type(source), "play", lambda s, d, c, p: seen.append(d) or play(s, d, c, p))
    list(open_clips(manifest, source))
    third = seen[2].copy()
    monkeypatch.setattr(type(source), "play", changed)
    clips = open_clips(manifest, source)
    next(clips), next(clips)
    with pytest.raises(
        DataError,
        match=rf"test clip 2 of {manifest.name} is another one than the manifest's: the SHA-256 of "
        r"its frames is .*, expected .*; it was made by another version of the generator",
    ):
        next(clips)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"count": 0}, "clips is at least 1, found 0"),
        ({"context": 0}, "context is at least 1, found 0"),
        ({"horizon": -2}, "horizon is at least 1, found -2"),
        ({"split": "train"}, "of the validation or the test split, found 'train'"),
    ],
)
def test_numbers_that_cannot_be_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        of_generator(balls(), **{**NUMBERS, **change})
    with pytest.raises(DataError, match="clips are numbered from 0, found -1"):
        balls().held_out_clip("test", -1, clip_length=3)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ball": None}, "a manifest of moving-ball has ball, and nothing of others"),
        ({"digits": "mnist"}, "a manifest of moving-ball has ball, and nothing of others"),
        ({"generator": "moving-mnist"}, "of moving-mnist has mnist, digits and digits_sha256"),
        ({"clips": ()}, "holds at least one clip"),
        (
            {"clips": (GeneratedClip(number=-1, length=8, sha256=""),)},
            r"a clip is 8 frames \(context 3 \+ horizon 5\) of .* found 8 frames of clip -1",
        ),
        (
            {"clips": (GeneratedClip(number=1, length=9, sha256=""),)},
            "found 9 frames of clip 1",
        ),
        ({"clips": (GeneratedClip(number=1, length=8, sha256=""),) * 2}, "holds no clip twice"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(change, message):
    manifest = of_generator(balls(), **NUMBERS)
    with pytest.raises(DataError, match=message):
        dataclasses.replace(manifest, **change)


def test_a_changed_file_is_refused(manifest, tmp_path):
    path = tmp_path / "clips.json"
    manifest.save(path)
    written = json.loads(path.read_text())
    written["clips"][0]["number"] = 7
    path.write_text(json.dumps(written))
    with pytest.raises(DataError, match="clips.json was changed after it was made"):
        load_manifest(path)
    values = {key: value for key, value in written.items() if key not in ("format", "version")}
    del values["sha256"], values["split"]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    about = {key: written[key] for key in ("format", "version")}
    about["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(about | values))
    with pytest.raises(DataError, match="clips.json is not a manifest of clips: missing setting s"):
        load_manifest(path)


def test_a_manifest_is_small():
    manifest = of_generator(balls(), context=3, horizon=5, count=100)
    assert isinstance(manifest, GeneratedManifest)
    assert len(json.dumps(dataclasses.asdict(manifest))) < 20_000
