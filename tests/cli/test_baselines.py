"""The baselines through the commands: trained, resumed, predicted, scored, opened."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import tiny_run
from dlh import open_model
from dlh.cli import main
from dlh.pretrained import UnsupportedError
from dlh.runs.build import build_model, open_source
from dlh.runs.presets import preset
from dlh.training.checkpoint import checkpoint_files, read_checkpoint
from dlh.training.errors import TrainingError
from dlh.training.figures import TIMINGS
from dlh.training.iteration import Iterations
from dlh.training.run import RunFolder
from dlh.video import VideoError
from refusals import holds, refused
from tiny_run import interrupted_at

SHORT = ("--steps", 6, "--checkpoint-every", 2, "--training.log-every", 2, "--speed", "plain")
BASELINES = {"vta": "tiny-vta", "lmc": "tiny-lmc", "cwvae": "tiny-cwvae"}
MADE: dict[str, Path] = {}


@pytest.fixture
def trained(tmp_path_factory):
    """The folder of a finished run of a kind of model, made once; not to be changed."""

    def run(kind: str) -> Path:
        if kind not in MADE:
            folder = tmp_path_factory.mktemp("trained") / kind
            with pytest.MonkeyPatch.context() as patch:
                tiny_run.measure_little(patch)
                words = ["train", BASELINES[kind], "--run", folder, *SHORT]
                assert main([str(word) for word in words]) == 0
            MADE[kind] = folder
        return MADE[kind]

    return run


def figures(run: Path) -> list[dict]:
    """The lines of metrics.jsonl but for the clock."""
    entries = RunFolder(run).metrics.read()
    return [{k: v for k, v in entry.items() if k not in TIMINGS} for entry in entries]


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.slow
def test_a_run_resumed_in_the_middle_equals_an_unbroken_one(dlh, trained, kind):
    unbroken = trained(kind)
    with interrupted_at(2):
        assert dlh("train", BASELINES[kind], "--run", "run", *SHORT).status == 130
    answer = dlh("train", "--resume", "run")
    assert answer.status == 0 and holds(answer.err, "resumed", 3, 6)
    weights = [(run / "model.safetensors").read_bytes() for run in (Path("run"), unbroken)]
    assert weights[0] == weights[1]
    assert figures(Path("run")) == figures(unbroken)


def test_vta_shows_its_terms_and_is_judged_by_its_curve(trained):
    first, *_ = entries = figures(trained("vta"))
    assert {"loss", "reconstruction", "state_kl.L1", "state_kl.L2", "event_kl"} < first.keys()
    assert 0.99 < first["temperature"] <= 1.0
    held_out = [entry for entry in entries if "validation.elbo" in entry]
    assert held_out and "best_by" not in held_out[-1]
    assert {"validation.kl.L2", "validation.events.f1"} < held_out[-1].keys()


def test_lmc_shows_both_phases_and_is_judged_by_its_predictions(trained):
    first, *_ = entries = figures(trained("lmc"))
    assert {"storing.loss", "matching.loss", "storing.squared_error"} < first.keys()
    assert first["loss"] == pytest.approx(first["storing.loss"] + first["matching.loss"])
    held_out = [entry for entry in entries if "validation.psnr" in entry]
    assert held_out[-1]["best_by"] == "psnr" and held_out[-1]["validation.psnr"] > 0
    assert "validation.elbo" not in held_out[-1]


def test_cwvae_shows_its_bound_and_the_divergence_of_every_level(trained):
    names = {name for entry in figures(trained("cwvae")) for name in entry}
    assert {"loss", "reconstruction", "state_kl", "state_kl.L1", "state_kl.L2"} < names
    assert {"validation.elbo", "validation.kl.L1", "validation.kl.L2"} < names
    assert not any("event" in name or "beta" in name for name in names)


def test_a_checkpoint_of_vta_holds_the_running_statistics_and_amsgrads_maxima(trained):
    newest = checkpoint_files(trained("vta") / "checkpoints")[-1]
    state = read_checkpoint(newest)
    saved = {name for name in state["model"] if name.endswith("running_mean")}
    model = build_model(preset("tiny-vta"))
    assert saved == {name for name, _ in model.named_buffers() if name.endswith("running_mean")}
    assert all(state["model"][name].any() for name in saved)
    counted = [v for k, v in state["model"].items() if k.endswith("num_batches_tracked")]
    assert counted and all(int(count) == 6 for count in counted)
    assert all("max_exp_avg_sq" in each for each in state["optimizer"]["state"].values())


def test_what_a_phase_of_lmc_holds_is_updated_in_it_once_it_had_a_gradient(trained):
    state = read_checkpoint(checkpoint_files(trained("lmc") / "checkpoints")[-1])
    model = build_model(preset("tiny-lmc"))
    of_number = state["optimizer"]["state"]
    steps = {
        name: int(of_number[number]["step"])
        for number, (name, _) in enumerate(model.named_parameters())
    }
    for name, count in steps.items():  # 6 iterations of 2 updates, the first without matching
        assert count == (11 if name.startswith("memory.matching") else 12), name


@pytest.mark.parametrize("kind", BASELINES)
def test_a_trained_model_is_opened_by_its_folder(trained, kind):
    run = trained(kind)
    model = open_model(run)
    assert model.config == preset(BASELINES[kind]).model and model.config.kind == kind
    assert not model.model.training
    stored = load_file(run / "model.safetensors")
    assert stored.keys() == model.model.state_dict().keys()
    assert all(torch.equal(value, stored[n]) for n, value in model.model.state_dict().items())
    context = tiny_run.ball_frames(10)
    futures = model.predict(context, horizon=3, samples=2).frames
    assert futures.shape == (1, 1 if kind == "lmc" else 2, 3, 3, 16, 16)
    assert futures.min() >= 0 and futures.max() <= 1


@pytest.mark.parametrize("kind", BASELINES)
def test_a_trained_model_predicts_a_video(dlh, trained, clip, kind):
    words = ("--context", 10, "--horizon", 4, "--samples", 2, "--save", "futures.npz")
    answer = dlh("predict", trained(kind), clip, *words)
    assert answer.status == 0, answer.err
    assert np.load("futures.npz")["samples"].shape == (1, 2, 4, 16, 16, 3)


def test_lmc_refuses_a_context_that_has_no_motion(dlh, trained, clip):
    assert dlh("predict", trained("lmc"), clip, "--context", 5, "--horizon", 2).names("9 5")


def test_cwvae_can_be_held_to_the_published_context(dlh, trained, clip):
    shutil.copytree(trained("cwvae"), "run")
    config = json.loads(Path("run/config.json").read_text())
    config["model"]["context_rule"] = "published"
    Path("run/config.json").write_text(json.dumps(config))
    assert dlh("predict", "run", clip, "--context", 9, "--horizon", 2).status == 0
    answer = dlh("predict", "run", clip, "--context", 10, "--horizon", 2)
    assert answer.status == 1 and answer.names("3 10")


@pytest.mark.parametrize("kind", BASELINES)
def test_a_trained_model_is_scored(dlh, trained, kind):
    numbers = ("--context", 10, "--horizon", 6, "--samples", 2, "--clips", 2)
    answer = dlh("evaluate", trained(kind), *numbers, "--num-processes", 1, "--out", "scores")
    assert answer.status == 0, answer.err
    scores = json.loads(Path("scores/scores.json").read_text())
    assert ("events" in scores) == (kind == "vta")
    if kind == "vta":
        assert [level["level"] for level in scores["events"]["levels"]] == [2]


def test_vta_finds_events_in_a_video(dlh, trained, clip):
    answer = dlh("events", trained("vta"), clip, "--out", "events.json")
    assert answer.status == 0, answer.err
    found = json.loads(Path("events.json").read_text())
    first, second = found["levels"]
    assert found["frames"] == 40 and first["always_changes"] and first["events"] == []
    assert second["surprise"][0] is None and len(second["surprise"]) == 40
    changed = [
        frame for frame, nats in enumerate(second["surprise"]) if nats is not None and nats >= 0
    ]
    assert [event["frame"] for event in second["events"]] == changed
    assert set(second["change_probability"]) == {None}
    assert Path("events.png").read_bytes().startswith(b"\x89PNG")
    video = open_model(trained("vta")).events(tiny_run.ball_frames(40), fps=10.0)
    assert video.frames == 40 and video.levels[1].level == 2


def test_the_page_of_a_model_that_decides_shows_its_events(trained):
    run = trained("vta")
    summary = json.loads((run / "summary.json").read_text())
    assert {"precision", "recall", "f1"} == summary["events"].keys()
    assert summary["change_rates"][0] == 1 and len(summary["change_rates"]) == 2
    assert summary["mean_depth"] == pytest.approx(sum(summary["change_rates"]))
    assert "state_kl" not in summary and "predicted_change" not in summary
    assert (run / "events.png").read_bytes().startswith(b"\x89PNG")
    page = (run / "report.html").read_text()
    assert (
        "kind vta" in page and "level 2" in page and "Dynamic Latent Hierarchy \u00b7" not in page
    )


@pytest.mark.parametrize("kind", ["lmc", "cwvae"])
def test_the_page_of_a_model_that_decides_nothing_says_so(trained, kind):
    run = trained(kind)
    assert "events" not in json.loads((run / "summary.json").read_text())
    assert not (run / "events.png").exists()
    assert "no events to show" in (run / "report.html").read_text()


@pytest.mark.parametrize("kind", ["lmc", "cwvae"])
def test_what_decides_nothing_has_no_events(dlh, trained, clip, kind):
    answer = dlh("events", trained(kind), clip)
    assert answer.status == 2 and answer.names(kind)
    with pytest.raises(UnsupportedError) as caught:
        open_model(trained(kind)).events(tiny_run.ball_frames(12))
    assert (caught.value.code, caught.value.kind) == ("unsupported-by-model", kind)


ANALYSED_LITTLE = (
    *("--clips", 3, "--futures-clips", 2, "--context", 12, "--horizon", 14, "--samples", 3),
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vta", "cwvae"])
def test_an_analysis_looks_into_the_levels_of_other_models(dlh, trained, kind):
    answer = dlh("analyse", trained(kind), "--out", "found", *ANALYSED_LITTLE)
    assert (answer.status, answer.err.count("Error")) == (0, 0)
    numbers = json.loads(Path("found/analysis.json").read_text())
    assert [level["level"] for level in numbers["levels"]] == [1, 2]
    for level in numbers["levels"]:
        assert level["state_kl"]["mean"] > 0 and level["pixel_variance"]["elsewhere"] > 0
    total = sum(level["state_kl"]["mean"] for level in numbers["levels"])
    assert numbers["depth"]["total_state_kl"]["mean"] == pytest.approx(total, rel=1e-5)
    assert {"psnr", "world", "tracking"} <= numbers["futures"].keys()
    decides = kind == "vta"
    assert ("events" in numbers) == ("foresight" in numbers) == decides
    page = Path("found/analysis.html").read_text()
    assert f"kind {kind}" in page and ("the paper" in page.lower()) and numbers["left_out"]
    figures = {path.stem for path in Path("found/figures").glob("*.png")}
    assert {"levels", "exchanged", "rolled", "futures", "psnr"} <= figures
    assert ("events" in figures) == decides


def test_an_analysis_of_a_model_without_levels_says_what_there_is_instead(dlh, trained):
    answer = dlh("analyse", trained("lmc"), "--out", "found")
    assert answer.status == 2 and answer.names("lmc")
    assert "dlh evaluate" in answer.line and not Path("found").exists()


@pytest.mark.parametrize("frames", [0, 1])
def test_a_change_needs_two_frames(trained, frames):
    model = open_model(trained("vta"))
    with pytest.raises(VideoError):
        model.events([tiny_run.ball_frames(40)[:frames]] if frames else [])


def iterations(name: str, *, accumulate: int) -> Iterations:
    """Of a preset, each batch in so many parts."""
    experiment = preset(name)
    config = dataclasses.replace(
        experiment.training, device="cpu", speed="plain", accumulate=accumulate
    )
    return Iterations(build_model(experiment), open_source(experiment), config)


def gradients(name: str, *, accumulate: int) -> dict[str, torch.Tensor]:
    """Of the last phase of an iteration after the warm-up."""
    training = iterations(name, accumulate=accumulate)
    training.run(10)
    return {n: p.grad for n, p in training.parameters.items() if p.grad is not None}


@pytest.mark.parametrize("name", ["tiny-lmc", "tiny-cwvae", "tiny-flat"])
@pytest.mark.slow
def test_a_batch_in_parts_is_the_batch(name):
    whole, parts = (gradients(name, accumulate=n) for n in (1, 2))
    assert whole.keys() == parts.keys() and len(whole) > 20
    for parameter, gradient in whole.items():
        torch.testing.assert_close(parts[parameter], gradient, rtol=1e-3, atol=1e-6)


def test_a_batch_of_vta_in_parts_is_refused_with_the_reason():
    with refused(TrainingError, "accumulate", 2):
        iterations("tiny-vta", accumulate=2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BASELINES)
def test_two_processes_train_what_vta_refuses(workspace, trained, kind):
    words = ["train", BASELINES[kind], *SHORT, "--run", "two", "--num-processes", "2"]
    both = subprocess.run(
        [sys.executable, "-m", "dlh", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if kind == "vta":
        assert both.returncode != 0 and "statistics of all frames" in both.stderr
        return
    assert both.returncode == 0, both.stderr
    one, two = (load_file(run / "model.safetensors") for run in (trained(kind), Path("two")))
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=1e-4, atol=1e-5)
