"""`dlh evaluate RUN`: what it writes is what others compute of the same futures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dlh import DLH
from dlh.commands import evaluate
from dlh.data.video.encode import write_video
from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation import floors
from dlh.evaluation.events import event_scores
from dlh.evaluation.results import NAMES, VALUES
from dlh.evaluation.rows import FLOORS, ROWS, clip_generator
from dlh.evaluation.scoring import Evaluation
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.runs.presets import tiny
from dlh.video import from_stored
from tiny_run import ball_frames

SMALL = (
    "--context", 8, "--horizon", 12, "--samples", 4, "--clips", 3, "--num-processes", 1
)  # fmt: skip


def scores_in(folder: Path | str) -> dict:
    return json.loads((Path(folder) / "scores.json").read_text("utf-8"))


@pytest.fixture(autouse=True, scope="module")
def the_whole_mean_frame() -> Generator[None]:
    """What is made little for the tests is not little in the processes that a command starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floors, "MEAN_FRAME_CLIPS", 100)
        yield


@pytest.fixture(scope="module")
def evaluated(
    the_whole_mean_frame: None, finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a small evaluation with all its futures, not to be changed."""
    from dlh.cli import main

    out = tmp_path_factory.mktemp("evaluated") / "scores"
    words = ["evaluate", finished, *SMALL, "--save-predictions", 3, "--out", out]
    assert main([str(word) for word in words]) == 0
    return out


@pytest.fixture
def without_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks at the pictures: drawing takes longer than scoring."""
    monkeypatch.setattr(evaluate.report, "pictures_of", lambda scores, beside: {})


def test_the_files_are_there_and_the_page_fetches_nothing(evaluated: Path):
    names = {path.name for path in evaluated.iterdir()}
    assert names == {
        "best-of.png", "curves.json", "per-frame.png", "per-future.json", "predictions.npz",
        "report.html", "scores.json", "scores.md", "strip-best.png", "strip-median.png",
        "strip-worst.png",
    }  # fmt: skip
    page = (evaluated / "report.html").read_text("utf-8")
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    assert page.count("<img") == 5
    for said in ("floor: black frame", "oracle", "not computed", "Protocol", "Events"):
        assert said in page
    assert re.search(r"<td>\d+\.\d\d \[\d+\.\d\d,\N{NO-BREAK SPACE}\d+\.\d\d\]", page)


def test_the_numbers_are_those_of_scikit_image_on_the_saved_futures(evaluated: Path):
    scores = scores_in(evaluated)
    with np.load(evaluated / "predictions.npz") as arrays:
        samples, truth = arrays["samples"], arrays["truth"]
    assert samples.shape == (3, 4, 12, 16, 16, 3) and truth.shape == (3, 12, 16, 16, 3)
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    metrics = {
        "psnr": lambda a, b: peak_signal_noise_ratio(b, a, data_range=1),
        "ssim": lambda a, b: structural_similarity(a, b, data_range=1, channel_axis=2, **gaussian),
        "ssim_legacy": lambda a, b: structural_similarity(a, b, data_range=2, channel_axis=2),
    }
    for name, metric in metrics.items():
        curves = np.array(
            [
                [[metric(f, t) for f, t in zip(future, true, strict=True)] for future in futures]
                for futures, true in zip(samples.astype(float), truth.astype(float), strict=True)
            ]
        )
        means = curves.mean(2)
        entry = scores["rows"]["model"][name]
        assert entry["best"] == pytest.approx(means.max(1).mean(), abs=1e-4)
        assert entry["mean"] == pytest.approx(means.mean(), abs=1e-4)
        assert entry["spread"] == pytest.approx(means.std(1, ddof=1).mean(), abs=1e-4)
        black = [[metric(np.zeros_like(t), t) for t in true] for true in truth.astype(float)]
        assert scores["rows"]["black"][name]["best"] == pytest.approx(np.mean(black), abs=1e-4)
        beside = json.loads((evaluated / "curves.json").read_text("utf-8"))
        best = curves[np.arange(3), means.argmax(1)].mean(0)
        assert beside["per_frame"]["model"][name]["best"] == pytest.approx(best.tolist(), abs=1e-4)
        singly = json.loads((evaluated / "per-future.json").read_text("utf-8"))["model"][name]
        assert np.array(singly) == pytest.approx(means, abs=1e-4)
        best_of = beside["best_of"]["model"][name]
        assert best_of[0] == pytest.approx(entry["mean"])
        assert best_of[-1] == pytest.approx(entry["best"])


def test_the_form_of_the_scores(evaluated: Path):
    scores = scores_in(evaluated)
    assert tuple(scores["rows"]) == ROWS
    for row in scores["rows"].values():
        assert tuple(row) == NAMES
        for entry in row.values():
            assert set(entry) - {"not_computed"} == set(VALUES)
    assert "31 x 31" in scores["rows"]["model"]["lpips"]["not_computed"]
    assert "--download-weights" in scores["rows"]["model"]["fvd"]["not_computed"]
    protocol = scores["protocol"]
    assert (protocol["context"], protocol["horizon"], protocol["samples"]) == (8, 12, 4)
    assert protocol["name"] == "demo, changed" and protocol["data"]["clips"] == 3
    assert scores["samples"] == {
        "model": 4, "black": 1, "mean_frame": 1, "last_frame": 1, "other_clip": 1,
        "best_of_other_clips": 2, "oracle": 1,
    }  # fmt: skip
    oracle = scores["rows"]["oracle"]
    assert oracle["psnr"]["best"] == pytest.approx(100) and oracle["ssim"]["best"] == 1
    assert oracle["ssim_legacy"]["mean"] == 1
    assert scores["distribution"]["oracle"]["energy_score"]["mean"] == 0


def test_the_floors_predict_what_they_say(evaluated: Path):
    """last frame, and other clips out of the same three, against PSNR by hand."""
    scores = scores_in(evaluated)["rows"]
    clips = MovingBall(tiny().data.ball).held_out("test", count=3, clip_length=20).video / 255

    def psnr(future: np.ndarray, clip: int) -> float:
        squares = ((future - clips[clip, 8:]) ** 2).mean((1, 2, 3))
        return float((-10 * np.log10(np.maximum(squares, 1e-10))).mean())

    last = np.mean([psnr(clips[clip, 7:8], clip) for clip in range(3)])
    assert scores["last_frame"]["psnr"]["best"] == pytest.approx(last, abs=1e-3)
    others = [[psnr(clips[o, 8:], clip) for o in range(3) if o != clip] for clip in range(3)]
    assert scores["best_of_other_clips"]["psnr"]["best"] == pytest.approx(
        np.max(others, 1).mean(), abs=1e-3
    )
    assert scores["best_of_other_clips"]["psnr"]["mean"] == pytest.approx(np.mean(others), abs=1e-3)
    assert min(map(min, others)) <= scores["other_clip"]["psnr"]["best"] <= np.max(others)


def test_events_are_those_of_the_models_decisions(finished: Path, evaluated: Path):
    events = scores_in(evaluated)["events"]
    clips = MovingBall(tiny().data.ball).held_out("test", count=3, clip_length=20)
    model = DLH.from_pretrained(finished).model
    changed = [
        model.objective(
            from_stored(clips.video[clip]), generator=clip_generator(0, clip, 0)
        ).changed
        for clip in range(3)
    ]
    found = np.concatenate([each[..., 1].numpy() for each in changed])
    for frames, said in events["levels"][0]["tolerance"].items():
        expected = event_scores(found, clips.events, tolerance=int(frames))
        assert said["precision"] == pytest.approx(expected.precision)
        assert said["recall"] == pytest.approx(expected.recall)
        assert said["f1"] == pytest.approx(expected.f1)
    assert events["best_level"] == 2
    rate = clips.events[:, 1:].mean()
    assert events["true_change_rate"] == pytest.approx(rate)
    assert events["every_frame"]["f1"] == pytest.approx(2 * rate / (1 + rate))


def test_a_model_below_floors_is_marked_everywhere(evaluated: Path):
    scores = scores_in(evaluated)
    ours = scores["rows"]["model"]["ssim"]["best"]
    below = [name for name in FLOORS if scores["rows"][name]["ssim"]["best"] > ours]
    assert below  # the tiny model is too small to learn anything
    assert scores["below"]["ssim"]["best"] == below
    assert re.search(r"SSIM: the model's best is \*\*below ", (evaluated / "scores.md").read_text())
    assert "below the floor: " in (evaluated / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_the_same_command_in_two_processes_gives_the_same_files(dlh, finished, evaluated):
    again = dlh("evaluate", finished, *SMALL[:-1], 2, "--out", "again")
    assert (again.status, again.err) == (0, "")
    for name in (
        "scores.json",
        "curves.json",
        "per-future.json",
        "scores.md",
        "report.html",
        "strip-worst.png",
    ):
        mine, other = Path("again", name).read_bytes(), (evaluated / name).read_bytes()
        assert mine == other, name
    assert not Path("again/partial").exists()


@pytest.mark.usefixtures("without_curves")
def test_an_interrupted_evaluation_goes_on_where_it_was(dlh, finished, evaluated, monkeypatch):
    scored, score = [], Evaluation.score

    def interrupted(self, clip, protocol, watch=None):
        if clip == 2 and not scored.count(2):
            scored.append(2)
            raise KeyboardInterrupt
        scored.append(clip)
        return score(self, clip, protocol, watch)

    monkeypatch.setattr(Evaluation, "score", interrupted)
    words = ("evaluate", finished, *SMALL, "--out", "cut")
    answer = dlh(*words)
    assert answer.status == 130
    assert not Path("cut/scores.json").exists()
    parts = sorted(Path("cut/partial").glob("*/*.npz"))
    assert [part.name for part in parts] == ["clip-00000.npz", "clip-00001.npz"]
    parts[1].write_bytes(parts[1].read_bytes()[:100])  # as after a failing disk
    assert dlh(*words).status == 0
    assert scored == [0, 1, 2, 1, 2]
    assert Path("cut/scores.json").read_bytes() == (evaluated / "scores.json").read_bytes()
    assert not Path("cut/partial").exists()


@pytest.mark.usefixtures("without_curves")
def test_scores_of_something_else_are_not_overwritten(dlh, finished, evaluated):
    shutil.copytree(evaluated, "scores")
    before = Path("scores/scores.json").read_bytes()
    answer = dlh("evaluate", finished, *SMALL, "--seed", 1, "--out", "scores")
    assert answer.names("scores seed 1 0 --out")
    assert answer.status == 2 and Path("scores/scores.json").read_bytes() == before
    assert dlh("evaluate", finished, *SMALL, "--out", "scores").status == 0


@pytest.mark.usefixtures("without_curves")
def test_a_model_without_a_run_is_scored_on_videos_by_name_of_their_manifest(dlh):
    DLH(DynamicLatentHierarchy(tiny().model)).save_pretrained("model")
    Path("videos").mkdir()
    for number in range(10):
        write_video(f"videos/{number}.mp4", ball_frames(24, clip=number), fps=10)
    words = ("--out", "store", "--size", 16, "--split", 0.4, 0.2, 0.4)
    assert dlh("data", "import", "videos", *words).status == 0
    words = ("--context", 4, "--horizon", 6, "--clips", 5, "--out", "clips.json")
    assert dlh("data", "manifest", "store", *words).status == 0
    answer = dlh(
        "evaluate", "model", "--data", "store", "--manifest", "clips.json", "--samples", 2,
        "--num-processes", 1, "--out", "scores",
    )  # fmt: skip
    assert (answer.status, answer.err) == (0, "")
    scores = scores_in("scores")
    manifest = json.loads(Path("clips.json").read_text("utf-8"))
    data = scores["protocol"]["data"]
    assert data["manifest_sha256"] == manifest["sha256"]
    assert data["clips"] == len(manifest["clips"]) and scores["protocol"]["horizon"] == 6
    assert "events" not in scores  # films do not know theirs

    refused = dlh("evaluate", "model", "--data", "store", "--manifest", "clips.json", "--clips", 2)
    assert refused.status == 2 and refused.names("clips.json 5 4 6 --clips 2")
    other = dlh("data", "import", "videos", "--out", "other", "--size", 16, "--seed", 3)
    assert other.status == 0
    wrong = dlh("evaluate", "model", "--data", "other", "--manifest", "clips.json")
    assert wrong.status == 1 and wrong.names("other split test")
    assert dlh("data", "import", "videos", "--out", "wide", "--size", 32).status == 0
    wide = dlh("evaluate", "model", "--data", "wide")
    assert wide.status == 1 and wide.names("wide 32 16")
    Path("scores.json").write_text("{}")
    nothing = dlh("evaluate", "model", "--data", "store", "--manifest", "scores.json")
    assert nothing.status == 1 and nothing.names("scores.json")
    alone = dlh("evaluate", "model", "--data", "videos/0.mp4")
    assert alone.status == 1 and alone.names("test validation train 1")
    short = dlh("evaluate", "model", "--data", "store", "--horizon", 300)
    assert short.status == 1 and short.names("330 30 300 24")


def test_what_cannot_be_asked_for(dlh, finished, workspace):
    for words, status, said in (
        ((), 2, "RUN --predictions neither"),
        ((finished, "--predictions", "a.npz"), 2, "RUN --predictions both"),
        (("--predictions", "a.npz", "--samples", 3), 2, "--samples RUN"),
        (("--predictions", "a.npz", "--samples", 0), 2, "--samples RUN"),
        (("--predictions", "a.npz", "--fps", 5), 2, "--fps RUN"),
        ((finished, "--fps", 5), 2, "--fps --data"),
        (("--predictions", "a.npz", "--save-predictions", 3), 2, "--save-predictions RUN"),
        ((finished, "--protocol", "papier"), 2, "papier paper"),
        ((finished, "--horizon", 0), 2, "horizon 0"),
        ((finished, "--horizon", "ten"), 2, "--horizon INT ten"),
        ((finished, "--seed", -1), 2, "seed -1"),
        ((finished, "--num-processes", 0), 2, "num-processes 0"),
        ((finished, "--data", "moving-mnist"), 2, "moving-mnist 64 16"),
        ((finished, "--manifest", "none.json"), 1, "none.json"),
        ((finished, "--lpips-weights", "none.pth", *SMALL), 1, "none.pth"),
        (("nowhere",), 1, "nowhere"),
    ):
        answer = dlh("evaluate", *words, "--out", "scores")
        assert answer.names(said) and answer.status == status, words
        assert not Path("scores/scores.json").exists()
    DLH(DynamicLatentHierarchy(tiny().model)).save_pretrained("model")
    assert dlh("evaluate", "model").names("model --data")
    Path("file").write_text("")
    assert dlh("evaluate", finished, "--out", "file").names("file")


@pytest.mark.usefixtures("without_curves")
def test_generated_clips_are_named_by_a_manifest_too(dlh, finished, evaluated):
    ball = ("--ball.size", 16, "--ball.radius", 2, "--ball.speed", 3.0)
    numbers = ("--context", 8, "--horizon", 12, "--clips", 3)
    assert dlh("data", "manifest", "moving-ball", *ball, *numbers, "--out", "c.json").status == 0
    words = ("--samples", 4, "--num-processes", 1, "--out", "s")
    assert dlh("evaluate", finished, "--manifest", "c.json", *words).status == 0
    mine, other = scores_in("s"), scores_in(evaluated)
    written = json.loads(Path("c.json").read_text("utf-8"))["sha256"]
    assert mine["protocol"]["data"]["manifest_sha256"] == written
    assert mine["protocol"] == other["protocol"] and mine["rows"] == other["rows"]
    assert dlh("data", "manifest", "moving-ball", *numbers, "--out", "d.json").status == 0
    wrong = dlh("evaluate", finished, "--manifest", "d.json", "--out", "t")
    assert wrong.names("size 16 64")
    assert not Path("t").exists()


def test_futures_at_a_temperature_stand_beside_those_at_1(dlh, finished, without_curves):
    words = ("evaluate", finished, *SMALL, "--out", "cool", "--temperature", 0.25)
    answer = dlh(*words)
    assert answer.status == 0
    found = scores_in("cool")
    model, tried = found["protocol"]["model"], found["temperature"]["tried"]
    assert (model["temperature"], model["decision_temperature"]) == (0.25, 1.0)
    assert [one["states"] for one in tried] == [1.0, 0.25]
    assert tried[1]["diversity"] < tried[0]["diversity"]
    page = Path("cool/report.html").read_text("utf-8")
    assert "0.25, taken" in page and "0.25 of states" in page
    assert "0.25, taken" in Path("cool/scores.md").read_text("utf-8")


@pytest.mark.slow
def test_the_rule_chooses_by_the_energy_score_of_validation_clips(dlh, finished, without_curves):
    answer = dlh("evaluate", finished, *SMALL, "--out", "auto", "--temperature", "auto")
    assert answer.status == 0
    found = scores_in("auto")
    model, chosen = found["protocol"]["model"], found["temperature"]
    assert (model["temperature"], model["decision_temperature"]) == (
        chosen["states"], chosen["decisions"],
    )  # fmt: skip
    assert found["protocol"]["data"]["split"] == "test"
    assert chosen["validation_clips"] > 1
    assert [one["states"] for one in chosen["tried"][:5]] == [1.0, 0.7, 0.5, 0.3, 0.2]


@pytest.mark.parametrize("value", ["-0.5", "warm"])
def test_a_temperature_that_cannot_be_is_refused(dlh, finished, value):
    answer = dlh("evaluate", finished, *SMALL, "--out", "no", f"--temperature={value}")
    assert answer.status == 2 and value in answer.err
    assert not Path("no").exists()
