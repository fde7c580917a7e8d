"""Which method is taken, on made-up evidence of which the right answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlh.analysis import choice_of_method
from dlh.analysis.choice_of_method import Seen, choose_method
from dlh.analysis.event_methods import CutDetector
from dlh.analysis.surprise import Evidence

FRAMES, FPS = 600, 10.0


def evidence(changes: list[int]) -> Evidence:
    changed = np.zeros((FRAMES, 2), bool)
    changed[:, 0] = changed[0] = changed[changes, 1] = True
    surprise = np.full((FRAMES, 2), np.nan)
    surprise[1:, 1] = np.where(changed[1:, 1], 5.0, -5.0)
    unknown = np.full_like(surprise, np.nan)
    return Evidence(
        changed=changed,
        surprise=surprise,
        static_divergence=unknown,
        change_divergence=unknown,
        change_probability=unknown,
        began=(None, None),
    )


def noise(seed: int = 0) -> np.ndarray:
    energy = 0.02 + 0.001 * np.random.default_rng(seed).standard_normal(FRAMES)
    energy[0] = 0
    return energy


def seen(one: list[int], other: list[int], energy: np.ndarray) -> Seen:
    return Seen(passes=(evidence(one), evidence(other)), fps=FPS, energy=energy, energy_fps=FPS)


EVENTS = [100, 220, 300, 450]
RISES = [50, 150, 250, 350, 500]


def test_a_level_that_rests_and_is_sure_is_taken_where_motion_shows_nothing() -> None:
    choice = choose_method([seen(EVENTS, EVENTS, noise())])
    assert (choice.method, choice.agreement) == ("level", 1.0)
    assert choice.change_rate == pytest.approx(4 / 599)


def test_nothing_that_motion_finds_is_lost() -> None:
    """Rises at which no level changes: motion is asked, whatever else the level finds."""
    energy = noise()
    energy[RISES] = 0.09
    choice = choose_method([seen(EVENTS, EVENTS, energy)])
    assert (choice.method, choice.caught, choice.cuts) == ("motion", 0.0, 0.0)
    pytest.importorskip("ruptures")
    assert choice.cost_of_motion < choice.cost_of_changepoint
    with_all = sorted({*EVENTS, *RISES})
    assert choose_method([seen(with_all, with_all, energy)]).method == "level"


def test_edited_films_are_asked_for_their_cuts() -> None:
    energy = noise()
    energy[RISES] = 0.3
    choice = choose_method([seen(EVENTS, EVENTS, energy)])
    assert (choice.method, choice.caught) == ("cut", 0.0)
    assert choice.cuts == pytest.approx(60 * 5 / 59.9)
    one_bump = noise()
    one_bump[200] = 0.3
    assert choose_method([seen([], [], one_bump)]).method == "motion"
    with_all = sorted({*EVENTS, *RISES})
    assert choose_method([seen(with_all, with_all, energy)]).method == "level"


def test_a_cut_is_one_frame_that_differs_far_more_than_those_beside_it() -> None:
    energy = noise()
    energy[[1, 100, 598, 599]] = 0.3, 0.12, 0.2, 0.05
    energy[[200, 201]] = 0.4  # a flash: there and back
    energy[300:310] = 0.15  # a pan
    energy[400:403] = 0.02, 0.3, 0.16  # a cut into a fast shot, and the motion after it
    cuts = CutDetector(energy=energy, fps=FPS)
    assert [found.frame for found in cuts.at(cuts.threshold)] == [1, 100, 598]
    assert [found.frame for found in cuts.at(0.15)] == [1, 598]
    assert [found.surprise for found in cuts.at(0.15)] == [0.3, 0.2]


@pytest.mark.parametrize(
    "one, other",
    [
        ([], []),
        ([*range(1, FRAMES, 3)], [*range(1, FRAMES, 3)]),
        (EVENTS, [30, 160, 380, 530]),
    ],
    ids=["dead", "restless", "other changes in another pass"],
)
def test_a_level_that_holds_no_state_is_not_taken(one: list[int], other: list[int]) -> None:
    assert choose_method([seen(one, other, noise())]).method == "motion"


def test_change_points_are_asked_where_motion_comes_in_stretches(monkeypatch) -> None:
    pytest.importorskip("ruptures")
    energy = noise()
    for start, stop in zip([0, *EVENTS], [*EVENTS, FRAMES], strict=True):
        energy[start:stop] *= 5 if start in (100, 300) else 1
    video = seen([], [], energy)
    choice = choose_method([video])
    assert choice.method == "changepoint"
    assert choice.cost_of_changepoint < choice.cost_of_motion
    assert choose_method([replace(video, energy=noise())]).method == "motion"
    monkeypatch.setattr(choice_of_method, "has_ruptures", lambda: False)
    assert choose_method([video]).method == "motion"
