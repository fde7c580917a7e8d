"""A flat recurrent latent model (a recurrent state-space model; Hafner et al. 2019, 1811.04551).

A state s_t is drawn at every step, and a memory d_t carries the past::

    p(s_t | d_t, s_{t-1})        the prior
    q(s_t | x_t, d_t)            the posterior, of the frame's features x_t
    d_{t+1} = f(s_t, d_t)        the transition, a GRU
    p(o_t | s_t, d_t)            a Gaussian around the decoded frame
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.distributions import Gaussian, Tensors, frame_log_prob, normal
from dlh.errors import UsageError
from dlh.interfaces import (
    AS_LEARNT,
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
    Update,
)
from dlh.models.flat.config import FlatConfig
from dlh.models.frame_model import (
    FrameModel,
    Video,
    bound_figures,
    bound_objective,
    framewise,
    full_precision,
)
from dlh.networks import ConditionalGaussian, FrameDecoder, FrameEncoder, Recurrence, perceptron
from dlh.settings import check_at_least


@dataclass(frozen=True, kw_only=True)
class Trace(Tensors):
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


class FlatModel(FrameModel):
    """One level of latent states with a memory."""

    config: FlatConfig

    def __init__(self, config: FlatConfig) -> None:
        super().__init__(config)

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

    def observe(self, video: Video, noise: Float[Tensor, "batch time state"]) -> Trace:
        """Infer the states step by step; ``noise`` is standard normal.

        Raises:
            VideoError: the video has other axes, another type or frames of another shape.
        """
        self.check(video)
        features = framewise(self.encoder, video)
        with full_precision(video):
            projected = self.posterior.project(features)
            memory = video.new_zeros(len(video), self.config.memory_size)
            memories, states, posteriors = [], [], []
            for seen, drawn in zip(projected.unbind(1), noise.unbind(1), strict=True):
                posterior = self.posterior.given(seen, memory)
                state = posterior.sample(drawn)
                memories.append(memory)
                posteriors.append(posterior)
                states.append(state)
                memory = self.transition.step(state, memory)
        return Trace(
            state=torch.stack(states, 1),
            memory=torch.stack(memories, 1),
            posterior=Gaussian.stack(posteriors, 1),
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
        share = execution.share
        if noise is None:
            clips, steps = len(video) * share.count, video.shape[1]
            noise = share.of(self._noise(video, clips, steps, generator))
        trace = self.observe(video, noise)
        mean = self.decode(trace.state, trace.memory)
        with full_precision(video):
            return bound_objective(
                frame_log_prob(video, mean, self.config.likelihood_std),
                {"state_kl": trace.posterior.kl(self.priors(trace))[..., None]},
                beta=update.beta,
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
        return bound_figures(self.objective(video, generator=generator))

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
        for drawn in self._noise(context, len(state), horizon, generator).unbind(1):
            state = self.prior(memory, state).sample(temperature.states * drawn)
            frames.append(self.decode(state, memory).clamp_(0, 1))
            memory = self.transition.step(state, memory)
        return Prediction(frames=torch.stack(frames, 1).unflatten(0, (len(context), samples)))

    def _noise(
        self, like: Tensor, batch: int, steps: int, generator: torch.Generator | None
    ) -> Tensor:
        return normal((batch, steps, self.config.state_size), like=like, generator=generator)
