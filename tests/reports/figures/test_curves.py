from __future__ import annotations

import io
import sys

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from dlh.reports.figures import canvas
from dlh.reports.figures.curves import draw_curves, psnr_figure

FLOORS = {"black frame": [14.0] * 40, "mean frame": [15.0] * 40, "last frame": [12.0] * 40}


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def where_is(picture: np.ndarray, colour: str, tolerance: int = 12) -> np.ndarray:
    return (abs(picture - ImageColor.getrgb(colour)) <= tolerance).all(2)


def height_of(picture: np.ndarray, colour: str, share: float) -> float:
    """The mean row of a colour in a band of columns, a share of the way from left to right."""
    left = round(share * picture.shape[1])
    return float(np.nonzero(where_is(picture, colour)[:, left : left + 30])[0].mean())


def draw_psnr(**changes) -> np.ndarray:
    request = {
        "best": np.linspace(28, 18, 40),
        "mean": np.linspace(26, 14, 40),
        "floors": FLOORS,
        "window": 20,
        "samples": 8,
    } | changes
    return pixels(canvas.png_bytes(psnr_figure(**request)))


def test_the_best_future_falls_and_a_floor_stays_where_it_is():
    picture = draw_psnr(floors={"black frame": [14.0] * 40}, mean=[14.0] * 40, samples=1)
    assert height_of(picture, canvas.MODEL, 0.2) < height_of(picture, canvas.MODEL, 0.7) - 50
    floor = [height_of(picture[110:560], canvas.QUIET, share) for share in (0.4, 0.7)]
    assert floor[0] == pytest.approx(floor[1], abs=4)


def test_the_window_is_shaded_as_far_as_it_reaches():
    picture = draw_psnr(window=20)
    middle = picture.shape[0] // 2
    shaded = np.flatnonzero(where_is(picture[middle : middle + 1], canvas.WASH, 2)[0])
    plot = (0.75 * 150, (11.0 - 1.5) * 150)
    assert shaded.min() == pytest.approx(plot[0], abs=8)
    assert shaded.max() == pytest.approx((plot[0] + plot[1]) / 2, abs=8)


def test_one_sample_has_no_average_beside_it():
    assert (
        where_is(draw_psnr(samples=1), canvas.MODEL).sum()
        < where_is(draw_psnr(samples=8), canvas.MODEL).sum()
    )


def test_tensors_short_horizons_and_no_floors_are_drawn():
    for horizon in (1, 2, 40):
        curve = torch.full((horizon,), 20.0)
        picture = draw_psnr(best=curve, mean=curve, floors={}, window=horizon)
        assert where_is(picture, canvas.MODEL).sum() > 50


def test_curves_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"found lengths \[39, 40\]"):
        draw_psnr(best=[1.0] * 39)
    with pytest.raises(ValueError, match=r"shape \(2, 40\)"):
        draw_psnr(best=np.zeros((2, 40)))


def training_row(step: int, levels: int = 2) -> dict[str, float]:
    row = {"step": step, "loss": 3000 + 500 / step, "reconstruction": -2990.0, "event_kl": 0.1}
    row |= {f"state_kl.L{level}": 9.0 / level + 3 / step for level in range(1, levels + 1)}
    return row | {"mean_depth": 1.2 + 1 / step}


def validation_row(step: int) -> dict[str, float]:
    return {
        "step": step,
        "validation.elbo": -3001.0,
        "validation.mean_depth": 1.2,
        "validation.events.precision": 0.9,
        "validation.events.recall": 0.5,
        "validation.true_change_rate": 0.2,
    }


def test_all_that_a_run_measures_is_drawn():
    rows = [training_row(step) for step in range(10, 500, 10)]
    rows += [validation_row(step) for step in (100, 200, 300)]
    picture = pixels(draw_curves(rows))
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    for panel in (picture[:height, :width], picture[:height, width:], picture[height:, width:]):
        assert where_is(panel, canvas.MODEL).sum() > 100
        assert where_is(panel, canvas.TRUTH).sum() > 100
    assert where_is(picture[height:, :width], canvas.LEVELS[1]).sum() > 100


def test_precision_is_drawn_above_a_lower_recall():
    picture = pixels(draw_curves([validation_row(step) for step in (1, 2, 3)]))
    panel = picture[:, : picture.shape[1] // 2]
    assert height_of(panel, canvas.MODEL, 0.4) < height_of(panel, canvas.TRUTH, 0.4) - 50


def test_a_panel_without_values_takes_no_room():
    alone = pixels(draw_curves([{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}]))
    both = pixels(draw_curves([training_row(step) for step in (1, 2, 3)]))
    assert alone.shape[0] < both.shape[0]


def test_null_values_and_a_single_line_do_not_stop_the_picture():
    rows = [{"step": 1, "loss": None}, {"step": 2, "loss": 5.0}, {"step": 3, "seconds": 4.0}]
    assert where_is(pixels(draw_curves(rows)), canvas.MODEL).any()
    assert where_is(pixels(draw_curves([training_row(5, levels=7)])), canvas.MODEL).any()


def test_a_level_that_says_nothing_is_drawn_at_zero():
    rows = [training_row(step) | {"state_kl.L2": 0.0, "state_kl.L1": 0.0} for step in (1, 2, 3)]
    assert pixels(draw_curves(rows)).size


def test_nothing_to_draw_is_an_error_that_says_what_was_looked_for():
    with pytest.raises(ValueError, match="none of the 1 lines holds a step and one of loss"):
        draw_curves([{"step": 3, "seconds": 1.0}])


def test_neither_windows_nor_global_settings_are_touched(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it is an error now
    before = dict(matplotlib.rcParams)
    draw_psnr()
    draw_curves([training_row(1), training_row(2)])
    assert dict(matplotlib.rcParams) == before
