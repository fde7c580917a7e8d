from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.evaluation.temperature import AtTemperature, choose_temperature, try_temperature
from dlh.interfaces import AS_LEARNT, Prediction, Temperature
from refusals import refused

SHAPE = (1, 2, 2)


class Weather:
    """Draws every pixel around .5 with a std of its own; its changes come with probability .3."""

    frame_shape = SHAPE

    def __init__(self, std: float, *, decides: bool = False) -> None:
        self.std, self.decides = std, decides

    def predict(
        self, context, *, horizon, samples=1, generator=None, temperature=AS_LEARNT
    ) -> Prediction:
        shape = (len(context), samples, horizon)
        noise = torch.randn(*shape, *SHAPE, generator=generator)
        changed = None
        if self.decides:
            odds = torch.tensor(0.3).logit()
            chance = temperature.probability(odds)
            level_2 = torch.rand(shape, generator=generator) < chance
            changed = torch.stack([torch.ones_like(level_2), level_2], -1)
        return Prediction(frames=0.5 + temperature.states * self.std * noise, changed=changed)


def world(std: float, clips: int = 40, horizon: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(8)
    truth = 0.5 + std * torch.randn(clips, horizon, *SHAPE, generator=generator)
    return torch.zeros(clips, 1, *SHAPE), truth


def test_a_model_that_draws_too_freely_is_cooled_to_the_spread_of_the_world():
    chosen, tried = choose_temperature(Weather(0.2), *world(0.1), samples=16)
    assert chosen == Temperature(states=0.5)
    assert tried[0].temperature == AS_LEARNT
    energies = {one.temperature.states: one.energy.mean() for one in tried}
    assert min(energies, key=energies.__getitem__) == 0.5
    # An error alone would have taken the lowest: the least varied futures are nearest to the truth.
    assert max(tried, key=lambda one: one.mean).temperature.states == min(energies)


def test_each_temperature_is_told_before_the_next_is_tried():
    told: list[Temperature] = []
    drawn: list[Temperature] = []

    class Watched(Weather):
        def predict(self, context, *, temperature=AS_LEARNT, **settings):
            drawn.append(temperature)
            assert set(told) == set(drawn) - {temperature}
            return super().predict(context, temperature=temperature, **settings)

    _, tried = choose_temperature(
        Watched(0.2), *world(0.1, clips=3), samples=4, told=lambda one: told.append(one.temperature)
    )
    assert told == [one.temperature for one in tried]


def test_a_model_that_draws_as_the_world_does_keeps_1():
    chosen, _ = choose_temperature(Weather(0.1), *world(0.1), samples=16)
    assert chosen == AS_LEARNT


def test_of_temperatures_that_cannot_be_told_apart_the_nearest_to_1_is_taken():
    deterministic = Weather(0.0)
    chosen, tried = choose_temperature(deterministic, *world(0.1), samples=4)
    assert chosen == AS_LEARNT and len(tried) > 1


def test_decisions_are_tried_at_the_temperature_of_the_states():
    chosen, tried = choose_temperature(
        Weather(0.2, decides=True), *world(0.1), samples=8, states=(1.0, 0.5), decisions=(1.0, 0.5)
    )
    assert [one.temperature for one in tried] == [
        AS_LEARNT,
        Temperature(states=0.5),
        Temperature(states=0.5, decisions=0.5),
    ]
    assert chosen == Temperature(states=0.5)  # its changes move no pixel
    assert tried[1].change_rate == pytest.approx(0.3, abs=0.05)
    colder = 0.3**2 / (0.3**2 + 0.7**2)
    assert tried[2].change_rate == pytest.approx(colder, abs=0.05)


def test_a_deterministic_model_is_tried_once():
    class Certain(Weather):
        def predict(self, context, *, horizon, **settings):
            return Prediction(frames=torch.full((len(context), 1, horizon, *SHAPE), 0.5))

    chosen, tried = choose_temperature(Certain(0.1), *world(0.1), samples=8)
    assert chosen == AS_LEARNT
    assert [one.samples for one in tried] == [1]


def test_what_is_tried_says_how_far_futures_differ():
    context, truth = world(0.1, clips=6)
    free, cool = (
        try_temperature(Weather(0.1), context, truth, Temperature(states=one), samples=8)
        for one in (1.0, 0.5)
    )
    assert cool.spread == pytest.approx(free.spread / 2, rel=1e-4)  # the same noise
    assert free.energy.shape == (6,) and free.change_rate is None
    none = try_temperature(Weather(0.1), context, truth, Temperature(states=0.0), samples=8)
    still = (truth - 0.5).square().mean((2, 3, 4)).sqrt().mean(1)
    np.testing.assert_allclose(none.energy, still, rtol=1e-5)


def test_a_model_at_a_temperature_predicts_so():
    model, context = Weather(0.1), torch.zeros(2, 1, *SHAPE)
    seeded = torch.Generator().manual_seed(1)
    cool = AtTemperature(model=model, temperature=Temperature(states=0.5))
    found = cool.predict(context, horizon=3, samples=4, generator=seeded).frames
    free = model.predict(
        context, horizon=3, samples=4, generator=torch.Generator().manual_seed(1)
    ).frames
    torch.testing.assert_close(found - 0.5, (free - 0.5) / 2)


def test_1_has_to_be_among_those_to_try():
    with refused(ValueError, "states"):
        choose_temperature(Weather(0.1), *world(0.1), samples=4, states=(0.5,))
