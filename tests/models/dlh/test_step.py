"""One step of the hierarchy, whatever it draws from: what is refreshed, held, remembered."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from dlh.distributions import Gaussian
from dlh.models.dlh import Carried
from dlh.models.dlh.step import Past, advance
from dlh.networks.recorded import tensors
from small_models import lively_model, small_config

NUM_LEVELS, BATCH, STEPS = 3, 2, 4
masks = st.lists(
    st.lists(st.booleans(), min_size=NUM_LEVELS - 1, max_size=NUM_LEVELS - 1),
    min_size=STEPS * BATCH,
    max_size=STEPS * BATCH,
).map(lambda rows: torch.tensor([[True, *row] for row in rows]).unflatten(0, (STEPS, BATCH)))
"""Which levels are touched at each step, (time, batch, levels): level 1 always is."""
CONFIG = small_config(NUM_LEVELS)
MODEL = lively_model(CONFIG).requires_grad_(False)
levels = list(MODEL.levels)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))).double()


def past() -> Past:
    carried = Carried(
        state=random(BATCH, NUM_LEVELS, 3),
        belief=Gaussian(random(BATCH, NUM_LEVELS, 3), random(BATCH, NUM_LEVELS, 3).exp()),
        memory=random(BATCH, NUM_LEVELS, 5),
        context=random(BATCH, NUM_LEVELS, 6),
        changed=torch.ones(BATCH, NUM_LEVELS, dtype=torch.bool),
        factor=random(BATCH, NUM_LEVELS, 4),
        seen=torch.ones(BATCH, dtype=torch.bool),
    )
    assert all(map(torch.equal, tensors(Past.of(carried).carried()), tensors(carried)))
    return Past.of(carried)


def component(index: int, context: torch.Tensor) -> Gaussian:
    """Something that depends on the level and its context."""
    return Gaussian(context[..., :3] + index, torch.full_like(context[..., :3], 0.5))


def advanced(before: Past, noise, refreshed, changed, lowest: int = 0):
    return advance(
        levels,
        CONFIG,
        before,
        component,
        noise,
        refreshed=refreshed,
        changed=changed,
        lowest=lowest,
    )


@given(refreshed=masks, changed=masks)
def test_a_step_touches_what_it_is_told_to_and_nothing_else(refreshed, changed):
    before, noise = past(), random(BATCH, NUM_LEVELS, 3)
    after, memory = advanced(before, noise, refreshed[0], changed[0])
    for n, (now, held) in enumerate(zip(after, before.held, strict=True)):
        drawn = component(n, now.context)
        for row in range(BATCH):
            if refreshed[0, row, n]:
                expected = drawn.mean[row] + drawn.std[row] * noise[row, n]
                torch.testing.assert_close(now.state[row], expected)
                assert torch.equal(now.belief.mean[row], drawn.mean[row])
            else:
                assert torch.equal(now.state[row], held.state[row])
                assert torch.equal(now.belief.mean[row], held.belief.mean[row])
                assert torch.equal(now.belief.std[row], held.belief.std[row])
            if changed[0, row, n]:
                moved = levels[n].transition.step(now.state, before.memory[n])
                torch.testing.assert_close(memory[n][row], moved[row])
            else:
                assert torch.equal(memory[n][row], before.memory[n][row])
            if bool(refreshed[0, row, n + 1 :].any()):
                below = levels[n + 1].top_down(after[n + 1].state, after[n + 1].context)
                torch.testing.assert_close(now.context[row], below[row])
            else:
                assert torch.equal(now.context[row], held.context[row])


@given(refreshed=masks, changed=masks)
def test_all_steps_at_once_are_the_steps_one_by_one(refreshed, changed):
    now, noise = past(), random(STEPS, BATCH, NUM_LEVELS, 3)
    held, memory = advanced(now, noise, refreshed, changed)
    for step in range(STEPS):
        after, memories = advanced(now, noise[step], refreshed[step], changed[step])
        now = replace(now, held=after, memory=memories)
        found = [part[step] for part in (*tensors(held), *memory)]
        torch.testing.assert_close(found, [*tensors(after), *memories])


def test_levels_below_the_lowest_are_returned_as_they_were():
    before, everywhere = past(), torch.ones(BATCH, NUM_LEVELS, dtype=torch.bool)
    after, memory = advanced(before, random(BATCH, NUM_LEVELS, 3), everywhere, everywhere, lowest=1)
    assert after[0] is before.held[0] and memory[0] is before.memory[0]
    assert not torch.equal(after[1].state, before.held[1].state)
    assert not torch.equal(memory[1], before.memory[1])
