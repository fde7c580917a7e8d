from __future__ import annotations

import pytest
import torch
from torch import nn

from dlh.networks import Recurrence, latest

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def test_a_step_is_a_gru_cell():
    torch.manual_seed(0)
    recurrence, cell = Recurrence(3, 4).double(), nn.GRUCell(3, 4).double()
    state = recurrence.state_dict()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in state.items()})
    inputs, hidden = torch.randn(5, 3).double(), torch.randn(5, 4).double()
    torch.testing.assert_close(recurrence.step(inputs, hidden), cell(inputs, hidden))


def test_a_step_from_projected_inputs_is_the_step_and_has_its_gradients():
    recurrence = Recurrence(3, 5).double()
    inputs, hidden = torch.randn(4, 3).double(), torch.randn(4, 5).double().requires_grad_()
    whole = recurrence.step(inputs, hidden)
    given = recurrence.given(recurrence.project(inputs), hidden)
    torch.testing.assert_close(given, whole)
    variables = (hidden, *recurrence.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(given.square().sum(), variables),
        torch.autograd.grad(whole.square().sum(), variables),
    )


def recurrence_and_inputs(steps: int = 7) -> tuple[Recurrence, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    inputs = torch.randn(steps, 5, 3, dtype=torch.float64, requires_grad=True)
    return Recurrence(3, 4).double(), inputs, torch.randn(5, 4).double().requires_grad_()


def gradients(recurrence, inputs, hidden, hiddens) -> list[torch.Tensor]:
    """Of a sum in which every element of every hidden state counts for something else."""
    weights = torch.linspace(-1, 2, hiddens.numel(), dtype=hiddens.dtype).view_as(hiddens)
    return list(
        torch.autograd.grad((weights * hiddens).sum(), [inputs, hidden, *recurrence.parameters()])
    )


@pytest.mark.parametrize("steps", [1, 7])
def test_a_sequence_and_its_gradients_are_those_of_torch(steps):
    recurrence, inputs, hidden = recurrence_and_inputs(steps)
    of_torch = nn.GRU(3, 4).double()
    of_torch.load_state_dict(recurrence.state_dict())
    expected, _ = of_torch(inputs, hidden[None])
    expected_gradients = gradients(of_torch, inputs, hidden, expected)
    for found in (recurrence.sequence(inputs, hidden), recurrence.in_one(inputs, hidden)):
        torch.testing.assert_close(found, expected, **CLOSE)
        found_gradients = gradients(recurrence, inputs, hidden, found)
        torch.testing.assert_close(found_gradients, expected_gradients, **CLOSE)


MOVING = torch.rand(7, 5, generator=torch.Generator().manual_seed(1)) < torch.tensor(
    [0.0, 0.3, 0.5, 0.8, 1.0]
)


@pytest.mark.parametrize("moving", [MOVING, MOVING & False, MOVING | True, MOVING[:, :2]])
def test_a_hidden_state_stays_where_it_does_not_move(moving):
    recurrence, inputs, hidden = recurrence_and_inputs()
    with torch.no_grad():
        inputs, hidden = inputs[:, : moving.shape[1]], hidden[: moving.shape[1]]
    inputs.requires_grad_(), hidden.requires_grad_()
    found, expected, held = recurrence.after(inputs, hidden, moving), [], hidden
    for step in range(7):
        moved = recurrence.step(inputs[step], held)
        held = torch.where(moving[step, :, None], moved, held)
        expected.append(held)
    torch.testing.assert_close(found, torch.stack(expected), **CLOSE)
    torch.testing.assert_close(
        gradients(recurrence, inputs, hidden, found),
        gradients(recurrence, inputs, hidden, torch.stack(expected)),
        **CLOSE,
    )


def test_the_latest_value_taken_is_the_one_there():
    taken = torch.tensor([[False, True], [True, False], [False, False], [True, False]])
    values = torch.arange(1.0, 9.0).view(4, 2, 1)
    found = latest(torch.tensor([[-1.0], [-2.0]]), values, taken)
    assert found[..., 0].tolist() == [[-1, 2], [3, 2], [3, 2], [7, 2]]
