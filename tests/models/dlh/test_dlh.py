from __future__ import annotations

import pytest
import torch

from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy
from refusals import refused
from small_models import lively_model, lively_video, noise_for, seeded, small_config


def parameters_of(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def gru(inputs: int, hidden: int) -> int:
    return 3 * (inputs * hidden + hidden * hidden + 2 * hidden)


def convolution(inputs: int, outputs: int, kernel: int) -> int:
    return inputs * outputs * kernel**2 + outputs


def test_the_model_of_the_paper_has_the_parameters_of_its_table():
    """Table 4, counted by hand."""
    model = DynamicLatentHierarchy(DLHConfig())
    encoder = sum(
        convolution(inputs, outputs, 4)
        for inputs, outputs in ((3, 32), (32, 64), (64, 128), (128, 256))
    ) + linear(1024, 200)
    decoder = linear(200, 1024) + sum(
        convolution(*layer) for layer in ((1024, 128, 5), (128, 64, 5), (64, 32, 6), (32, 3, 6))
    )
    gaussian = linear(400, 40) + linear(40, 40) + linear(40, 40) + linear(40, 2 * 20)
    level = 2 * gaussian + linear(220, 200) + gru(20, 200)
    factor = gru(200 + 200 + 1, 200) + linear(200, 1)
    bottom_up = linear(200, 200)
    assert parameters_of(model.encoder) == encoder == 895_144
    assert parameters_of(model.decoder) == decoder == 3_764_835
    assert [parameters_of(part) for part in model.levels] == [
        level + bottom_up,
        level + bottom_up + factor,
        level + factor,
    ]
    assert parameters_of(model) == 6_122_341


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"num_levels": 1}, 4_879_299),
        ({"num_levels": 2}, 5_500_820),
        ({"num_levels": 5}, 7_365_383),
        ({"factor_input": "own"}, 5_882_341),
        ({"channels": 1}, 6_119_011),
        (
            {
                "height": 32,
                "width": 32,
                "num_levels": 2,
                "convolution_channels": (16, 32, 64, 64),
            },
            1_158_516,
        ),
    ],
)
def test_golden_parameter_counts(changes, expected):
    assert parameters_of(DynamicLatentHierarchy(DLHConfig(**changes))) == expected


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 16), (32, 32), (48, 64), (64, 64), (96, 96)])
def test_any_frame_size_is_learnt_from_and_predicted(channels, size):
    config = small_config(2, channels=channels, height=size[0], width=size[1])
    model = DynamicLatentHierarchy(config)
    video = lively_video(config, batch=2, steps=3).float()
    objective = model.objective(video, generator=seeded())
    objective.loss.backward()
    assert objective["reconstruction"].shape == (2, 3)
    assert model.predict(video, horizon=2).frames.shape == (2, 1, 2, channels, *size)


def test_the_context_is_observed_once_for_all_futures():
    config = small_config(2)
    model, video = lively_model(config), lively_video(config, batch=2, steps=3)
    encoded = []
    model.encoder.register_forward_hook(lambda _, inputs, __: encoded.append(len(inputs[0])))
    generator = seeded()
    prediction = model.predict(video, horizon=4, samples=5, generator=generator)
    assert encoded == [2 * 3]

    generator = seeded()
    with torch.no_grad():
        _, carried = model.observe(video, generator=generator)
        rollout, _ = model.imagine(carried.repeat(5), 4, generator=generator)
        frames = model.decode(rollout.frame_context).clamp(0, 1)
    torch.testing.assert_close(prediction.frames.flatten(0, 1), frames)
    assert torch.equal(prediction.changed.flatten(0, 1), rollout.changed)


def test_predicted_frames_lie_within_the_bounds_and_reach_them():
    config = small_config(2)
    model, video = lively_model(config), lively_video(config, batch=2, steps=3)
    with torch.no_grad():
        model.decoder.convolutions[-1].weight *= 5
    frames = model.predict(video, horizon=5, samples=2).frames
    assert frames.min() == 0 and frames.max() == 1


def test_a_prediction_needs_no_gradient_and_one_frame_of_context():
    config = small_config(3)
    model, video = lively_model(config), lively_video(config, batch=2, steps=1)
    assert not model.predict(video, horizon=1).frames.requires_grad


@pytest.mark.parametrize("decision", ["threshold", "vade"])
def test_noise_and_past_of_another_size_are_refused(decision):
    config = small_config(2, decision=decision)
    model, video = lively_model(config), lively_video(config, batch=3, steps=5)
    _, carried = model.observe(video)
    for steps in (4, 6):
        with refused(ValueError, (3, steps), (3, 5)):
            model.observe(video, noise=noise_for(config, video, steps=steps))
        with refused(ValueError, (3, steps), (3, 5)):
            model.imagine(carried, 5, noise=noise_for(config, video, steps=steps))
    with refused(ValueError, (1, 5), (3, 5)):
        model.imagine(carried, 5, noise=noise_for(config, video[:1]))
    with refused(ValueError, (3,), (2,)):
        model.observe(video[:2], carried)
