"""The temporal parts trained alone: the same terms as the bound's, and no other parameter."""

from __future__ import annotations

import pytest
import torch

from dlh.interfaces import names_one_of
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.models.dlh.bound import event_kl, state_kl
from dlh.models.dlh.dynamics import (
    KeptClips,
    bytes_per_frame,
    clips_within,
    decide_anew,
    divergences,
    keep,
    level_one_divergences,
    temporal_names,
)
from dlh.models.dlh.trace import Noise, Trace
from dlh.networks.recorded import tensors
from refusals import refused
from small_models import (
    SWITCHES,
    changing_model,
    lively_model,
    lively_video,
    noise_for,
    small_config,
)


def temporal_parameters(model: DynamicLatentHierarchy, *, lowest_only: bool = False) -> dict:
    """The parameters that a phase of all levels trains, or of level 1 alone."""
    names = temporal_names(model.config, lowest=True)
    if not lowest_only:
        names += temporal_names(model.config, lowest=False)
    return {name: p for name, p in model.named_parameters() if names_one_of(name, names)}


CLOSE = {"rtol": 1e-9, "atol": 1e-9}
cases = pytest.mark.parametrize(
    "num_levels, name", [(3, name) for name in SWITCHES] + [(1, "default"), (2, "default")]
)


def kept_and_observed(
    num_levels: int, name: str = "default"
) -> tuple[DynamicLatentHierarchy, KeptClips, Noise, Trace]:
    """A model, kept clips, a noise, and the trace of the same clips with the same noise."""
    config = small_config(num_levels, **SWITCHES[name])
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    trace, _ = model.observe(video, noise=noise)
    with torch.no_grad():
        features = model.encode(video)
    return model, keep(model._levels, config, features, noise), noise, trace


def per_frame(found: dict[str, torch.Tensor]) -> torch.Tensor:
    """What a stage minimises, nats per frame."""
    return (found["state_kl"] + found["event_kl"]).sum(2).mean()


@cases
def test_divergences_of_kept_clips_are_the_bounds(num_levels, name):
    model, kept, noise, trace = kept_and_observed(num_levels, name)
    found = divergences(model._levels, model.config, kept, noise)
    assert torch.equal(kept.changed, trace.changed)
    torch.testing.assert_close(found["state_kl"], state_kl(trace, model.config), **CLOSE)
    torch.testing.assert_close(found["event_kl"], event_kl(trace, model.config), **CLOSE)


@cases
def test_the_gradient_is_the_bounds_in_the_temporal_parts_and_nowhere_else(num_levels, name):
    model, kept, noise, trace = kept_and_observed(num_levels, name)
    temporal = temporal_parameters(model)
    whole = (state_kl(trace, model.config) + event_kl(trace, model.config)).sum(2).mean()
    expected = torch.autograd.grad(whole, list(temporal.values()))
    per_frame(divergences(model._levels, model.config, kept, noise)).backward()
    reached = {name for name, part in model.named_parameters() if part.grad is not None}
    assert reached == temporal.keys()
    for (name, part), gradient in zip(temporal.items(), expected, strict=True):
        torch.testing.assert_close(part.grad, gradient, msg=name, **CLOSE)


def test_the_names_of_what_is_trained():
    config = small_config(3)
    lowest = {"levels.0.transition", "levels.0.change_prior"}
    parts = ("transition", "change_prior", "change_factor")
    upper = {f"levels.{index}.{part}" for index in (1, 2) for part in parts}
    assert set(temporal_names(config, lowest=True)) == lowest
    assert set(temporal_names(config, lowest=False)) == upper
    modules = dict(DynamicLatentHierarchy(config).named_modules())
    assert lowest | upper <= modules.keys()
    assert temporal_names(small_config(1), lowest=False) == ()
    assert temporal_names(small_config(memory="none"), lowest=True) == ("levels.0.change_prior",)


@cases
def test_level_1_alone_pays_what_it_pays_among_the_others(num_levels, name):
    model, kept, noise, trace = kept_and_observed(num_levels, name)
    alone = level_one_divergences(model._levels, model.config, kept, noise)["state_kl"]
    torch.testing.assert_close(alone, state_kl(trace, model.config)[..., :1], **CLOSE)
    alone.mean().backward()
    reached = {name for name, part in model.named_parameters() if part.grad is not None}
    assert reached == temporal_parameters(model, lowest_only=True).keys()


def test_decisions_are_those_of_the_present_priors():
    config = small_config(3)
    model, video = lively_model(config, seed=2), lively_video(config, batch=6)
    noise = noise_for(config, video)
    with torch.no_grad():
        kept = keep(model._levels, config, model.encode(video), noise)
        for name, parameter in temporal_parameters(model).items():
            if "change_prior.head.bias" in name:
                parameter += 0.5
        trace, _ = model.observe(video, noise=noise)
    anew = decide_anew(model._levels, config, kept, noise)
    assert not torch.equal(kept.changed, trace.changed)
    assert torch.equal(anew.changed, trace.changed)
    torch.testing.assert_close(anew.projected, kept.projected, **CLOSE)


@pytest.mark.parametrize("num_levels", [1, 2, 4])
def test_the_stated_memory_is_what_is_kept(num_levels):
    config = small_config(num_levels)
    model, video = changing_model(config), lively_video(config).float()
    with torch.no_grad():
        noise = noise_for(config, video)
        kept = keep(model._levels, config, model.encode(video), noise)
    assert sum(part.nbytes for part in tensors(kept)) == bytes_per_frame(config) * 3 * 12
    assert clips_within(config, 12, megabytes=bytes_per_frame(config) * 12 * 7.5 / 2**20) == 7


def test_a_limit_that_holds_no_clip_is_refused():
    with refused(ValueError, "1e-06"):
        clips_within(small_config(2), 100, megabytes=1e-6)
