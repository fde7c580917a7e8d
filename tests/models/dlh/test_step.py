"""One step of the hierarchy, whatever it draws from: what is refreshed, held, remembered."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from dlh.distributions import Gaussian
from dlh.models.dlh.step import Held, advance
from small_models import lively_model, small_config

LEVELS, BATCH = 3, 2
masks = st.lists(
    st.lists(st.booleans(), min_size=LEVELS, max_size=LEVELS), min_size=BATCH, max_size=BATCH
).map(torch.tensor)
CONFIG = small_config(LEVELS)
MODEL = lively_model(CONFIG).requires_grad_(False)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))).double()


def held_before() -> list[Held]:
    held = []
    for _ in range(LEVELS):
        belief = Gaussian(random(BATCH, 3), random(BATCH, 3).exp())
        held.append(Held(random(BATCH, 3), belief, random(BATCH, 5), random(BATCH, 6)))
    return held


def component(index: int, context: torch.Tensor) -> Gaussian:
    """Something that depends on the level and its context."""
    return Gaussian(context[:, :3] + index, torch.full_like(context[:, :3], 0.5))


@given(refreshed=masks, remembering=masks)
def test_a_step_touches_what_it_is_told_to_and_nothing_else(refreshed, remembering):
    before, noise = held_before(), random(BATCH, LEVELS, 3)
    levels = list(MODEL.levels)
    after = advance(levels, before, component, noise, refreshed=refreshed, remembering=remembering)
    for n in range(LEVELS):
        drawn = component(n, after[n].context)
        for row in range(BATCH):
            if refreshed[row, n]:
                expected = drawn.mean[row] + drawn.std[row] * noise[row, n]
                torch.testing.assert_close(after[n].state[row], expected)
                assert torch.equal(after[n].belief.mean[row], drawn.mean[row])
            else:
                assert torch.equal(after[n].state[row], before[n].state[row])
                assert torch.equal(after[n].belief.mean[row], before[n].belief.mean[row])
                assert torch.equal(after[n].belief.std[row], before[n].belief.std[row])
            if remembering[row, n]:
                moved = levels[n].transition.step(after[n].state, before[n].memory)
                torch.testing.assert_close(after[n].memory[row], moved[row])
            else:
                assert torch.equal(after[n].memory[row], before[n].memory[row])
            if bool(refreshed[row, n + 1 :].any()):
                below = levels[n + 1].top_down(after[n + 1].state, after[n + 1].context)
                torch.testing.assert_close(after[n].context[row], below[row])
            else:
                assert torch.equal(after[n].context[row], before[n].context[row])


def test_levels_below_the_lowest_are_returned_as_they_were():
    before, everywhere = held_before(), torch.ones(BATCH, LEVELS, dtype=torch.bool)
    after = advance(
        list(MODEL.levels),
        before,
        component,
        random(BATCH, LEVELS, 3),
        refreshed=everywhere,
        remembering=everywhere,
        lowest=1,
    )
    assert after[0] is before[0]
    assert not torch.equal(after[1].state, before[1].state)
