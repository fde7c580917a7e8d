from __future__ import annotations

from pathlib import Path

from dlh.runs.summary import describe

PSNR = {"model_best": 20.0, "model_mean": 18.0, "black": 17.0, "mean_frame": 16.0}


def test_a_summary_in_lines_says_what_was_measured_and_no_more():
    whole = {
        "steps": 3,
        "seconds": {"train": 61.4, "validation": 1.0},
        "clips": 64,
        "mean_depth": 1.21,
        "events": {"precision": 0.91, "recall": 0.95},
        "true_change_rate": 0.2,
        "window": 20,
        "samples": 16,
        "psnr": PSNR,
    }
    assert list(describe(whole, Path("runs/a"))) == [
        "events:  precision 0.910, recall 0.950 of level 2 against the true events, on 64 "
        "held-out clips",
        "depth:   1.210 levels change at a step; 1 + the true change rate is 1.200",
        "future:  PSNR 20.0 dB over 20 frames, best of 16 (average 18.0); floors: "
        "black 17.0, mean frame 16.0",
        "trained in 61 s; open runs/a/report.html",
    ]
    works_not = {**whole, "dead_levels": [3, 4], "restless_levels": [2]}
    assert list(describe(works_not, Path("runs/a")))[2:4] == [
        "levels:  3 and 4 never changed on held-out clips",
        "levels:  2 always changed on held-out clips",
    ]
    for name in ("events", "true_change_rate"):
        del whole[name]
    assert next(describe(whole, Path("runs/a"))) == "depth:   1.210 levels change at a step"
    nothing = {"steps": 3, "seconds": {"train": 61.4, "validation": 0.0}}
    assert list(describe(nothing, Path("runs/a"))) == [
        "nothing was measured, because there are no held-out clips",
        "trained in 61 s; open runs/a/report.html",
    ]
