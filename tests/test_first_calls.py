"""The check of shapes: of the first calls in a test, and again in the next test."""

from __future__ import annotations

import os

import pytest
import torch
from jaxtyping import TypeCheckError

import first_calls
from dlh.distributions.gaussian import Gaussian


@pytest.mark.skipif("DLH_TYPECHECK" in os.environ, reason="all calls are checked, or none")
def test_a_function_is_checked_in_its_first_calls_in_every_test() -> None:
    gaussian = Gaussian(torch.zeros(2, 3), torch.ones(2, 3))
    with pytest.raises(TypeCheckError):
        gaussian.log_prob("no tensor")
    for _ in range(20):
        gaussian.log_prob(torch.zeros(2, 3))
    with pytest.raises(TypeError):  # from torch: nobody looked
        gaussian.log_prob("no tensor")
    first_calls.check_again()
    with pytest.raises(TypeCheckError):
        gaussian.log_prob("no tensor")
