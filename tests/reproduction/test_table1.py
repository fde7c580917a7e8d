"""Table 1: its list, equal terms, what is read off futures, and all of it at tiny sizes."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from dlh.data.clips import DataError
from dlh.data.worlds.digits import Digits
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig
from dlh.errors import UsageError
from dlh.evaluation.rows import FLOORS, MODEL, ORACLE
from dlh.evaluation.scoring import ENERGY
from dlh.models.dlh import DLHConfig
from dlh.video import from_stored
from refusals import refused
from reproduction import digits
from reproduction.comparison import SMOOTHED, outlasts
from reproduction.digits import in_place, pictures_of, seen
from reproduction.scored import AS_LEARNT
from reproduction.table1 import terms
from reproduction.table1.cells import MODELS, WORLDS, cells, experiment
from reproduction.table1.command import Table1Options, request_of
from reproduction.table1.kept import keep
from reproduction.table1.page import render
from reproduction.table1.terms import Took, Trial, best_trial, scaled, seconds_for, share_for
from reproduction.table1.verdicts import verdicts
from reproduction.table1.work import NotScored, run_list

LITTLE = (
    *("--size", "tiny", "--context", 10, "--horizon", 8, "--samples", 2, "--clips", 2),
    *("--core-hours", 0.0004, "--far", 12, "--num-processes", 1),
)


@pytest.mark.parametrize("size", ["cores", "paper"])
@pytest.mark.parametrize("world", WORLDS)
def test_every_model_stands_on_every_world(world, size):
    for model in MODELS:
        found = experiment(WORLDS[world], model, size, seed=3)
        channels = 3 if WORLDS[world].colour else 1
        side = 32 if world == "moving-ball" and size == "cores" else 64
        assert found.model.frame_shape == (channels, side, side)
        assert found.data.source == world and found.training.seed == 3
        if isinstance(found.model, DLHConfig):
            assert found.model.num_levels == int(model[3:])
            assert len(found.training.later_steps) == 2


def test_a_share_scales_all_that_belongs_to_the_length_of_a_training():
    base = experiment(WORLDS["moving-ball"], "dlh2", "cores")
    half = scaled(base, 0.5)
    assert half.training.steps == base.training.steps / 2
    assert half.training.later_steps == tuple(s / 2 for s in base.training.later_steps)
    assert isinstance(base.model, DLHConfig) and isinstance(half.model, DLHConfig)
    assert half.model.dynamics.clips == base.model.dynamics.clips / 2
    assert half.model.emergence.memory_from == base.model.emergence.memory_from / 2
    assert scaled(base, 1e-9).training.steps == 1


def test_equal_frames_follow_from_what_equal_hours_took():
    took = {"run": {"share": 2.0, "seconds": 3600.0, "frames": 1000}}
    assert share_for(500, took) == 1.0 and seconds_for(2000, took) == 7200.0


def test_the_lowest_learning_rate_that_is_as_good_as_the_best_decides():
    cost = Took(share=0.1, seconds=1.0, frames=10)
    trials = [
        Trial(learning_rate=1e-4, took=cost, energy=0.3),
        Trial(learning_rate=3e-4, took=cost, energy=0.2),
        Trial(learning_rate=1e-3, took=cost, energy=None),
    ]
    assert best_trial(trials) is trials[1]
    assert best_trial(trials[2:]) is None
    higher = Trial(learning_rate=3e-3, took=cost, energy=0.1985)
    assert best_trial([*trials, higher]) is trials[1]
    assert best_trial([*trials, dataclasses.replace(higher, energy=0.19)]).energy == 0.19


def test_how_long_a_model_is_better_than_a_floor():
    horizon = 200
    falling = np.linspace(20, 10, horizon)
    flat = {name: {"psnr": {"best": [15.0] * horizon, "mean": [15.0] * horizon},
                   ENERGY: {"mean": [0.1] * horizon}} for name in FLOORS}  # fmt: skip
    flat["black"] = {"psnr": {"best": [5.0] * horizon, "mean": [5.0] * horizon},
                     ENERGY: {"mean": [0.3] * horizon}}  # fmt: skip
    model = {"psnr": {"best": (falling + 2).tolist(), "mean": falling.tolist()},
             ENERGY: {"mean": np.linspace(0, 0.2, horizon).tolist()}}  # fmt: skip
    found = outlasts({"per_frame": {MODEL: model, **flat}})
    assert found["psnr_mean"]["last_frame"] == pytest.approx(horizon / 2 - SMOOTHED / 2, abs=1)
    assert found["psnr_best"]["last_frame"] > found["psnr_mean"]["last_frame"]
    assert found["psnr_mean"]["black"] == found["energy"]["black"] == horizon
    assert found["energy"]["last_frame"] == pytest.approx(horizon / 2 - SMOOTHED / 2, abs=1)


@pytest.fixture(scope="module")
def strokes() -> MovingMNIST:
    """Moving bars of two directions: the labels tell which."""
    bars = np.zeros((2, 28, 28), np.uint8)
    bars[0, 4:24, 12:16], bars[1, 12:16, 4:24] = 255, 255
    splits = ("train", "validation", "test")
    digits = Digits(
        name="bars",
        images=dict.fromkeys(splits, bars),
        labels=dict.fromkeys(splits, np.array([0, 1], np.uint8)),
    )
    return MovingMNIST(digits, MovingMNISTConfig())


def test_a_digit_is_in_place_in_the_truth_and_not_elsewhere(strokes):
    clips = strokes.held_out("test", count=1, clip_length=60)
    assert clips is not None
    video = torch.from_numpy(clips.video[0, ..., 0]).float() / 255
    positions = torch.from_numpy(clips.positions[0])
    pictures = pictures_of(video, positions, 28)
    for picture, label in zip(pictures, clips.labels[0], strict=True):
        assert torch.equal(picture, torch.from_numpy(strokes.digits.images["test"][label]) / 255)
    moved = video.roll((9, 9), (1, 2))
    near = video.roll((1, 1), (1, 2))
    found = in_place(torch.stack([video, near, moved, video * 0]), positions, pictures)
    share = found.double().mean((1, 2))
    assert share[0] > 0.95 and share[1] > 0.9
    assert share[2] < 0.4 and share[3] == 0


def test_another_process_reads_the_same_off_futures(strokes, tmp_path, monkeypatch):
    """The best of two futures keeps its digits, the mean loses half of them."""
    monkeypatch.setattr(digits, "STEPS", 3)
    monkeypatch.setattr(digits, "TESTED", 4)
    here = digits.DigitsInFutures(strokes, tmp_path / "classifier")
    there = pickle.loads(pickle.dumps(here))
    assert list(tmp_path.glob("classifier-*.pt")) and there.classifier[1] == here.classifier[1]
    clips = strokes.held_out("test", count=2, clip_length=24)
    assert clips is not None
    found: list[list[dict]] = [[], []]
    for number, video in enumerate(from_stored(clips.video)):
        context, truth = video[:4], video[4:]
        futures = torch.stack([truth, truth * 0])
        for reader, clips_found in zip((here, there), found, strict=True):
            read = reader.of_clip(number, context, truth)
            assert read("black", futures) == {}
            clips_found.append({MODEL: read(MODEL, futures), ORACLE: read(ORACLE, truth[None])})
    assert here.summarise(found[0]) == there.summarise(found[1])
    of_model = here.summarise(found[0])["digits"]["rows"][MODEL]
    assert of_model["median_steps_best"] == 20
    assert of_model["median_steps_mean"] == pytest.approx(10, abs=2)  # a hidden digit is not lost
    with refused(DataError, "clip 1"):
        here.of_clip(1, from_stored(clips.video)[0, :4], from_stored(clips.video)[0, 4:])


def test_digits_are_counted_among_the_likeliest():
    logits = torch.zeros(3, 10)
    logits[0, [3, 7]], logits[1, [3, 8]], logits[2, 5] = 5.0, 5.0, 5.0
    assert seen(logits, [[3, 7], [3, 7], [5, 5]]).tolist() == [1.0, 0.5, 1.0]


def test_options_name_worlds_and_runs_that_exist(workspace):
    with refused(UsageError, "mooving-ball"):
        request_of(Table1Options(worlds=("mooving-ball",)))
    with refused(UsageError, "moving-ball=runs"):
        request_of(Table1Options(run=("moving-ball=runs",)))
    with refused(UsageError, "dlh9"):
        cells(WORLDS["kth"], ["dlh9"], [0], "cores")
    Path("empty").mkdir()
    broken = Table1Options(run=("moving-ball/mine=empty",), models=("none",), frames=400)
    with refused(NotScored, "empty", "config.json"):
        run_list(request_of(broken), Path("out"))
    assert "empty" in Path("out/table1.md").read_text()
    request = request_of(broken)
    assert request.given == {"moving-ball": {"mine": Path("empty")}} and not request.models


def test_a_run_that_took_longer_is_not_compared_as_a_cell():
    def model(psnr: float, clips: tuple[float, ...]) -> dict:
        def of(value: float) -> dict:
            each = [value + clip for clip in clips]
            return {"psnr": each, "ssim_legacy": each, ENERGY: [-value for value in each]}

        return {"at": {AS_LEARNT: {"per_clip": {MODEL: of(psnr), "black": of(9.0)}}}}

    values = {"dlh2-seed0": 12.0, "dlh3-seed0": 11.0, "dlh3-longer": 15.0, "vta-seed0": 14.0}
    numbers = {"protocol": {"data": {"clips": 3}, "seed": 0}}
    models = {name: model(psnr, (0.0, 5.0, 1.0)) for name, psnr in values.items()}
    said = list(verdicts(numbers | {"models": models}))
    assert len(said) == 6  # three metrics, the best cell and the longer run
    black, vta = "the floor black frame by 3.00 ± 0.00", "VTA by 2.00 ± 0.00"
    assert f"DLH, N = 2 is ahead of {black} and behind {vta}." in said[0]
    assert "DLH, N = 3, longer is ahead of the floor black frame by 6.00 ± 0.00." in said[1]
    assert f"behind {vta[:3]} by 2.0000" in said[4]  # the energy score, where less is better
    models["vta-seed0"] = model(14.0, (0.0, 4.0, 2.0))
    said = list(verdicts(numbers | {"models": models}))
    # Paired: 2, 1 and 3, of standard error 1 / sqrt 3; t of two degrees of freedom is 4.303.
    assert "behind VTA by 2.00 ± 2.48" in said[0]


@pytest.mark.slow
def test_the_list_trains_scores_resumes_and_makes_its_page(reproduce, monkeypatch):
    monkeypatch.setattr(terms, "MEASURED", 2)
    monkeypatch.setattr(terms, "CLIPS", 2)
    monkeypatch.setattr("dlh.runs.temperature.CLIPS", 2)
    monkeypatch.setattr("reproduction.digits.STEPS", 4)
    words = ("table1", "--worlds", "moving-mnist", "kth", "--models", "dlh2", "flat", *LITTLE)
    answer = reproduce(*words, "--frames", 400)
    assert answer.status == 0, answer.err
    place = Path("runs/table1/moving-mnist")
    for name in ("dlh2-seed0", "flat-seed0"):
        cell = json.loads((place / "cells" / f"{name}.json").read_text())
        budget = cell["terms"]
        assert len(budget["trials"]) == 3 and budget["core_hours"] == 0.0004
        rates = [trial["learning_rate"] for trial in budget["trials"]]
        assert rates[2] / rates[0] == pytest.approx(10, rel=0.05)
        assert budget["learning_rate"] in rates
        assert {"equal-hours", "horizon"} <= cell.keys()
        found = cell["equal-hours"]["at"]["temperature-1"]
        folder = place / "equal-hours" / name / "temperature-1"
        singly = json.loads((folder / "per-future.json").read_text())[MODEL]["psnr"]
        best = np.mean([max(clip) for clip in singly])
        assert best == pytest.approx(found["scores"]["psnr"]["best"], rel=1e-5)
        with np.load(folder.parent / found["kept"]["file"]) as kept:
            assert kept["samples"].dtype == np.uint8 and kept["samples"].shape[1] == 2
        assert 0 <= found["digits"]["rows"]["oracle"]["median_steps_mean"] <= 8
    text = Path("runs/table1/table1.md").read_text()
    for said in ("DLH, N = 2", "the flat model", "floor: black frame", "the paper's DLH", "KTH",
                 "same digits", "core-seconds a joint update"):  # fmt: skip
        assert said in text, said
    singly = json.loads((folder / "digits.json").read_text())["singly"]["steps_in_place"]
    assert np.shape(singly) == (2, found["samples"])
    assert (place / "levels/dlh2-seed0/figures/events.png").exists()
    assert math.isfinite(json.loads((place / "horizon/comparison.json").read_text())["models"]
                         ["flat-seed0"]["outlasts"]["energy"]["black"])  # fmt: skip

    def never(*args, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr("reproduction.sweep.start", never)
    reached, given = (place / "runs/flat-seed0" / name for name in ("frames-400", "run"))
    mine = reproduce(
        "table1", "--worlds", "moving-mnist", "--models", "none", "--frames", 400, *LITTLE,
        "--root", "runs/given",
        "--run", f"moving-mnist/mine={reached}", f"moving-mnist/other={given}",
    )  # fmt: skip
    assert mine.status == 0, mine.err
    second = Path("runs/given/moving-mnist/equal-frames/comparison.json")
    assert list(json.loads(second.read_text())["models"]) == ["mine"]
    assert "Not in this table: other." in Path("runs/given/table1.md").read_text()
    monkeypatch.setattr("reproduction.scored.evaluate", never)
    words = tuple(word for word in words if word != "kth")
    assert reproduce(*words, "--frames", 400).status == 0
    assert "Not in this table" not in text
    assert Path("runs/table1/table1.md").read_text() == text  # the other world is still there
    again = reproduce(*words, "--frames", 400, "--run", f"moving-mnist/flat-seed0={given}")
    assert again.status == 0, again.err
    assert "as given" in Path("runs/table1/table1.md").read_text()
    dry = reproduce(*words, "--dry-run")
    assert dry.status == 0 and "trained" in dry.out
    Path("runs/table1/notes-moving-mnist.md").write_text("### Why\n\nDigits get lost.\n")
    assert reproduce(*words, "--keep", "kept").status == 0
    shown = Path("kept/table1.md").read_text()
    worlds = [WORLDS[name] for name in ("moving-mnist", "kth")]
    assert shown == render(Path("kept"), worlds)  # the copy is complete
    assert "\n\n### Why\n\nDigits get lost.\n\n### How the learning rates" in shown
    linked = re.findall(r"\]\((moving-mnist/[^)]*)\)", shown)
    assert linked and all((Path("kept") / each).is_file() for each in linked)
    for comparison in Path("kept").glob("*/*/comparison.md"):
        named = re.findall(r"`([^`]*/[^`]*(?:json|npz))`", comparison.read_text())
        assert named and all((comparison.parent / name).is_file() for name in named)
    assert not list(Path("kept/moving-mnist/horizon").rglob("*.npz"))
    assert not list(Path("kept").rglob("*.pt"))


def test_the_committed_page_is_what_the_committed_records_give():
    root = Path(__file__).parents[2] / "docs/results/table1"
    worlds = [world for world in WORLDS.values() if (root / world.name).is_dir()]
    assert (root / "table1.md").read_text("utf-8") == render(root, worlds)


def test_kept_settings_do_not_say_where_a_run_lay(tmp_path):
    settings = {"experiment": {"preset": "mine", "init": "/somewhere/private/runs/first"}}
    hours = tmp_path / "root/moving-ball/equal-hours"
    for row in ("dlh2-seed0", "older"):
        (hours / row).mkdir(parents=True)
        (hours / row / "experiment.json").write_text(json.dumps(settings))
    (hours / "comparison.json").write_text(json.dumps({"models": {"dlh2-seed0": {}}}))
    (tmp_path / "root/table1.md").write_text("the page")
    frames, cell = tmp_path / "root/moving-ball/equal-frames", "moving-ball/cells/dlh3-seed0.json"
    frames.mkdir()
    (frames / "comparison.json").write_text(json.dumps({"models": {"dlh3-seed0": {}}}))
    (tmp_path / "root" / cell).parent.mkdir()
    (tmp_path / "root" / cell).write_text("{}")
    keep(tmp_path / "root", tmp_path / "kept", say=lambda line: None)
    assert not list((tmp_path / "kept").rglob("older"))  # it is not on the page
    copy = tmp_path / "kept/moving-ball/equal-hours/dlh2-seed0/experiment.json"
    assert json.loads(copy.read_text())["experiment"] == {"preset": "mine", "init": "runs/first"}
    assert (tmp_path / "kept" / cell).exists()  # of a row that the second table alone has


def test_a_dry_run_lists_the_cells_and_trains_none(reproduce):
    answer = reproduce("table1", "--worlds", "moving-ball", "--core-hours", 2, "--dry-run")
    assert answer.status == 0, answer.err
    for model in MODELS:
        assert f"{model}-seed0" in answer.out
    assert "12 core-hours" in answer.out and not Path("runs").exists()


def test_experiments_of_a_cell_differ_by_seed_alone():
    one, two = cells(WORLDS["moving-mnist"], ["vta"], [0, 1], "cores")
    training = dataclasses.replace(two.experiment.training, seed=0)
    assert dataclasses.replace(two.experiment, training=training) == one.experiment
    assert (one.name, two.name) == ("vta-seed0", "vta-seed1")
