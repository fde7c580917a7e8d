"""Every array that the published code computes from the golden weights, frames and noise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from dlh.models.vta import VariationalTemporalAbstraction, VTAConfig
from golden import weights
from golden.vta import CASES, FILE, GoldenCase

with np.load(FILE) as stored:
    GOLDEN = dict(stored)
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
in_each_precision = pytest.mark.parametrize(
    "precision", ["float32", pytest.param("float64", marks=pytest.mark.slow)]
)


@cache
def computed(case: str, precision: str) -> dict[str, np.ndarray]:
    found = GoldenCase(case, PRECISIONS[precision]).everything()
    return {f"{case}/{name}": array for name, array in found.items()}


def tolerance(name: str, precision: str) -> float:
    """Of the largest difference over the largest number of the array."""
    if precision == "float64":
        return 1e-6
    return 3e-4 if "/update." in name else 1e-5


@in_each_precision
@pytest.mark.parametrize("name", GOLDEN)
def test_every_array_is_the_published_one(name, precision):
    found, expected = computed(name.split("/")[0], precision)[name], GOLDEN[name].astype(float)
    assert found.shape == expected.shape
    if expected.ndim == 0 or not expected.any():
        assert found == pytest.approx(expected, rel=tolerance(name, precision))
        return
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert difference < tolerance(name, precision)


@in_each_precision
@pytest.mark.parametrize("case", CASES)
def test_the_norm_of_every_gradient_is_the_published_one(case, precision):
    name = f"{case}/train.gradient.norms"
    relative = {"float32": 1e-4, "float64": 1e-6}[precision]
    np.testing.assert_allclose(computed(case, precision)[name], GOLDEN[name], rtol=relative)


@pytest.mark.parametrize("case", CASES)
def test_nothing_in_the_file_is_left_out(case):
    assert set(computed(case, "float32")) == {name for name in GOLDEN if name.startswith(case)}


@pytest.mark.parametrize(
    "channels, size, number",
    [(3, 32, 2_235_975), (1, 32, 2_227_781), (3, 64, 2_760_775), (1, 64, 2_752_581)],
)
def test_there_are_as_many_parameters_as_published(channels, size, number):
    model = VariationalTemporalAbstraction(VTAConfig(channels=channels, height=size, width=size))
    assert sum(parameter.numel() for parameter in model.parameters()) == number
    assert weights.count(weights.vta(channels=channels, size=size)[1]) == number
