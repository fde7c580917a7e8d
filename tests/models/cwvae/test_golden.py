"""Every array that the published code computes from the golden weights, frames and noise.

Tolerances are relative to an array's largest number: 1e-5 in float32 and 1e-6 in float64, but for
the two kinds of arrays in which the published code itself carries more rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from dlh.interfaces import Objective
from dlh.models.cwvae import (
    BETAS,
    CLIPPING_NORM,
    CWVAE,
    Carried,
    Noise,
    Rollout,
    Trace,
    adam_eps,
)
from models.cwvae.golden_cases import (
    CASES,
    GOLDEN,
    entries_of,
    golden,
    golden_model,
    golden_noise,
    golden_video,
    published,
)

TYPES = {"float32": torch.float32, "float64": torch.float64}
LEARNING_RATE = 3e-4
every_case = pytest.mark.parametrize("case", list(CASES))
every_type = pytest.mark.parametrize("dtype", list(TYPES))


@dataclass
class Computed:
    """All passes over a golden case."""

    model: CWVAE
    maps: list[Tensor]
    embeddings: tuple[Tensor, ...]
    trace: Trace
    prior_noise: Noise
    objective: Objective
    decoded: Tensor
    context: Trace
    carried: Carried
    rollout: Rollout
    rollout_frames: Tensor


@cache
def computed(case: str, dtype: str) -> Computed:
    model, video = golden_model(case, TYPES[dtype]), golden_video(case, TYPES[dtype])
    prior_noise, noise = golden_noise(case, TYPES[dtype])
    maps: list[Tensor] = []
    # The activation is in place, so what a convolution put out holds its result.
    hooks = [
        layer.register_forward_hook(lambda _, __, result: maps.append(result.detach().clone()))
        for layer in list(model.encoder.convolutions)[1::2]
    ]
    embeddings = model.encode(video)
    for hook in hooks:
        hook.remove()
    trace, _ = model.observe(video, noise=noise)
    objective = model.objective(video, noise=noise)
    objective.loss().backward()
    with torch.no_grad():
        frames, context = CASES[case]["frames"], CASES[case]["context"]
        done = model.config.ticks(context)
        first = Noise(tuple(part[:, :n] for part, n in zip(noise.levels, done, strict=True)))
        rest = Noise(tuple(part[:, n:] for part, n in zip(prior_noise.levels, done, strict=True)))
        seen, carried = model.observe(video[:, :context], noise=first)
        rollout, _ = model.imagine(carried, frames - context, noise=rest)
        decoded = model.decode(trace.levels[0].output)
        rollout_frames = model.decode(rollout.levels[0].output)
    return Computed(
        model,
        maps,
        embeddings,
        trace,
        prior_noise,
        objective,
        decoded,
        seen,
        carried,
        rollout,
        rollout_frames,
    )


def assert_golden(
    found: Tensor | np.ndarray, case: str, name: str, dtype: str, tolerance: float | None = None
) -> None:
    """max |x - y| / max |y| is within the tolerance of this type."""
    found = found.detach().numpy() if isinstance(found, Tensor) else found
    expected = golden(case, name)
    tolerance = tolerance or {"float32": 1e-5, "float64": 1e-6}[dtype]
    assert found.shape == expected.shape, name
    error = np.abs(found - expected).max() / np.abs(expected).max()
    assert error <= tolerance, f"{name}: {error:.1e} is above {tolerance}"
    checked.add(f"{case}/{name}")


checked: set[str] = set()
"""Arrays compared so far, so that the last test finds those that were forgotten."""


def sums(values: Tensor, axes: int) -> Tensor:
    """The sum and the sum of squares over the last axes."""
    rows = values.flatten(-axes)
    return torch.stack((rows.sum(-1), rows.square().sum(-1)), -1)


def first_and_last(case: str, frames: Tensor) -> Tensor:
    clips, batch = golden(case, "decoded.frames").shape[0], frames
    return batch[:clips, [0, -1]]


@every_type
@every_case
def test_encoder(case: str, dtype: str) -> None:
    found = computed(case, dtype)
    shape = (2, CASES[case]["frames"])
    maps = [part.unflatten(0, shape)[:, 0] for part in found.maps]
    for number, part in enumerate(maps[:3], start=1):
        assert_golden(part[:, :4, :6, :6], case, f"encoder.conv{number}.crop", dtype)
    assert_golden(maps[3], case, "encoder.conv4.crop", dtype)
    first, *others = found.embeddings
    assert_golden(first[:, :4], case, "embedding.level1.first4", dtype)
    assert_golden(sums(first, 1), case, "embedding.level1.sums", dtype)
    for number, embedding in enumerate(others, start=2):
        assert_golden(embedding, case, f"embedding.level{number}", dtype)


@every_type
@every_case
def test_levels(case: str, dtype: str) -> None:
    found = computed(case, dtype)
    kl = found.objective.state_kl
    for index, (ticks, prior) in enumerate(zip(found.trace.levels, found.trace.priors)):
        level = f"level{index + 1}"
        noise, interval = found.prior_noise.levels[index], found.model.config.intervals[index]
        assert_golden(prior.mean, case, f"{level}.prior.mean", dtype)
        assert_golden(prior.std, case, f"{level}.prior.stddev", dtype)
        assert_golden(prior.sample(noise), case, f"{level}.prior.sample", dtype)
        assert_golden(ticks.drawn_from.mean, case, f"{level}.posterior.mean", dtype)
        assert_golden(ticks.drawn_from.std, case, f"{level}.posterior.stddev", dtype)
        assert_golden(ticks.state, case, f"{level}.posterior.sample", dtype)
        assert_golden(ticks.memory, case, f"{level}.deterministic", dtype)
        assert_golden(kl[:, ::interval, index], case, f"{level}.kl", dtype)
        between_ticks = kl[..., index].detach().clone()
        between_ticks[:, ::interval] = 0
        assert not between_ticks.any()


@every_type
@every_case
def test_decoder_and_loss(case: str, dtype: str) -> None:
    found = computed(case, dtype)
    assert_golden(first_and_last(case, found.decoded), case, "decoded.frames", dtype)
    assert_golden(sums(found.decoded, 3), case, "decoded.sums", dtype)
    objective = found.objective
    assert_golden(-objective.reconstruction, case, "negative_log_likelihood", dtype)
    assert_golden(objective.loss(), case, "loss", dtype)
    assert_golden(-objective.reconstruction.mean(), case, "nll_term", dtype)
    assert_golden(objective.state_kl.sum(2).mean(), case, "kl_term", dtype)
    assert not objective.event_kl.any()


@every_type
@every_case
def test_gradients(case: str, dtype: str) -> None:
    """In float32 those of `mazes` say nothing: a unit at its rectifier's corner moves them."""
    if (case, dtype) == ("mazes", "float32"):
        pytest.skip("the published code's own float32 gradients are off by 2e-3 here")
    model = computed(case, dtype).model
    names = [entry.name for entry in entries_of(case)[1]]
    norms = np.array([np.linalg.norm(published(model, name, gradient=True)) for name in names])
    assert_golden(norms, case, "gradient.norms", dtype)
    each = {"float32": 1e-4, "float64": 1e-6}[dtype]
    np.testing.assert_allclose(norms, golden(case, "gradient.norms"), rtol=each)
    assert_golden(np.linalg.norm(norms), case, "gradient.norm", dtype)
    whole = [key.split("/gradient.")[1] for key in GOLDEN if key.startswith(f"{case}/gradient.")]
    for name in set(whole) - {"norms", "norm"}:
        assert_golden(published(model, name, gradient=True), case, f"gradient.{name}", dtype)


@every_type
@every_case
def test_open_loop(case: str, dtype: str) -> None:
    found = computed(case, dtype)
    for index, ticks in enumerate(found.rollout.levels):
        level = f"rollout.level{index + 1}"
        assert_golden(ticks.drawn_from.mean, case, f"{level}.mean", dtype)
        assert_golden(ticks.drawn_from.std, case, f"{level}.stddev", dtype)
        assert_golden(ticks.state, case, f"{level}.sample", dtype)
        assert_golden(ticks.memory, case, f"{level}.deterministic", dtype)
    frames = found.rollout_frames
    assert_golden(sums(frames, 3), case, "rollout.frames.sums", dtype)
    assert_golden(frames[:1, [0, -1]], case, "rollout.frames", dtype)

    context = CASES[case]["context"]
    ticks, prior = found.context.levels[0], found.context.priors[0]
    one_step = prior.sample(found.prior_noise.levels[0][:, :context])
    with torch.no_grad():
        reconstructed = found.model.decode(ticks.output)
        predicted = found.model.decode(torch.cat((one_step, ticks.memory), -1))
    assert_golden(sums(reconstructed, 3), case, "context.reconstruction.sums", dtype)
    assert_golden(sums(predicted, 3), case, "context.onestep.sums", dtype)


@every_type
@every_case
def test_three_updates(case: str, dtype: str) -> None:
    """Keras holds its betas in float32, so 1 - 0.999 is off by 1e-5 there."""
    tolerance = {"float32": 3e-4, "float64": 1e-4}[dtype]
    model, video = golden_model(case, TYPES[dtype]), golden_video(case, TYPES[dtype])
    noise = golden_noise(case, TYPES[dtype])[1]
    names = [entry.name for entry in entries_of(case)[1]]
    start = {name: published(model, name) for name in names}
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=BETAS)

    def loss_and_norm() -> list[float]:
        optimizer.zero_grad()
        loss = model.objective(video, noise=noise).loss()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIPPING_NORM)
        return [loss.item(), norm.item()]

    measured = [loss_and_norm()]
    for update in (1, 2, 3):
        optimizer.param_groups[0]["eps"] = adam_eps(update)
        optimizer.step()
        measured.append(loss_and_norm())
        if update != 2:
            moved = [np.linalg.norm(published(model, name) - start[name]) for name in names]
            assert_golden(np.array(moved), case, f"update.change{update}", dtype, tolerance)
    for column in (0, 1):  # a loss is far smaller than a norm, and would hide behind it
        found, expected = (
            np.asarray(rows)[:, column] for rows in (measured, golden(case, "update.loss_and_norm"))
        )
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * expected.max())
    assert_golden(np.array(measured), case, "update.loss_and_norm", dtype, tolerance)
    assert measured[0][1] > CLIPPING_NORM or case != "mazes"  # clipping is part of what is tested


def test_no_array_is_forgotten() -> None:
    """Runs after the others of this file."""
    assert checked == set(GOLDEN)
