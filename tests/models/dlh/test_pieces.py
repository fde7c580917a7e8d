"""A clip piece by piece, each computed twice, gives what the whole clip gives."""

from __future__ import annotations

from itertools import accumulate

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from dlh import interfaces
from dlh.interfaces import Execution, Update
from dlh.models.dlh import pieces
from small_models import SWITCHES, lively_model, lively_video, noise_for, small_config

ALWAYS = Execution(recompute="always")
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture
def short_pieces(monkeypatch):
    """Of 5 frames, so that a clip of 12 is cut unevenly."""
    monkeypatch.setattr(pieces, "STEPS_OF_PIECE", (5, 5))


def gradients(model, objective) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    objective.loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.usefixtures("short_pieces")
@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("num_levels", [1, 3])
def test_terms_and_gradients_are_those_of_the_whole_clip(num_levels, name):
    config = small_config(num_levels, **SWITCHES[name])
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    whole, found = (
        model.objective(
            video,
            noise=noise,
            update=Update(beta=0.7),
            execution=Execution(recompute=recompute),
        )
        for recompute in ("never", "always")
    )
    assert torch.equal(found.changed, whole.changed)
    for term in ("reconstruction", "state_kl", "event_kl"):
        torch.testing.assert_close(found[term], whole[term], **CLOSE)
    torch.testing.assert_close(gradients(model, found), gradients(model, whole), **CLOSE)


@pytest.mark.usefixtures("short_pieces")
def test_the_noise_of_a_generator_is_that_of_the_whole_clip():
    config = small_config(2, decision="vade")
    model, video = lively_model(config, seed=2), lively_video(config)

    def after(recompute: str) -> tuple[torch.Tensor, float, torch.Tensor]:
        generator = torch.Generator().manual_seed(3)
        objective = model.objective(
            video, generator=generator, execution=Execution(recompute=recompute)
        )
        objective.loss.backward()
        return objective.changed, objective.elbo.sum().item(), generator.get_state()

    before = torch.get_rng_state()
    found, whole = after("always"), after("never")
    assert torch.equal(found[0], whole[0]) and found[1] == pytest.approx(whole[1], rel=1e-9)
    assert torch.equal(found[2], whole[2])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.usefixtures("short_pieces")
def test_pieces_need_no_gradient():
    config = small_config(2)
    model, video = lively_model(config), lively_video(config)
    with torch.no_grad():
        objective = model.objective(video, noise=noise_for(config, video), execution=ALWAYS)
    assert not objective.loss.requires_grad


def test_a_piece_has_about_as_many_frames_whatever_the_number_of_clips():
    steps = [pieces.steps_of_piece(clips) for clips in (1, 8, 10, 16, 17, 100)]
    assert steps == [50, 50, 40, 25, 25, 25]


def frames_encoded(model, video, recompute: str) -> list[int]:
    """Frames in each call of the encoder, forward and backward."""
    calls: list[int] = []
    hook = model.encoder.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    model.objective(video, execution=Execution(recompute=recompute)).loss.backward()
    hook.remove()
    return calls


def test_long_clips_are_computed_in_pieces(monkeypatch):
    config = small_config(1)
    model = lively_model(config)
    monkeypatch.setattr(interfaces, "STEPS_KEPT", 20)
    monkeypatch.setattr(pieces, "STEPS_OF_PIECE", (8, 8))
    for steps, pieces_of in ((20, [20]), (21, [8, 8, 5, 5, 8, 8])):
        video = torch.rand(1, steps, 1, 16, 16, dtype=torch.float64)
        assert frames_encoded(model, video, "auto") == pieces_of
        assert frames_encoded(model, video, "never") == [steps]
    assert frames_encoded(model, video[:, :16], "always") == [8] * 4


class LargestTensors(TorchDispatchMode):
    """Elements of the largest tensor that any operation made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.untyped_storage().nbytes() // 8)
        return result


@pytest.mark.usefixtures("short_pieces")
def test_nothing_that_grows_with_the_clip_is_made():
    """Of six times the frames no operation makes a larger tensor, forward or backward."""
    config = small_config(2, convolution_channels=(16, 16, 16, 16))
    model, largest = lively_model(config), []
    for steps in (10, 60):
        video = torch.rand(1, steps, 1, 16, 16, dtype=torch.float64)
        noise = noise_for(config, video)
        with LargestTensors() as mode:
            model.objective(video, noise=noise, execution=ALWAYS).loss.backward()
        largest.append(mode.elements)
    views_of_the_video = video.numel()
    assert largest[1] == max(largest[0], views_of_the_video)


def peak_memory(model, steps: int, recompute: str) -> int:
    """Bytes of tensors held at most while a gradient is computed, the clip left out."""
    video = torch.rand(2, steps, 1, 16, 16, dtype=torch.float64)
    noise = noise_for(model.config, video)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        execution = Execution(recompute=recompute)
        model.objective(video, noise=noise, execution=execution).loss.backward()
    model.zero_grad(set_to_none=True)
    events = profiled.profiler.kineto_results.events()
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]"))


@pytest.mark.slow
def test_ten_times_the_frames_need_less_than_the_memory_of_a_clip_that_is_kept(monkeypatch):
    """As 1,000 frames against 100 with pieces of 33: the aim is twice the memory at most."""
    monkeypatch.setattr(pieces, "STEPS_OF_PIECE", (1, 1))
    model = lively_model(small_config(2))
    short, long = peak_memory(model, 3, "never"), peak_memory(model, 30, "always")
    assert long < short
    assert peak_memory(model, 30, "never") > 5 * short
