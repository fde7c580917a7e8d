"""One video looked into by hand, and the pictures of what is found."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from dlh.analysis.exploration import Exploration
from dlh.errors import UsageError
from dlh.interfaces import Temperature
from dlh.models import registry
from dlh.reports.figures import canvas
from dlh.reports.figures.exploration import LEFT, RIGHT, WIDTH, frame_at, frame_row, timeline
from dlh.runs.cwvae_presets import tiny_cwvae
from dlh.runs.presets import tiny
from dlh.runs.vta_presets import tiny_vta
from pictures import where_is
from refusals import refused
from small_models import changing_model

CPU = torch.device("cpu")
FRAMES = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8).repeat(3, 0)


@pytest.fixture(scope="module")
def explored() -> Exploration:
    return Exploration.of(changing_model(tiny().model), FRAMES, device=CPU)


def test_a_state_of_another_frame_changes_what_its_level_holds(explored):
    own = explored.reconstructed(4)
    for level in (1, 2):
        assert np.array_equal(explored.exchanged(level, 4, 4), own)
    other = next(t for t in range(24) if explored.changed[5 : t + 1, 1].any() and t > 5)
    both = explored.observed.state[0, [4, other]].clone()
    both[0, 1] = both[1, 1]
    expected = explored.model.shown(both)[0]
    np.testing.assert_allclose(
        explored.exchanged(2, 4, other) / 255, expected.movedim(0, -1), atol=1 / 255
    )
    assert not np.array_equal(explored.exchanged(2, 4, other), own)


def test_draws_and_rolls_follow_their_seed_and_begin_at_the_frame(explored):
    drawn = explored.resampled(2, 6, samples=4, seed=1)
    assert drawn.shape == (4, 16, 16, 3) and not np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn, explored.resampled(2, 6, samples=4, seed=1))
    rolled = explored.rolled(1, 6, steps=3, seed=2)
    assert rolled.shape == (4, 16, 16, 3) and np.array_equal(rolled[0], explored.reconstructed(6))
    assert not np.array_equal(rolled, explored.rolled(1, 6, steps=3, seed=3))


def test_futures_branch_after_the_chosen_frame(explored):
    asked = {"horizon": 5, "samples": 3, "seed": 1}
    futures, changed = explored.futures(6, **asked)
    assert futures.shape == (3, 5, 16, 16, 3) and changed.shape == (3, 5, 2)
    assert np.array_equal(explored.followed(6, horizon=5), FRAMES[7:12])
    earlier, _ = explored.futures(5, **asked)
    assert not np.array_equal(futures, earlier)
    frozen, _ = explored.futures(6, **asked, temperature=Temperature(states=0, decisions=0))
    assert np.array_equal(frozen[0], frozen[1]) and not np.array_equal(futures[0], futures[1])


@pytest.mark.parametrize("preset", [tiny_cwvae, tiny_vta])
def test_other_models_with_levels_are_explored_where_they_have_states(preset):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = registry.build(preset().model).eval()
    side = model.frame_shape[1]
    frames = np.random.default_rng(0).integers(0, 256, (30, side, side, 3), dtype=np.uint8)
    explored = Exploration.of(model, frames, device=CPU)
    steps = len(explored.changed)
    assert (explored.first, explored.last) == (model.first_observed, explored.first + steps - 1)
    assert explored.surprise.shape == explored.changed.shape
    assert explored.exchanged(2, explored.last, explored.first).shape == frames.shape[1:]
    assert explored.rolled(1, explored.first, steps=2).shape == (3, *frames.shape[1:])
    if explored.first:
        with refused(UsageError, explored.first, explored.first - 1):
            explored.reconstructed(explored.first - 1)


def test_what_is_not_there_is_refused(explored):
    with refused(UsageError, 23, 24):
        explored.reconstructed(24)
    with refused(UsageError, 22, 23):
        explored.rolled(1, 23, steps=1)
    for level in (0, 3):
        with refused(UsageError, 2, level):
            explored.exchanged(level, 0, 1)
        with refused(UsageError, 2, level):
            explored.resampled(level, 0, samples=1)
    with refused(UsageError, 23, -1):
        explored.futures(-1, horizon=1, samples=1)


def test_a_click_on_the_timeline_is_the_frame_that_it_marks():
    changed = np.zeros((24, 2), bool)
    changed[:, 0] = changed[[0, 9], 1] = True
    surprise = np.full((24, 2), np.nan)
    surprise[1:, 1] = -4.0
    surprise[9, 1] = 16.0
    drawn = timeline(FRAMES, changed, surprise, first=0, chosen=9, other=20)
    assert drawn.shape[1] == WIDTH and drawn.dtype == np.uint8
    places = np.flatnonzero(where_is(drawn.astype(int), canvas.INK).sum(0) > 100)
    assert {frame_at(x, 24) for x in places} == {9}
    assert (frame_at(0, 24), frame_at(WIDTH, 24)) == (0, 23)
    amber = where_is(drawn.astype(int), canvas.LEVELS[1])
    # The band of level 2 has its own colour before the change, a paler one after it.
    band = np.flatnonzero(amber.sum(1) > 300)
    shown = {frame_at(x, 24) for x in np.flatnonzero(amber[band[0] + 2])}
    assert {0, 8} <= shown and not shown & {11, 19, 23}
    bars = amber[band[-1] + 2 :].sum(0)
    assert {frame_at(x, 24) for x in np.flatnonzero(bars)} == {9}
    assert LEFT + RIGHT < WIDTH


def test_a_row_of_frames_enlarges_pixels_and_nothing_else():
    row = np.asarray(Image.open(io.BytesIO(frame_row(FRAMES[:3], ["a", "b", "c"], level=2))))
    height = row.shape[0] - canvas.LINE - 2 * canvas.BORDER
    scale = height // 16
    corner = canvas.LINE + canvas.BORDER
    first = row[corner : corner + height : scale, canvas.BORDER :][:, : 16 * scale : scale]
    assert np.array_equal(first, FRAMES[0])
    assert where_is(row.astype(int), canvas.LEVELS[1]).any()
    assert not where_is(row[:, : row.shape[1] // 3].astype(int), canvas.LEVELS[1]).any()
