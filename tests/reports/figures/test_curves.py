from __future__ import annotations

import sys

import matplotlib
import numpy as np
import pytest
import torch

from dlh.reports.figures import canvas, curves
from dlh.reports.figures.canvas import MODEL
from dlh.reports.figures.curves import (
    Line,
    ModelsPanel,
    ScorePanel,
    draw_best_of,
    draw_curves,
    draw_lines,
    draw_models,
    draw_score_curves,
    name_ends,
    psnr_figure,
)
from pictures import pixels, where_is
from refusals import refused

FLOORS = {"black frame": [14.0] * 40, "mean frame": [15.0] * 40, "last frame": [12.0] * 40}


def height_of(picture: np.ndarray, colour: str, share: float) -> float:
    """The mean row of a colour in a band of columns, a share of the way from left to right."""
    left = round(share * picture.shape[1])
    return float(np.nonzero(where_is(picture, colour, 12)[:, left : left + 30])[0].mean())


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
        where_is(draw_psnr(samples=1), canvas.MODEL, 12).sum()
        < where_is(draw_psnr(samples=8), canvas.MODEL, 12).sum()
    )


def test_tensors_short_horizons_and_no_floors_are_drawn():
    for horizon in (1, 2, 40):
        curve = torch.full((horizon,), 20.0)
        picture = draw_psnr(best=curve, mean=curve, floors={}, window=horizon)
        assert where_is(picture, canvas.MODEL, 12).sum() > 50


def test_curves_of_different_lengths_are_refused():
    with refused(ValueError, 39, 40):
        draw_psnr(best=[1.0] * 39)
    with refused(ValueError, (2, 40)):
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
        assert where_is(panel, canvas.MODEL, 12).sum() > 100
        assert where_is(panel, canvas.TRUTH, 12).sum() > 100
    assert where_is(picture[height:, :width], canvas.LEVELS[1], 12).sum() > 100


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
    assert where_is(pixels(draw_curves(rows)), canvas.MODEL, 12).any()
    assert where_is(pixels(draw_curves([training_row(5, levels=7)])), canvas.MODEL, 12).any()


def test_nothing_to_draw_is_an_error_that_says_what_was_looked_for():
    with refused(ValueError, 1, "loss"):
        draw_curves([{"step": 3, "seconds": 1.0}])


def test_neither_windows_nor_global_settings_are_touched(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it is an error now
    before = dict(matplotlib.rcParams)
    draw_psnr()
    draw_curves([training_row(1), training_row(2)])
    assert dict(matplotlib.rcParams) == before


def panel(**changes) -> ScorePanel:
    curve = np.linspace(20, 10, 30)
    settings = {"title": "PSNR, dB", "best": curve, "mean": curve - 2, "floors": {}}
    return ScorePanel(**settings | changes)


def test_a_panel_for_each_metric_and_the_same_bytes_for_the_same_curves():
    one, two = (draw_score_curves([panel()] * count, samples=7) for count in (1, 2))
    assert pixels(two).shape[0] > pixels(one).shape[0] and pixels(two).shape[1] == 1650
    assert one == draw_score_curves([panel()], samples=7)
    blue = tuple(int(MODEL[at : at + 2], 16) for at in (1, 3, 5))
    assert (pixels(one) == blue).all(-1).any()


def test_lines_are_the_models_and_the_floors_with_their_names(monkeypatch):
    seen = []
    monkeypatch.setattr(curves, "name_ends", lambda axes, lines, samples: seen.append(lines))
    floors = {"black frame": [14.0] * 30, "mean frame": [15.0] * 30}
    draw_score_curves([panel(floors=floors), panel(best=None)], samples=7)
    draw_best_of([panel()])
    assert list(seen[0]) == ["best of 7", "average future", "black frame", "mean frame"]
    assert seen[0]["best of 7"].values[0] == 20 and seen[0]["best of 7"].steps[-1] == 30
    assert list(seen[1]) == ["average future"]
    assert list(seen[2]) == ["best of K", "average future"]


def test_names_of_lines_that_end_low_stay_above_the_axis_and_apart():
    axes = canvas.panel(canvas.new_figure(11.0, 4.0), 0.75, 1.0, 8.0, 2.1)
    ends = [0.0, 0.001, 0.002, 0.003, 0.5, 1.0]
    lines = {f"{end:g}": Line(np.arange(2), np.array([1.0, end]), MODEL) for end in ends}
    draw_lines(axes, lines)
    name_ends(axes, lines)
    shares = [text.get_position()[1] for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == list(lines)
    assert min(shares) >= 0
    assert min(np.diff(shares)) > 0.9 * 9 * 1.25 / 72 / 2.1  # the height of a line of text


def test_steps_and_samples_are_counted_in_whole_numbers(monkeypatch):
    ticks = []

    def read(axes, lines, samples):
        ticks.extend(axes.xaxis.get_major_locator()())

    monkeypatch.setattr(curves, "name_ends", read)
    for length in (2, 3, 20):
        draw_best_of([panel(best=np.ones(length), mean=np.ones(length))])
    assert ticks and all(float(tick).is_integer() for tick in ticks)


def test_a_floor_far_from_all_models_does_not_flatten_them(monkeypatch):
    shown = []
    monkeypatch.setattr(curves, "name_ends", lambda axes, lines, samples: shown.append(axes))
    models = {"a": [0.8, 0.7], "b": [0.9, 0.9]}
    floors = {"near": [0.6, 0.6], "far": [0.1, 0.1]}
    draw_models([ModelsPanel(title="SSIM", models=models, floors=floors)])
    low, high = shown[0].get_ylim()
    assert 0.5 < low < 0.6 and 0.9 < high < 1.0  # models span .7 to .9, so .5 is the furthest


def test_a_curve_of_several_axes_is_refused():
    with refused(ValueError, (2, 3)):
        draw_score_curves([panel(mean=np.zeros((2, 3)))], samples=1)
