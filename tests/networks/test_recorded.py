from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.distributions import Gaussian, each
from dlh.networks.recorded import tensors
from refusals import refused


@dataclass(frozen=True)
class Record:
    parts: tuple[Tensor, ...]
    belief: Gaussian
    rows: list[Tensor]


def record() -> Record:
    shared = torch.arange(3.0)
    return Record((shared, shared + 1), Gaussian(shared, shared + 2), [shared.expand(2, 3)])


def test_all_tensors_of_a_record_are_found_in_their_order():
    found = tensors(record())
    assert [float(part.flatten()[0]) for part in found] == [0, 1, 0, 2, 0]


def test_a_copy_shares_no_memory_with_the_record_nor_within_itself():
    """Two that were one tensor at first may differ in the next call."""
    given = record()
    copied = each(Tensor.clone, given)
    assert type(copied) is Record and type(copied.rows) is list and type(copied.parts) is tuple
    places = {part.data_ptr() for part in tensors(copied)}
    assert len(places) == 5 and not places & {part.data_ptr() for part in tensors(given)}
    for mine, theirs in zip(tensors(copied), tensors(given), strict=True):
        assert torch.equal(mine, theirs)


def test_what_is_no_tensor_is_refused():
    with refused(TypeError, "dict"):
        tensors((torch.ones(1), {}))
