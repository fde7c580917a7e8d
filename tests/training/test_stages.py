"""A training in several stages, and iterations of several phases."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlh.interfaces import (
    PLAIN,
    TRAINED,
    Batches,
    DrawClips,
    Execution,
    Objective,
    Optimiser,
    Phase,
    Plan,
    Share,
    Stage,
    Term,
    Update,
)
from dlh.training.checkpoint import read_checkpoint
from dlh.training.errors import Interrupted, NonFiniteError, TrainingError
from dlh.training.iteration import Iterations
from dlh.training.randomness import step_generator
from dlh.training.schedule import beta
from dlh.training.stages import StageOptimizer
from dlh.video import from_stored
from refusals import refused
from training.tiny_training import (
    CONFIG,
    TinyModel,
    TinySource,
    assert_same,
    assert_same_run,
    final_metrics,
    new_run,
    train_tiny,
    weights,
)

TWO = dataclasses.replace(CONFIG, steps=5, later_steps=(6,), validate_every=4, batch_size=4)


class TwoStages(TinyModel):
    """After the joint stage its decoder alone learns, from a cache of what the encoder says."""

    cached: int = 0

    @property
    def plan(self) -> Plan:
        (joint,) = super().plan.stages
        decoding = Stage(
            name="decoding",
            phases=(Phase(objective=self.decoding),),
            optimiser=Optimiser(eps=lambda update: 1e-8 * update, gradient_norm=5.0),
            trains=("decoder",),
            learning_rate=lambda done, steps: 2e-3 * (1 - done / steps),
            batches=self.cache,
        )
        return Plan(stages=(joint, decoding))

    def cache(self, draw: DrawClips) -> Batches:
        assert not self.training and not torch.is_grad_enabled()
        self.cached += 1
        video = torch.cat([draw(number, clips=4, frames=5) for number in range(3)])
        pixels = video.flatten(2)
        means = self.encoder(pixels)

        def batch(generator: torch.Generator, share: Share) -> tuple[Tensor, Tensor]:
            chosen = share.of(torch.randint(len(means), (4,), generator=generator))
            return means[chosen], pixels[chosen]

        return batch

    def decoding(
        self,
        batch: tuple[Tensor, Tensor],
        /,
        *,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        assert update.beta == 1.0  # nothing is warmed up any more
        mean, pixels = batch
        whole = (len(mean) * execution.share.count, *mean.shape[1:])
        state = mean + execution.share.of(torch.randn(whole, generator=generator))
        error = (self.decoder(state) - pixels).square().sum(2)
        return Objective(
            loss=error.mean(),
            terms={"error": Term(value=error, unit="squared error")},
            schedule={"number": float(update.number)},
        )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Any:
    run, model = new_run(tmp_path_factory.mktemp("stages") / "run"), TwoStages()
    result = train_tiny(run, TWO, model=model)
    return run, model, result


def test_stages_follow_one_another_and_their_figures_stand_in_the_metrics(unbroken) -> None:
    run, model, result = unbroken
    assert result.step == TWO.total_steps == 11 and run.status().steps == 11
    lines = run.metrics.read()
    joint = [line for line in lines if "loss" in line]
    later = [line for line in lines if line.get("stage") == "decoding"]
    assert [line["step"] for line in joint] == [3, 5]
    assert [line["step"] for line in later] == [6, 9, 11]
    assert [line["decoding.number"] for line in later] == [0.0, 2.0, 4.5]
    # 5 updates on 4 clips of 5 frames, then 3 times 4 clips of 5 frames for the cache.
    assert [line["frames"] for line in (*joint, *later)] == [60, 100, 160, 160, 160]
    for line in later:
        assert line["decoding.loss"] == pytest.approx(line["decoding.error"], rel=1e-5)
        assert "loss" not in line and "decoding.state_kl" not in line
    assert [line["step"] for line in lines if "validation.elbo" in line] == [4, 5, 8, 11]
    assert model.cached == 1


def test_a_stage_trains_what_it_names_with_an_optimiser_of_its_own(unbroken, tmp_path) -> None:
    run, model, _ = unbroken
    joint = TwoStages()
    train_tiny(new_run(tmp_path / "run"), dataclasses.replace(TWO, later_steps=()), model=joint)
    for name, value in joint.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]) == name.startswith("encoder"), name
    assert all(parameter.requires_grad for parameter in model.parameters())
    saved = read_checkpoint(run.checkpoints / "step-0000011.pt")["optimizer"]
    assert saved["stage"] == 1 and len(saved["state"]) == 4
    assert {int(state["step"]) for state in saved["state"].values()} == {6}
    assert saved["param_groups"][0]["lr"] == pytest.approx(2e-3 / 6)
    assert saved["param_groups"][0]["eps"] == pytest.approx(6e-8)


def test_the_later_stage_is_adam_on_its_own_batches(unbroken, tmp_path) -> None:
    _, model, _ = unbroken
    slow = TwoStages()
    short = dataclasses.replace(TWO, later_steps=())
    train_tiny(new_run(tmp_path / "run"), short, model=slow)
    iterations = Iterations(slow, TinySource(), TWO)
    for step in range(5, 11):
        iterations.run(step)
    assert_same(weights(slow), weights(model))
    assert slow.cached == 1


@pytest.mark.parametrize("stop", [3, 5, 6, 8])
def test_a_run_stopped_in_any_stage_goes_on_bit_for_bit(unbroken, tmp_path, stop) -> None:
    run = new_run(tmp_path / "run")

    def interrupt(line: dict[str, Any]) -> None:
        if line["step"] >= stop:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train_tiny(run, TWO, model=TwoStages(), on_log=interrupt)
    model = TwoStages()
    result = train_tiny(run, TWO, model=model)
    assert (result.resumed_from or 0) <= stop + 2
    assert_same_run(run, unbroken[0])
    assert_same(weights(model), weights(unbroken[1]))


def test_a_stage_in_parts_is_the_stage(unbroken, tmp_path) -> None:
    model = TwoStages()
    train_tiny(new_run(tmp_path / "run"), dataclasses.replace(TWO, accumulate=2), model=model)
    for one, other in zip(unbroken[1].parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_more_stages_than_the_model_has_are_refused(tmp_path) -> None:
    run = new_run(tmp_path / "run")
    for model, names in ((TinyModel(), (0,)), (TwoStages(), (1, "decoding"))):
        config = dataclasses.replace(
            CONFIG, later_steps=(2,) * (model.plan.stages[1:] != ()) + (3,)
        )
        with refused(TrainingError, *names):
            train_tiny(run, config, model=model)
    with refused(ValueError, "later_steps", -1):
        dataclasses.replace(CONFIG, later_steps=(-1,))


def two_layers() -> dict[str, nn.Parameter]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4))
    parameters = dict(network.named_parameters())
    for parameter in parameters.values():
        parameter.grad = torch.randn_like(parameter)
    return parameters


def optimizer_of(parameters: dict[str, nn.Parameter], **settings: Any) -> StageOptimizer:
    return StageOptimizer(
        parameters, Plan(stages=(Stage(phases=(), optimiser=Optimiser(**settings)),))
    )


def test_muon_takes_steps_of_one_size_in_every_direction_of_a_matrix() -> None:
    parameters = two_layers()
    before = {name: value.detach().clone() for name, value in parameters.items()}
    optimizer_of(parameters, muon=10.0).update(
        learning_rate=1e-3, eps=1e-8, gradient_norm=1.0, most=None
    )
    for name, value in parameters.items():
        step = (value - before[name]).detach()
        if value.ndim == 2:
            sizes = torch.linalg.svdvals(step)
            assert sizes.min() > 0.5 * 1e-2 and sizes.max() < 1.5 * 1e-2
        else:
            torch.testing.assert_close(step.abs(), torch.full_like(step, 1e-3))  # Adam's first


def test_an_optimiser_with_muon_goes_on_as_it_was_saved() -> None:
    one, other = two_layers(), two_layers()
    first, second = optimizer_of(one, muon=10.0), optimizer_of(other, muon=10.0)
    step = {"learning_rate": 1e-3, "eps": 1e-8, "gradient_norm": 1.0, "most": None}
    first.update(**step)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    with torch.no_grad():
        for name, value in other.items():
            value.copy_(one[name])
    first.update(**step)
    second.update(**step)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("saved, present", [(10.0, 0.0), (0.0, 10.0)])
def test_the_state_of_other_optimisers_is_refused(saved, present) -> None:
    state = optimizer_of(two_layers(), muon=saved).state_dict()
    with refused(ValueError, "Muon"):
        optimizer_of(two_layers(), muon=present).load_state_dict(state)


class TwoPhases(TinyModel):
    """Its decoder learns first, then all but the decoder, whose gradient counts as asked."""

    def __init__(self, *, without_gradient: Any = "skipped") -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.ones(2))
        self.without_gradient = without_gradient

    @property
    def plan(self) -> Plan:
        phases = (
            Phase(name="frames", objective=self.objective, held=("encoder",)),
            Phase(name="states", objective=self.objective, held=("decoder",)),
        )
        adam = Optimiser(eps=1e-4, without_gradient=self.without_gradient)
        return Plan(stages=(Stage(phases=phases, optimiser=adam),))


@pytest.mark.parametrize("without_gradient", ["skipped", "zero"])
def test_each_phase_is_computed_after_the_update_before_it(tmp_path, without_gradient) -> None:
    config = dataclasses.replace(CONFIG, steps=3, validate_every=0, adam_epsilon=None)
    model, slow = TwoPhases(without_gradient=without_gradient), TwoPhases()
    run = new_run(tmp_path / "run")
    train_tiny(run, config, model=model)

    zero = without_gradient == "zero"
    optimizer = torch.optim.Adam(slow.parameters(), lr=1e-2, eps=1e-4)
    for step in range(3):
        video = from_stored(TinySource().batch(step, batch_size=3, clip_length=5, seed=0).video)
        for phase, (trained, held) in enumerate(
            ((slow.decoder, slow.encoder), (slow.encoder, slow.decoder))
        ):
            # As torch 1.13 did: what once had a gradient has one of zeros afterwards.
            optimizer.zero_grad(set_to_none=not zero)
            held.requires_grad_(False)
            slow.objective(
                video,
                generator=step_generator(0, step, phase=phase),
                update=Update(number=step, beta=beta(step, 10)),
            ).loss.backward()
            held.requires_grad_(True)
            assert all(p.grad is not None for p in trained.parameters())
            optimizer.step()
    assert_same(weights(model), weights(slow))
    assert torch.equal(model.unused, torch.ones(2))
    line, _ = final_metrics(run)
    assert line["loss"] == pytest.approx(line["frames.loss"] + line["states.loss"], rel=1e-5)
    assert line["states.state_kl.L2"] > 0 and line["frames.gradient_norm"] > 0


def test_the_phases_of_a_resumed_run_are_those_of_an_unbroken_one(tmp_path) -> None:
    config = dataclasses.replace(CONFIG, steps=5, checkpoint_every=2, validate_every=0)
    runs = [new_run(tmp_path / name) for name in ("whole", "halves")]
    train_tiny(runs[0], config, model=TwoPhases(without_gradient="zero"))
    for until in (3, None):
        train_tiny(runs[1], config, model=TwoPhases(without_gradient="zero"), until=until)
    newest = [sorted(run.checkpoints.glob("step-*.pt"))[-1] for run in runs]
    left, right = (read_checkpoint(path) for path in newest)
    assert_same(left["model"], right["model"])
    assert_same(left["optimizer"], right["optimizer"])


def test_a_step_that_fails_between_its_updates_is_not_saved_as_a_finished_one(tmp_path) -> None:
    class Breaks(TwoPhases):
        calls = 0

        def weighed(self, terms: dict[str, Tensor], *others: Any) -> Objective:
            self.calls += 1
            factor = float("nan") if self.calls == 6 else 1.0  # the second phase of step 3
            return super().weighed({n: value * factor for n, value in terms.items()}, *others)

    config = dataclasses.replace(CONFIG, steps=5, checkpoint_every=1, validate_every=0)
    run, good = new_run(tmp_path / "run"), TwoPhases()
    with pytest.raises(NonFiniteError) as raised:
        train_tiny(run, config, model=Breaks())
    assert raised.value.step == 3
    train_tiny(new_run(tmp_path / "good"), dataclasses.replace(config, steps=2), model=good)
    newest = sorted(run.checkpoints.glob("step-*.pt"))[-1]
    assert newest.name == "step-0000002.pt"
    assert_same(dict(read_checkpoint(newest)["model"]), dict(weights(good)))


class Normalised(TinyModel):
    """With statistics of the batch, which are state."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16)

    def objective(self, video: Tensor, **options: Any) -> Objective:
        pixels = self.norm(video.flatten(2).flatten(0, 1))
        return super().objective(pixels.view_as(video), **options)

    @property
    def plan(self) -> Plan:
        return dataclasses.replace(super().plan, whole_batch="its statistics are of all clips")


def test_a_model_may_refuse_to_share_a_batch(tmp_path) -> None:
    config = dataclasses.replace(CONFIG, batch_size=4, accumulate=2)
    with refused(TrainingError, 2):
        train_tiny(new_run(tmp_path / "run"), config, model=Normalised())


def test_buffers_are_saved_resumed_and_left_alone_by_a_validation(tmp_path) -> None:
    config = dataclasses.replace(CONFIG, validate_every=2)

    def figures(model: Any, step: int) -> dict[str, float]:
        assert not model.training
        video = torch.rand(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        return {"elbo": float(model.figures(video, generator=torch.Generator()).values["elbo"][0])}

    runs = [new_run(tmp_path / name) for name in ("whole", "halves", "unwatched")]
    models = [Normalised() for _ in range(4)]
    train_tiny(runs[0], config, model=models[0], validate=figures)
    train_tiny(runs[1], config, model=models[1], validate=figures, until=7)
    train_tiny(runs[1], config, model=models[2], validate=figures)
    train_tiny(runs[2], config, model=models[3], validate=None)
    assert int(models[0].norm.num_batches_tracked) == 14
    assert_same(weights(models[0]), weights(models[2]))
    assert_same(weights(models[0]), weights(models[3]))
