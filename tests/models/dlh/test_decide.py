"""The loop over time, compiled, takes the decisions of the plain one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dlh.models.dlh import Carried
from dlh.models.dlh.decide import decide
from dlh.models.dlh.step import Past
from dlh.networks.recorded import tensors
from small_models import lively_model, lively_video, noise_for, small_config

SCRIPT = Path(__file__).with_name("compiled_loops.py")


def wrong_cases(cache: Path, *device: str) -> dict[str, str | None]:
    """What is wrong with each case; together in one process, of which most is torch's start-up."""
    done = subprocess.run(
        [sys.executable, SCRIPT, *device],
        env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


NO_SPACE = pytest.mark.skipif(
    " " in torch.__file__, reason="torch cannot compile from a folder whose name has a space"
)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory) -> dict[str, str | None]:
    return wrong_cases(tmp_path_factory.mktemp("inductor"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_loop_that_a_gpu_replays_is_the_plain_one(tmp_path) -> None:
    assert wrong_cases(tmp_path, "cuda") == {"recorded": None, "refused": None}


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        pytest.param("inductor", marks=NO_SPACE),
        "the paper's letter",
        "no nesting, vade",
        "full selection context",
        "refused",
    ],
)
def test_the_compiled_loop_is_the_plain_one(wrong, case):
    assert wrong[case] is None, wrong[case]


def test_what_the_past_left_is_cut_from_its_gradient_and_lies_in_memory_of_its_own(monkeypatch):
    """Otherwise the first step of a piece would be compiled apart from the others."""
    config = small_config(3)
    model, video = lively_model(config), lively_video(config)
    noise = noise_for(config, video)
    _, carried = model.observe(video, noise=noise)
    assert carried.state.requires_grad
    given: list[Past] = []

    def noted(levels, config, evidence, past, *rest):
        assert not any(part.requires_grad for part in tensors(evidence))
        given.append(past)
        return decide(levels, config, evidence, past, *rest)

    monkeypatch.setattr("dlh.models.dlh.decide.decide", noted)
    model.observe(video, carried, noise=noise)
    assert len(given) == video.shape[1]
    for past in given:
        assert not any(part.requires_grad for part in tensors(past))
        assert not past.first.any()
    assert all(part.is_contiguous() for part in tensors(given[0]))
    assert torch.equal(given[0].memory[1], carried.memory[:, 1])
    assert torch.equal(given[0].held[2].belief.std, carried.belief.std[:, 2])
    assert Past.of(Carried.start(config, 3, like=video)).first.all()
