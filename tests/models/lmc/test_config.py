from __future__ import annotations

import dataclasses

import pytest

from dlh.models.lmc import KTH, MOVING_MNIST, LMCConfig, LMCMemory


@pytest.mark.parametrize("config", [MOVING_MNIST, KTH])
def test_the_published_configurations(config):
    assert config.context_steps == 10
    assert config.num_slots == 100
    assert (config.warmup_iterations, config.warmup_horizon) == (5000, 10)
    assert config.unreached_gradient == "zero"


def test_the_published_configurations_differ_in_the_frame_the_clip_and_the_output():
    changes = {"height": 128, "width": 128, "long_steps": 40, "output": "sigmoid"}
    assert dataclasses.replace(MOVING_MNIST, **changes) == KTH
    assert (MOVING_MNIST.frame_shape, MOVING_MNIST.long_steps) == ((1, 64, 64), 30)
    assert MOVING_MNIST.output == "linear"


def parameters_of(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    "changes, count",
    [
        ({"channels": 1}, 33_911_825),
        ({"channels": 3}, 33_921_043),
        ({"channels": 1, "height": 32, "width": 48}, 33_911_825),
    ],
)
def test_the_published_number_of_parameters(changes, count):
    assert parameters_of(LMCMemory(LMCConfig(**changes))) == count


def test_the_published_number_of_parameters_of_each_part():
    model = LMCMemory(LMCConfig())
    found = {name: parameters_of(part) for name, part in model.named_children()}
    memory = {name: parameters_of(part) for name, part in model.memory.named_children()}
    assert found == {
        "encoder": 259_008,
        "decoder": 406_337,
        "lstms": 4_722_688,
        "memory": sum(memory.values()) + model.memory.slots.numel(),
        "attention": 6_288,
    }
    assert memory == {"matching": 13_495_680, "context": 13_495_680, "embed": 1_474_944}
    assert model.memory.slots.numel() == 51_200
