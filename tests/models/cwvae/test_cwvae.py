from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dlh.interfaces import Execution, Recompute, Update
from dlh.models.cwvae import (
    BETAS,
    CWVAE,
    Carried,
    ContextError,
    CWVAEConfig,
    Noise,
    adam_eps,
    mazes,
    minerl,
    moving_mnist,
)
from models.cwvae import slow_cwvae
from models.cwvae.small_cwvae import SMALL, small_model, small_video
from refusals import refused
from small_models import seeded


def parameters_of(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    "config, expected",
    [
        (mazes(), 12_470_147),
        (moving_mnist(), 12_466_817),
        (minerl(), 34_396_627),
        (CWVAEConfig(height=32, width=32), 9_601_027),
        (CWVAEConfig(height=32, width=32, channels=1), 9_598_977),
        (CWVAEConfig(num_levels=2), 8_788_243),
        (CWVAEConfig(num_levels=1, clock_factor=1), 5_106_339),
    ],
)
def test_golden_parameter_counts(config, expected):
    assert parameters_of(CWVAE(config)) == expected


def test_golden_parameter_counts_of_the_parts():
    model = CWVAE(mazes())
    assert parameters_of(model.encoder.convolutions) == 690_144
    assert parameters_of(model.encoder.upper_levels) == 6_102_048
    assert [parameters_of(cell) for cell in model.cells] == [630_880] * 3
    assert parameters_of(model.decoder) == 3_785_315


def test_is_trained_as_published():
    model = small_model()
    (stage,) = model.plan.stages
    (phase,) = stage.phases
    assert phase.objective == model.objective and not phase.held and stage.trains is None
    adam = stage.optimiser
    assert (adam.betas, adam.gradient_norm, adam.amsgrad) == ((0.9, 0.999), 10_000, False)
    assert [adam.eps_of(update) for update in (1, 7)] == [adam_eps(1), adam_eps(7)]
    video = small_video()
    losses = [
        model.objective(video, generator=seeded(), update=Update(number=number, beta=beta)).loss
        for number, beta in ((0, 0.0), (1000, 1.0))
    ]
    assert torch.equal(*losses)  # nothing is warmed up


def test_a_validation_shows_the_bound_and_the_divergence_of_every_level():
    model, video = small_model(), small_video(steps=5)
    figures, found = (
        model.figures(video, generator=seeded()),
        model.objective(video, generator=seeded()),
    )
    assert figures.changed is None and set(figures.values) == {"elbo", "kl"}
    torch.testing.assert_close(figures.values["elbo"].mean(), -found.loss)
    torch.testing.assert_close(figures.values["kl"], found["state_kl"].sum(1) / 5)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 32), (32, 32), (64, 64)])
def test_any_frame_size_is_learnt_from_and_predicted(channels, size):
    model = small_model(channels=channels, height=size[0], width=size[1])
    video = small_video(model.config, steps=3)
    objective = model.objective(video, generator=seeded())
    assert objective["reconstruction"].shape == (2, 3)
    assert objective["state_kl"].shape == (2, 3, 3)
    assert model.predict(video, horizon=2).frames.shape == (2, 1, 2, channels, *size)


def test_weights_start_as_keras_has_them():
    """Glorot uniform by the fans of the whole layer; a GRU's state matrix orthogonal; biases 0."""
    torch.manual_seed(0)
    model = CWVAE(mazes())
    cell = model.cells[0]
    for weight, fans in (
        (model.encoder.convolutions[2].weight, (32 + 64) * 16),
        (model.decoder.convolutions[2].weight, (128 + 64) * 25),
        (model.encoder.upper_levels[0][0].weight, 1024 + 1000),
        (cell.recurrence.weight_ih_l0, 200 + 600),
        (cell.input.of_first, 240 + 200),
        (cell.input.of_second, 240 + 200),
        (cell.posterior_input.of_second, 1224 + 200),
    ):
        bound = (6 / fans) ** 0.5
        assert 0.98 * bound < weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    recurrent = cell.recurrence.weight_hh_l0.detach()
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(200), atol=1e-5, rtol=0)
    biases = [value for name, value in model.named_parameters() if "bias" in name]
    assert len(biases) == 4 + 2 * 3 + 3 * 10 + 5
    assert not any(bias.any() for bias in biases)


@pytest.mark.parametrize(
    "num_levels, clock_factor, steps",
    [(1, 1, 11), (2, 3, 11), (3, 2, 11), (3, 1, 11), (2, 20, 11), (3, 2, 1), (3, 2, 3), (3, 2, 4)],
)
def test_level_by_level_is_frame_by_frame(num_levels, clock_factor, steps):
    """Values and gradients, against the slow reference, which counts ticks once."""
    model = small_model(num_levels=num_levels, clock_factor=clock_factor)
    video = small_video(model.config, steps=steps)
    noise = Noise.draw(model.config, 2, steps, like=video, generator=seeded())
    trace, _ = model.observe(video, noise=noise)
    expected, outputs = slow_cwvae.loss(model, video, noise)
    for ticks, slow in zip(trace.levels, outputs, strict=True):
        torch.testing.assert_close(ticks.output, torch.stack(slow, 1))
    found, parameters = model.objective(video, noise=noise), list(model.parameters())
    torch.testing.assert_close(found.loss, expected)
    torch.testing.assert_close(found.elbo.mean(), -steps * expected.detach())
    torch.testing.assert_close(
        torch.autograd.grad(found.loss, parameters), torch.autograd.grad(expected, parameters)
    )


def test_an_embedding_is_the_sum_over_its_ticks_frames():
    model, video = small_model(clock_factor=3), small_video(steps=11)
    lowest, middle, top = model.encode(video)
    alone = [model.encode(video[:, t : t + 1]) for t in range(11)]
    assert (lowest.shape[1], middle.shape[1], top.shape[1]) == (11, 4, 2)
    torch.testing.assert_close(lowest, torch.cat([part[0] for part in alone], 1))
    torch.testing.assert_close(middle[:, 3:], sum(part[1] for part in alone[9:]))
    torch.testing.assert_close(top[:, :1], sum(part[2] for part in alone[:9]))
    mended = small_model(clock_factor=3, pooling="mean").encode(video)
    torch.testing.assert_close(mended[1][:, :3], middle[:, :3] / 3)
    torch.testing.assert_close(mended[1][:, 3], middle[:, 3] / 2)


def test_the_shift_of_the_std_is_before_its_layer_unless_mended():
    features = small_video(batch=1, steps=1).flatten()[:6][None]
    kept, mended = (
        small_model(std_shift=place).cells[0].prior_head for place in ("input", "output")
    )
    raw_std = kept.std
    torch.testing.assert_close(
        kept(features).std, torch.nn.functional.softplus(raw_std(features + 0.54)) + 1e-4
    )
    torch.testing.assert_close(
        mended(features).std, torch.nn.functional.softplus(raw_std(features) + 0.54) + 1e-4
    )


def test_the_output_is_a_tanh_unless_mended():
    outputs = 50 * small_video(batch=1, steps=1).flatten()[:8][None]
    kept, mended = (small_model(output=kind).decoder(outputs) for kind in ("tanh", "linear"))
    assert mended.abs().max() > 1 and kept.min() < 0
    torch.testing.assert_close(kept, mended.tanh())


def pieces_of(noise: Noise, config: CWVAEConfig, at: int) -> tuple[Noise, Noise]:
    """The noise of the first ``at`` frames, and of those after."""
    done = config.ticks(at)
    parts = list(zip(noise.levels, done, strict=True))
    return Noise(tuple(p[:, :n] for p, n in parts)), Noise(tuple(p[:, n:] for p, n in parts))


@pytest.mark.parametrize("at", [4, 8])
def test_a_video_can_be_observed_in_pieces_of_whole_ticks(at):
    model, video = small_model(), small_video()
    noise = Noise.draw(SMALL, 2, 11, like=video, generator=seeded())
    whole, left = model.observe(video, noise=noise)
    first, second = pieces_of(noise, SMALL, at)
    one, carried = model.observe(video[:, :at], noise=first)
    two, left_of_pieces = model.observe(video[:, at:], carried, noise=second)
    assert left.frames == left_of_pieces.frames == 11
    for index in range(3):
        joined = torch.cat((one.levels[index].output, two.levels[index].output), 1)
        torch.testing.assert_close(whole.levels[index].output, joined)
        torch.testing.assert_close(left.levels[index].output, left_of_pieces.levels[index].output)


def test_a_piece_that_ends_within_a_tick_is_the_last():
    model, video = small_model(), small_video()
    _, carried = model.observe(video[:, :6])
    with refused(ContextError, 6):
        model.observe(video[:, 6:], carried)


def test_clips_of_a_batch_do_not_see_each_other():
    model, video = small_model(), small_video(batch=3)
    noise = Noise.draw(SMALL, 3, 11, like=video, generator=seeded())
    together = model.objective(video, noise=noise)
    for clip in range(3):
        one = slice(clip, clip + 1)
        alone = model.objective(video[one], noise=noise.map(lambda part, one=one: part[one]))
        torch.testing.assert_close(together["reconstruction"][one], alone["reconstruction"])
        torch.testing.assert_close(together["state_kl"][one], alone["state_kl"])


def gradients(model: CWVAE, recompute: Recompute = "auto") -> dict[str, Tensor]:
    model.zero_grad()
    execution = Execution(recompute=recompute)
    video = small_video(steps=9)
    model.objective(video, generator=seeded(), execution=execution).loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_every_parameter_learns_but_those_of_the_context_that_the_top_lacks():
    for name, gradient in gradients(small_model()).items():
        assert bool(gradient.any()) != (name == "cells.2.input.of_second"), name


def test_what_is_computed_again_has_the_same_gradient(monkeypatch):
    monkeypatch.setattr("dlh.models.cwvae.recompute.FRAMES_OF_PIECE", 5)
    model = small_model()
    kept, again = gradients(model, "never"), gradients(model, "always")
    torch.testing.assert_close(kept, again)


def test_information_of_a_frame_reaches_back_to_the_start_of_its_tick_only():
    """Upper posteriors look ahead within a tick of their own, and no further."""
    model, video = small_model(), small_video(batch=1, steps=8)
    noise = Noise.draw(SMALL, 1, 8, like=video, generator=seeded())
    changed = video.clone()
    changed[:, 6] = 0
    before, after = (model.observe(v, noise=noise)[0] for v in (video, changed))
    same = [
        (one.state == two.state).all(-1)[0].tolist()
        for one, two in zip(before.levels, after.levels, strict=True)
    ]
    assert same[2] == [True, False]  # tick 1 covers frames 4..7
    assert same[1] == [True, True, False, False]
    assert same[0] == [True] * 4 + [False] * 4


@pytest.mark.parametrize("context", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_rollout_goes_on_by_the_absolute_clock(context):
    """Against the same frames one at a time, after a context of any length."""
    model, video, horizon = small_model(), small_video(batch=2), 7
    _, carried = model.observe(video[:, :context], generator=seeded())
    after = Noise.draw(SMALL, 2, horizon, like=video, after=context, generator=seeded(1))
    rollout, left = model.imagine(carried, horizon, noise=after)
    assert left.frames == context + horizon

    held, taken = list(carried.levels), [0, 0, 0]
    for frame in range(context, context + horizon):
        for index in (2, 1, 0):
            if frame % SMALL.intervals[index]:
                continue
            cell, tick = model.cells[index], taken[index]
            above = held[index + 1].output if index < 2 else 0 * held[index].output
            share = cell.input.share(above)
            noise = after.levels[index][:, tick]
            held[index], _ = cell.step(held[index], share, cell.prior, noise)
            ticks = rollout.levels[index]
            torch.testing.assert_close(ticks.output[:, tick], held[index].output)
            taken[index] += 1
    assert taken == [ticks.state.shape[1] for ticks in rollout.levels]


def test_a_rollout_in_pieces_is_the_whole():
    model, video = small_model(), small_video(steps=3)
    _, carried = model.observe(video, generator=seeded())
    noise = Noise.draw(SMALL, 2, 6, like=video, after=3, generator=seeded(1))
    whole, _ = model.imagine(carried, 6, noise=noise)
    done, then = SMALL.ticks(3), SMALL.ticks(5)
    at = [stop - start for start, stop in zip(done, then, strict=True)]
    pairs = list(zip(noise.levels, at, strict=True))
    one, carried = model.imagine(carried, 2, noise=Noise(tuple(p[:, :n] for p, n in pairs)))
    two, _ = model.imagine(carried, 4, noise=Noise(tuple(p[:, n:] for p, n in pairs)))
    joined = torch.cat((one.levels[0].output, two.levels[0].output), 1)
    torch.testing.assert_close(whole.levels[0].output, joined)


def test_the_published_rule_refuses_30_frames_and_takes_36():
    model = small_model(clock_factor=6, context_rule="published")
    video = small_video(batch=1, steps=36)
    assert model.predict(video, horizon=2).frames.shape == (1, 1, 2, 1, 16, 16)
    with refused(ContextError, 36, 30):
        model.predict(video[:, :30], horizon=2)
    _, carried = model.observe(video[:, :30])
    with refused(ContextError, 36, 30):
        model.imagine(carried, 2)
    free = small_model(clock_factor=6)
    same = [m.predict(video, horizon=9, generator=seeded()).frames for m in (model, free)]
    torch.testing.assert_close(*same)
    assert free.predict(video[:, :30], horizon=9).frames.shape[2] == 9


def test_the_context_is_encoded_once_and_every_future_draws_its_own_posteriors():
    model, video = small_model(), small_video(steps=5)
    with torch.no_grad():
        model.decoder.convolutions[-1].bias -= 0.4  # of the frames' means some are negative
    encoded = []
    model.encoder.convolutions.register_forward_hook(lambda _, given, __: encoded.append(given[0]))
    prediction = model.predict(video, horizon=4, samples=3, generator=seeded())
    assert [len(frames) for frames in encoded] == [2 * 5]

    generator, copies = seeded(), video.repeat_interleave(3, 0)
    with torch.no_grad():
        _, carried = model.observe(copies, generator=generator)
        rollout, _ = model.imagine(carried, 4, generator=generator)
        frames = model.decode(rollout.levels[0].output)
    assert frames.min() < 0 < frames.max()
    torch.testing.assert_close(prediction.frames.flatten(0, 1), frames.clamp(0, 1))
    assert not torch.equal(carried.levels[2].state[0], carried.levels[2].state[1])


def test_one_past_can_have_several_futures():
    model, video = small_model(), small_video(steps=5)
    _, carried = model.observe(video, generator=seeded())
    several = carried.repeat(2)
    assert several.frames == 5
    for one, two in zip(carried.levels, several.levels, strict=True):
        torch.testing.assert_close(two.output[::2], one.output)
        torch.testing.assert_close(two.output[1::2], one.output)
    futures, _ = model.imagine(several, 3, generator=seeded(1))
    assert not torch.equal(futures.levels[0].state[0], futures.levels[0].state[1])


def test_noise_and_a_past_that_do_not_fit_are_refused():
    model, video = small_model(), small_video()
    for batch, steps in ((3, 11), (2, 10)):
        with refused(ValueError, "noise of level 1", (batch, steps, 3), (2, 11, 3)):
            model.observe(video, noise=Noise.draw(SMALL, batch, steps, like=video))
    with refused(ValueError, (2,), (3,)):
        model.observe(video, noise=Noise.draw(replace(SMALL, num_levels=2), 2, 11, like=video))
    with refused(ValueError, (3,), (2,)):
        model.observe(video, Carried.start(SMALL, 3, like=video))


def test_only_the_convolutions_are_in_half_precision_under_autocast():
    model = small_model().float()
    video = small_video().float()
    with torch.autocast("cpu", torch.bfloat16):
        objective = model.objective(video, generator=seeded())
        trace, carried = model.observe(video, generator=seeded())
    plain = model.objective(video, generator=seeded())
    assert objective.loss.dtype == trace.levels[2].state.dtype == torch.float32
    assert carried.levels[0].memory.dtype == torch.float32
    torch.testing.assert_close(objective.loss, plain.loss, rtol=0.02, atol=0)
    assert objective.loss != plain.loss


def test_updates_are_those_of_keras():
    """theta -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + 1e-4), written out."""
    theta = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=0.01, betas=BETAS)
    m = v = torch.zeros(3, dtype=torch.float64)
    expected = theta.detach().clone()
    for update in range(1, 6):
        gradient = torch.tensor([1e-4, 3e-3, 2.0], dtype=torch.float64) * update
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = 0.01 * (1 - 0.999**update) ** 0.5 / (1 - 0.9**update)
        expected = expected - rate * m / (v.sqrt() + 1e-4)
        theta.grad = gradient
        optimizer.param_groups[0]["eps"] = adam_eps(update)
        optimizer.step()
        torch.testing.assert_close(theta.detach(), expected, rtol=1e-12, atol=0)


def test_eps_falls_to_that_of_keras():
    assert adam_eps(1) == pytest.approx(3.2e-3, rel=0.02)
    assert adam_eps(1000) == pytest.approx(1.26e-4, rel=0.01)
    assert adam_eps(10**6) == pytest.approx(1e-4)


@pytest.mark.parametrize("update", [0, -3])
def test_updates_are_counted_from_one(update):
    with refused(ValueError, update):
        adam_eps(update)
