from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlh.interfaces import TRAINED, Objective, Update, names_one_of
from dlh.models.lmc import LMCMemory, LongClip, PredictionError
from dlh.video import VideoError
from models.lmc.small_lmc import small_config, small_model, small_video
from refusals import refused
from small_models import seeded

WARMING, WARM = 3, 4  # the last iteration of the warm-up, and the first after it
PHASES = ("storing", "matching")


def computed(model: LMCMemory, phase: str, video, iteration: int, generator=None) -> Objective:
    """The objective of a phase in an iteration, counted from 1."""
    update = Update(number=iteration - 1)
    return getattr(model, phase)(video, generator=generator, update=update)


def test_an_iteration_is_storing_then_matching_by_one_optimiser():
    (stage,) = small_model().plan.stages
    assert [phase.name for phase in stage.phases] == list(PHASES)
    assert stage.optimiser.gradient_norm is None and stage.optimiser.eps_of(1) == 1e-8
    assert not small_model().plan.whole_batch


@pytest.mark.parametrize("asked, found", [("zero", "zero"), ("none", "skipped")])
def test_what_a_phase_does_not_reach_moves_on_unless_that_is_mended(asked, found):
    (stage,) = small_model(unreached_gradient=asked).plan.stages
    assert stage.optimiser.without_gradient == found


def test_the_terms_are_errors_not_nats():
    model = small_model()
    found = model.objective(small_video(model))
    assert {name: term.unit for name, term in found.terms.items()} == {
        "absolute_error": "absolute error",
        "squared_error": "squared error",
    }
    assert found.elbo is None and found.changed is None
    matched = model.matching(small_video(model), update=TRAINED)
    assert torch.equal(found.loss, matched.loss)


def test_the_error_of_a_frame_is_its_mean_over_channels_and_pixels():
    frames, targets = torch.rand(2, 3, 2, 4, 6, 5).double()
    error = PredictionError.of(frames, targets)
    for clip, step in [(0, 0), (2, 1)]:
        difference = frames[clip, step] - targets[clip, step]
        torch.testing.assert_close(error.absolute_error[clip, step], difference.abs().mean())
        torch.testing.assert_close(error.squared_error[clip, step], difference.square().mean())
    whole = (frames - targets).abs().mean() + (frames - targets).square().mean()
    torch.testing.assert_close(error.objective().loss, whole)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("iteration", [WARMING, WARM])
def test_the_gradient_of_a_phase_reaches_all_but_what_it_holds(phase, iteration):
    model = small_model()
    (held,) = (each.held for each in model.plan.stages[0].phases if each.name == phase)
    computed(model, phase, small_video(model), iteration, seeded()).loss.backward()
    without = {name for name, part in model.named_parameters() if part.grad is None}
    assert without == {name for name, _ in model.named_parameters() if names_one_of(name, held)}
    for name, part in model.named_parameters():
        assert name in without or part.grad.any(), name


@pytest.mark.parametrize("phase", PHASES)
def test_the_warm_up_is_on_the_first_frames_alone(phase):
    model = small_model()
    whole = small_video(model, steps=15)
    other = whole.clone()
    other[:, 11:] = small_video(model, steps=4, seed=1)  # after 9 frames of context and 2 predicted
    warming, warm = (
        [computed(model, phase, video, at, seeded())["absolute_error"] for video in (whole, other)]
        for at in (WARMING, WARM)
    )
    assert warming[0].shape == (2, 2)
    assert torch.equal(*warming)
    assert warm[0].shape == (2, 6)
    assert not torch.equal(*warm)


def test_the_warm_up_takes_all_frames_of_a_clip_that_is_shorter():
    model = small_model(long_steps=9, warmup_horizon=7)
    video = small_video(model, steps=12)
    assert LongClip.draw(model.config, 12, iteration=WARMING) == LongClip(start=0, steps=12)
    assert computed(model, "storing", video, WARMING)["absolute_error"].shape == (2, 3)


def test_storing_recalls_for_the_frames_to_be_predicted_and_matching_does_not():
    model = small_model(warmup_iterations=0)
    video = small_video(model).requires_grad_()

    def later_frames_that_move_the_first_prediction(found: Objective) -> set[int]:
        (gradient,) = torch.autograd.grad(found["absolute_error"][:, 0].sum(), video)
        target = model.config.context_steps
        return {step for step in range(target + 1, 14) if gradient[:, step].any()}

    matching = model.matching(video)
    assert later_frames_that_move_the_first_prediction(matching) == set()
    storing = model.storing(video, long_clip=LongClip(start=2, steps=11))
    assert later_frames_that_move_the_first_prediction(storing) == {10, 11, 12}


def test_a_long_clip_that_is_the_context_recalled_by_equal_encoders_is_matching():
    model = small_model(context_steps=9, long_steps=9, warmup_iterations=0)
    model.memory.context.load_state_dict(model.memory.matching.state_dict())
    video = small_video(model)
    storing = model.storing(video, long_clip=LongClip(start=0, steps=9))
    assert torch.equal(storing["squared_error"], model.matching(video)["squared_error"])


@given(seed=st.integers(0, 2**32), steps=st.integers(11, 20), iteration=st.integers(WARM, 10**6))
def test_the_long_clip_lies_in_the_clip(seed, steps, iteration):
    clip = LongClip.draw(small_config(), steps, iteration=iteration, generator=seeded(seed))
    assert clip.steps == 11
    assert 0 <= clip.start <= steps - 11


def test_the_long_clip_starts_anywhere_it_can():
    generator = seeded()
    starts = [
        LongClip.draw(small_config(), 14, iteration=WARM, generator=generator).start
        for _ in range(400)
    ]
    counts = torch.bincount(torch.tensor(starts), minlength=4)
    assert len(counts) == 4
    assert (counts - 100).abs().max() < 45  # five standard errors of a count


def test_the_start_of_the_long_clip_is_all_that_is_drawn():
    model = small_model()
    video = small_video(model, steps=18)
    generator = seeded(5)
    start = LongClip.draw(model.config, 18, iteration=WARM, generator=seeded(5))
    drawn = computed(model, "storing", video, WARM, generator)
    given = model.storing(video, long_clip=start)
    assert torch.equal(drawn["absolute_error"], given["absolute_error"])
    before = generator.get_state()
    computed(model, "matching", video, WARM, generator)
    computed(model, "storing", video, WARMING, generator)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("changes, needed", [({}, 11), ({"long_steps": 9}, 10)])
def test_a_clip_that_is_too_short_is_refused_from_the_first_iteration_on(phase, changes, needed):
    model = small_model(**changes)
    computed(model, phase, small_video(model, steps=needed), 1)
    with refused(VideoError, needed, needed - 1, code="too-few-frames"):
        computed(model, phase, small_video(model, steps=needed - 1), 1)


def test_overfits_one_batch():
    model = small_model(warmup_iterations=0, output="sigmoid")
    video = small_video(model, batch=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for iteration in range(1, 41):
        for phase in PHASES:
            optimizer.zero_grad()
            loss = computed(model, phase, video, iteration, seeded(iteration)).loss
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_the_figures_are_of_clipped_predictions_after_the_context():
    model = small_model()
    video = small_video(model, steps=12)
    found = model.figures(video).values
    predicted = model.predict(video[:, :9], horizon=3).frames[:, 0]
    squared = (predicted - video[:, 9:]).square().mean((2, 3, 4))
    torch.testing.assert_close(found["squared_error"], squared.mean(1))
    torch.testing.assert_close(found["psnr"], (10 * (1 / squared).log10()).mean(1))
    assert found["absolute_error"].shape == (2,)
    assert model.plan.judged_by == "psnr"
    with refused(VideoError, code="too-few-frames"):
        model.figures(video[:, :9])
