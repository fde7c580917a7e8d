from __future__ import annotations

import pytest
import torch

from dlh.evaluation.floors import black_frame
from dlh.interfaces import (
    TRAINED,
    Execution,
    Objective,
    Optimiser,
    Term,
    TrainableModel,
    Update,
    VideoModel,
    names_one_of,
)
from refusals import refused


def test_a_term_is_found_by_its_name_and_has_a_unit():
    value = torch.ones(2, 3)
    objective = Objective(loss=value.mean(), terms={"error": Term(value=value, unit="squared")})
    assert objective["error"] is value and objective.terms["error"].unit == "squared"
    assert objective.elbo is None and objective.changed is None and not objective.schedule


def test_after_training_every_schedule_is_at_its_end():
    assert Update() == TRAINED and TRAINED.beta == 1.0
    assert TRAINED.number >= 10**12 and 0.999**TRAINED.number == 0.0


def test_an_offset_is_a_number_or_follows_the_update():
    assert Optimiser(eps=1e-4).eps_of(1) == Optimiser(eps=1e-4).eps_of(900) == 1e-4
    assert Optimiser(eps=lambda update: 1 / update).eps_of(4) == 0.25


@pytest.mark.parametrize(
    "name, given, found",
    [
        ("levels.0.transition.weight", ("levels.0",), True),
        ("levels.0.transition.weight", ("levels.0.transition.weight",), True),
        ("levels.10.bias", ("levels.1",), False),
        ("encoder.bias", (), False),
        ("encoder.bias", None, True),
    ],
)
def test_a_parameter_is_named_by_itself_or_by_a_module_above_it(name, given, found):
    assert names_one_of(name, given) is found


def test_a_floor_predicts_and_cannot_be_trained_and_a_plain_object_does_neither():
    floor = black_frame((3, 16, 16))
    assert isinstance(floor, VideoModel) and not isinstance(floor, TrainableModel)
    assert not isinstance(object(), VideoModel)


def test_clips_of_more_than_200_frames_are_computed_again_unless_told_otherwise():
    assert [Execution().recomputes(steps) for steps in (200, 201)] == [False, True]
    assert not Execution(recompute="never").recomputes(1000)
    assert Execution(recompute="always").recomputes(1)
    with refused(ValueError, "sometimes"):
        Execution(recompute="sometimes").recomputes(10)
