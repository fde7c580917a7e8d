"""The figures of an analysis as objects: what they say and what their axes show."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from dlh.reports.figures import canvas
from dlh.reports.figures.curves import psnr_figure
from dlh.reports.figures.rollouts import rollouts_figure
from dlh.reports.figures.statistics import levels_figure

STEPS = 60


def psnr(last: np.ndarray):
    fall = np.exp(-np.arange(STEPS) / 20)
    return psnr_figure(
        best=15 + 10 * fall,
        mean=14 + 8 * fall,
        floors={
            "black frame": np.full(STEPS, 16.9),
            "mean frame": np.full(STEPS, 17.0),
            "last frame": last,
        },
        window=STEPS,
        samples=8,
    )


def said(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def style(line) -> tuple[str, str, float]:
    return line.get_color(), repr(line._unscaled_dash_pattern), line.get_linewidth()


def test_a_still_frame_that_is_right_for_a_step_does_not_stretch_the_axis_of_psnr():
    last = np.full(STEPS, 15.0)
    last[[20, 40, -1]] = 52, 100, 60
    (axes,) = psnr(last).axes
    low, high = axes.get_ylim()
    assert 13 < low < 14.4 and 25 < high < 28
    # The band goes from where the last frame usually is to the mean frame.
    lowest, highest = (line.get_ydata() for line in axes.get_lines()[2:4])
    assert (lowest == 15.0).all() and (highest == 17.0).all()


def test_a_floor_that_stays_high_for_longer_raises_the_band():
    last = np.full(STEPS, 15.0)
    last[20:40] = 24
    (axes,) = psnr(last).axes
    highest = axes.get_lines()[3].get_ydata()
    assert (highest[22:38] == 24).all() and (highest[:15] == 17).all()
    assert {"lowest floor", "highest floor"} <= set(said(axes))


def test_every_line_of_psnr_has_a_style_of_its_own_which_is_shown_at_its_name():
    (axes,) = psnr(np.full(STEPS, 15.0)).axes
    lines = axes.get_lines()
    assert len(lines) == 8
    drawn = {style(line) for line in lines if len(line.get_xdata()) == STEPS}
    assert len(drawn) == 4
    assert {style(line) for line in lines if len(line.get_xdata()) == 2} == drawn


@pytest.mark.parametrize("rate", [0.2, 0.218, 0.229, 0.231, 0.3])
def test_the_truth_strikes_through_no_label(rate):
    figure = levels_figure(
        change_rates=[1.0, rate], state_kl=[30.0, 6.0], errors=[None, None],
        true_change_rate=0.23, steps=100,
    )  # fmt: skip
    axes = figure.axes[0]
    figure.canvas.draw()
    (label,) = (text for text in axes.texts if text.get_text() == f"{rate:.3f}")
    box = label.get_window_extent().transformed(axes.transData.inverted())
    assert not box.y0 + 0.005 < 0.23 < box.y1 - 0.005, (box.y0, box.y1)


def test_labels_of_five_levels_do_not_meet():
    figure = levels_figure(
        change_rates=[1.0, 0.2, 0.1, 0.1, 0.1], state_kl=[34.5, 34.2, 34.1, 34.3, 34.2],
        errors=[None] * 5, true_change_rate=None, steps=100,
    )  # fmt: skip
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[1].texts]
    assert len(boxes) == 5 and all(a.x1 < b.x0 for a, b in pairwise(boxes))


def futures(**known):
    frames = np.zeros((2, 9, 4, 4, 3), np.uint8)
    return rollouts_figure(frames, truth=frames[0], changed=np.zeros((2, 9), bool), **known)


def test_strokes_of_both_colours_are_explained_within_the_figure():
    colours = {"colours": np.zeros((2, 9, 3)), "true_colours": np.zeros((9, 3))}
    figure = futures(true_changes=np.ones(9, bool), **colours)
    note = figure.texts[1]
    assert "a blue stroke where level 2 was drawn to change" in note.get_text()
    assert "an orange stroke where something did change" in note.get_text()
    figure.canvas.draw()
    assert note.get_window_extent().x1 < figure.bbox.x1
    assert "orange" not in futures(true_changes=None).texts[1].get_text()


def test_a_pdf_has_no_headline_and_is_cut_to_the_rest_and_the_figure_keeps_it():
    figure = futures(true_changes=None)
    before = canvas.png_bytes(figure)
    found = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", canvas.pdf_bytes(figure))
    assert found
    width, height = (72 * size for size in figure.get_size_inches())
    assert float(found[2]) < height - 0.6 * 72 and float(found[1]) <= width
    assert canvas.png_bytes(figure) == before
    headlines = [text for text in figure.texts if text.get_gid() == canvas.HEADLINE]
    assert len(headlines) == 2 and all(text.get_visible() for text in headlines)
