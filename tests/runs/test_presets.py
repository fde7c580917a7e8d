from __future__ import annotations

import re

import pytest
import torch

from dlh.data.published.catalogue import CATALOGUE
from dlh.data.published.places import Place
from dlh.errors import UsageError
from dlh.models import registry
from dlh.models.lmc import LMCConfig
from dlh.models.vta import VTAConfig
from dlh.runs import presets
from refusals import refused

# The paper speaks of about 7 million with three levels and does not give its convolutions.
PARAMETERS = {
    "tiny": 9_732,
    "tiny-flat": 6_259,
    "moving-ball": 1_158_516,
    "moving-ball-long": 1_158_516,
    "textured-room": 1_780_037,
    "two-clocks": 1_780_037,
    "bouncing-ball": 2_110_068,
    "moving-ball-flat": 529_795,
    "moving-ball-paper": 5_500_820,
    "moving-mnist": 6_119_011,
    "moving-mnist-small": 2_729_923,
    "kth": 6_119_011,
    "mazes": 6_122_341,
    "videos": 2_731_589,
    "tiny-vta": 12_327,
    "vta-moving-ball": 569_159,
    "vta-moving-mnist": 750_021,
    "vta-mazes": 752_071,
    "vta-videos": 752_071,
    "vta-paper": 2_235_975,
    "tiny-lmc": 20_699,
    "lmc-moving-ball": 649_523,
    "lmc-moving-mnist": 648_081,
    "lmc-mazes": 649_523,
    "lmc-videos": 649_523,
    "lmc-paper": 33_911_825,
    "tiny-cwvae": 11_227,
    "cwvae-moving-ball": 1_369_011,
    "cwvae-moving-ball-paper": 12_470_147,
    "cwvae-moving-mnist": 12_466_817,
    "cwvae-moving-mnist-small": 3_252_065,
    "cwvae-mazes": 12_470_147,
    "cwvae-mazes-small": 3_253_731,
    "cwvae-videos": 12_470_147,
    "cwvae-videos-small": 3_253_731,
}


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_preset_builds_its_model_and_says_how_to_train_it(name):
    experiment = presets.preset(name)
    assert experiment.preset == name
    with torch.device("meta"):
        model = registry.build(experiment.model)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]
    said = presets.PRESETS[name].__doc__
    assert said is not None and f"    dlh train {name}" in said
    assert ("--data FOLDER" in said) == (experiment.data.source == "")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(presets, "_has_gpu", lambda: False)


@pytest.mark.parametrize("name", ["moving-ball-paper", "moving-mnist", "kth", "mazes"])
def test_the_papers_scale_is_the_papers(name):
    experiment = presets.preset(name)
    model, training = experiment.model, experiment.training
    assert (training.batch_size, training.clip_length) == (100, 100)
    assert training.learning_rate == 5e-4
    assert training.beta_warmup_steps == 10_000
    with torch.device("meta"):
        (stage,) = registry.build(model).plan.stages
    assert training.adam_epsilon is None and stage.optimiser.eps_of(1) == 1e-4
    sizes = {model.feature_size, model.context_size, model.memory_size, model.factor_size}
    assert sizes == {200} and model.state_size == 20 and model.hidden_sizes == (40, 40, 40)
    assert (model.height, model.width) == (64, 64)


@pytest.mark.parametrize("name", ["moving-ball-paper", "moving-mnist", "mazes", "videos"])
def test_the_published_scale_of_cwvae_is_the_published_one(name):
    experiment = presets.preset(f"cwvae-{name}")
    training = experiment.training
    assert (training.batch_size, training.clip_length, training.learning_rate) == (50, 100, 3e-4)
    assert training.adam_epsilon is None and training.gradient_norm is None
    with torch.device("meta"):
        (stage,) = registry.build(experiment.model).plan.stages
    assert stage.optimiser.eps_of(1) == pytest.approx(1e-4 / 0.001**0.5)
    assert stage.optimiser.gradient_norm == 10_000


def test_videos_are_sized_for_the_hardware_found(monkeypatch):
    small = presets.videos()
    monkeypatch.setattr(presets, "_has_gpu", lambda: True)
    large = presets.videos()
    assert small.model.frame_shape == large.model.frame_shape == (3, 64, 64)
    frames = [e.training.batch_size * e.training.clip_length for e in (small, large)]
    assert frames[0] < frames[1]
    assert small.model.convolution_channels < large.model.convolution_channels


def test_a_preset_that_is_none_gets_a_suggestion():
    with refused(UsageError, "'ktth'", "kth", code="no-such-preset"):
        presets.preset("ktth")


def test_data_that_must_be_brought_is_described_in_one_line_with_a_command_that_exists():
    said = presets.how_to_get_data("videos")
    assert "\n" not in said and presets.preset("videos").data.source == ""
    assert re.findall("`(.*?)`", said) == ["dlh train videos --data FOLDER"]
    assert "FOLDER holds your videos" in presets.how_to_get_data("tiny")  # with --data.source ""


def test_data_that_must_be_prepared_is_described_in_one_line_with_what_to_take_instead(tmp_path):
    sources = {"moving-mnist": "moving-mnist-long", "kth": "kth", "mazes": "gqn-mazes"}
    stand_ins = {"moving-mnist": ["--data moving-mnist"], "mazes": ["--data vizdoom-mazes"]}
    for name, source in sources.items():
        experiment = presets.preset(name)
        assert experiment.data.source == source
        data_set = CATALOGUE[source]
        assert data_set.channels == experiment.model.channels
        said = presets.how_to_prepare(name, Place.of(data_set, tmp_path))
        assert "\n" not in said and str(tmp_path) in said
        assert re.findall("`(.*?)`", said) == [
            f"dlh data prepare {source}",
            f"dlh train {name} --data FOLDER",
            *stand_ins.get(name, []),
        ]
        for stand_in in stand_ins.get(name, []):
            assert CATALOGUE[stand_in.split()[1]].channels == data_set.channels


def test_the_stand_in_of_vta_is_prepared_at_its_published_size(tmp_path):
    experiment = presets.preset("vta-paper")
    place = Place.of(CATALOGUE[experiment.data.source], tmp_path)
    said = presets.how_to_prepare("vta-paper", place, size=experiment.model.frame_shape[1])
    assert "dlh data prepare vizdoom-mazes --size 32" in re.findall("`(.*?)`", said)


def test_the_baselines_published_sizes_are_the_published_ones():
    vta, lmc = presets.preset("vta-paper"), presets.preset("lmc-paper")
    assert vta.model == VTAConfig() and lmc.model == LMCConfig()
    assert (vta.training.steps, vta.training.batch_size) == (500_000, 64)
    assert (lmc.training.steps, lmc.training.batch_size) == (300_000, 128)
    assert (vta.training.clip_length, lmc.training.clip_length) == (30, 40)
    assert (vta.training.learning_rate, lmc.training.learning_rate) == (5e-4, 2e-4)


@pytest.mark.parametrize("data", ["moving-ball", "moving-mnist", "mazes", "videos"])
@pytest.mark.parametrize("kind", ["vta", "lmc"])
def test_a_narrower_baseline_says_so(kind, data):
    said = presets.PRESETS[f"{kind}-{data}"].__doc__
    assert said is not None and "narrower than the published" in " ".join(said.split())
