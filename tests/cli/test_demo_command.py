from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from dlh.commands.demo import WELCOME
from dlh.data.worlds.moving_ball import MovingBall
from refusals import holds


def test_a_demo_leaves_the_numbers_and_pictures_that_the_docs_name(finished):
    summary = json.loads((finished / "summary.json").read_text())
    assert {"precision", "recall"} <= set(summary["events"])
    assert {"mean_depth", "true_change_rate"} <= set(summary)
    floors = {"last_frame", "black", "mean_frame"}
    assert {"model_best", *floors} <= set(summary["psnr"]) == set(summary["psnr_curve"])
    assert all(len(curve) == 12 for curve in summary["psnr_curve"].values())
    window = summary["psnr_curve"]["black"][: summary["window"]]
    assert summary["psnr"]["black"] == pytest.approx(sum(window) / len(window), abs=1e-4)
    assert summary["seconds"]["train"] > 0 and summary["steps"] == 20
    assert 1 <= summary["mean_depth"] <= 2 and 0 < summary["true_change_rate"] < 1
    for name in ("prediction.mp4", "exchanged.png", "rolled.png", "psnr.png", "report.html"):
        assert (finished / name).stat().st_size > 1000, name
    page = (finished / "report.html").read_text()
    assert f"{summary['psnr']['model_best']:.1f}" in page
    assert f"dlh predict {finished} clip.mp4" in page and "dlh train videos --data" in page


def test_a_finished_demo_is_shown_again_and_left_as_it_is(dlh, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.iterdir()}
    answer = dlh("demo", "--run", finished)
    assert answer.status == 0
    assert holds(answer.out, finished, "tiny", 0, "dlh demo --run")
    assert "finished: 20 steps" in answer.out and "events:  precision" in answer.out
    assert "1 + the true change rate is" in answer.out and "floors: " in answer.out
    assert before == {path: path.stat().st_mtime_ns for path in finished.iterdir()}


@pytest.mark.slow
def test_an_interrupted_demo_goes_on_and_fresh_moves_the_old_one_aside(dlh, monkeypatch):
    batch = MovingBall.batch

    def interrupted(self, step, **options):
        if step == 7:
            signal.raise_signal(signal.SIGINT)
        return batch(self, step, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MovingBall, "batch", interrupted)
        answer = dlh("demo", "--preset", "tiny", "--seed", 3)
    assert answer.status == 130 and WELCOME in answer.out
    assert "dlh train --resume runs/demo`" in answer.err
    answer = dlh("demo")
    assert answer.status == 0 and holds(answer.err, "resumed", 8, 20)
    assert holds(answer.out, "runs/demo", "tiny", 3, "dlh demo --fresh")
    assert "open runs/demo/report.html" in answer.out
    before = Path("runs/demo/model.safetensors").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MovingBall, "batch", interrupted)
        answer = dlh("demo", "--preset", "tiny", "--seed", 3, "--fresh")
    assert holds(answer.out, "runs/demo", "runs/demo-1")
    assert Path("runs/demo-1/model.safetensors").read_bytes() == before
    assert not Path("runs/demo/model.safetensors").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (("--seed", 4), "tiny 0 --fresh"),
        (("--preset", "moving-ball-paper"), "tiny 0 --fresh"),
        (("--preset", "kth"), "kth train"),
        (("--preset", "tinny"), "tinny tiny"),
        (("--seed", -1), "seed -1"),
        (("--frsh",), "--frsh --fresh --help"),
    ],
)
def test_another_demo_than_the_one_that_is_there_is_not_what_one_gets(dlh, finished, words, said):
    answer = dlh("demo", "--run", finished, *words)
    assert answer.status == 2 and answer.names(said)


def test_a_folder_that_holds_something_else_is_left_alone(dlh, finished):
    Path("mine").mkdir()
    Path("mine/thesis.tex").touch()
    assert dlh("demo", "--run", "mine").names("mine thesis.tex")
    answer = dlh("demo", "--run", "mine", "--fresh")
    assert answer.names("mine experiment.json")
    shutil.copytree(finished, "cut")
    Path("cut/summary.json").write_text("{")
    assert dlh("demo", "--run", "cut").names("cut/summary.json")
