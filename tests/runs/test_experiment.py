from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlh.data.worlds.moving_mnist import MovingMNISTConfig
from dlh.runs.experiment import DataConfig, Experiment, read_experiment
from dlh.runs.presets import tiny
from dlh.settings import ConfigError, SettingsError, to_plain
from refusals import refused

MNIST = DataConfig(
    source="moving-mnist",
    mnist=MovingMNISTConfig(size=16, digit_size=10, speed=(1.0, 3.5)),
    digits="/digits",
)


def on_mnist() -> Experiment:
    return replace(tiny(), data=MNIST, model=replace(tiny().model, channels=1))


@pytest.mark.parametrize(
    "source, is_moving_ball, generated",
    [("moving-ball", True, True), ("moving-mnist", False, True), ("/videos", False, False)],
)
def test_the_source_says_what_is_generated_and_what_is_the_ball(source, is_moving_ball, generated):
    data = DataConfig(source=source)
    assert (data.is_moving_ball, data.generated) == (is_moving_ball, generated)


def test_the_world_of_the_digits_comes_back_from_json():
    plain = json.loads(json.dumps(to_plain(on_mnist())))
    assert plain["data"]["mnist"]["speed"] == [1.0, 3.5]
    assert read_experiment(plain) == on_mnist()
    plain["data"]["mnist"]["speed"] = [1.0]
    with refused(SettingsError, "experiment.data.mnist.speed", [1.0]):
        read_experiment(plain)


@pytest.mark.parametrize(
    "channels, size",
    [
        (3, 16),
        (1, 32),
    ],
)
def test_a_model_of_other_frames_than_the_digits_is_refused(channels, size):
    model = replace(tiny().model, channels=channels, height=size, width=size)
    with refused(ConfigError, 1, "16 x 16", channels, f"{size} x {size}"):
        replace(tiny(), data=MNIST, model=model)


def test_only_the_world_that_is_seen_must_fit_the_model():
    assert replace(tiny(), data=replace(tiny().data, mnist=MovingMNISTConfig(size=48)))
    with refused(ConfigError, 3, "16 x 16"):
        replace(tiny(), model=replace(tiny().model, channels=1))
