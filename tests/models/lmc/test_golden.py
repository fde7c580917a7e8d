"""LMC-Memory at its full size computes what the published code does, from weights of a formula.

``golden/lmc.npz`` holds what that code computes. Each case runs once in float32 and once in
float64, where a wrong epsilon or a missing term cannot hide in rounding.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import defaultdict
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dlh.interfaces import Plan, names_one_of
from dlh.models.lmc import LMCConfig, LMCMemory, LongClip
from dlh.models.lmc.memory import MotionAttention, MotionMemory
from dlh.models.lmc.recurrence import ConvolutionalLSTM
from dlh.training.stages import StageOptimizer
from golden import weights

GOLDEN = np.load(Path(weights.__file__).with_name("lmc.npz"))
CASES = weights.CASES["lmc"]
QUICK = ("wide", torch.float32)
LEARNING_RATE = 2e-4
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-6}
TOLERANCE_OF_UPDATES = {torch.float32: 3e-4, torch.float64: 1e-6}
TOLERANCE_OF_EACH_NORM = {torch.float32: 1e-4, torch.float64: 1e-6}


class Case:
    """One golden case in one precision, all of whose arrays are computed once."""

    def __init__(self, name: str, dtype: torch.dtype) -> None:
        self.name, self.dtype, self.sizes = name, dtype, CASES[name]
        channels, size = self.sizes["channels"], self.sizes["size"]
        config = LMCConfig(
            channels=channels,
            height=size,
            width=size,
            output="sigmoid" if self.sizes["sigmoid"] else "linear",
            context_steps=self.sizes["short"],
            long_steps=self.sizes["long"],
            warmup_iterations=0,
        )
        self.model = LMCMemory(config).to(dtype)
        given = weights.parameters(*weights.lmc(channels))
        self.names = list(given)  # the parts stand in the order of the formula's table
        with torch.no_grad():
            for own, array in zip(self.model.parameters(), given.values(), strict=True):
                assert own.shape == array.shape
                own.copy_(torch.from_numpy(array))
        shape = (weights.BATCH, config.context_steps + self.sizes["out"], channels, size, size)
        frames = weights.frames(weights.LMC, self.sizes["number"], shape)
        self.video = torch.from_numpy(frames).to(dtype)
        self.long_clip = LongClip(start=self.sizes["long_start"], steps=self.sizes["long"])
        self.found: dict[str, Tensor] = {}
        self.phase("phase1", self.storing)
        self.phase("phase2", self.matching)
        if name == "base":
            self.long_rollout()
            self.updates()

    def storing(self):
        return self.model.storing(self.video, long_clip=self.long_clip)

    def matching(self):
        return self.model.matching(self.video)

    def phase(self, phase: str, loss) -> None:
        """The arrays of one phase, from the weights of the formula."""
        with pytest.MonkeyPatch.context() as patch:
            seen = watch(patch, self.model)
            error = loss()
        found = {name: getattr(seen["recall"][0], name) for name in ("query", "similarity", "read")}
        found["similarity"] = found["similarity"].flatten(0, 2)
        found["addressing"] = seen["recall"][0].addressing.flatten(0, 2)
        recalled = seen["recall"][0].motion
        found["recalled"] = recalled if self.name == "base" else recalled[:, :16]
        found["attention"] = torch.stack(seen["attention"], 1)
        frames = torch.stack(seen["decoder"], 1)
        found["frames"] = frames[:1, [0, -1]]
        found["frames.sums"] = sums(frames, (2, 3, 4))
        found["loss"] = error.loss
        found["absolute_error"] = error["absolute_error"]
        found["squared_error"] = error["squared_error"]
        if phase == "phase2":
            for number, maps in enumerate(seen["encoder"][:4], 1):
                first = maps.unflatten(0, (-1, weights.BATCH))[0]
                found[f"encoder.conv{number}.crop"] = first[:, :4, :6, :6]
            for number, lstm in enumerate(self.model.lstms, 1):
                states = seen[lstm]
                found[f"lstm{number}.step1.output.crop"] = states[0].hidden[:, :8]
                found[f"lstm{number}.step1.cell.crop"] = states[0].cell[:, :8]
                cells = torch.stack([state.cell for state in states], 1)
                found[f"lstm{number}.cell.sums"] = sums(cells, (2, 3, 4))
        self.model.zero_grad()
        error.loss.backward()
        gradients = {
            name: parameter.grad
            for name, parameter in zip(self.names, self.model.parameters(), strict=True)
        }
        found["gradient.norms"] = torch.tensor(
            [-1 if part is None else part.double().norm() for part in gradients.values()]
        )
        for name in (
            "attention.dense1.bias",
            "memory.embed.deconv2.bias",
            "decoder.deconv4.bias",
            "lstm4.state.bias",
        ):
            found[f"gradient.{name}"] = gradients[name]
        if phase == "phase1":
            found["gradient.memory.slots.crop"] = gradients["memory.slots"][:, :8]
        self.found |= {f"{phase}.{name}": array.detach() for name, array in found.items()}

    @torch.no_grad()
    def long_rollout(self) -> None:
        """Twenty frames after the context."""
        context = self.video[:, : self.sizes["short"]]
        motion = self.model.memory.match(context).motion
        frames = self.model.imagine(self.model.observe(context), motion, 20).frames
        self.found["rollout20.sums"] = sums(frames, (2, 3, 4))
        self.found["rollout20.last"] = frames[:1, -1]

    def optimizer(self, unreached: Literal["zero", "skipped"]) -> StageOptimizer:
        """Adam of all parameters, for a rule of those without a gradient."""
        (stage,) = self.model.plan.stages
        ruled = dataclasses.replace(stage.optimiser, without_gradient=unreached)
        plan = Plan(stages=(dataclasses.replace(stage, optimiser=ruled),))
        return StageOptimizer(dict(self.model.named_parameters()), plan)

    def updates(self) -> None:
        """Two iterations, from the first of whose gradients on the two rules part."""
        start = [part.detach().clone() for part in self.model.parameters()]
        optimizer = self.optimizer("skipped")

        def gradient(loss) -> Tensor:
            self.model.zero_grad()
            error = loss().loss
            error.backward()
            return error.detach()

        def step() -> None:
            optimizer.update(learning_rate=LEARNING_RATE, eps=1e-8, gradient_norm=0.0, most=None)

        def change() -> Tensor:
            pairs = zip(self.model.parameters(), start, strict=True)
            return torch.stack([(now.detach() - then).double().norm() for now, then in pairs])

        first = gradient(self.storing)
        step()
        after_one, second = change(), gradient(self.matching)
        parameters = [part.detach().clone() for part in self.model.parameters()]
        gradients = [part.grad for part in self.model.parameters()]
        state = copy.deepcopy(optimizer.state_dict())
        for rule, unreached in (("zero", "zero"), ("none", "skipped")):
            optimizer = self.optimizer(unreached)
            optimizer.load_state_dict(copy.deepcopy(state))
            with torch.no_grad():
                for part, value, slope in zip(
                    self.model.parameters(), parameters, gradients, strict=True
                ):
                    part.copy_(value)
                    part.grad = slope
            losses = [first, second]
            step()
            after_two = change()
            for loss in (self.storing, self.matching):
                losses.append(gradient(loss))
                step()
            with torch.no_grad():
                losses.append(self.matching().loss)
            self.found |= {
                f"update.{rule}.change1": after_one,
                f"update.{rule}.change2": after_two,
                f"update.{rule}.change4": change(),
                f"update.{rule}.losses": torch.stack(losses),
            }


def sums(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Sum and sum of squares."""
    return torch.stack((values.sum(axes), values.square().sum(axes)), -1)


def watch(patch: pytest.MonkeyPatch, model: LMCMemory) -> dict:
    """Lists of what parts of the model put out from now on, in their order."""
    seen = defaultdict(list)
    step, forward, recall = ConvolutionalLSTM.step, MotionAttention.forward, MotionMemory._recall
    decode, elu = type(model.decoder).forward, nn.ELU.forward

    def watched(function, key):
        def call(self, *values):
            out = function(self, *values)
            seen[key(self)].append(out.clone() if isinstance(out, Tensor) else out)
            return out

        return call

    encoder = set(model.encoder)
    patch.setattr(ConvolutionalLSTM, "step", watched(step, lambda lstm: lstm))
    patch.setattr(MotionAttention, "forward", watched(forward, lambda _: "attention"))
    patch.setattr(MotionMemory, "_recall", watched(recall, lambda _: "recall"))
    patch.setattr(type(model.decoder), "forward", watched(decode, lambda _: "decoder"))
    patch.setattr(
        nn.ELU, "forward", watched(elu, lambda part: "encoder" if part in encoder else "other")
    )
    return seen


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            (name, dtype),
            marks=[] if (name, dtype) == QUICK else pytest.mark.slow,
            id=f"{name}-{str(dtype).removeprefix('torch.')}",
        )
        for name in CASES
        for dtype in TOLERANCE
    ],
)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(*request.param)


def wanted(case: Case) -> dict[str, np.ndarray]:
    return {
        name.partition("/")[2]: GOLDEN[name]
        for name in GOLDEN
        if name.partition("/")[0] == case.name
    }


def test_every_array_is_computed(case):
    assert case.found.keys() == wanted(case).keys()


@pytest.mark.parametrize("stage", ["phase1", "phase2", "rollout20", "update"])
def test_every_array_is_the_published_one(case, stage):
    names = [name for name in wanted(case) if name.startswith(f"{stage}.")]
    assert names or case.name == "wide"
    off = {}
    for name in names:
        found, expected = case.found[name].double().numpy(), wanted(case)[name]
        assert found.shape == expected.shape, name
        deviation = np.abs(found - expected).max() / np.abs(expected).max()
        tolerance = TOLERANCE_OF_UPDATES if stage == "update" else TOLERANCE
        if not deviation <= tolerance[case.dtype]:
            off[name] = deviation
    assert not off


@pytest.mark.parametrize("phase", ["phase1", "phase2"])
def test_the_gradient_of_each_parameter_has_the_published_norm(case, phase):
    found = case.found[f"{phase}.gradient.norms"].numpy()
    expected = wanted(case)[f"{phase}.gradient.norms"]
    tolerance = TOLERANCE_OF_EACH_NORM[case.dtype]
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=0)


@pytest.mark.parametrize("index, phase", [(0, "phase1"), (1, "phase2")])
def test_a_phase_holds_what_has_no_gradient_in_the_published_code(case, index, phase):
    norms = wanted(case)[f"{phase}.gradient.norms"]
    without = {name for name, norm in zip(case.names, norms, strict=True) if norm == -1}
    held = case.model.plan.stages[0].phases[index].held
    ours = [name for name, _ in case.model.named_parameters()]
    names = zip(case.names, ours, strict=True)
    assert without == {theirs for theirs, own in names if names_one_of(own, held)}
