from __future__ import annotations

from collections import Counter

import pytest

from dlh.errors import UsageError
from dlh.runs.build import build_model
from dlh.runs.presets import moving_ball_paper
from dlh.runs.starts import of_seed, seeds
from dlh.settings import to_plain
from refusals import refused
from reproduction.catalogue import (
    ABLATIONS,
    MOST_CORE_HOURS,
    chosen,
    experiments,
    first_recipe,
)

ALL = experiments()


def flat(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix: value}
    return {k: v for key, entry in value.items() for k, v in flat(entry, f"{prefix}.{key}").items()}


def different(one, other) -> set[str]:
    first, second = flat(to_plain(one)), flat(to_plain(other))
    return {name.lstrip(".") for name in first if first[name] != second[name]}


def test_every_experiment_has_a_name_of_its_own_and_all_that_the_issue_asks_for_is_there():
    assert len({named.name for named in ALL}) == len(ALL)
    counts = Counter((named.group, named.kind) for named in ALL)
    assert {counts["full", kind] for kind in ("0", "0.1", "0.3")} == {3}
    assert {counts["levels", kind] for kind in "2345"} == {3}
    assert {counts["ablation", kind] for kind in ABLATIONS} == {2}
    assert counts["mnist", "mnist"] == 1
    assert {kind: count for (group, kind), count in counts.items() if group == "paper"} == {
        "0": 1,
        "0.1": 1,
    }


def test_what_needs_a_gpu_is_of_the_papers_size_and_costs_no_processor():
    on_gpu = [named for named in ALL if named.on_gpu]
    assert {named.group for named in on_gpu} == {"paper"}
    for named in on_gpu:
        assert named.core_hours == 0 and named.gpu_hours > 0
        chance = named.experiment.data.ball.colour_change_probability
        assert different(named.experiment, moving_ball_paper()) - (
            {"data.ball.colour_change_probability"} if chance else set()
        ) == {
            "model.initial_std",
            *(f"training.{name}" for name in SCHEDULE_OF_MINUTES),
        }
    assert all(named.gpu_hours == 0 for named in ALL if not named.on_gpu)


def test_a_sharper_run_is_a_start_of_a_full_one_under_another_likelihood():
    by_name = {named.name: named for named in ALL}
    for start, seed in ((5, 1), (6, 2)):
        sharper = by_name[f"sharper-lambda0.1-seed{start}"].experiment
        full = by_name[f"full-lambda0.1-seed{seed}"].experiment
        assert start in seeds(full) and list(seeds(sharper)) == [start]
        assert different(of_seed(full, start), sharper) == {
            "model.likelihood_std",
            "training.start_steps",  # of no meaning to one start
            "training.start_margin",
        }


SCHEDULE_OF_MINUTES = (
    *("steps", "learning_rate", "beta_warmup_steps", "cooldown_steps", "device", "speed"),
    *("log_every", "validate_every", "held_out_clips", "sample_every"),
)


def test_the_sum_of_the_costs_is_within_the_budget():
    assert sum(named.core_hours for named in ALL) <= MOST_CORE_HOURS
    assert all(named.experiment.training.threads == 1 for named in ALL if not named.on_gpu)


def test_levels_and_ablations_have_one_budget_and_differ_in_what_they_say():
    by_name = {named.name: named for named in ALL}
    budgets = {named.updates for named in ALL if named.group in ("levels", "ablation")}
    assert budgets == {1_100}
    for named in ALL:
        if named.group != "ablation":
            continue
        seed = named.experiment.training.seed
        reference = by_name[f"levels{named.reference}-seed{seed}"].experiment
        _, model, training = ABLATIONS[named.kind]
        said = {f"model.{key}" for key in model if key != "num_levels"}
        said |= {f"training.{key}" for key in training}
        if named.kind in ("held-own", "ticking-below"):  # one of the two is the reference's
            said -= {"model.memory"} if named.kind == "held-own" else {"model.factor_input"}
        assert different(named.experiment, reference) == said, named.name


def test_the_reference_is_the_first_recipe():
    reference = next(named for named in ALL if named.name == "levels2-seed0")
    assert different(reference.experiment, first_recipe()) <= {
        "training.threads",
        "training.device",
        "training.speed",
        "training.seed",
        "training.starts",
    }


def test_a_seed_is_the_same_experiment_on_every_machine():
    """What is left to a machine to decide is named: precision and threads."""
    for named in ALL:
        training = named.experiment.training
        assert "auto" not in (training.device, training.speed), named.name
        assert training.threads == 1 or named.on_gpu


@pytest.mark.parametrize("kind", sorted({(n.group, n.kind) for n in ALL}))
def test_every_kind_builds(kind):
    named = next(n for n in ALL if (n.group, n.kind) == kind)
    assert build_model(named.experiment).config == named.experiment.model


def test_a_pattern_chooses_and_one_that_matches_nothing_is_refused():
    assert {named.kind for named in chosen("ablation-vade-*")} == {"vade"}
    assert chosen(None) == ALL
    with refused(UsageError, "'lambda'", ALL[0].name):
        chosen("lambda")
