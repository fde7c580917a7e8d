"""Models by name: what is registered is built, written, and found again."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from dlh.interfaces import TrainableModel
from dlh.models import registry
from dlh.models.flat import FlatConfig
from dlh.runs.experiment import read_experiment
from dlh.runs.presets import PRESETS, tiny, tiny_flat
from dlh.settings import SettingsError, to_plain
from refusals import refused


@pytest.mark.parametrize("kind", registry.kinds())
def test_every_registered_model_keeps_the_contract_and_is_found_by_its_kind(kind: str) -> None:
    config = registry.config_class(kind)()
    assert config.kind == kind
    with torch.device("meta"):
        model = registry.build(config)
    assert isinstance(model, TrainableModel) and isinstance(model, torch.nn.Module)
    assert model.config == config and model.frame_shape == config.frame_shape
    assert model.to_unit_range and model.plan.stages[0].phases and model.plan.judged_by
    plain = to_plain(config)
    assert plain["kind"] == kind and registry.read_config(plain) == config
    assert registry.settings_of(config) == {k: v for k, v in plain.items() if k != "kind"}


def test_what_was_saved_without_a_kind_is_a_hierarchy() -> None:
    plain = to_plain(tiny())
    del plain["model"]["kind"]
    assert read_experiment(plain) == tiny()
    assert read_experiment(to_plain(tiny_flat())).model == tiny_flat().model


@pytest.mark.parametrize(
    "plain, found",
    [
        ({"kind": "flatt"}, ("'flatt'", "flat")),
        ({"kind": 3}, (3,)),
        ([], ([],)),
        (to_plain(FlatConfig()) | {"num_levels": 2}, ("model.num_levels",)),
        (to_plain(FlatConfig()) | {"height": 17}, (17,)),
    ],
)
def test_a_model_that_cannot_be_is_refused_by_name(plain, found: tuple) -> None:
    with refused(SettingsError, *found):
        registry.read_config(plain)


def test_a_name_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    line = {"config": "mine:Config", "build": "mine:Model"}
    registry.register("mine", **line)
    registry.register("mine", **line)  # a module may be imported twice
    with refused(ValueError, "'mine'"):
        registry.register("mine", config="other:Config", build="mine:Model")


def test_reading_the_table_imports_no_model() -> None:
    code = (
        "import sys; from dlh.models import registry; registry.kinds(); "
        "print([m for m in sys.modules if m.startswith('dlh.models.') or m == 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['dlh.models.registry']"


def test_a_preset_has_one_model_and_says_so() -> None:
    assert {make().model.kind for make in PRESETS.values()} >= {"dlh", "flat"}
