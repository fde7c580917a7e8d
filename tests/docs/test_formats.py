"""The files that docs/files.md describes are those that a run really writes, name by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlh.cli import main
from dlh.data.video.encode import write_video
from dlh.data.worlds.moving_ball import MovingBall
from dlh.runs.presets import tiny
from documentation import section_of

FILES = "docs/files.md"


@pytest.fixture(scope="module")
def finished(little_to_measure: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short run of two starts in run/, the futures of a clip, and its events."""
    folder = tmp_path_factory.mktemp("finished")
    frames = MovingBall(tiny().data.ball).draw(1, 14, np.random.default_rng(0)).video[0]
    write_video(folder / "clip.mp4", frames, fps=10)
    run, clip = str(folder / "run"), str(folder / "clip.mp4")
    options = ["--data.ball.colour-change-probability", "0.2", "--steps", "10"]
    options += ["--training.starts", "2", "--training.start-steps", "5"]
    assert main(["train", "tiny", "--run", run, *options]) == 0
    small = ["--context", "6", "--horizon", "8", "--samples", "2"]
    places = ["--out", str(folder / "out.mp4"), "--save", str(folder / "futures.npz")]
    assert main(["predict", run, clip, *small, *places]) == 0
    assert main(["events", run, clip, "--out", str(folder / "events.json")]) == 0
    return folder


def documented(heading: str) -> set[str]:
    """The names in the first column of a table; `a.b`, `.c` stands for a.b and a.c."""
    names: set[str] = set()
    for cell in re.findall(r"^\| (`[^|]+) \|", section_of(heading, FILES), re.MULTILINE):
        before = ""
        for name in re.findall(r"`([^`]+)`", cell):
            before = before.rpartition(".")[0] + name if name.startswith(".") and before else name
            names.add(before)
    return names


def flat(value: dict[str, Any], prefix: str = "") -> set[str]:
    """The names of a JSON object, those of objects in it after a full stop."""
    names: set[str] = set()
    for name, inner in value.items():
        names |= flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {prefix + name}
    return names


def test_summary_json(finished: Path) -> None:
    summary = json.loads((finished / "run" / "summary.json").read_text("utf-8"))
    assert summary["psnr_curve"].keys() == summary["psnr"].keys()
    assert summary["starts"]["elbo"].keys() == {"0", "1"}  # the seeds
    written = {
        re.sub(r"^(psnr_curve|starts\.(?:elbo|mean_depth))\..+", r"\1", name)
        for name in flat(summary)
    }
    assert written - {"psnr_curve"} == documented("summary.json") - {"psnr_curve."}


def test_metrics_jsonl(finished: Path) -> None:
    lines = (finished / "run" / "metrics.jsonl").read_text("utf-8").splitlines()
    written = {re.sub(r"\.L\d+$", ".L1", name) for line in lines for name in json.loads(line)}
    said = {re.sub(r"\.L\d+$", ".L1", name) for name in documented("metrics.jsonl")}
    elsewhere = {"gpu_memory", "stage", "best_by"}  # of a GPU, of several stages, without a bound
    assert written - {"event_kl.L1"} == (said | {"state_kl.L1"}) - elsewhere


def test_run_folder(finished: Path) -> None:
    run = finished / "run"
    written = {path.name for path in run.iterdir() if path.is_file()}
    said = documented("The run folder")
    assert written == {name for name in said if "/" not in name}
    assert any(re.fullmatch(r"step-\d{7}\.pt", path.name) for path in run.glob("checkpoints/*"))
    status = json.loads((run / "status.json").read_text("utf-8"))
    experiment = json.loads((run / "experiment.json").read_text("utf-8"))
    section = section_of("The run folder", FILES)
    assert all(f"`{name}`" in section for name in status)
    assert all(f"`{name}`" in section for name in ("experiment", "software", "history"))
    assert (run / "best" / "model.safetensors").exists() and (run / "checkpoints/best.pt").exists()
    assert {"preset", "model", "data", "training", "init"} == experiment["experiment"].keys()


def test_events_json(finished: Path) -> None:
    events = json.loads((finished / "events.json").read_text("utf-8"))
    level = events["levels"][1]
    (described,) = re.findall(r"^```text\n(.*?)^```", section_of("events.json", FILES), re.M | re.S)
    outside = re.findall(r"^(\w+(?:, \w+)*)", described, re.MULTILINE)
    inside = re.findall(r"^  (\w+)", described, re.MULTILINE)
    assert {name for names in outside for name in names.split(", ")} == events.keys()
    assert set(inside) == level.keys()
    assert events["frames"] == 14 == len(level["surprise"]) and level["surprise"][0] is None
    found = [event for each in events["levels"] for event in each["events"]]
    assert all(event.keys() == {"frame", "seconds", "surprise"} for event in found)
    assert (finished / "events.png").exists()


def test_overview_json(finished: Path) -> None:
    labels = finished / "labels.csv"
    labels.write_text("video,seconds\nclip,0.5\n")
    with np.load(finished / "futures.npz") as arrays:
        np.save(finished / "other.npy", arrays["context"][0])
    (finished / "bad.mp4").write_text("no video")
    videos = [str(finished / name) for name in ("clip.mp4", "other.npy", "bad.mp4")]
    words = ["--out", str(finished / "answers"), "--truth", str(labels)]
    assert main(["events", str(finished / "run"), *videos, *words]) == 1
    overview = json.loads((finished / "answers" / "overview.json").read_text("utf-8"))
    section = section_of("overview.json", FILES)
    (described,) = re.findall(r"^```text\n(.*?)^```", section, re.M | re.S)
    names = re.findall(r"^(\w+(?:, \w+)*)", described, re.MULTILINE)
    assert {name for each in names for name in each.split(", ")} == overview.keys()
    in_rows = re.search(r"list of {(video, events.*?)}; with labels also (.*)", described)
    assert in_rows is not None
    assert set(", ".join(in_rows.groups()).split(", ")) == overview["videos"][0].keys()
    with open(finished / "answers" / "overview.csv") as file:
        assert file.readline().strip().endswith(",rank_of_all") and "`rank_of_all`" in section


def test_the_arrays_of_a_prediction(finished: Path) -> None:
    with np.load(finished / "futures.npz") as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
        assert all(arrays[name].dtype == np.float32 for name in arrays.files)
        assert all(0 <= arrays[name].min() <= arrays[name].max() <= 1 for name in arrays.files)
    assert shapes == {
        "samples": (1, 2, 8, 16, 16, 3),
        "context": (1, 6, 16, 16, 3),
        "truth": (1, 8, 16, 16, 3),
    }
    assert shapes.keys() <= documented("A file of predictions")
    assert (finished / "out.mp4").exists() and (finished / "out.png").exists()
