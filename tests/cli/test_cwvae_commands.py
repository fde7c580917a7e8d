"""CW-VAE through the commands: train, resume, predict, evaluate, and open what was trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import dlh as package
import tiny_run
from dlh import DLH
from dlh.cli.train import main as train
from dlh.models.cwvae import CWVAE
from dlh.pretrained import TrainedModel, UnsupportedError
from dlh.runs.presets import preset
from dlh.training.figures import TIMINGS
from dlh.training.run import RunFolder
from tiny_run import interrupted_at

SHORT = ("--steps", 4, "--checkpoint-every", 2, "--training.log-every", 2)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps that nobody stopped; not to be changed."""
    folder = tmp_path_factory.mktemp("cwvae") / "run"
    with pytest.MonkeyPatch.context() as patch:
        tiny_run.measure_little(patch)
        assert train(["cwvae-tiny", "--run", str(folder), *map(str, SHORT)]) == 0
    return folder


def figures_of(run: Path) -> list[dict]:
    """All that was logged but the clock."""
    entries = RunFolder(run).metrics.read()
    return [{k: v for k, v in entry.items() if k not in TIMINGS} for entry in entries]


def test_a_run_logs_the_bound_and_the_divergence_of_every_level(unbroken):
    logged = {name for entry in figures_of(unbroken) for name in entry}
    assert {"loss", "reconstruction", "state_kl", "state_kl.L1", "state_kl.L2"} <= logged
    assert {"validation.elbo", "validation.kl.L1", "validation.kl.L2"} <= logged
    assert not any("event" in name or "beta" in name for name in logged)
    assert {"report.html", "model.safetensors", "best"} <= {p.name for p in unbroken.iterdir()}


def test_a_resumed_run_equals_an_unbroken_one_to_the_last_bit(dlh, unbroken):
    with interrupted_at(2):
        assert dlh("train", "cwvae-tiny", "--run", "run", *SHORT).status == 130
    answer = dlh("train", "--resume", "run")
    assert answer.status == 0 and "resumed from step 3 of 4" in answer.err
    weights = [run / "model.safetensors" for run in (Path("run"), unbroken)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert figures_of(Path("run")) == figures_of(unbroken)


def test_what_was_trained_is_opened_and_predicts(dlh, unbroken, clip):
    model = package.open_model(unbroken)
    assert type(model) is TrainedModel and isinstance(model.model, CWVAE)
    assert model.config == preset("cwvae-tiny").model
    with pytest.raises(UnsupportedError) as refused:
        DLH.from_pretrained(unbroken)
    assert refused.value.kind == "cwvae"

    words = ("--context", 10, "--horizon", 20, "--samples", 3, "--seed", 5)
    answer = dlh("predict", unbroken, clip, *words, "--out", "film.mp4", "--save", "frames.npz")
    assert (answer.status, answer.err) == (0, "")
    with np.load("frames.npz") as arrays:
        samples = arrays["samples"]
    assert samples.shape == (1, 3, 20, 16, 16, 3)
    assert samples.min() >= 0 and samples.max() <= 1
    frames, _ = model.read(clip)
    futures = model.futures(frames[:10], horizon=20, samples=3, seed=5)
    same = np.concatenate([future.frames.movedim(-3, -1).numpy() for future in futures], 1)
    np.testing.assert_allclose(samples, same, atol=1e-5)


def test_it_is_scored_as_any_other_model(dlh, unbroken):
    words = ("--context", 8, "--horizon", 6, "--samples", 3, "--clips", 2, "--num-processes", 1)
    assert dlh("evaluate", unbroken, *words, "--out", "scores").status == 0
    rows = json.loads(Path("scores/scores.json").read_text("utf-8"))["rows"]
    assert rows["model"]["psnr"]["best"] >= rows["model"]["psnr"]["mean"] > 0
    assert rows["black"]["psnr"]["best"] > 0


def test_a_published_context_is_asked_for_in_one_line(dlh, unbroken, clip):
    shutil.copytree(unbroken, "run")
    config = json.loads(Path("run/config.json").read_text())
    config["model"]["context_rule"] = "published"
    Path("run/config.json").write_text(json.dumps(config))
    assert dlh("predict", "run", clip, "--context", 9, "--horizon", 2).status == 0
    answer = dlh("predict", "run", clip, "--context", 10, "--horizon", 2)
    assert answer.status == 1 and "a multiple of 3 frames, found 10" in answer.line


def test_it_has_no_events(dlh, unbroken, clip):
    assert "cwvae" in dlh("events", unbroken, clip).line
