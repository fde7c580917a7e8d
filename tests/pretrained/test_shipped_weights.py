"""The models that ship with the package load, are small, and do what their about.json says."""

from __future__ import annotations

import json

import pytest
import torch

from dlh import DLH
from dlh.evaluation.events import event_scores
from dlh.pretrained.files import SHIPPED, find
from dlh.runs.subject import ABOUT
from dlh.video import from_stored
from reproduction.publish import MOST_BYTES, model_card, shipped_ball

NAMES = sorted(path.name for path in SHIPPED.iterdir()) if SHIPPED.is_dir() else []
CLIPS, STEPS = 64, 30
LEAST_F1 = 0.98

if not NAMES:
    pytest.skip("no model ships yet", allow_module_level=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_is_a_small_folder_that_loads_as_float32(name: str) -> None:
    folder = SHIPPED / name
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "about.json",
        "config.json",
        "model.safetensors",
    }
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_BYTES
    model = DLH.from_pretrained(name)
    assert {value.dtype for value in model.model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("name", NAMES)
def test_its_card_has_its_numbers_and_rounding_cost_next_to_nothing(name: str) -> None:
    about = json.loads((SHIPPED / name / ABOUT).read_text("utf-8"))
    assert (SHIPPED / name / "README.md").read_text("utf-8") == model_card(about)
    trained, stored = about["as_trained"], about["as_stored"]
    assert about["name"] == name
    assert stored["elbo"] == pytest.approx(trained["elbo"], abs=0.5)  # nats of a whole frame
    assert stored["psnr"] == pytest.approx(trained["psnr"], abs=0.5)
    assert stored["f1"] == pytest.approx(trained["f1"], abs=0.005)


def test_moving_ball_finds_the_events_of_64_fixed_clips() -> None:
    model = DLH.from_pretrained("moving-ball")
    world = shipped_ball(find("moving-ball"))
    clips = world.held_out("test", count=CLIPS, clip_length=STEPS)
    with torch.no_grad():
        trace, _ = model.model.observe(
            from_stored(clips.video), generator=torch.Generator().manual_seed(0)
        )
    scores = event_scores(trace.changed[..., 1], clips.events)
    assert scores.true_events > 300 and scores.f1 >= LEAST_F1, scores


def test_a_name_without_a_version_is_the_newest_and_old_ones_stay() -> None:
    assert find("moving-ball") == find("moving-ball@0.2")
    assert find("moving-ball@0.1").name in NAMES
