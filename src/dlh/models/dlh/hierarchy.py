"""The Dynamic Latent Hierarchy: encode, infer, score, decode; and predict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.errors import UsageError
from dlh.interfaces import (
    AS_LEARNT,
    PLAIN,
    TRAINED,
    WHOLE,
    Execution,
    Figures,
    Objective,
    ObservedLevels,
    Plan,
    Prediction,
    Share,
    Temperature,
    Update,
)
from dlh.models.dlh import inference, looked_into, rollout
from dlh.models.dlh.bound import Bound, bound
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.course import plan
from dlh.models.dlh.emergence import Guidance, Rested
from dlh.models.dlh.level import Level
from dlh.models.dlh.pieces import piece_by_piece
from dlh.models.dlh.trace import Carried, Noise, Rollout, Trace
from dlh.models.frame_model import (
    FrameModel,
    Video,
    bound_figures,
    check_size,
    framewise,
    full_precision,
)
from dlh.networks import FrameDecoder, FrameEncoder
from dlh.settings import check_at_least


class DynamicLatentHierarchy(FrameModel):
    """N levels of latent states over a video, each of which decides when it changes.

    Training is :meth:`objective`; prediction is :meth:`predict`; all that was inferred is in the
    trace that :meth:`observe` returns.
    """

    config: DLHConfig

    def __init__(self, config: DLHConfig) -> None:
        super().__init__(config)
        frames = (config.frame_shape, config.convolution_channels, config.feature_size)
        self.encoder = FrameEncoder(*frames, config.activation)
        self.levels = nn.ModuleList(Level(config, index) for index in range(config.num_levels))
        self.decoder = FrameDecoder(*frames, config.activation)

    @property
    def _levels(self) -> list[Level]:
        return [cast(Level, level) for level in self.levels]

    def encode(self, video: Video) -> Float[Tensor, "time batch features"]:
        """Pass 1: x_t^1 = conv(o_t) (Eq. 10), time axis first.

        Under ``torch.autocast`` the convolutions compute in its type; the features have the
        video's type.
        """
        return framewise(self.encoder, video).transpose(0, 1).contiguous()

    def observe(
        self,
        video: Video,
        carried: Carried | None = None,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Trace, Carried]:
        """Passes 1-3: all that is inferred about a video, or about the next piece of one.

        Args:
            video: float in [0, 1], (batch, time, channel, height, width); its shape and type are
                checked.
            carried: what the pieces before left behind; None starts a sequence.
            noise: drawn from ``generator`` if it is not given.
            generator: of the noise.

        Raises:
            VideoError: the video has other axes, frames of another shape, or is not of the model's
                floating-point type.
            ValueError: the noise or what is carried is for another number of clips or frames.
        """
        carried, noise = self._checked(video, carried, noise, generator)
        return self._infer(self.config, self.encode(video), carried, noise)

    def _checked(
        self,
        video: Video,
        carried: Carried | None,
        noise: Noise | None,
        generator: torch.Generator | None,
        share: Share = WHOLE,
    ) -> tuple[Carried, Noise]:
        """What is carried and the noise, checked against the video; made if they are not given."""
        self.check(video)
        size = video.shape[:2]
        if carried is None:
            carried = Carried.start(self.config, len(video), like=video)
        if noise is None:
            noise = Noise.draw(self.config, *size, like=video, generator=generator, share=share)
        check_size("what is carried", carried.seen.shape, size[:1])
        check_size("the noise", noise.uniform.shape[:2], size)
        return carried, noise

    def decode(self, frame_context: Float[Tensor, "batch time features"]) -> Video:
        """Pass 4: the frames' means, deconv(c_t^0); precision as in :meth:`encode`."""
        return framewise(self.decoder, frame_context)

    def _infer(
        self,
        config: DLHConfig,
        features: Float[Tensor, "time batch features"],
        carried: Carried,
        noise: Noise,
        *,
        limits: Tensor | None = None,
        compiled: bool = False,
    ) -> tuple[Trace, Carried]:
        """Passes 2 and 3, in full precision also under ``torch.autocast``."""
        with full_precision(features):
            return inference.observe(
                self._levels,
                config,
                features,
                carried,
                noise,
                limits=limits,
                compiled=compiled,
            )

    def objective(
        self,
        video: Video,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """All four passes: the bound (Eq. 8) and its terms, in nats.

        Args:
            video: as in :meth:`observe`.
            noise: as in :meth:`observe`.
            generator: as in :meth:`observe`.
            update: gives the weight beta of the divergences in the loss, the exploration of changes
                and the std of the likelihood (:mod:`dlh.models.dlh.emergence`).
            execution: ``share``: which part of a batch the video is. ``recompute``: whether long
                clips are computed piece by piece, and each piece again for its gradient, with the
                memory of a piece and a third more arithmetic; ``auto``: for clips of more than 200
                frames. ``compiled``: whether the loop over time is compiled, which takes up to a
                minute the first time.

        Raises:
            VideoError, ValueError: as in :meth:`observe`.
            CompilationError: the loop is to be compiled, and compiling fails.
        """
        guidance = Guidance.at(update, self.config, like=video)
        carried, noise = self._checked(video, None, noise, generator, execution.share)
        terms = partial(self._terms, execution.compiled, guidance)
        if execution.recomputes(video.shape[1]):
            found, rested = piece_by_piece(terms, video, carried, noise)
        else:
            found, _, rested = terms(video, carried, noise)
        with full_precision(video):
            return guidance.complete(found.objective(update), rested)

    def _terms(
        self, compiled: bool, guidance: Guidance, video: Video, carried: Carried, noise: Noise
    ) -> tuple[Bound, Carried, Rested]:
        """All four passes over a video or the next piece of one, and what it leaves behind."""
        features = self.encode(video)
        trace, carried = self._infer(
            guidance.config, features, carried, noise, limits=guidance.limits, compiled=compiled
        )
        mean = self.decode(trace.frame_context)
        with full_precision(video):
            found = bound(
                trace, video, mean, guidance.config, likelihood_std=guidance.likelihood_std
            )
        return found, carried, Rested.of(trace)

    @property
    def plan(self) -> Plan:
        """Joint updates of all parameters; where the configuration says so, also stages of the
        temporal parts alone (:mod:`dlh.models.dlh.course`).
        """
        return plan(self.config, self._levels, encode=self.encode, objective=self.objective)

    @torch.no_grad()
    def figures(self, video: Video, *, generator: torch.Generator | None = None) -> Figures:
        """``elbo`` and ``kl``, the sum of both divergences of a level, nats per frame."""
        found = self.objective(video, generator=generator, execution=Execution(recompute="never"))
        return bound_figures(found, changed=found.changed)

    first_observed: ClassVar[int] = 0
    not_observed: ClassVar[Mapping[str, str]] = {}

    @torch.no_grad()
    def observe_levels(
        self, video: Video, *, generator: torch.Generator | None = None
    ) -> ObservedLevels:
        """The trace and the bound of whole clips, as :class:`~dlh.interfaces.LayeredModel` has
        them.

        Raises:
            VideoError: as in :meth:`observe`.
        """
        trace, _ = self.observe(video, generator=generator)
        found = bound(trace, video, self.decode(trace.frame_context), self.config)
        return looked_into.observed(trace, found)

    @torch.no_grad()
    def decode_states(self, source: Trace, clip: Tensor, step: Tensor, state: Tensor) -> Tensor:
        """:meth:`shown`, whatever was inferred at that moment."""
        return self.shown(state)

    @torch.no_grad()
    def shown(
        self, state: Float[Tensor, "*batch levels state"]
    ) -> Float[Tensor, "*batch channel height width"]:
        """Frames of states of all levels (Eq. 11), in [0, 1]."""
        return looked_into.decode_states(
            self._levels, self.decoder, self.config.context_size, state
        )

    @torch.no_grad()
    def roll_level(
        self,
        source: Trace,
        level: int,
        clip: Tensor,
        step: Tensor,
        *,
        steps: int,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Frames of one level that makes transitions by itself (Fig. 5b)."""
        states = looked_into.rolled_states(
            self._levels[level - 1],
            level - 1,
            self.config,
            source,
            clip,
            step,
            steps=steps,
            generator=generator,
        )
        return self.shown(states)

    def imagine(
        self,
        carried: Carried,
        steps: int,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
        temperature: Temperature = AS_LEARNT,
    ) -> tuple[Rollout, Carried]:
        """``steps`` steps drawn from the prior, after what is carried (Sec. 2.4)."""
        like, batch = carried.memory, len(carried.memory)
        if noise is None:
            noise = Noise.draw(self.config, batch, steps, like=like, generator=generator)
        check_size("the noise", noise.uniform.shape[:2], (batch, steps))
        with full_precision(like):
            return rollout.imagine(
                self._levels, self.config, carried, noise, temperature=temperature
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
        """``samples`` futures of ``horizon`` frames, one batch after a context observed once.

        Args:
            context: the frames before, as in :meth:`observe`.
            horizon: frames to predict.
            samples: futures of each context.
            generator: of the randomness.
            temperature: of states and decisions; 1 draws from the model's own distribution.

        Returns:
            Decoder means clipped to [0, 1], without pixel noise, and the decisions that were drawn.

        Raises:
            UsageError: horizon or samples is below 1.
            VideoError: as in :meth:`observe`.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        _, carried = self.observe(context, generator=generator)
        drawn, _ = self.imagine(
            carried.repeat(samples), horizon, generator=generator, temperature=temperature
        )
        frames = self.future_frames(
            lambda part: self.decoder(part).clamp_(0, 1), drawn.frame_context, len(context)
        )
        return Prediction(frames=frames, changed=drawn.changed.unflatten(0, (-1, samples)))
