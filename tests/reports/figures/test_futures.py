from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import ImageColor

from dlh.reports.figures import canvas
from dlh.reports.figures.futures import still_grid, tile_futures
from pictures import pixels
from refusals import refused

CONTEXT, HORIZON = 4, 6
COLOURS = ((250, 0, 0), (0, 250, 0), (0, 0, 250))


def flat(
    length: int, colour: tuple[int, int, int], height: int = 16, width: int = 16
) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (length, height, width, 3)).copy()


def futures(count: int = 3, **size: int) -> np.ndarray:
    return np.stack([flat(HORIZON, COLOURS[index % 3], **size) for index in range(count)])


def count_of(frame: np.ndarray, colour: tuple[int, int, int] | str) -> int:
    rgb = ImageColor.getrgb(colour) if isinstance(colour, str) else colour
    return int((frame == rgb).all(2).sum())


def test_the_film_shows_the_context_in_every_panel_and_then_each_future_in_its_own():
    context, truth = flat(CONTEXT, (200, 200, 0)), flat(HORIZON, (0, 200, 200))
    film = tile_futures(futures(), context=context, truth=truth, panel=64)
    assert len(film) == CONTEXT + HORIZON
    panel = 64 * 64
    watching, predicting = film[CONTEXT - 1], film[CONTEXT]
    assert count_of(watching, (200, 200, 0)) == 4 * panel
    assert count_of(predicting, (200, 200, 0)) == 0
    for colour in (*COLOURS, (0, 200, 200)):
        assert count_of(watching, colour) == 0
        assert count_of(predicting, colour) == panel


def test_borders_tell_what_was_observed_from_what_was_predicted():
    film = tile_futures(futures(2), context=flat(CONTEXT, (9, 9, 9)), panel=64)
    border = 2 * 3 * (4 * 64 + 4 * 3)  # two panels, three pixels all around
    assert count_of(film[0], canvas.FAINT) >= border > count_of(film[0], canvas.MODEL)
    assert count_of(film[CONTEXT], canvas.MODEL) >= border > count_of(film[CONTEXT], canvas.FAINT)


def test_the_truth_keeps_a_border_of_its_own():
    context, truth = flat(CONTEXT, (9, 9, 9)), flat(HORIZON, (8, 8, 8))
    frame = tile_futures(futures(1), context=context, truth=truth, panel=64)[-1]
    assert count_of(frame, canvas.INK) >= 3 * (4 * 64 + 4 * 3)


def test_a_sampled_event_leaves_a_stroke_from_its_frame_on():
    changed = torch.zeros(1, HORIZON, dtype=torch.bool)
    changed[0, 2] = True
    film = tile_futures(futures(1), context=flat(CONTEXT, (9, 9, 9)), changed=changed)
    strokes = [count_of(frame, canvas.TRUTH) > 0 for frame in film]
    assert strokes == [False] * (CONTEXT + 2) + [True] * (HORIZON - 2)


def test_the_bar_of_time_grows_with_every_frame():
    film = tile_futures(futures(1), context=flat(CONTEXT, (9, 9, 9)))
    left = [count_of(frame[-40:], canvas.WASH) for frame in film]
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == len(left)
    assert left[-1] == 0


def test_the_film_is_like_an_array_of_even_size_that_can_be_sliced_and_stacked():
    film = tile_futures(futures(3, height=15, width=17), context=flat(CONTEXT, (1, 2, 3), 15, 17))
    frames = np.stack(list(film))
    assert frames.shape == film.shape == (len(film), *film[0].shape)
    assert frames.dtype == film.dtype == np.uint8
    assert frames.ndim == film.ndim
    assert film.shape[1] % 2 == film.shape[2] % 2 == 0
    assert np.array_equal(film[-1], frames[-1])
    assert np.array_equal(np.stack(film[2:5]), frames[2:5])
    with pytest.raises(IndexError):
        film[len(film)]


def test_frames_are_enlarged_by_whole_numbers_and_nearest_neighbours():
    context = flat(1, (0, 0, 0))
    context[0, 3, 5] = (255, 0, 255)
    frame = tile_futures(futures(1), context=context, panel=70)[0]
    rows, columns = np.nonzero((frame == (255, 0, 255)).all(2))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (4, 4)  # 70 / 16 is about 4
    assert len(rows) == 16


def test_grey_frames_are_shown_as_grey():
    grey = np.full((2, HORIZON, 16, 16, 1), 77, np.uint8)
    frame = tile_futures(grey, context=grey[0, :CONTEXT], panel=64)[0]
    assert count_of(frame, (77, 77, 77)) == 2 * 64 * 64


def test_many_panels_make_about_a_screen():
    context = flat(1, (0, 0, 0))
    for count in (1, 4, 6, 12):
        _, height, width, _ = tile_futures(futures(count), context=context).shape
        assert 0.5 < width / height < 3.5


def test_the_still_has_a_row_per_future_and_a_column_per_step():
    context, truth = flat(CONTEXT, (200, 200, 0)), flat(HORIZON, (0, 200, 200))
    sheet = pixels(still_grid(futures(2), context=context, truth=truth, steps=(1, 3, 6), panel=32))
    panel = 32 * 32
    assert count_of(sheet, (0, 200, 200)) == 3 * panel
    assert count_of(sheet, COLOURS[0]) == count_of(sheet, COLOURS[1]) == 3 * panel
    assert count_of(sheet, (200, 200, 0)) == 3 * 2 * panel


def test_the_still_shows_the_asked_step_counted_from_one():
    samples = futures(1)
    samples[0, 4] = (1, 2, 3)
    context = flat(CONTEXT, (9, 9, 9))
    shown = pixels(still_grid(samples, context=context, steps=(5,), panel=32))
    assert count_of(shown, (1, 2, 3)) == 32 * 32
    hidden = pixels(still_grid(samples, context=context, steps=(4, 6), panel=32))
    assert count_of(hidden, (1, 2, 3)) == 0


@pytest.mark.parametrize("horizon", [1, 2, 7, 300])
def test_the_still_works_without_a_truth_for_any_horizon_and_context(horizon: int):
    samples = np.zeros((9, horizon, 16, 16, 1), np.uint8)
    for steps in (1, 2, 30):
        sheet = pixels(still_grid(samples, context=np.zeros((steps, 16, 16, 1), np.uint8)))
        assert sheet.shape[0] < 800 and sheet.shape[1] < 1400
        assert count_of(sheet, canvas.MODEL) > 0


@pytest.mark.parametrize(
    "changes, found",
    [
        ({"samples": np.zeros((2, 3, 8, 8, 3))}, ("float64",)),
        ({"samples": futures()[:0]}, (0,)),
        ({"context": flat(2, (0, 0, 0), 8, 16)}, ((16, 16, 3), (8, 16, 3))),
        ({"truth": flat(3, (0, 0, 0))}, (6, 3)),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict, found: tuple):
    request = {"samples": futures(), "context": flat(2, (0, 0, 0))} | changes
    samples = request.pop("samples")
    for draw in (tile_futures, still_grid):
        with refused(ValueError, *found):
            draw(samples, **request)


def test_sampled_changes_and_steps_are_checked():
    context = flat(2, (0, 0, 0))
    with refused(ValueError, (3, 6), (3, 5)):
        tile_futures(futures(), context=context, changed=np.zeros((3, 5), bool))
    for steps in ((0,), (7,), ()):
        with refused(ValueError, 1, 6, steps):
            still_grid(futures(), context=context, steps=steps)
