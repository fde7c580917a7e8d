"""Variational temporal abstraction: encode, draw boundaries, infer, score, decode; and predict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.errors import UsageError
from dlh.interfaces import (
    AS_LEARNT,
    PLAIN,
    TRAINED,
    Decisions,
    Execution,
    Figures,
    Objective,
    ObservedLevels,
    Optimiser,
    Phase,
    Plan,
    Prediction,
    Stage,
    Temperature,
    Update,
)
from dlh.models.frame_model import FrameModel, Video, check_size, framewise, full_precision
from dlh.models.vta import inference, looked_into, rollout
from dlh.models.vta.bound import Bound, bound, changed_levels
from dlh.models.vta.boundaries import COPY, READ, RelaxedBoundary
from dlh.models.vta.boundaries import temperature as temperature_at
from dlh.models.vta.config import VTAConfig
from dlh.models.vta.factors import AbstractLevel, ObservationLevel
from dlh.models.vta.frames import BoundaryPosterior, FrameDecoder, FrameEncoder
from dlh.models.vta.noise import Noise, RolloutNoise, draw_dequantisation
from dlh.models.vta.pixels import dequantise, to_frames
from dlh.models.vta.summaries import Summaries
from dlh.models.vta.trace import Carried, Rollout, Trace
from dlh.settings import check_at_least

FRAMES_PER_ENCODING = 1024
WAYS_BACK = {
    "grey_levels": "the 32 grey levels k / 31 of 5-bit frames",
    "smooth": "5-bit frames without their steps, clipped to [0, 1]",
}
WHOLE_BATCH = "its batch normalisation takes the statistics of all frames of a batch"


class VariationalTemporalAbstraction(FrameModel):
    """VTA (Kim, Ahn and Bengio 2019, arXiv 1910.00775): segments found while a clip is encoded.

    Training mode and evaluation mode (``train()``, ``eval()``) differ as in the published code: in
    training batch normalisation takes the statistics of the batch and updates the running ones,
    boundaries are drawn with Gumbel noise, and the limits on segments hold; in evaluation it takes
    the running statistics, boundaries are the likelier of the two, and there are no limits.
    Generation is only in evaluation mode.
    """

    config: VTAConfig

    def __init__(self, config: VTAConfig) -> None:
        super().__init__(config)
        self.encoder = FrameEncoder(config)
        self.boundary_posterior = BoundaryPosterior(config)
        self.summaries = Summaries(config)
        self.abstract = AbstractLevel(config)
        self.observation = ObservationLevel(config)
        self.decoder = FrameDecoder(config)

    @property
    def to_unit_range(self) -> str:
        """How a predicted frame got into [0, 1]."""
        return WAYS_BACK[self.config.way_back]

    def encode(self, frames: Video) -> Float[Tensor, "batch time belief"]:
        """x_t of dequantised frames, all in one call."""
        return framewise(self.encoder, frames)

    def decode(self, features: Float[Tensor, "batch time belief"]) -> Video:
        """The means in [-1, 1] of the frames of f_t, all in one call."""
        return framewise(self.decoder, features)

    def observe(
        self,
        video: Video,
        *,
        temperature: float,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Trace, Video]:
        """All that is inferred about clips, and their dequantised frames.

        Args:
            video: float in [0, 1], (batch, time, channel, height, width), of at least
                ``2 * context_steps + 1`` frames.
            temperature: of the relaxed boundaries.
            noise: the randomness; drawn from ``generator`` where not given.
            generator: of the randomness.

        Raises:
            VideoError: the video has other axes, another type or frames of another shape, or is too
                short.
            ValueError: the temperature is not positive, or the noise is for other clips.
        """
        self.check(video)
        if not temperature > 0:
            raise ValueError(f"the temperature is positive, found {temperature}")
        if noise is None:
            noise = Noise.draw(self.config, video, generator=generator)
        check_size("the noise of the pixels", noise.dequantisation.shape, video.shape)
        check_size("the noise of the boundaries", noise.boundary.shape[:2], video.shape[:2])
        scored = (len(video), self.config.scored_steps(video.shape[1]))
        check_size("the noise of the states", noise.abstract.shape[:2], scored)
        frames = dequantise(video, noise.dequantisation)
        features = self.encode(frames)
        logits = self.boundary_posterior(features).to(features.dtype)
        with full_precision(features):
            trace = inference.observe(
                self.summaries,
                self.abstract,
                self.observation,
                self.config,
                features,
                RelaxedBoundary(logits, temperature),
                noise,
                training=self.training,
            )
        return trace, frames

    def terms(
        self,
        video: Video,
        *,
        temperature: float,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
    ) -> Bound:
        """The terms of the bound, of the scored steps: the clip without its context.

        Arguments and errors are those of :meth:`observe`.
        """
        trace, frames = self.observe(
            video, temperature=temperature, noise=noise, generator=generator
        )
        return self._bound(trace, frames)

    def _bound(self, trace: Trace, frames: Video) -> Bound:
        start, steps = self.config.context_steps, trace.read.shape[1]
        mean = self.decode(trace.observation_feature)
        with full_precision(frames):
            return bound(trace, frames[:, start : start + steps], mean, self.config)

    def objective(
        self,
        video: Video,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """The bound and its terms, nats of the dequantised frames; the loss is nats per frame.

        The terms are of the scored steps: their time axis leaves the context at both ends of the
        clip out. Levels are (observation, abstract): ``event_kl`` of the second is the boundaries'
        divergence, ``changed`` is READ. In evaluation mode boundaries are drawn without noise and
        the limits are off, as in the published validation: then ``elbo`` is that curve, and no
        bound.

        Args:
            video: float in [0, 1].
            noise: drawn from ``generator`` where not given.
            generator: of the noise.
            update: gives the temperature of the relaxed boundaries.
            execution: without effect.

        Raises:
            VideoError, ValueError: as in :meth:`observe`.
            ValueError: a share of a batch is asked for.
        """
        if execution.share.count > 1:
            raise ValueError(
                f"VTA computes a batch as a whole, because {WHOLE_BATCH}; found share "
                f"{execution.share.index} of {execution.share.count}"
            )
        warmth = temperature_at(update.number + 1)
        found = self.terms(video, temperature=warmth, noise=noise, generator=generator)
        return found.objective(warmth)

    @property
    def plan(self) -> Plan:
        """The published one: Adam with amsgrad, gradients of at most norm 10."""
        adam = Optimiser(amsgrad=True, gradient_norm=10.0)
        return Plan(
            stages=(Stage(phases=(Phase(objective=self.objective),), optimiser=adam),),
            whole_batch=WHOLE_BATCH,
        )

    @torch.no_grad()
    def figures(self, video: Video, *, generator: torch.Generator | None = None) -> Figures:
        """``elbo`` and ``kl``, nats per scored frame, and the boundaries of all frames.

        As in :meth:`objective`, this ``elbo`` is no bound. The temperature is the lowest one, so
        that all validations of a training compare; the published code takes the last one used.

        Raises:
            VideoError: as in :meth:`observe`.
        """
        lowest = temperature_at(math.inf)
        trace, frames = self.observe(video, temperature=lowest, generator=generator)
        found = self._bound(trace, frames)
        return Figures(
            values={
                "elbo": found.elbo / found.read.shape[1],
                "kl": (found.state_kl + found.event_kl).mean(1),
            },
            changed=changed_levels(_likelier(trace.boundary_posterior.logits) >= 0),
        )

    @torch.no_grad()
    def decide(self, video: Video, *, generator: torch.Generator | None = None) -> Decisions:
        """Where segments begin in a video of any length, without noise; the context is a part of it
        as any other.

        The evidence is log q(READ) - log q(COPY), nats. It sees four frames to either side.

        Raises:
            VideoError: as in :meth:`observe`.
            ValueError: the model is in training mode.
        """
        self.check(video)
        self._check_mode("finds boundaries")
        parts = [
            self.encode(dequantise(part, draw_dequantisation(part, generator=generator)))
            for part in video.split(max(1, FRAMES_PER_ENCODING // len(video)), 1)
        ]
        features = torch.cat(parts, 1)
        evidence = _likelier(self.boundary_posterior(features).to(features.dtype))
        return Decisions(
            changed=changed_levels(evidence >= 0),
            evidence=torch.stack((torch.zeros_like(evidence), evidence), -1),
        )

    not_observed: ClassVar[Mapping[str, str]] = {
        "the levels at the first and last frames": "they are VTA's context, 5 at each end",
        "a bound": "boundaries are drawn without noise here, so the number of that name is VTA's "
        "published validation curve",
        "ideal observers": "they stand beside a p(change) of every frame",
    }

    @property
    def first_observed(self) -> int:
        """Frames of a clip before the first one that is scored."""
        return self.config.context_steps

    @torch.no_grad()
    def observe_levels(
        self, video: Video, *, generator: torch.Generator | None = None
    ) -> ObservedLevels:
        """What both levels hold at the scored steps, at the lowest temperature; levels are
        (observation, abstract).

        Raises:
            VideoError: as in :meth:`observe`.
        """
        trace, frames = self.observe(
            video, temperature=temperature_at(math.inf), generator=generator
        )
        return looked_into.observed(trace, self._bound(trace, frames))

    @torch.no_grad()
    def decode_states(
        self, source: looked_into.HeldLevels, clip: Tensor, step: Tensor, state: Tensor
    ) -> Tensor:
        """Frames of other states of the levels (:mod:`dlh.models.vta.looked_into`)."""
        samples = state.shape[1]
        moments = source.at(clip, step).map(lambda part: part.repeat_interleave(samples, 0))
        found = looked_into.features(self.abstract, self.observation, moments, state.flatten(0, 1))
        return self._frames(found).unflatten(0, (-1, samples))

    @torch.no_grad()
    def roll_level(
        self,
        source: looked_into.HeldLevels,
        level: int,
        clip: Tensor,
        step: Tensor,
        *,
        steps: int,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Frames of one level that goes on by itself."""
        found = looked_into.rolled_features(
            self.abstract,
            self.observation,
            source.at(clip, step),
            level,
            steps=steps,
            generator=generator,
        )
        return self._frames(found.flatten(0, 1)).unflatten(0, (-1, steps + 1))

    def _frames(self, features: Float[Tensor, "frames belief"]) -> Tensor:
        """In [0, 1], by the configuration's way back."""
        return to_frames(self.decoder(features), self.config.way_back)

    @torch.no_grad()
    def after_context(
        self,
        context: Video,
        *,
        dequantisation: Video | None = None,
        generator: torch.Generator | None = None,
    ) -> Carried:
        """What generation needs of a context of any length: its frames' forward summary.

        Args:
            context: as the video of :meth:`observe`, of at least one frame.
            dequantisation: in [0, 1), for every pixel; drawn from ``generator`` where not given.
            generator: of the randomness.

        Raises:
            VideoError: as in :meth:`observe`.
            ValueError: the model is in training mode, or the noise is for another context.
        """
        self.check(context)
        self._check_mode("generates")
        if dequantisation is None:
            dequantisation = draw_dequantisation(context, generator=generator)
        check_size("the noise of the pixels", dequantisation.shape, context.shape)
        features = self.encode(dequantise(context, dequantisation))
        with full_precision(features):
            summary = self.summaries.of_context(features.transpose(0, 1))
        return Carried.after_context(summary, self.config.state_size)

    @torch.no_grad()
    def imagine(
        self,
        carried: Carried,
        steps: int,
        *,
        noise: RolloutNoise | None = None,
        generator: torch.Generator | None = None,
        boundaries: rollout.Boundaries | None = None,
        max_segments: int | None = None,
        temperature: Temperature = AS_LEARNT,
    ) -> tuple[Rollout, Carried]:
        """``steps`` steps drawn from the priors, after what is carried.

        Args:
            carried: into the first step.
            steps: how many.
            noise: the randomness; drawn from ``generator`` where not given.
            generator: of the randomness.
            boundaries: where segments begin; the configuration's rule where not given; "read" at
                every step, one frame a segment.
            max_segments: with ``generation_limits``, the most segments since the context; those of
                a window of ``steps`` steps where not given.
            temperature: of states, and of boundaries where they are sampled.
        """
        like, batch = carried.abstract_belief, len(carried.abstract_belief)
        if noise is None:
            noise = RolloutNoise.draw(self.config, batch, steps, like=like, generator=generator)
        check_size("the noise of the states", noise.abstract.shape[:2], (batch, steps))
        most = self.config.most_segments(steps) if max_segments is None else max_segments
        limits = (self.config.max_segment_length, most)
        with full_precision(like):
            return rollout.imagine(
                self.abstract,
                self.observation,
                carried,
                noise,
                boundaries=boundaries or self.config.generated_boundaries,
                limits=limits if self.config.generation_limits else None,
                temperature=temperature,
            )

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
        """``samples`` futures of ``horizon`` frames, one batch after a context encoded once.

        Returns:
            Decoder means brought back to [0, 1] by ``way_back``, and the boundaries; levels are
            (observation, abstract).

        Raises:
            UsageError: horizon or samples is below 1, or the model is in training mode.
            VideoError: as in :meth:`observe`.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        carried = self.after_context(context, generator=generator).repeat(samples)
        drawn, _ = self.imagine(carried, horizon, generator=generator, temperature=temperature)
        frames = self.future_frames(  # in evaluation mode a frame depends on no other of its call
            self._frames,
            drawn.observation_feature,
            len(context),
        )
        return Prediction(
            frames=frames, changed=changed_levels(drawn.read).unflatten(0, (-1, samples))
        )

    def _check_mode(self, what: str) -> None:
        if self.training:
            raise ValueError(
                f"VTA {what} in evaluation mode, found training mode, in which a context's "
                "features depend on the rest of its batch; call model.eval() first"
            )


def _likelier(logits: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
    """By how many nats READ is likelier than COPY; where they are equal, READ is taken."""
    return logits[..., READ] - logits[..., COPY]
