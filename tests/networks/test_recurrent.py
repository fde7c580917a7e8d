from __future__ import annotations

import torch
from torch import nn

from dlh.networks import Recurrence


def test_a_step_is_a_gru_cell():
    torch.manual_seed(0)
    recurrence, cell = Recurrence(3, 4).double(), nn.GRUCell(3, 4).double()
    state = recurrence.state_dict()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in state.items()})
    inputs, hidden = torch.randn(5, 3).double(), torch.randn(5, 4).double()
    torch.testing.assert_close(recurrence.step(inputs, hidden), cell(inputs, hidden))


def test_a_sequence_is_its_steps_one_after_the_other():
    torch.manual_seed(0)
    recurrence = Recurrence(3, 4).double()
    inputs, hidden = torch.randn(6, 5, 3).double(), torch.randn(5, 4).double()
    whole = recurrence.sequence(inputs, hidden)
    assert whole.shape == (6, 5, 4)
    for step in range(6):
        hidden = recurrence.step(inputs[step], hidden)
        torch.testing.assert_close(whole[step], hidden, rtol=1e-12, atol=1e-12)


def test_nothing_is_remembered_between_two_calls():
    torch.manual_seed(0)
    recurrence = Recurrence(3, 4)
    inputs, hidden = torch.randn(2, 5, 3), torch.zeros(5, 4)
    first = recurrence.sequence(inputs, hidden)
    assert torch.equal(recurrence.sequence(inputs, hidden), first)
    assert torch.equal(hidden, torch.zeros(5, 4))
