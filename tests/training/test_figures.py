from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch
from torch import nn

from dlh.interfaces import Objective, Term
from dlh.training.errors import NonFiniteError
from dlh.training.figures import (
    RunningMeans,
    log_entry,
    refuse_non_finite,
    step_figures,
)
from dlh.training.progress import Progress
from refusals import holds, refused


def objective(*, levels: int = 2, steps: int = 3) -> Objective:
    """One clip: reconstruction -t, state KL t at level 1 and 10 t at level 2, event KL a tenth."""
    time = torch.arange(1.0, steps + 1)
    state_kl = (
        torch.stack([time * 10**n for n in range(levels)], -1)[None]
        if levels
        else torch.zeros(1, steps, 0)
    )
    changed = torch.ones(1, steps, levels, dtype=torch.bool)
    changed[:, 1:, 1:] = False
    changed[:, 2:3, 1:2] = True
    terms = {"reconstruction": -time[None], "state_kl": state_kl, "event_kl": state_kl / 10}
    loss = (0.5 * (1.1 * state_kl).sum(2) + time).mean()
    return Objective(loss=loss, terms={n: Term(value=v) for n, v in terms.items()}, changed=changed)


def figures(terms: Objective) -> dict[str, float]:
    return {name: float(value) for name, value in step_figures(terms).items()}


def test_figures_are_nats_per_frame_with_each_level_apart() -> None:
    found = figures(objective())
    assert found == pytest.approx(
        {
            "loss": 2 + 0.5 * 24.2,
            "reconstruction": -2.0,
            "state_kl": 22.0,
            "event_kl": 2.2,
            "state_kl.L1": 2.0,
            "state_kl.L2": 20.0,
            "event_kl.L1": 0.2,
            "event_kl.L2": 2.0,
            "mean_depth": 1.5,  # t = 1 is left out: level 2 changes in one of two steps
        }
    )


def test_a_model_that_decides_nothing_has_no_depth() -> None:
    terms = objective()
    silent = dataclasses.replace(terms, changed=None)
    assert figures(terms).keys() - figures(silent).keys() == {"mean_depth"}


def test_the_forced_first_step_alone_has_no_depth() -> None:
    assert "mean_depth" not in figures(objective(steps=1))


def test_a_model_without_levels_has_no_divergence() -> None:
    found = figures(objective(levels=0))
    assert found["state_kl"] == found["event_kl"] == 0 and found["loss"] == 2.0
    assert not any(".L" in name for name in found)


def test_means_start_again_when_they_are_taken() -> None:
    means = RunningMeans()
    for value in (1.0, 2.0, 6.0):
        means.add({"loss": value})
    assert means.take() == {"loss": 3.0}
    means.add({"loss": 5.0})
    assert means.take() == {"loss": 5.0}


def test_means_go_on_from_their_state() -> None:
    means, resumed = RunningMeans(), RunningMeans()
    means.add({"loss": 1.0, "beta": 0.1})
    resumed.load_state_dict(copy.deepcopy(means.state_dict()))
    for each in (means, resumed):
        each.add({"loss": 4.0, "beta": 0.2})
    assert resumed.take() == means.take() == pytest.approx({"loss": 2.5, "beta": 0.15})


def test_a_log_line_says_how_fast_and_how_long_it_waited() -> None:
    means = {"loss": 3.0, "step_seconds": 0.25, "wait_seconds": 0.1}
    progress = Progress(
        step=7, train_seconds=12.0, validation_seconds=5.0, cpu_seconds=20.0, frames=84
    )
    entry = log_entry(means, progress, {"memory": 812.5})
    assert entry == pytest.approx(
        {
            **{"step": 7, "loss": 3.0, "seconds": 12.0, "steps_per_second": 4.0},
            **{"data_wait": 0.4, "memory": 812.5, "cpu_seconds": 20.0, "frames": 84},
        }
    )
    uncounted = Progress()
    uncounted.load_state_dict({"step": 7})  # of a checkpoint that does not say what it took
    uncounted.count_step(seconds=1.0, cpu_seconds=1.0, frames=4)
    assert not {"cpu_seconds", "frames"} & set(log_entry(means, uncounted, {}))


@pytest.mark.parametrize(
    "name,term,level",
    [
        ("event_kl", "event_kl", 2),
        ("state_kl", "state_kl", 1),
        ("reconstruction", "reconstruction", None),
    ],
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_first_term_that_is_not_finite_is_named(
    name: str, term: str, level: int | None, value: float
) -> None:
    terms = objective()
    spoiled = terms[name]
    spoiled[(0, 1) if level is None else (0, 1, level - 1)] = value
    with pytest.raises(NonFiniteError) as raised:
        refuse_non_finite(figures(terms), {}, step=12)
    error = raised.value
    assert (error.term, error.level, error.step) == (term, level, 12)
    where = f"{term}.L{level}" if level else term
    assert str(error).startswith(f"step 12: {where} is {spoiled.mean().item()} (loss ")
    assert holds(str(error), 11)


def test_a_loss_that_overflows_is_named_itself() -> None:
    fine = figures(objective())
    with refused(NonFiniteError, 1, "loss", "inf") as raised:
        refuse_non_finite({**fine, "loss": math.inf}, {}, step=1)
    assert raised.value.term == "loss"


def test_a_gradient_that_is_not_finite_names_its_parameter() -> None:
    module = nn.Linear(2, 2)
    module.weight.grad, module.bias.grad = torch.zeros(2, 2), torch.tensor([0.0, math.nan])
    parameters = dict(module.named_parameters())
    spoiled = {**figures(objective()), "gradient_norm": math.nan}
    with refused(NonFiniteError, "bias") as at:
        refuse_non_finite(spoiled, parameters, step=1)
    assert (at.value.term, at.value.level) == ("gradient", None)
    module.weight.grad[0, 0] = math.inf
    with refused(NonFiniteError, "weight", 1, 2):
        refuse_non_finite(spoiled, parameters, step=1)
    module.zero_grad()
    with refused(NonFiniteError):
        refuse_non_finite({**spoiled, "gradient_norm": math.inf}, parameters, step=1)


def test_finite_figures_pass() -> None:
    refuse_non_finite(figures(objective()), {}, step=1)
