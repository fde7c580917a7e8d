from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from dlh import DLH
from dlh.data.encode import write_video
from dlh.experiments.analyse.compute import AnalysisConfig
from dlh.experiments.presets import tiny
from dlh.model import DLHConfig, DynamicLatentHierarchy
from small_models import lively_model
from tiny_run import ball_frames

LITTLE = [
    *("--clips", "5", "--futures-clips", "2"),
    *("--context", "6", "--horizon", "9", "--samples", "3"),
]


@pytest.fixture(autouse=True)
def few_resamplings(monkeypatch):
    monkeypatch.setitem(AnalysisConfig.__init__.__kwdefaults__, "traced_steps", 15)
    monkeypatch.setattr("dlh.experiments.analyse.levels.MOMENTS", 4)
    monkeypatch.setattr("dlh.experiments.analyse.levels.RESAMPLINGS", 3)
    monkeypatch.setattr("dlh.analysis.figures.canvas.DOTS_PER_INCH", 40)


@pytest.fixture
def no_figures(monkeypatch):
    """Most of an analysis of a tiny model is drawing."""
    monkeypatch.setattr("dlh.experiments.analyse.command.figures", lambda findings: {})


@pytest.fixture(scope="module")
def changing(finished, tmp_path_factory) -> Path:
    """The finished run with weights of which level 2 often changes."""
    import torch

    folder = tmp_path_factory.mktemp("changing") / "run"
    shutil.copytree(finished, folder)
    config = tiny().model
    model = DynamicLatentHierarchy(config)
    model.load_state_dict(lively_model(config, seed=1).to(torch.float32).state_dict())
    DLH(model).save_pretrained(folder)
    return folder


def read(folder: Path) -> dict:
    return json.loads((folder / "analysis.json").read_text("utf-8"))


def test_an_analysis_is_a_page_numbers_and_figures(dlh, changing):
    answer = dlh("analyse", changing, "--out", "found", *LITTLE)
    assert (answer.status, answer.err) == (0, ""), answer.err
    found = read(Path("found"))
    assert (found["clips"], found["steps"], found["split"]) == (5, 15, "test")
    assert found["left_out"] == {}
    names = {path.stem for path in Path("found/figures").glob("*.png")}
    assert names == {
        "levels", "events", "reliability", "exchanged", "rolled", "futures", "tracking", "psnr",
    }  # fmt: skip
    for name in names:
        assert Path(f"found/figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert Path(f"found/figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    page = Path("found/analysis.html").read_text("utf-8")
    assert page.count("<img") == len(names)
    assert not re.search(r'(src|href)="(?!data:)', page)
    depth = found["depth"]
    rates = [level["change_rate"] for level in found["levels"]]
    assert depth["mean_depth"]["mean"] == pytest.approx(sum(rates))
    assert depth["mean_depth_with_first"]["mean"] == pytest.approx((14 * sum(rates) + 2) / 15)
    nats = sum(level["state_kl"]["mean"] for level in found["levels"])
    assert depth["total_state_kl"]["mean"] == pytest.approx(nats, rel=1e-5)
    for value in (depth["mean_depth"]["mean"], rates[1], found["events"]["f1"]):
        assert f"{value:.3f}" in page
    foresight = found["foresight"]
    assert foresight["knows_bounces"]["true_change"]["mean"] == 1
    assert foresight["closed_form"]["true_change"] == 1
    assert foresight["knows_past"]["true_change"]["mean"] < 1
    assert foresight["model"]["inferred_change"]["count"] == round(rates[1] * 5 * 14)
    assert sum(found["reliability"]["true_changes"]["counts"]) == 5 * 14
    futures = found["futures"]
    assert (futures["clips"], futures["samples"], futures["horizon"]) == (2, 3, 9)
    assert len(futures["psnr_curve"]["best"]) == len(futures["tracking"]["still_there_best"]) == 9
    assert "open found/analysis.html" in answer.out


def test_the_same_analysis_gives_the_same_numbers_in_the_runs_folder(dlh, changing, no_figures):
    shutil.copytree(changing, "run")
    assert dlh("analyse", "run", *LITTLE).status == 0
    first = read(Path("run/analysis"))
    assert dlh("analyse", "run", *LITTLE, "--out", "again").status == 0
    assert read(Path("again")) == first
    assert dlh("analyse", "run", *LITTLE, "--out", "other", "--seed", 1).status == 0
    assert read(Path("other"))["futures"] != first["futures"]


def test_a_model_of_one_level_on_other_videos_says_what_does_not_apply(dlh, monkeypatch):
    monkeypatch.setattr("dlh.analysis.figures.canvas.pdf_bytes", lambda figure: b"")  # it is slow
    config = DLHConfig(height=16, width=16, num_levels=1, convolution_channels=(2, 2, 2, 2))
    DLH(DynamicLatentHierarchy(config)).save_pretrained("one")
    Path("videos").mkdir()
    for number in range(6):
        write_video(f"videos/{number}.mp4", ball_frames(20, clip=number), fps=10)
    answer = dlh("analyse", "one", "--data", "videos", *LITTLE)
    assert answer.status == 0, answer.err
    found = read(Path("one/analysis"))
    assert set(found["left_out"]) == {
        "events, p(change) and reliability",
        "ideal observers, the ball's colour and place",
    }
    assert not {"events", "foresight", "reliability"} & set(found)
    assert not {"world", "tracking"} & set(found["futures"])
    assert {p.stem for p in Path("one/analysis/figures").glob("*.png")} == {
        "levels", "exchanged", "rolled", "futures", "psnr",
    }  # fmt: skip
    page = Path("one/analysis/analysis.html").read_text("utf-8")
    assert "the model has one level, which changes at every frame" in page
    assert "left out: ideal observers" in answer.out


def test_two_levels_on_videos_have_foresight_but_no_truth(dlh, changing, no_figures):
    Path("videos").mkdir()
    for number in range(6):
        write_video(f"videos/{number}.mp4", ball_frames(20, clip=number), fps=10)
    answer = dlh("analyse", changing, "--data", "videos", "--out", "found", *LITTLE)
    assert answer.status == 0, answer.err
    found = read(Path("found"))
    assert set(found["foresight"]) == {"model"} and "true_change" not in found["foresight"]["model"]
    assert set(found["reliability"]) == {"inferred_changes"} and "events" not in found
    assert "true_change_rate" not in found["depth"]
    assert "does not know when something changes" in str(found["left_out"])


def test_moving_ball_by_name_for_a_model_that_does_not_say(dlh, changing, no_figures):
    DLH.from_pretrained(changing).save_pretrained("bare")
    answer = dlh("analyse", "bare", "--data", "moving-ball", *LITTLE)
    assert answer.status == 0, answer.err
    assert read(Path("bare/analysis"))["depth"]["true_change_rate"] > 0


def test_without_matplotlib_there_are_numbers_and_a_page(dlh, changing, monkeypatch):
    import sys

    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    answer = dlh("analyse", changing, "--out", "found", *LITTLE)
    assert answer.status == 0 and "warning: no figures: drawing needs matplotlib" in answer.err
    assert read(Path("found"))["clips"] == 5 and Path("found/analysis.html").exists()
    assert not Path("found/figures").exists()


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("run --samples 0", 2, "samples is at least 1, found 0"),
        ("run --seed -1", 2, "seed is at least 0, found -1"),
        ("bare", 2, "bare does not say what it was trained on; say on which clips with --data"),
        ("large --data moving-ball", 2, "no preset has a Moving Ball of 3 x 48 x 48"),
        ("run --data missing", 1, "missing"),
        ("run --data moving-mnist", 2, "Moving MNIST has 1 channel of 64 x 64"),
        ("run --data one.mp4", 1, "has no held-out clips of 10 frames"),
        ("nothing", 1, "there is no folder 'nothing'"),
    ],
)
def test_what_cannot_be_is_one_line(dlh, changing, words, status, said):
    shutil.copytree(changing, "run")
    DLH.from_pretrained(changing).save_pretrained("bare")
    config = DLHConfig(height=48, width=48, num_levels=1, convolution_channels=(2, 2, 2, 2))
    DLH(DynamicLatentHierarchy(config)).save_pretrained("large")
    write_video("one.mp4", np.asarray(ball_frames(20)), fps=10)
    answer = dlh("analyse", *words.split())
    assert answer.status == status and said in answer.line
    assert not list(Path().rglob("analysis.*"))
