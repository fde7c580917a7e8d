"""What a validation says about a run: which was the best, and which levels work."""

from __future__ import annotations

import math

import pytest

from dlh.training.held_out import is_best, level_states, take_validation, validation_entry
from dlh.training.progress import Progress


def validated(progress: Progress, step: int, *, clips: int = 8, **figures: float) -> list[str]:
    """The lines said after a validation at this step; ``L2=0.0`` is a level's change rate."""
    progress.step = step
    named = {f"change_rate.{n}" if n.startswith("L") else n: v for n, v in figures.items()}
    return list(take_validation(progress, named, clips=clips))


def test_the_levels_that_never_or_always_change_are_found_and_level_1_is_left_out() -> None:
    assert level_states([1.0, 0.2, 0.01]) == {}
    assert level_states([1.0, 1.0, 0.0]) == {2: "restless", 3: "dead"}
    assert level_states([1.0]) == level_states([]) == level_states([0.0]) == {}
    assert level_states([1.0, math.nan]) == {}


def test_the_highest_bound_is_the_best() -> None:
    progress, best = Progress(), []
    for step, bound in ((5, -9.0), (10, -7.0), (15, -8.0), (20, -7.0), (25, math.nan), (30, -6.5)):
        validated(progress, step, elbo=bound)
        assert (progress.validated, progress.step) == (step, step)
        best.append((is_best(progress), progress.best_step))
    assert best == [(True, 5), (True, 10), (False, 10), (False, 10), (False, 10), (True, 30)]
    assert progress.best == -6.5


def test_bounds_of_other_clips_do_not_compare() -> None:
    progress = Progress()
    validated(progress, 5, elbo=-5.0, clips=8)
    validated(progress, 10, elbo=-7.0, clips=16)
    assert is_best(progress) and progress.best == -7.0
    validated(progress, 15, elbo=-7.5, clips=16)
    assert not is_best(progress)


def test_a_validation_without_a_bound_has_no_best() -> None:
    progress = Progress()
    validated(progress, 5, loss=1.0)
    assert not is_best(progress)
    assert validation_entry(progress) == {
        "step": 5,
        "validation.loss": 1.0,
        "validation_seconds": 0.0,
    }
    validated(progress, 6, elbo=-2.0)
    validated(progress, 7, elbo=-3.0)
    assert validation_entry(progress) == {
        "step": 7,
        "validation.elbo": -3.0,
        "best_step": 6,
        "validation_seconds": 0.0,
    }


def test_a_level_is_spoken_of_when_two_validations_in_a_row_found_it_so_and_once() -> None:
    progress = Progress()
    assert validated(progress, 5, L2=0.0, L3=0.0) == []
    assert validated(progress, 10, L2=0.3, L3=0.0) == [
        "step 10: level 3 has died: on held-out clips it never changes after the first frame"
    ]
    assert validated(progress, 15, L2=1.0, L3=0.0) == []
    assert validated(progress, 20, L2=1.0, L3=0.0) == [
        "step 20: level 2 never rests: on held-out clips it changes at every frame"
    ]
    assert validated(progress, 25, L2=1.0, L3=0.0) == []
    assert progress.levels == {2: "restless", 3: "dead"}
    assert validated(progress, 30, L2=0.125, L3=0.0) == [
        "step 30: level 2 works again: on held-out clips it changes at 12.5% of frames"
    ]
    assert validated(progress, 35, L2=0.0, L3=0.0) == []
    assert validated(progress, 40, L2=0.2, L3=1.0) == [
        "step 40: level 3 works again: on held-out clips it changes at 100.0% of frames"
    ]


def test_nothing_is_said_of_a_level_during_the_warmup() -> None:
    progress, said = Progress(), []
    for step in (5, 10, 15, 20):
        progress.step = step
        said.append(
            list(take_validation(progress, {"change_rate.L2": 0.0}, clips=8, warmup_steps=10))
        )
    assert [len(lines) for lines in said] == [0, 0, 1, 0]


def test_what_was_said_is_not_said_again_after_a_resume() -> None:
    progress, resumed = Progress(), Progress()
    validated(progress, 5, L2=0.0)
    assert validated(progress, 10, L2=0.0)
    resumed.load_state_dict(progress.state_dict())
    assert validated(resumed, 15, L2=0.0) == []


@pytest.mark.parametrize("figures", [{}, {"elbo": -1.0}, {"kl.L2": 0.0}])
def test_figures_without_change_rates_say_nothing_about_levels(figures: dict[str, float]) -> None:
    progress = Progress()
    for step in (5, 10, 15):
        progress.step = step
        assert list(take_validation(progress, figures, clips=8)) == []


def test_a_figure_that_falls_for_long_after_the_warmup_is_said_once() -> None:
    progress, said = Progress(), []
    for step, bound in enumerate((-5.0, -6.0, -4.0, -5.0, -5.0, -6.0, -4.5, -7.0, -7.0, -3.0), 1):
        progress.step = step
        lines = take_validation(progress, {"elbo": bound}, clips=8, warmup_steps=4)
        said += [(step, line) for line in lines]
    # Best at step 3; steps 5 to 8 are the four after the warm-up.
    assert [step for step, _ in said] == [8] and "step 3" in said[0][1]
    assert progress.worse == 0 and progress.best_step == 10
