from __future__ import annotations

import jaxtyping
import pytest
import torch

from dlh.interfaces import TrainableModel
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy
from dlh.video import VideoError
from small_models import lively_model, lively_video, noise_for, small_config


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


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


def test_keeps_the_contract_of_video_models():
    model = DynamicLatentHierarchy(small_config())
    assert isinstance(model, TrainableModel)
    assert model.frame_shape == (1, 16, 16)


def test_one_batch_can_be_learnt_by_heart():
    """Frames of one brightness each, so that a minute's worth of learning takes a second."""
    torch.manual_seed(0)
    config = small_config(2, convolution_channels=(8, 8, 8, 8), feature_size=32, likelihood_std=0.1)
    model = DynamicLatentHierarchy(config)
    video = 0.1 + 0.8 * torch.rand(2, 5, 1, 1, 1, generator=seeded()).expand(2, 5, 1, 16, 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    losses = []
    for step in range(120):
        optimizer.zero_grad()
        loss = model.objective(video, generator=seeded(step)).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        trace, _ = model.observe(video, generator=seeded())
        error = (model.decode(trace.frame_context) - video).square().mean()
    # Whoever shows the mean of the batch at every step is off by its variance.
    assert error < 0.1 * video.var()
    assert losses[-1] < 0 < losses[0]


def test_futures_are_reproducible_and_differ_from_each_other():
    config = small_config(2)
    model, video = lively_model(config), lively_video(config, batch=2, steps=3)
    first = model.predict(video, horizon=4, samples=3, generator=seeded(0))
    again = model.predict(video, horizon=4, samples=3, generator=seeded(0))
    other = model.predict(video, horizon=4, samples=3, generator=seeded(1))
    assert first.frames.shape == (2, 3, 4, 1, 16, 16)
    assert first.changed.shape == (2, 3, 4, 2) and bool(first.changed[..., 0].all())
    assert torch.equal(first.frames, again.frames) and torch.equal(first.changed, again.changed)
    assert not torch.equal(first.frames, other.frames)
    assert not torch.equal(first.frames[:, 0], first.frames[:, 1])


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


def test_decoding_in_pieces_alters_nothing(monkeypatch):
    config = small_config(2)
    model, video = lively_model(config), lively_video(config, batch=2, steps=3)
    whole = model.predict(video, horizon=5, samples=3, generator=seeded())
    monkeypatch.setattr("dlh.models.frame_model.FRAMES_PER_DECODING", 7)
    pieces = model.predict(video, horizon=5, samples=3, generator=seeded())
    torch.testing.assert_close(pieces.frames, whole.frames)


def test_a_prediction_needs_no_gradient_and_one_frame_of_context():
    config = small_config(3)
    model, video = lively_model(config), lively_video(config, batch=2, steps=1)
    assert not model.predict(video, horizon=1).frames.requires_grad


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"horizon": 0}, "horizon is at least 1, found 0"),
        ({"horizon": -5}, "horizon is at least 1, found -5"),
        ({"horizon": 3, "samples": 0}, "samples is at least 1, found 0"),
        ({"horizon": 3, "samples": -1}, "samples is at least 1, found -1"),
    ],
)
def test_nothing_to_predict_is_refused(asked, message):
    config = small_config()
    with pytest.raises(ValueError, match=message):
        lively_model(config).predict(lively_video(config), **asked)


def video_of(*shape: int) -> torch.Tensor:
    return torch.full(shape, 0.5, dtype=torch.float64)


@pytest.mark.parametrize("verb", ["observe", "objective", "predict"])
@pytest.mark.parametrize(
    "video, message",
    [
        (video_of(2, 3, 3, 16, 16), r"= \(1, 16, 16\), found \(3, 16, 16\); resize the video"),
        (video_of(2, 3, 1, 32, 32), r"= \(1, 16, 16\), found \(1, 32, 32\)"),
        (video_of(2, 3, 16, 16, 1), r"= \(1, 16, 16\), found \(16, 16, 1\)"),
        (video_of(3, 1, 16, 16), "found 4 axes of shape"),
        (torch.zeros(2, 3, 1, 16, 16, dtype=torch.uint8), "found torch.uint8; .*from_stored"),
        (video_of(2, 0, 1, 16, 16), "at least one frame"),
    ],
)
def test_what_is_no_video_for_this_model_is_refused(verb, video, message, unchecked_shapes):
    model = lively_model(small_config())
    options = {"horizon": 2} if verb == "predict" else {}
    with pytest.raises(VideoError, match=message):
        getattr(model, verb)(video, **options)


def test_a_video_of_another_type_is_refused_and_told_how_to_convert():
    model = lively_model(small_config())
    with pytest.raises(VideoError, match=r"computes in torch.float64, found .*use video.to\(torch"):
        model.observe(torch.rand(1, 2, 1, 16, 16))


@pytest.mark.parametrize("decision", ["threshold", "vade"])
def test_noise_and_past_of_another_size_are_refused(decision):
    config = small_config(2, decision=decision)
    model, video = lively_model(config), lively_video(config, batch=3, steps=5)
    _, carried = model.observe(video)
    for steps in (4, 6):
        with pytest.raises(ValueError, match=rf"noise .*\(3, {steps}\).*\(3, 5\)"):
            model.observe(video, noise=noise_for(config, video, steps=steps))
        with pytest.raises(ValueError, match=rf"noise .*\(3, {steps}\).*\(3, 5\)"):
            model.imagine(carried, 5, noise=noise_for(config, video, steps=steps))
    with pytest.raises(ValueError, match=r"noise .*\(1, 5\).*\(3, 5\)"):
        model.imagine(carried, 5, noise=noise_for(config, video[:1]))
    with pytest.raises(ValueError, match=r"carried .*\(3,\).*\(2,\)"):
        model.observe(video[:2], carried)


@pytest.fixture
def unchecked_shapes():
    """No annotation is checked, as when the package is used: the model answers in its own words."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def test_a_model_learns_on_from_its_saved_parameters():
    config = small_config(3)
    model, copy = lively_model(config, seed=1), DynamicLatentHierarchy(config).double()
    copy.load_state_dict(model.state_dict())
    video = lively_video(config)
    noise = noise_for(config, video)
    found, expected = copy.objective(video, noise=noise), model.objective(video, noise=noise)
    assert torch.equal(found.elbo, expected.elbo)


def test_nothing_is_remembered_between_two_videos():
    config = small_config(3)
    model, video = lively_model(config), lively_video(config)
    noise = noise_for(config, video)
    first = model.objective(video, noise=noise)
    model.predict(video, horizon=3)
    assert torch.equal(model.objective(video, noise=noise).elbo, first.elbo)
