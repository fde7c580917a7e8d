"""Ideal observers of Moving Ball: what anybody could know of the next change (for Table 3).

One knows every bounce in advance and nothing of the random changes. The other has seen the past,
where the ball was to a pixel, and knows the rules: how well it foresees a bounce is about the best
that any model can.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dlh.data.clips import DataError
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig, move

PARTICLES = 128
MOVES = 6
"""Steps of the random walk that spreads particles out again."""
ROUNDS = 10
"""Times as many steps to find back to the frames where no particle agrees with them."""
DRAWN_AT_FIRST = 16
"""Times as many particles are drawn before the direction is known at all."""


def change_known_bounces(bounces: np.ndarray, colour_change_probability: float) -> np.ndarray:
    """p(change) of the offline observer: 1 at a bounce, lambda elsewhere.

    Args:
        bounces: the probability of a bounce, or whether there is one, (clips, time).
        colour_change_probability: lambda.
    """
    known = np.asarray(bounces, float)
    return known + (1 - known) * colour_change_probability


@dataclass(frozen=True)
class KnownBounces:
    """The mean prediction of the offline observer, under both outcomes."""

    change: float
    static: float


def known_bounces(
    bounce_rate: float, colour_change_probability: float, *, random_recall: float = 1.0
) -> KnownBounces:
    """The closed form of Table 3 for the offline observer, who knows every bounce in advance.

    With bounces at a rate b and random changes with probability lambda, of which level 2 notices a
    share r, something is noticed at b + (1 - b) r lambda of all steps, so

        p under change = (b + (1 - b) (r lambda)^2) / (b + (1 - b) r lambda),  p under static = r
        lambda.

    Args:
        bounce_rate: b, bounces per step.
        colour_change_probability: lambda.
        random_recall: r; 1 for true changes.

    Raises:
        ValueError: a rate is not in [0, 1], or nothing ever changes.
    """
    given = {
        "bounce rate": bounce_rate,
        "colour change probability": colour_change_probability,
        "recall of random changes": random_recall,
    }
    for name, value in given.items():
        if not 0 <= value <= 1:
            raise ValueError(f"the {name} lies in [0, 1], found {value}")
    noticed = random_recall * colour_change_probability
    rate = bounce_rate + (1 - bounce_rate) * noticed
    if not rate:
        raise ValueError("nothing ever changes at a bounce rate of 0 without random changes")
    return KnownBounces(
        change=(bounce_rate + (1 - bounce_rate) * noticed**2) / rate, static=noticed
    )


@dataclass(frozen=True, kw_only=True)
class ForeseenBounces:
    """What can be known of a bounce, and of the next place, from the past.

    Attributes:
        probability: of a bounce at step t, given the frames before it, (clips, time); 0 at the
            first step, before which there is nothing.
        places: where the ball may be at step t, drawn given the frames before it: centres (x, y),
            pixels, before rounding, (clips, time, particles, 2). At the first step every place is
            as likely as any other.
        lost: steps at which no particle agreed with the frame, of all; where there are many, more
            particles are needed.
    """

    probability: np.ndarray
    places: np.ndarray
    lost: float


def foreseen_bounces(
    clips: MovingBallClips,
    config: MovingBallConfig,
    *,
    particles: int = PARTICLES,
    seed: int = 0,
) -> ForeseenBounces:
    """A particle filter over where the ball was and whither it went, given the frames so far.

    A frame shows the centre to a pixel, and nothing else in the motion is random, so the posterior
    is uniform on all beginnings (place and direction) that agree with every frame. The particles
    are such beginnings. Where most of them have died out, the rest is spread out again by a random
    walk on the beginnings, whose steps are differences of two other particles, and which keeps to
    those that agree with all frames (or comes nearer to agreeing, where none does). Two seeds show
    the error that the number of particles leaves.

    Args:
        clips: of the ball, with its positions.
        config: its world.
        particles: for each clip.
        seed: of the filter.

    Raises:
        DataError: there are fewer than 8 particles.
    """
    if particles < 8:
        raise DataError(f"a filter needs at least 8 particles, found {particles}")
    centres = np.floor(clips.positions + 0.5)
    random = np.random.default_rng(seed)
    cloud = _Cloud(centres, config, particles, random)
    probability = np.zeros(centres.shape[:2])
    places = np.empty((*centres.shape[:2], particles, 2))
    lost = 0
    for time in range(1, centres.shape[1]):
        probability[:, time] = cloud.step()
        places[:, time] = cloud.here[:, :particles]
        lost += cloud.observe()
    low, high = config.radius, config.size - 1 - config.radius
    places[:, 0] = low + (high - low) * random.random((len(centres), particles, 2))
    return ForeseenBounces(
        probability=probability, places=places, lost=lost / max(1, probability[:, 1:].size)
    )


def foreseen_places(
    clips: MovingBallClips,
    config: MovingBallConfig,
    *,
    context_steps: int,
    samples: int,
    seed: int = 0,
) -> np.ndarray:
    """Positions of the ball after the context, drawn by the ideal observer.

    These are the particles of :func:`foreseen_bounces` after ``context_steps`` frames, moved on
    without further frames. No model can stay with the ball longer than they do.

    Args:
        clips: of the ball, with its positions.
        config: its world.
        context_steps: frames that are seen.
        samples: draws for each clip.
        seed: of the filter.

    Returns:
        Centres (x, y), pixels, (clips, samples, time - context_steps, 2).
    """
    centres = np.floor(clips.positions + 0.5)
    random = np.random.default_rng(seed)
    cloud = _Cloud(centres, config, max(samples, PARTICLES), random)
    for _ in range(1, context_steps):
        cloud.step()
        cloud.observe()
    places = []
    for _ in range(context_steps, centres.shape[1]):
        cloud.step()
        places.append(cloud.here[:, :samples])
    return np.stack(places, 2)


class _Cloud:
    """Particles of every clip: a beginning (x, y, angle) each, and where it has led by now."""

    def __init__(
        self,
        centres: np.ndarray,
        config: MovingBallConfig,
        particles: int,
        random: np.random.Generator,
    ) -> None:
        self.centres, self.speed, self.random = centres, config.speed, random
        self.low, self.high = config.radius, config.size - 1 - config.radius
        self.particles, self.time = particles, 0
        many = (len(centres), particles * DRAWN_AT_FIRST)
        corner = np.maximum(centres[:, :1] - 0.5, self.low)
        size = np.minimum(centres[:, :1] + 0.5, self.high) - corner
        place = corner + size * random.random((*many, 2))
        angle = 2 * math.pi * random.random((*many, 1))
        self.beginning = np.concatenate([place, angle], 2)
        self.here, self.velocity = self._start(self.beginning)
        self.ancestor = np.tile(np.arange(many[1]), (many[0], 1))

    def step(self) -> np.ndarray:
        """Move all by one step; the share that bounced, (clips,)."""
        self.time += 1
        bounced, self.here, self.velocity = move(self.here, self.velocity, self.low, self.high)
        return bounced.mean(1)

    def observe(self) -> int:
        """Keep the particles that agree with the frame; how many clips have none even so."""
        agrees = (np.abs(self.here - self._centre(slice(None), self.time)) <= 0.5).all(-1)
        none = ~agrees.any(1)
        self._keep(np.arange(len(agrees)), agrees | none[:, None])
        distinct = np.array([len(np.unique(row)) for row in self.ancestor])
        if (few := np.flatnonzero((distinct < self.particles / 2) & ~none)).size:
            self._spread(few)
        without = np.flatnonzero(none)
        for _ in range(ROUNDS):
            if without.size:
                agrees = self._spread(without) == 0
                found = agrees.any(1)
                self._keep(without[found], agrees[found])
                without = without[~found]
        return len(without)

    def _keep(self, clips: np.ndarray, agrees: np.ndarray) -> None:
        """As many particles as before, each one of those that agree."""
        rank = np.argsort(~agrees, axis=1, kind="stable")  # those that agree come first
        found = agrees.sum(1, keepdims=True)
        drawn = (self.random.random((len(agrees), self.particles)) * found).astype(int)
        chosen = np.take_along_axis(rank, drawn, 1)
        if self.here.shape[1] != self.particles:  # the many of the beginning
            for name in ("beginning", "here", "velocity"):
                values = getattr(self, name)
                setattr(self, name, np.take_along_axis(values, chosen[..., None], 1))
            self.ancestor = np.take_along_axis(self.ancestor, chosen, 1)
            return
        for values in (self.beginning, self.here, self.velocity):
            values[clips] = np.take_along_axis(values[clips], chosen[..., None], 1)
        self.ancestor[clips] = np.take_along_axis(self.ancestor[clips], chosen, 1)

    def _spread(self, clips: np.ndarray) -> np.ndarray:
        """A random walk of the particles of some clips; how far each then is from agreeing.

        A step is taken where it does not lead further from the frames. So particles that agree
        with all of them walk among those that do, and others walk towards them.
        """
        rows = np.arange(len(clips))[:, None]
        beginning, size = self.beginning[clips], (len(clips), self.particles)
        here, velocity, apart = self._replay(beginning, clips)
        for _ in range(MOVES):
            one, other = self.random.integers(0, self.particles, (2, *size))
            stretch = self.random.choice([0.3, 1.0], (*size, 1))
            proposed = beginning + stretch * (beginning[rows, one] - beginning[rows, other])
            # So that clouds of one particle can grow: by about what the frames resolve by now.
            reach = np.exp(self.random.uniform(math.log(0.003), math.log(0.3), (*size, 1)))
            proposed += reach / self.time * self.random.normal(size=proposed.shape)
            there, speed, away = self._replay(proposed, clips)
            taken = (away <= apart)[..., None]
            beginning = np.where(taken, proposed, beginning)
            here, velocity = np.where(taken, there, here), np.where(taken, speed, velocity)
            apart = np.minimum(away, apart)
        self.beginning[clips], self.here[clips], self.velocity[clips] = beginning, here, velocity
        self.ancestor[clips] = np.arange(self.particles)
        return apart

    def _replay(
        self, beginning: np.ndarray, clips: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where beginnings lead by now, and how far from agreeing they were on the way, pixels."""
        here, velocity = self._start(beginning)
        outside = np.maximum(self.low - here, here - self.high)
        apart = np.maximum(outside, 0).sum(-1)
        for time in range(self.time + 1):
            if time:
                _, here, velocity = move(here, velocity, self.low, self.high)
            off = np.abs(here - self._centre(clips, time)) - 0.5
            apart += np.maximum(off, 0).sum(-1)
        return here, velocity, apart

    def _centre(self, clips: slice | np.ndarray, time: int) -> np.ndarray:
        return self.centres[clips, time][:, None]

    def _start(self, beginning: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        angle = beginning[..., 2]
        return beginning[..., :2], self.speed * np.stack([np.cos(angle), np.sin(angle)], -1)
