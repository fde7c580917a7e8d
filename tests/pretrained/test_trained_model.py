"""A trained model of any kind: opened by its name, used, and refused what it cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import dlh
from dlh import DLH
from dlh.commands.events import find_events
from dlh.commands.options import EventsOptions
from dlh.data.video.encode import write_video
from dlh.models import registry
from dlh.pretrained import PretrainedError, TrainedModel, UnsupportedError, files, of_network
from dlh.runs.presets import tiny, tiny_flat
from refusals import refused
from small_models import changing_model

FRAMES = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def flat() -> TrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return of_network(registry.build(tiny_flat().model))


def test_a_model_is_opened_as_what_it_is(flat: TrainedModel, tmp_path: Path) -> None:
    flat.save_pretrained(tmp_path / "flat")
    DLH(changing_model(tiny().model)).save_pretrained(tmp_path / "dlh")
    back = dlh.open_model(tmp_path / "flat")
    assert type(back) is TrainedModel and back.config == flat.config and not back.model.training
    for name, value in flat.model.state_dict().items():
        assert torch.equal(back.model.state_dict()[name], value), name
    assert type(dlh.open_model(tmp_path / "dlh")) is DLH
    assert json.loads((tmp_path / "flat/config.json").read_text())["model"]["kind"] == "flat"


def test_a_folder_written_before_kinds_is_a_hierarchy(tmp_path: Path) -> None:
    DLH(changing_model(tiny().model)).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    saved = json.loads(path.read_text())
    assert saved["model"].pop("kind") == "dlh"
    path.write_text(json.dumps(saved))
    assert DLH.from_pretrained(tmp_path).config == tiny().model
    saved["model"]["kind"] = "cw"
    path.write_text(json.dumps(saved))
    with refused(PretrainedError, "'cw'"):
        dlh.open_model(tmp_path)


def test_futures_one_by_one_are_as_many_as_were_asked_for(flat: TrainedModel) -> None:
    whole = flat.predict(FRAMES, horizon=4, samples=3, seed=1)
    assert whole.frames.shape == (1, 3, 4, 3, 16, 16) and whole.changed is None
    futures = [future.frames for future in flat.futures(FRAMES, horizon=4, samples=3, seed=1)]
    assert [future.shape for future in futures] == [(1, 1, 4, 3, 16, 16)] * 3
    assert not torch.equal(futures[0], futures[1])
    again = next(flat.futures(FRAMES, horizon=4, samples=1, seed=1)).frames
    assert torch.equal(again, futures[0])
    with refused(ValueError, "samples", 0):
        flat.futures(FRAMES, samples=0)


def test_what_a_model_cannot_do_is_one_error(
    flat: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat.save_pretrained(tmp_path / "flat")
    monkeypatch.chdir(tmp_path)
    write_video(Path("x.mp4"), FRAMES, fps=10)
    with pytest.raises(UnsupportedError) as no_events:
        flat.events(FRAMES)
    assert (no_events.value.kind, no_events.value.asked) == ("flat", "events")
    for use in (
        lambda: DLH.from_pretrained("flat"),
        lambda: find_events(EventsOptions(model="flat", videos=(Path("x.mp4"),))),
    ):
        with refused(UnsupportedError, "flat", code="unsupported-by-model") as raised:
            use()
        assert (raised.value.kind, raised.value.exit_status) == ("flat", 2)


def test_whole_numbers_among_the_weights_stay_whole(tmp_path: Path) -> None:
    model = changing_model(tiny().model)
    model.register_buffer("counted", torch.tensor(2**20 + 1))
    files.write_model(tmp_path, model, dtype=torch.bfloat16)
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "model.safetensors")
    assert weights["counted"].item() == 2**20 + 1
    assert weights["encoder.convolutions.0.weight"].dtype == torch.bfloat16
