from __future__ import annotations

import torch

from dlh.models.dlh import Carried, Noise
from small_models import lively_model, lively_video, noise_for, small_config


def test_noise_has_a_number_for_every_state_and_every_decision():
    config = small_config(3)
    generator = torch.Generator().manual_seed(0)
    noise = Noise.draw(config, 40, 50, like=torch.zeros(1).double(), generator=generator)
    assert noise.normal.shape == (40, 50, 3, 3) and noise.uniform.shape == (40, 50, 3)
    assert noise.normal.dtype == noise.uniform.dtype == torch.float64
    count = noise.normal.numel()
    assert abs(float(noise.normal.mean())) < 4 / count**0.5
    assert abs(float(noise.normal.var()) - 1) < 4 * (2 / count) ** 0.5
    assert noise.uniform.min() >= 0 and noise.uniform.max() < 1
    assert abs(float(noise.uniform.mean()) - 0.5) < 4 / (12 * noise.uniform.numel()) ** 0.5


def test_a_sequence_starts_with_nothing_seen():
    start = Carried.start(small_config(3), 2, like=torch.zeros(1).double())
    assert not bool(start.seen.any()) and not bool(start.changed.any())
    for part in (start.memory, start.context, start.factor):
        assert not bool(part.any()) and part.dtype == torch.float64


def test_what_the_start_holds_but_for_memory_is_never_used():
    """At t = 1 every level changes, so state, belief and context of before cannot matter."""
    config = small_config(3)
    model, video = lively_model(config, seed=2), lively_video(config, steps=5)
    noise = noise_for(config, video)
    start = Carried.start(config, 3, like=video)
    parts = dict(vars(start))
    parts["state"] = start.state + 7
    parts["belief"] = start.belief.map(lambda part: part + 7)
    parts["context"] = torch.cat((start.context[:, :-1] + 7, start.context[:, -1:]), 1)
    with torch.no_grad():
        expected, _ = model.observe(video, start, noise=noise)
        found, _ = model.observe(video, Carried(**parts), noise=noise)
    assert torch.equal(found.state, expected.state)
    assert torch.equal(found.changed, expected.changed)
    assert torch.equal(found.memory, expected.memory)


def test_one_function_is_applied_to_every_tensor():
    config = small_config(2)
    model, video = lively_model(config), lively_video(config)
    trace, _ = model.observe(video)
    piece = trace.map(lambda part: part[1:2, 3:5])
    assert type(piece) is type(trace)
    assert piece.posterior.std.shape == (1, 2, 2, 3) and piece.first.shape == (1, 2)
    assert torch.equal(piece.change_prior.mean, trace.change_prior.mean[1:2, 3:5])
