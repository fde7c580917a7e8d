from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from dlh.models.vta import RolloutNoise
from small_vta import clips, lively_vta, small_vta_config

CONFIG = small_vta_config()


def future(model, steps, seed: int = 0, frames: int = 5, **options):
    generator = torch.Generator().manual_seed(seed)
    video = clips(model.config, frames=frames)
    carried = model.eval().after_context(video, dequantisation=torch.full_like(video, 0.5))
    noise = RolloutNoise.draw(
        model.config, len(video), steps, like=carried.abstract_belief, generator=generator
    )
    return carried, noise, model.imagine(carried, steps, noise=noise, **options)


def wanting_segments(config):
    """A model whose prior finds a boundary likelier at every step."""
    model = lively_vta(config)
    with torch.no_grad():
        model.observation.boundary_prior.bias.copy_(torch.tensor([100.0, -100.0]))
    return model


def segments(read: torch.Tensor) -> list[list[int]]:
    return [clip.nonzero().flatten().tolist() for clip in read]


def test_segments_begin_where_the_prior_finds_it_likelier():
    _, _, (drawn, carried) = future(lively_vta(CONFIG), 40)
    likelier = drawn.boundary_logits.argmax(-1) == 0
    assert drawn.read[:, 0].all()
    assert torch.equal(drawn.read[:, 1:], likelier[:, :-1])
    assert torch.equal(carried.read, likelier[:, -1])
    assert 0 < drawn.read[:, 1:].double().mean() < 1


def test_a_rollout_in_two_pieces_is_the_rollout():
    model = lively_vta(CONFIG)
    carried, noise, (whole, after) = future(model, 20)
    pieces = []
    for piece in (slice(0, 7), slice(7, 20)):
        part = RolloutNoise(**{name: value[:, piece] for name, value in vars(noise).items()})
        drawn, carried = model.imagine(carried, part.abstract.shape[1], noise=part)
        pieces.append(drawn)
    for name, value in vars(whole).items():
        joined = torch.cat([getattr(piece, name) for piece in pieces], 1)
        torch.testing.assert_close(joined, value)
    torch.testing.assert_close(carried.abstract_belief, after.abstract_belief)
    assert torch.equal(carried.counters.length, after.counters.length)


def test_read_gives_one_frame_a_segment():
    _, _, (drawn, _) = future(lively_vta(CONFIG), 6, boundaries="read")
    assert drawn.read.all()
    assert torch.equal(drawn.observation_belief, drawn.abstract_feature)


def test_drawn_boundaries_follow_the_prior_and_are_not_always_the_likelier():
    model = lively_vta(CONFIG)
    _, noise, (drawn, _) = future(model, 200, boundaries="sampled")
    read, probability = drawn.read[:, 1:], drawn.boundary_logits.softmax(-1)[:, :-1, 0]
    assert not torch.equal(read, probability > 0.5)
    standard_error = (probability * (1 - probability)).sum().sqrt() / probability.numel()
    assert abs(read.double().mean() - probability.mean()) < 4 * standard_error
    sampled = lively_vta(small_vta_config(generated_boundaries="sampled")).eval()
    again, _ = sampled.imagine(future(model, 1)[0], 200, noise=noise)
    assert torch.equal(again.read, drawn.read)


def test_generation_is_without_limits_as_published():
    _, _, (drawn, _) = future(wanting_segments(CONFIG), 60)
    assert drawn.read.all()


@pytest.mark.parametrize("rule, most", [("published", 5), ("proportional", 15)])
def test_limits_in_generation_hold_over_a_long_horizon(rule, most):
    """After the last free segment only the longest length begins another."""
    config = small_vta_config(generation_limits=True, segment_limit=rule)
    _, _, (drawn, _) = future(wanting_segments(config), 60)
    assert segments(drawn.read) == 3 * [[*range(most), *range(most + 7, 60, 8)]]


def test_the_raised_limit_leaves_boundaries_after_the_published_one_to_the_prior():
    late = {}
    for rule in ("published", "proportional"):
        config = small_vta_config(generation_limits=True, segment_limit=rule, max_segments=3)
        _, _, (drawn, _) = future(lively_vta(config), 80)
        late[rule] = [clip[2:] for clip in segments(drawn.read)]
    lengths = {
        rule: {after - before for clip in clips for before, after in pairwise(clip)}
        for rule, clips in late.items()
    }
    assert lengths["published"] == {8}
    assert lengths["proportional"] > {8}


def test_a_context_of_any_length_will_do():
    model = lively_vta(CONFIG)
    for frames in (1, 3, 30):
        _, _, (drawn, _) = future(model, 4, frames=frames)
        assert drawn.observation_feature.isfinite().all()
