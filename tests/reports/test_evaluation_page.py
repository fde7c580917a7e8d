from __future__ import annotations

import base64
from typing import Any

import pytest

from dlh.evaluation.results import NAMES
from dlh.evaluation.rows import FLOORS, MODEL, ORACLE
from dlh.evaluation.scoring import DIVERSITY, ENERGY
from dlh.reports.evaluation import render_page, write_markdown
from page_text import Page, check_alone, check_golden

PICTURES = {"per_frame": b"per frame", "best_of": b"best of"}
STRIPS = [("The best clip, number 3: PSNR 21.50 dB", b"strip")]


def entry(best: float | None, **more: Any) -> dict[str, Any]:
    """A cell of scores.json."""
    if best is None:
        return {"best": None, "mean": None, "ci_low": None, "ci_high": None, "spread": 0.0, **more}
    ends = {"ci_low": best - 0.1, "ci_high": best + 0.1}
    return {"best": best, "mean": best - 0.05, **ends, "spread": 0.02, **more}


def scores() -> dict[str, Any]:
    """An evaluation in which the model is above all floors in PSNR and below two in SSIM."""
    unknown = {"fvd": entry(None, not_computed="its weights are not here")}
    rows = {
        name: {"psnr": entry(psnr), "ssim": entry(ssim), "ssim_legacy": entry(ssim),
               "lpips": entry(1 - ssim), **unknown}
        for name, psnr, ssim in (
            (MODEL, 21.5, 0.7), ("black", 16.0, 0.5), ("mean_frame", 17.0, 0.8),
            ("last_frame", 18.0, 0.75), ("other_clip", 15.0, 0.4), (ORACLE, 100.0, 1.0),
        )
    }  # fmt: skip
    why = "the file has no other clips"
    rows["best_of_other_clips"] = {name: entry(None, not_computed=why) for name in NAMES}
    nothing = {"best": [], "mean": []}
    poor = {"best": ["mean_frame", "last_frame"], "mean": ["mean_frame", "last_frame"]}
    below = {"psnr": nothing, "ssim": poor, "ssim_legacy": poor, "lpips": poor, "fvd": nothing}
    three = {"precision": 0.9, "recall": 0.8, "f1": 0.847}
    return {
        "protocol": {
            "name": "demo",
            "model": {"name": "runs/demo", "sha256": "ab" * 32},
            "data": {"name": "moving-ball", "split": "test", "clips": 64,
                     "manifest_sha256": "cd" * 32, "truth_sha256": "ef" * 32},
            "context": 30, "horizon": 100, "samples": 16, "samples_per_draw": 8, "seed": 0,
            "best_of": "chosen by the mean over all frames", "clipping": "to [0, 1]",
            "coverage": 0.95, "resamples": 1000,
            "metrics": [{"name": "psnr", "parameters": {"range": 1}}],
            "software": {"dlh": "0.1.0"},
        },
        "rows": rows,
        "samples": {MODEL: 16, **dict.fromkeys(FLOORS, 1), ORACLE: 1},
        "distribution": {MODEL: {ENERGY: {"mean": 0.05}, DIVERSITY: {"mean": 0.031}}},
        "below": {**below, ENERGY: {"mean": ["last_frame"]}},
        "events": {
            "true_change_rate": 0.25, "best_level": 2, "every_frame": three,
            "levels": [
                {"level": level, "rate": rate, "tolerance": {"0": three, "1": three}}
                for level, rate in ((1, 1.0), (2, 0.24))
            ],
        },
    }  # fmt: skip


def test_golden_text_of_the_page():
    page = check_alone(render_page(scores(), pictures=PICTURES, strips=STRIPS))
    check_golden("evaluation", page.text)


def test_golden_text_of_the_table_in_markdown():
    check_golden("evaluation-scores", write_markdown(scores()))


def test_every_picture_is_inside_with_a_caption():
    page = Page(render_page(scores(), pictures=PICTURES, strips=STRIPS))
    images = page.all("img")
    found = [base64.b64decode(image["src"].split(",")[1]) for image in images]
    assert found == [*PICTURES.values(), b"strip"]
    assert all(image["alt"] for image in images) and len(page.all("figcaption")) == 3


def test_what_is_not_known_is_left_out():
    known = scores()
    del known["events"]
    page = Page(render_page(known, pictures={}, strips=[]))
    assert not page.all("img") and not page.all("figure")
    assert len(page.all("h2")) == 3


def test_a_metric_below_a_floor_is_marked_as_poor():
    html = render_page(scores(), pictures={}, strips=[])
    assert html.count("tile good") == 1 and html.count("tile poor") == 3
    assert html.count("verdict poor") == 4  # and the energy score


@pytest.mark.parametrize("place", ["model", "data"])
def test_names_are_escaped(place: str):
    known, evil = scores(), "<script>alert('&')</script>\""
    known["protocol"][place]["name"] = evil
    html = render_page(known, pictures={}, strips=[(evil, b"png")])
    assert "<script" not in html and evil in Page(html).text
