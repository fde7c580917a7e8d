"""The loop over time, compiled, takes the decisions of the plain one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dlh.distributions import Gaussian
from dlh.models.dlh import Carried
from dlh.models.dlh.decide import Past
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


@pytest.fixture(scope="module")
def wrong(tmp_path_factory) -> dict[str, str | None]:
    return wrong_cases(tmp_path_factory.mktemp("inductor"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_loop_that_a_gpu_replays_is_the_plain_one(tmp_path) -> None:
    assert wrong_cases(tmp_path, "cuda") == {"recorded": None, "refused": None}


@pytest.mark.parametrize(
    "case",
    ["inductor", "the paper's letter", "no nesting, vade", "full selection context", "refused"],
)
def test_the_compiled_loop_is_the_plain_one(wrong, case):
    assert wrong[case] is None, wrong[case]


def test_what_the_past_left_is_cut_from_its_gradient_and_lies_in_memory_of_its_own():
    """Otherwise the first step of a piece would be compiled apart from the others."""
    config = small_config(3)
    model, video = lively_model(config), lively_video(config)
    _, carried = model.observe(video, noise=noise_for(config, video))
    assert carried.state.requires_grad
    past = Past.of(carried)
    tensors = [past.changed, past.first, *past.factor]
    for index, held in enumerate(past.held):
        belief = held.belief
        assert torch.equal(held.memory, carried.memory[:, index])
        assert torch.equal(belief.std, carried.belief.std[:, index])
        tensors += [held.state, held.memory, held.context, belief.mean, belief.std]
    assert all(part.is_contiguous() and not part.requires_grad for part in tensors)
    assert not past.first.any() and Past.of(Carried.start(config, 3, like=video)).first.all()
    assert isinstance(past.held[0].belief, Gaussian)
