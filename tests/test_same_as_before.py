"""What the commands make of fixed inputs is what they made of them at commit b97b0cc.

``same_as_before/*.json`` was written by that commit, with the requests below. Whole numbers, words
and decisions are the same; of other numbers the last digits depend on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import Answer, runner
from dlh.cli import main
from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation import floors
from dlh.runs.presets import moving_ball

BEFORE = Path(__file__).parent / "same_as_before"
CLOSE = {"rel": 1e-3, "abs": 1e-4}
SMALL = ("--clips", 2, "--samples", 2, "--context", 10, "--horizon", 8)

Command = Callable[..., Answer]


@pytest.fixture
def dlh(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs a command, in an empty current folder, with nothing made little for other tests."""
    monkeypatch.setattr(floors, "MEAN_FRAME_CLIPS", 100)
    return runner(main, capsys)


def frames() -> np.ndarray:
    """Frames of a test clip of the shipped model's world, uint8 (time, height, width, channel)."""
    return MovingBall(moving_ball().data.ball).held_out_clip("test", 0, clip_length=40).video[0]


def predictions() -> dict[str, np.ndarray]:
    """Two clips and three noisy futures of each."""
    clip, random = frames().astype(np.float32) / 255, np.random.default_rng(0)
    truth = np.stack([clip[:12], clip[20:32]])
    noise = random.normal(0, 0.1, (2, 3, *truth.shape[1:])).astype(np.float32)
    return {"truth": truth, "samples": np.clip(truth[:, None] + noise, 0, 1)}


SHIPPED = "moving-ball@0.1"
"""The model that shipped then."""


def different(found: Any, before: Any, place: str = "") -> list[str]:
    """The places at which a value of JSON differs from one of before; a key may have come."""
    if isinstance(before, dict) and isinstance(found, dict):
        if gone := before.keys() - found.keys():
            return [f"{place}: {sorted(gone)}"]
        pairs = [(f"{place}/{key}", found[key], before[key]) for key in before]
        return [line for at, *pair in pairs for line in different(*pair, at)]
    if isinstance(before, list) and isinstance(found, list) and len(found) == len(before):
        pairs = enumerate(zip(found, before, strict=True))
        return [line for at, pair in pairs for line in different(*pair, f"{place}[{at}]")]
    if isinstance(before, float) and isinstance(found, float):
        return [] if found == pytest.approx(before, **CLOSE) else [f"{place}: {found}, {before}"]
    same = type(found) is type(before) and found == before
    return [] if same else [f"{place}: {found!r}, {before!r}"]


def before(name: str) -> Any:
    return json.loads((BEFORE / f"{name}.json").read_text("utf-8"))


def ran(answer: Answer) -> None:
    assert answer.status == 0, answer.err


def test_a_difference_is_found():
    one = {"a": [1, 2.0, None], "b": {"c": True}}
    assert different(one, one) == []
    assert different({**one, "a": [1, 2.1, None]}, one) == ["/a[1]: 2.1, 2.0"]
    assert different({**one, "a": [2, 2.0, None]}, one) == ["/a[0]: 2, 1"]
    assert different({"a": one["a"]}, one) == [": ['b']"]
    assert different({**one, "new": 1}, one) == []


def test_events(dlh: Command) -> None:
    np.save("clip.npy", frames())
    ran(dlh("events", SHIPPED, "clip.npy"))
    assert different(json.loads(Path("events.json").read_text("utf-8")), before("events")) == []


def test_predicted_frames(dlh: Command) -> None:
    np.save("clip.npy", frames())
    words = (SHIPPED, "clip.npy", "--context", 20, "--horizon", 12, "--samples", 2)
    ran(dlh("predict", *words, "--save", "all.npz"))
    with np.load("all.npz") as arrays:
        found = {name: summary(arrays[name]) for name in sorted(arrays.files)}
    assert different(found, before("predict")) == []


def summary(video: np.ndarray) -> dict[str, Any]:
    """Shape, type and mean frames of (..., time, height, width, channel), and some rows of them."""
    return {
        "shape": list(video.shape),
        "type": str(video.dtype),
        "means": video.mean((-3, -2, -1), dtype=np.float64).tolist(),
        "rows": video[..., ::4, 16, ::4, 0].astype(float).tolist(),
    }


def test_scores_of_predictions_in_a_file(dlh: Command) -> None:
    np.savez("futures.npz", **predictions())
    ran(dlh("evaluate", "--predictions", "futures.npz", "--num-processes", 1))
    assert different(scores("futures-scores"), before("scores_of_predictions")) == []


def test_scores_of_a_model(dlh: Command) -> None:
    ran(dlh("evaluate", SHIPPED, *SMALL, "--num-processes", 1))
    assert different(scores("evaluation"), before("scores_of_model")) == []


def scores(folder: str) -> dict[str, Any]:
    """All of scores.json but its protocol, which names the software."""
    found = json.loads((Path(folder) / "scores.json").read_text("utf-8"))
    return {key: value for key, value in found.items() if not key.startswith("protocol")}


@pytest.mark.slow
def test_an_analysis(dlh: Command) -> None:
    ran(dlh("analyse", SHIPPED, *SMALL, "--futures-clips", 1, "--out", "found"))
    found = json.loads(Path("found/analysis.json").read_text("utf-8"))
    assert different(found, before("analysis")) == []
