from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dlh.reports.figures import curves
from dlh.reports.figures.canvas import MODEL
from dlh.reports.figures.curves import ScorePanel, draw_best_of, draw_score_curves


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


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
    monkeypatch.setattr(curves, "name_ends", lambda axes, lines: seen.append(lines))
    floors = {"black frame": [14.0] * 30, "mean frame": [15.0] * 30}
    draw_score_curves([panel(floors=floors), panel(best=None)], samples=7)
    draw_best_of([panel()])
    assert list(seen[0]) == ["best of 7", "average future", "black frame", "mean frame"]
    assert seen[0]["best of 7"].values[0] == 20 and seen[0]["best of 7"].steps[-1] == 30
    assert list(seen[1]) == ["average future"]
    assert list(seen[2]) == ["best of K", "average future"]


def test_steps_and_samples_are_counted_in_whole_numbers(monkeypatch):
    ticks = []
    monkeypatch.setattr(
        curves, "name_ends", lambda axes, lines: ticks.extend(axes.xaxis.get_major_locator()())
    )
    for length in (2, 3, 20):
        draw_best_of([panel(best=np.ones(length), mean=np.ones(length))])
    assert ticks and all(float(tick).is_integer() for tick in ticks)


def test_a_curve_of_several_axes_is_refused():
    with pytest.raises(ValueError, match=r"one value per predicted step, found shape \(2, 3\)"):
        draw_score_curves([panel(mean=np.zeros((2, 3)))], samples=1)
