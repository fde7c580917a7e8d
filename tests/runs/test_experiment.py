from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlh.data.worlds.moving_mnist import MovingMNISTConfig
from dlh.runs.experiment import DataConfig, Experiment, read_experiment
from dlh.runs.presets import tiny
from dlh.settings import ConfigError, SettingsError, to_plain

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
    with pytest.raises(SettingsError, match=r"^experiment.data.mnist.speed cannot be \[1.0\]"):
        read_experiment(plain)


@pytest.mark.parametrize(
    "channels, size, said",
    [
        (3, 16, "Moving MNIST has 1 channel of 16 x 16 .*, the model takes 3 of 16 x 16; make"),
        (1, 32, "the model takes 1 of 32 x 32; make model.channels 1, and model.height, .* agree"),
    ],
)
def test_a_model_of_other_frames_than_the_digits_is_refused(channels, size, said):
    model = replace(tiny().model, channels=channels, height=size, width=size)
    with pytest.raises(ConfigError, match=said):
        replace(tiny(), data=MNIST, model=model)


def test_only_the_world_that_is_seen_must_fit_the_model():
    assert replace(tiny(), data=replace(tiny().data, mnist=MovingMNISTConfig(size=48)))
    with pytest.raises(ConfigError, match="Moving Ball has 3 channels of 16 x 16"):
        replace(tiny(), model=replace(tiny().model, channels=1))
