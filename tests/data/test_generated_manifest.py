"""Generated clips that are named: the numbers, the world, and the frames they must show."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from data.made_up_digits import made_up_digits
from data.refusals import refused
from dlh.data.named.generated import GeneratedClip
from dlh.data.named.manifest import Manifest, name_clips
from dlh.data.worlds.bouncing_ball import BouncingBall, BouncingBallConfig
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig
from dlh.data.worlds.two_clocks import TwoClocks, TwoClocksConfig

SMALL = MovingBallConfig(size=16, radius=2, speed=3.0, colour_change_probability=0.1)
NUMBERS = {"context": 3, "horizon": 5, "count": 4}


def balls():
    return MovingBall(SMALL)


def digits():
    return MovingMNIST(made_up_digits(), MovingMNISTConfig(size=40, speed=(1.0, 3.0)))


def clocks():
    return TwoClocks(TwoClocksConfig(ball=SMALL))


def bouncing():
    return BouncingBall(BouncingBallConfig(ball=SMALL))


@pytest.fixture(params=[balls, clocks, bouncing, digits])
def source(request):
    return request.param()


@pytest.fixture
def manifest(source):
    return name_clips(source, **NUMBERS)


def with_source(manifest, **changes):
    return dataclasses.replace(manifest, source=dataclasses.replace(manifest.source, **changes))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_clips_are_those_that_every_run_is_scored_on(source, split):
    manifest = name_clips(source, **NUMBERS, split=split)
    expected = source.held_out(split, count=4, clip_length=8).video
    clips = list(manifest.open(source))
    assert [(len(context), len(truth)) for context, truth in clips] == [(3, 5)] * 4
    for row, (context, truth) in zip(expected, clips, strict=True):
        assert context.dtype == truth.dtype == np.uint8
        np.testing.assert_array_equal(np.concatenate([context, truth]), row)
    assert [clip.sha256 for clip in manifest.clips] == [
        hashlib.sha256(row.tobytes()).hexdigest() for row in expected
    ]


def test_saved_and_loaded_it_is_the_same_and_says_everything(source, manifest, tmp_path):
    manifest.save(tmp_path / "clips.json")
    loaded = Manifest.load(tmp_path / "clips.json")
    assert loaded == manifest and loaded.digest() == manifest.digest()
    written = json.loads((tmp_path / "clips.json").read_text())
    assert written["generator"] == manifest.name
    if manifest.source.generator == "moving-ball":
        assert written["ball"]["colour_change_probability"] == 0.1
        assert written["mnist"] is written["digits"] is written["digits_sha256"] is None
        assert "clocks" not in written and "bouncing" not in written
        rebuilt = loaded.source.build()
    elif manifest.source.generator != "moving-mnist":
        assert written["ball"] is written["mnist"] is None
        own = "clocks" if manifest.source.generator == "two-clocks" else "bouncing"
        assert written[own]["ball"]["speed"] == 3.0
        rebuilt = loaded.source.build()
    else:
        assert written["mnist"]["speed"] == [1.0, 3.0] and written["ball"] is None
        assert written["digits_sha256"] == made_up_digits().sha256()
        rebuilt = loaded.source.build(made_up_digits())
    assert rebuilt.config == source.config
    assert len(list(loaded.open(rebuilt))) == 4


def test_the_digest_changes_with_every_value():
    manifest, more = name_clips(balls(), **NUMBERS), name_clips(digits(), **NUMBERS)
    clips = manifest.clips
    changed = [
        dataclasses.replace(manifest, name="other"),
        dataclasses.replace(manifest, split="validation"),
        dataclasses.replace(manifest, context=4, horizon=4),
        with_source(manifest, ball=MovingBallConfig()),
        with_source(manifest, clips=clips[::-1]),
        with_source(manifest, clips=(dataclasses.replace(clips[0], sha256=""), *clips[1:])),
        with_source(more, mnist=MovingMNISTConfig()),
        with_source(more, digits="mnist-5k"),
        with_source(more, digits_sha256=""),
    ]
    assert len({each.digest() for each in [manifest, more, *changed]}) == 11


@pytest.mark.parametrize(
    "config, found",
    [
        ({"speed": 4.0, "radius": 3}, ["radius is 3", "speed is 4.0", "3.0"]),
        ({"colours": ("red", "green")}, ["colours", "'red'", "'magenta'"]),
        ({"colour_change_probability": 0.0}, ["colour_change_probability is 0.0", 0.1]),
    ],
)
def test_another_world_is_refused_and_the_difference_named(config, found):
    manifest = name_clips(balls(), **NUMBERS)
    with refused(*found, code="manifest-mismatch"):
        manifest.open(MovingBall(dataclasses.replace(SMALL, **config)))


def test_other_sources_are_refused():
    class Films:
        name = "films"

    ball, mnist = name_clips(balls(), **NUMBERS), name_clips(digits(), **NUMBERS)
    other = MovingMNIST(made_up_digits(seed=1, name="mnist-5k"), digits().config)
    for manifest, source, found in (
        (ball, digits(), "moving-mnist"),
        (ball, Films(), "films"),
        (mnist, other, other.digits.sha256()),
    ):
        with refused(manifest.source.generator, found, code="manifest-mismatch"):
            manifest.open(source)
    with refused(made_up_digits(seed=1).sha256(), code="manifest-mismatch"):
        mnist.source.build(made_up_digits(seed=1))
    with refused(made_up_digits().sha256()):
        mnist.source.build()
    with refused("films"):
        name_clips(Films(), **NUMBERS)


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
    list(manifest.open(source))
    third = seen[2].copy()
    monkeypatch.setattr(type(source), "play", changed)
    clips = manifest.open(source)
    next(clips), next(clips)
    for use in (lambda: next(clips), lambda: manifest.read(source, [2])):
        with refused(f"test clip 2 of {manifest.name} ", code="manifest-mismatch"):
            use()


@pytest.mark.parametrize(
    "change, found",
    [
        ({"count": 0}, "clips"),
        ({"context": 0}, "context"),
        ({"horizon": -2}, -2),
        ({"split": "train"}, "'train'"),
    ],
)
def test_invalid_numbers_are_refused(change, found):
    with refused(found):
        name_clips(balls(), **{**NUMBERS, **change})


@pytest.mark.parametrize(
    "change, found",
    [
        ({"ball": None}, "none of them"),
        ({"digits": "mnist"}, "ball, digits"),
        ({"generator": "moving-mnist"}, "mnist, digits, digits_sha256"),
        ({"clips": ()}, "none"),
        ({"clips": (GeneratedClip(number=1, length=9, sha256=""),)}, "9 frames of clip 1"),
        ({"clips": (GeneratedClip(number=1, length=7, sha256=""),)}, "7 frames of clip 1"),
        ({"clips": (GeneratedClip(number=1, length=8, sha256=""),) * 2}, "twice"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(change, found):
    manifest = name_clips(balls(), **NUMBERS)
    with refused(found):
        with_source(manifest, **change)
    with refused("'train'"):
        dataclasses.replace(manifest, split="train")
    with refused("clip -1"):
        GeneratedClip(number=-1, length=8, sha256="")


def test_a_manifest_is_small():
    manifest = name_clips(balls(), context=3, horizon=5, count=100)
    assert len(json.dumps(dataclasses.asdict(manifest))) < 20_000


def test_a_manifest_of_the_first_version_has_the_digest_it_had():
    manifest = name_clips(balls(), context=3, horizon=5, count=2)
    assert manifest.digest() == "abebb83135ff290e53b6afeea13e816aab3eedbd4e1a062b985a496359fa2d5f"


def test_the_truth_of_every_level_is_read_with_the_clips():
    source = clocks()
    manifest = name_clips(source, context=3, horizon=60, count=3)
    read = manifest.read(source, [2, 0])
    whole = source.held_out("test", count=3, clip_length=63)
    for level in (2, 3):
        np.testing.assert_array_equal(read.truth(level), whole.truth(level)[[2, 0]])
