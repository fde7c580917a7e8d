from __future__ import annotations

import torch

from dlh.distributions import Gaussian
from dlh.models.vta import Carried, Noise
from dlh.models.vta.boundaries import Boundary
from dlh.models.vta.step import carry, step
from dlh.models.vta.trace import Rollout
from small_vta import clips, lively_vta, small_vta_config

CONFIG = small_vta_config()
BETA = 0.5


def observed(model, video, seed: int = 0):
    noise = Noise.draw(model.config, video, generator=torch.Generator().manual_seed(seed))
    return model.observe(video, temperature=BETA, noise=noise)[0], noise


def test_boundaries_differ_and_are_forced_at_the_edges_of_the_window_only():
    model, video = lively_vta(CONFIG), clips(CONFIG, batch=8)
    trace, _ = observed(model, video)
    assert trace.read.shape == (8, 10)
    assert trace.read[:, 0].all()
    assert 0.2 < trace.read[:, 1:].double().mean() < 0.8
    drawn = trace.log_sample[:, 3:12].argmax(-1) == 0
    assert torch.equal(trace.read[:, 1:], drawn)


def test_the_summaries_are_plain_recurrences_with_resets():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    x = torch.randn(
        9, 3, CONFIG.belief_size, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    read = torch.rand(9, 3, generator=torch.Generator().manual_seed(1)) < 0.4
    keep = (~read).double()[..., None]
    summary = model.summaries(x, Boundary.where(read, like=x))
    zero = torch.zeros_like(x[0])

    def cells(recurrence, order, kept):
        hidden, found = zero, {}
        for t in order:
            hidden = recurrence.step(x[t], kept(t) * hidden)
            found[t] = hidden
        return torch.stack([found[t] for t in range(len(x))])

    forward = cells(model.summaries.abstract_forward, range(9), lambda t: 1.0)
    segment = cells(model.summaries.observation_forward, range(9), lambda t: keep[t])
    backward = cells(
        model.summaries.abstract_backward,
        reversed(range(9)),
        lambda t: keep[t + 1] if t < 8 else 1.0,
    )
    torch.testing.assert_close(summary.abstract_forward, forward)
    torch.testing.assert_close(summary.observation_forward, segment)
    torch.testing.assert_close(summary.abstract_backward, backward)
    torch.testing.assert_close(model.summaries.of_context(x), forward[-1])
    assert model.encode(video).shape == (3, 14, CONFIG.belief_size)


def test_what_is_batched_over_time_is_the_step_folded_over_time():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    trace, noise = observed(model, video)
    start = CONFIG.context_steps
    carried = Carried.after_context(trace.abstract_forward[:, start - 1], CONFIG.state_size)
    following = torch.cat((trace.read[:, 1:], trace.read[:, :1]), 1)
    steps = []
    for t in range(trace.read.shape[1]):
        posterior = Gaussian(
            trace.abstract_posterior.mean[:, t], trace.abstract_posterior.std[:, t]
        )
        segment = trace.observation_forward[:, start + t]
        done = step(
            model.abstract,
            model.observation,
            carried,
            (noise.abstract[:, t], noise.observation[:, t]),
            abstract_state=lambda belief, given=posterior: given,
            observation_state=lambda belief, feature, seen=segment: model.observation.posterior(
                seen, feature
            ),
        )
        carried = carry(model.abstract, done, following[:, t], carried)
        steps.append(done)
    folded = Rollout.stack(steps, 1)
    assert torch.equal(folded.read, trace.read)
    for name in vars(folded):
        torch.testing.assert_close(getattr(folded, name), getattr(trace, name))


def test_within_a_segment_the_upper_level_holds_and_the_lower_one_starts_from_it():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    trace, _ = observed(model, video)
    held = ~trace.read[:, 1:]
    assert held.any()
    for part in (trace.abstract_state, trace.abstract_belief, trace.abstract_feature):
        torch.testing.assert_close(part[:, 1:][held], part[:, :-1][held])
    began = trace.read
    assert torch.equal(trace.observation_belief[began], trace.abstract_feature[began])


def test_limits_hold_in_training_only():
    config = small_vta_config(max_segment_length=2, max_segments=2, window_steps=10)
    model, video = lively_vta(config), clips(config)
    trace, _ = observed(model, video)
    forced = (trace.boundary_prior.logits != trace.boundary_logits).any(-1)
    assert forced.any() and not forced.all()
    trace, _ = observed(model.eval(), video)
    assert torch.equal(trace.boundary_prior.logits, trace.boundary_logits)


def test_in_a_long_window_only_the_published_limit_forces_every_later_boundary():
    """Beyond the published limit the prior is never free; with the raised one it is again."""
    free = {}
    for rule in ("published", "proportional"):
        config = small_vta_config(max_segments=3, window_steps=5, segment_limit=rule)
        trace, _ = observed(lively_vta(config), clips(config, frames=34))
        late = trace.read.cumsum(1) >= 3
        assert late.any(1).all()
        free[rule] = (trace.boundary_prior.logits == trace.boundary_logits).all(-1)[late]
    assert not free["published"].any()
    assert free["proportional"].any()
