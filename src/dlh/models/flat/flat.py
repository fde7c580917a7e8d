"""A flat recurrent latent model (a recurrent state-space model; Hafner et al. 2019, 1811.04551).

A state s_t is drawn at every step, and a memory d_t carries the past::

    p(s_t | d_t, s_{t-1})        the prior
    q(s_t | x_t, d_t)            the posterior, of the frame's features x_t
    d_{t+1} = f(s_t, d_t)        the transition, a GRU
    p(o_t | s_t, d_t)            a Gaussian around the decoded frame
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.distributions import Gaussian
from dlh.errors import UsageError
from dlh.interfaces import (
    AS_LEARNT,
    CLIPPED,
    PLAIN,
    TRAINED,
    Execution,
    Figures,
    Objective,
    Optimiser,
    Phase,
    Plan,
    Prediction,
    Stage,
    Temperature,
    Term,
    Update,
)
from dlh.models.flat.config import FlatConfig
from dlh.networks import ConditionalGaussian, FrameDecoder, FrameEncoder, Recurrence, perceptron
from dlh.settings import check_at_least
from dlh.video import check_shape

Video = Float[Tensor, "batch time channel height width"]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What was inferred about a video.

    Attributes:
        state: the samples s_t.
        memory: d_t, which step t reads.
        posterior: q(s_t | x_t, d_t).
        left_behind: d_{T+1}, which the step after the last reads.
    """

    state: Float[Tensor, "batch time state"]
    memory: Float[Tensor, "batch time memory"]
    posterior: Gaussian
    left_behind: Float[Tensor, "batch memory"]


class FlatModel(nn.Module):
    """One level of latent states with a memory. State goes in and comes out."""

    to_unit_range: ClassVar[str] = CLIPPED

    def __init__(self, config: FlatConfig) -> None:
        super().__init__()
        self.config = config

        def gaussian(evidence: int, context: int) -> ConditionalGaussian:
            return ConditionalGaussian(
                evidence,
                context,
                config.hidden_sizes,
                config.state_size,
                activation=config.activation,
                std_floor=config.std_floor,
                initial_std=config.initial_std,
            )

        frames = (config.frame_shape, config.convolution_channels, config.feature_size)
        self.encoder = FrameEncoder(*frames, config.activation)
        self.posterior = gaussian(config.feature_size, config.memory_size)
        self.prior = gaussian(config.memory_size, config.state_size)
        self.transition = Recurrence(config.state_size, config.memory_size)
        inputs = config.state_size + config.memory_size
        self.to_features = perceptron((inputs, config.feature_size), config.activation)
        self.decoder = FrameDecoder(*frames, config.activation)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the frames it takes."""
        return self.config.frame_shape

    def observe(self, video: Video, noise: Float[Tensor, "batch time state"]) -> Trace:
        """Infer the states step by step; ``noise`` is standard normal.

        Raises:
            VideoError: the video has other axes, another type or frames of another shape.
        """
        check_shape(video, self.frame_shape, next(self.parameters()).dtype)
        features = self.encoder(video.flatten(0, 1)).unflatten(0, video.shape[:2])
        with torch.autocast(video.device.type, enabled=False):
            projected = self.posterior.project(features.to(video.dtype))
            memory = video.new_zeros(len(video), self.config.memory_size)
            memories, states, posteriors = [], [], []
            for seen, normal in zip(projected.unbind(1), noise.unbind(1), strict=True):
                posterior = self.posterior.given(seen, memory)
                state = posterior.sample(normal)
                memories.append(memory)
                posteriors.append(posterior)
                states.append(state)
                memory = self.transition.step(state, memory)
        return Trace(
            state=torch.stack(states, 1),
            memory=torch.stack(memories, 1),
            posterior=Gaussian(
                torch.stack([each.mean for each in posteriors], 1),
                torch.stack([each.std for each in posteriors], 1),
            ),
            left_behind=memory,
        )

    def priors(self, trace: Trace) -> Gaussian:
        """p(s_t | d_t, s_{t-1}) at all steps at once; s_0 = 0."""
        before = nn.functional.pad(trace.state[:, :-1], (0, 0, 1, 0))
        return self.prior(trace.memory, before)

    def decode(
        self, state: Float[Tensor, "*batch state"], memory: Float[Tensor, "*batch memory"]
    ) -> Float[Tensor, "*batch channel height width"]:
        """The frames' means."""
        features = self.to_features(torch.cat((state, memory), -1))
        frames = self.decoder(features.flatten(0, -2))
        return frames.to(state.dtype).unflatten(0, state.shape[:-1])

    def objective(
        self,
        video: Video,
        *,
        noise: Float[Tensor, "batch time state"] | None = None,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """The bound: ``reconstruction`` and ``state_kl``, nats; the loss is nats per frame.

        Args:
            video: float in [0, 1].
            noise: drawn from ``generator`` where it is not given.
            generator: of the noise of the whole batch.
            update: gives the weight beta of the divergence.
            execution: only its ``share`` is used.

        Raises:
            VideoError: as in :meth:`observe`.
        """
        if noise is None:
            share = execution.share
            noise = share.of(
                self._noise(video, len(video) * share.count, video.shape[1], generator)
            )
        trace = self.observe(video, noise)
        mean = self.decode(trace.state, trace.memory)
        with torch.autocast(video.device.type, enabled=False):
            reconstruction = self._log_likelihood(video, mean)
            state_kl = trace.posterior.kl(self.priors(trace))
            loss = (update.beta * state_kl - reconstruction).mean()
            elbo = (reconstruction - state_kl).sum(1).detach()
        return Objective(
            loss=loss,
            terms={
                "reconstruction": Term(value=reconstruction),
                "state_kl": Term(value=state_kl[..., None]),
            },
            elbo=elbo,
            schedule={"beta": update.beta},
        )

    @property
    def plan(self) -> Plan:
        """As the hierarchy is trained."""
        adam = Optimiser(eps=1e-4, gradient_norm=1_000.0)
        return Plan(stages=(Stage(phases=(Phase(objective=self.objective),), optimiser=adam),))

    @torch.no_grad()
    def figures(self, video: Video, *, generator: torch.Generator | None = None) -> Figures:
        """``elbo`` and ``kl``, nats per frame."""
        found = self.objective(video, generator=generator)
        assert found.elbo is not None
        divergence = found["state_kl"].mean(1)
        return Figures(values={"elbo": found.elbo / video.shape[1], "kl": divergence})

    @torch.no_grad()
    def predict(
        self,
        context: Video,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
        temperature: Temperature = AS_LEARNT,
    ) -> Prediction:
        """``samples`` futures, after a context that is observed once.

        Raises:
            UsageError: horizon or samples is below 1.
            VideoError: as in :meth:`observe`.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        trace = self.observe(context, self._noise(context, *context.shape[:2], generator))
        state, memory = (
            part.repeat_interleave(samples, 0) for part in (trace.state[:, -1], trace.left_behind)
        )
        frames = []
        for normal in self._noise(context, len(state), horizon, generator).unbind(1):
            state = self.prior(memory, state).sample(temperature.states * normal)
            frames.append(self.decode(state, memory).clamp_(0, 1))
            memory = self.transition.step(state, memory)
        return Prediction(frames=torch.stack(frames, 1).unflatten(0, (len(context), samples)))

    def _noise(
        self, like: Tensor, batch: int, steps: int, generator: torch.Generator | None
    ) -> Tensor:
        shape = (batch, steps, self.config.state_size)
        return torch.empty(shape, device=like.device, dtype=like.dtype).normal_(generator=generator)

    def _log_likelihood(self, video: Tensor, mean: Tensor) -> Tensor:
        """log p(o_t | s_t, d_t), (batch, time), nats, with the Gaussian's constant."""
        std, pixels = self.config.likelihood_std, video[0, 0].numel()
        error = (video - mean).square().sum((2, 3, 4))
        return -0.5 * error / std**2 - pixels * (math.log(std) + 0.5 * math.log(2 * math.pi))
