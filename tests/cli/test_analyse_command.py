from __future__ import annotations

import itertools
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlh import DLH
from dlh.analysis.findings import AnalysisConfig
from dlh.data.video.encode import write_video
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy
from dlh.runs.presets import tiny
from refusals import holds
from small_models import lively_model
from tiny_run import ball_frames

LITTLE = [
    *("--clips", "5", "--futures-clips", "2"),
    *("--context", "6", "--horizon", "9", "--samples", "3"),
]


@pytest.fixture(autouse=True)
def few_resamplings(monkeypatch):
    monkeypatch.setitem(AnalysisConfig.__init__.__kwdefaults__, "traced_steps", 15)
    monkeypatch.setattr("dlh.analysis.level_findings.MOMENTS", 4)
    monkeypatch.setattr("dlh.analysis.level_findings.RESAMPLINGS", 3)


@pytest.fixture
def no_figures(monkeypatch):
    """Most of an analysis of a tiny model is drawing."""
    monkeypatch.setattr("dlh.commands.analyse.figures", lambda findings: {})


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
    for level in found["levels"]:  # however little it is, it is not 0.0000
        assert f"{level['pixel_variance']['elsewhere']:.2e}" in page
    assert "px, median over 2 clips, best future" in page
    # Of the paper: Table 2 for two levels, Table 3; its nats are of 100 frames, not of 15.
    assert "<td>1.22 ± 0.05</td>" in page and "<td>0.97</td><td>0.007</td>" in page
    assert "41.9" not in page and "34 - 36" not in page
    by_colour = found["events"]["recalls_by_colour"]
    cycle = ["cyan", "magenta", "yellow", "blue", "red", "green", "cyan"]
    assert set(by_colour) <= {f"{a}_to_{b}" for a, b in itertools.pairwise(cycle)}
    assert min(by_colour.values()) <= found["events"]["recall"] <= max(by_colour.values())
    overlooked = [name.replace("_", " ") for name, recall in by_colour.items() if recall < 0.5]
    assert all(name in answer.out and f"recall of {name}" in page for name in overlooked)
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
    monkeypatch.setattr("dlh.reports.figures.canvas.pdf_bytes", lambda figure: b"")  # it is slow
    config = DLHConfig(height=16, width=16, num_levels=1, convolution_channels=(2, 2, 2, 2))
    DLH(DynamicLatentHierarchy(config)).save_pretrained("one")
    Path("videos").mkdir()
    for number in range(6):
        write_video(f"videos/{number}.mp4", ball_frames(20, clip=number), fps=10)
    answer = dlh("analyse", "one", "--data", "videos", *LITTLE)
    assert answer.status == 0, answer.err
    found = read(Path("one/analysis-videos"))
    assert set(found["left_out"]) == {
        "events, p(change) and reliability",
        "ideal observers, the ball's colour and place",
    }
    assert not {"events", "foresight", "reliability"} & set(found)
    assert not {"world", "tracking"} & set(found["futures"])
    assert {p.stem for p in Path("one/analysis-videos/figures").glob("*.png")} == {
        "levels", "exchanged", "rolled", "futures", "psnr",
    }  # fmt: skip
    page = Path("one/analysis-videos/analysis.html").read_text("utf-8")
    assert "1.22 ± 0.05" not in page and "The paper's numbers" not in page
    assert "the model has one level, which changes at every frame" in page
    assert holds(answer.out, "ideal observers")


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
    assert read(Path("bare/analysis-moving-ball"))["depth"]["true_change_rate"] > 0


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("run --samples 0", 2, "samples 0"),
        ("run --seed -1", 2, "seed -1"),
        ("bare", 2, "bare --data"),
        ("large --data moving-ball", 2, "3 x 48"),
        ("run --data missing", 1, "missing"),
        ("run --fit pad", 2, "--fit --data"),
        ("run --data moving-mnist", 2, "moving-mnist 1 64"),
        ("run --data short.mp4", 1, "short.mp4 10"),
        ("bare --data videos", 1, "videos 100"),
        ("nothing", 1, "nothing"),
    ],
)
def test_what_cannot_be_is_one_line(dlh, changing, words, status, said):
    shutil.copytree(changing, "run")
    DLH.from_pretrained(changing).save_pretrained("bare")
    config = DLHConfig(height=48, width=48, num_levels=1, convolution_channels=(2, 2, 2, 2))
    DLH(DynamicLatentHierarchy(config)).save_pretrained("large")
    write_video("short.mp4", np.asarray(ball_frames(9)), fps=10)
    Path("videos").mkdir()
    for number in range(3):
        write_video(f"videos/{number}.mp4", ball_frames(9, clip=number), fps=10)
    answer = dlh("analyse", *words.split(), "--out", "deep/found")
    assert answer.status == status and answer.names(said)
    assert not Path("deep").exists()


@pytest.mark.parametrize(
    "blocked, said",
    [
        ("found/figures", "found/figures"),
        ("found/analysis.html/", "found/analysis.html"),
        ("found/figures/psnr.pdf/", "found/figures/psnr.pdf"),
    ],
)
def test_what_stands_in_the_way_is_said_before_the_work(dlh, changing, monkeypatch, blocked, said):
    def never(*_):
        raise AssertionError("the work has begun")

    monkeypatch.setattr("dlh.commands.analyse.analyse_clips", never)
    Path(blocked).parent.mkdir(parents=True)
    Path(blocked).mkdir() if blocked.endswith("/") else Path(blocked).write_text("mine")
    before = sorted(Path("found").rglob("*"))
    answer = dlh("analyse", changing, "--out", "found", *LITTLE)
    assert answer.status == 2 and answer.names(said)
    assert sorted(Path("found").rglob("*")) == before


def test_an_analysis_that_is_interrupted_leaves_no_folder(dlh, changing, monkeypatch):
    def interrupted(*_):
        assert Path("deep/found").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr("dlh.commands.analyse.analyse_clips", interrupted)
    assert dlh("analyse", changing, "--out", "deep/found", *LITTLE).status != 0
    assert not Path("deep").exists()


@pytest.mark.slow
def test_a_rerun_leaves_nothing_of_the_analysis_before(dlh, changing, monkeypatch):
    from dlh.commands import analyse as command

    def drawn(*names: str) -> None:
        made = {name: (name.encode(), b"%PDF") for name in names}
        monkeypatch.setattr(command, "_draw", lambda findings: made)

    monkeypatch.setattr(command, "render", lambda _, pictures, temperature: " ".join(pictures))
    drawn("levels", "tracking")
    assert dlh("analyse", changing, "--out", "found", *LITTLE).status == 0
    Path("found/figures/mine.png").write_text("mine")
    drawn("levels", "psnr")
    write = command.write_bytes

    def stopped(path: Path, content: bytes) -> None:
        assert not Path("found/analysis.json").exists()  # it says that all else is of one analysis
        if path.name == "psnr.pdf":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(command, "write_bytes", stopped)
    assert dlh("analyse", changing, "--out", "found", *LITTLE).status != 0
    assert not Path("found/analysis.json").exists() and not Path("found/analysis.html").exists()
    monkeypatch.setattr(command, "write_bytes", write)
    assert dlh("analyse", changing, "--out", "found", *LITTLE).status == 0
    assert Path("found/analysis.html").read_text() == "levels psnr"
    assert {path.name for path in Path("found/figures").iterdir()} == {
        "levels.png", "levels.pdf", "psnr.png", "psnr.pdf", "mine.png",
    }  # fmt: skip


def test_an_analysis_names_the_run_not_the_way_to_it_and_says_how_it_was_made(
    dlh, changing, no_figures
):
    shutil.copytree(changing, "secret/run")
    write_video("one.mp4", ball_frames(12), fps=10)
    answer = dlh("analyse", Path("secret/run").absolute(), "--data", "one.mp4", *LITTLE)
    assert answer.status == 0, answer.err
    assert holds(answer.out, 1, "one.mp4", 10)
    folder = Path("secret/run/analysis-one.mp4")
    found = read(folder)
    assert (found["model"], found["data"], found["split"]) == ("run", "one.mp4", "all")
    for name in ("analysis.json", "analysis.html"):
        assert "secret" not in (folder / name).read_text("utf-8")
    assert found["settings"] == {
        "clips": 5, "traced_steps": 15, "futures_clips": 2, "context_steps": 6, "horizon": 9,
        "samples": 3, "seed": 0, "temperature": 1.0, "decision_temperature": 1.0,
    }  # fmt: skip
    why = "the clips have 10 frames; 5 are watched and 5 predicted"
    for what in ("a context of 6 frames", "a horizon of 9 frames"):
        assert found["left_out"][what] == why
        assert f"left out: {what}: {why}" in answer.out


def test_without_a_training_clip_the_floor_of_its_mean_is_left_out(
    dlh, changing, monkeypatch, no_figures
):
    from dlh.data.clips import DataError

    def none(*_, **__):
        raise DataError("no training clip")

    monkeypatch.setattr("dlh.runs.subject.mean_training_frame", none)
    answer = dlh("analyse", changing, "--out", "found", *LITTLE)
    assert answer.status == 0, answer.err
    found = read(Path("found"))
    assert set(found["futures"]["psnr"]) == {"best", "mean", "black_frame", "last_frame"}
    assert holds(answer.out, "mean frame")


def test_in_a_textured_room_no_ball_is_read_off_a_frame(dlh, changing, no_figures):
    from dlh.runs.build import open_source
    from dlh.runs.experiment import read_snapshot, write_snapshot
    from dlh.training.run import RunFolder

    shutil.copytree(changing, "run")
    run = RunFolder(Path("run"))
    experiment = read_snapshot(run)
    room = replace(experiment.data.ball, texture=0.5, noise=0.02, flicker=0.02)
    experiment = replace(experiment, data=replace(experiment.data, ball=room))
    write_snapshot(run, experiment, open_source(experiment))
    assert dlh("analyse", "run", "--out", "found", *LITTLE).status == 0
    found = read(Path("found"))
    assert any("the ball's colour and place" in what for what in found["left_out"])
    assert "least_state_kl_of_level_1" not in found["depth"]
    assert "world" not in found["futures"] and "tracking" not in found["futures"]
    # What follows from where the ball truly is stays.
    assert found["events"] is not None and found["foresight"]["knows_past"]


def test_the_futures_of_an_analysis_have_their_temperature(dlh, changing, no_figures):
    answer = dlh("analyse", changing, *LITTLE, "--out", "cool", "--temperature", 0.2)
    assert answer.status == 0, answer.err
    found = read(Path("cool"))
    assert found["settings"]["temperature"] == 0.2
    assert [one["states"] for one in found["temperature"]["tried"]] == [1.0, 0.2]
    page = Path("cool/analysis.html").read_text("utf-8")
    assert "at temperature 0.2 of states, 1 of decisions" in page and "0.2, taken" in page
