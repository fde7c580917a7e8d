"""The Dynamic Latent Hierarchy: encode, infer, score, decode; and predict."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.errors import UsageError
from dlh.interfaces import (
    AS_LEARNT,
    CLIPPED,
    PLAIN,
    TRAINED,
    WHOLE,
    Execution,
    Figures,
    Objective,
    Plan,
    Prediction,
    Share,
    Temperature,
    Update,
)
from dlh.models.dlh import inference, rollout
from dlh.models.dlh.bound import Bound, bound
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.course import plan
from dlh.models.dlh.dynamics import Observed
from dlh.models.dlh.emergence import NO_GUIDANCE, Guidance
from dlh.models.dlh.level import Level
from dlh.models.dlh.pieces import is_recomputed, piece_by_piece
from dlh.models.dlh.trace import Carried, Noise, Rollout, Trace, full_precision
from dlh.networks import FrameDecoder, FrameEncoder
from dlh.settings import check_at_least
from dlh.video import check_shape

Video = Float[Tensor, "batch time channel height width"]
FRAMES_PER_DECODING = 1024


class DynamicLatentHierarchy(nn.Module):
    """N levels of latent states over a video, each of which decides when it changes.

    Training is :meth:`objective`; prediction is :meth:`predict`; all that was inferred is in the
    trace that :meth:`observe` returns. Nothing recurrent is kept on the module: state goes in and
    comes out.
    """

    to_unit_range: ClassVar[str] = CLIPPED

    def __init__(self, config: DLHConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = FrameEncoder(
            config.frame_shape,
            config.convolution_channels,
            config.feature_size,
            config.activation,
        )
        self.levels = nn.ModuleList(Level(config, index) for index in range(config.num_levels))
        self.decoder = FrameDecoder(
            config.frame_shape,
            config.convolution_channels,
            config.feature_size,
            config.activation,
        )

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the frames it takes."""
        return self.config.frame_shape

    @property
    def _levels(self) -> list[Level]:
        return [cast(Level, level) for level in self.levels]

    def encode(self, video: Video) -> Float[Tensor, "time batch features"]:
        """Pass 1: x_t^1 = conv(o_t) (Eq. 10), time axis first.

        Under ``torch.autocast`` the convolutions compute in its type; the features are of the
        video's.
        """
        features = self.encoder(video.flatten(0, 1)).unflatten(0, video.shape[:2])
        return features.to(video.dtype).transpose(0, 1).contiguous()

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
            noise: the randomness; drawn from ``generator`` where not given.
            generator: of the randomness.

        Raises:
            VideoError: the video has other axes, frames of another shape, or is not of the model's
                floating-point type.
            ValueError: the noise or what is carried is for another number of clips or frames.
        """
        carried, noise = self._checked(video, carried, noise, generator)
        return self._infer(self.encode(video), carried, noise)

    def _checked(
        self,
        video: Video,
        carried: Carried | None,
        noise: Noise | None,
        generator: torch.Generator | None,
        share: Share = WHOLE,
    ) -> tuple[Carried, Noise]:
        """What is carried and the noise, those not given made; all of them fit each other."""
        check_shape(video, self.frame_shape, next(self.parameters()).dtype)
        batch, steps = video.shape[:2]
        if carried is None:
            carried = Carried.start(self.config, batch, like=video)
        if noise is None:
            whole = Noise.draw(
                self.config, batch * share.count, steps, like=video, generator=generator
            )
            noise = whole.map(share.of)
        _check_size("what is carried", carried.seen.shape, (batch,))
        _check_size("the noise", noise.uniform.shape[:2], (batch, steps))
        return carried, noise

    def decode(self, frame_context: Float[Tensor, "batch time features"]) -> Video:
        """Pass 4: the frames' means, deconv(c_t^0); precision as in :meth:`encode`."""
        frames = self.decoder(frame_context.flatten(0, 1)).unflatten(0, frame_context.shape[:2])
        return frames.to(frame_context.dtype)

    def _infer(
        self,
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
                self.config,
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
            update: gives the weight beta of the divergences in the loss, and says how changes are
                explored and how sharp the likelihood is (:mod:`dlh.models.dlh.emergence`).
            execution: its ``share`` says which clips of a batch these are. ``recompute``: whether
                long clips are taken piece by piece, and each piece again for its gradient: the
                memory is that of a piece, the arithmetic a third more; ``auto``: those of more than
                200 frames. ``compiled``: whether the loop over time is compiled, which takes up to
                a minute the first time; its numbers differ from the plain loop's by rounding.

        Raises:
            VideoError, ValueError: as in :meth:`observe`.
            CompilationError: the loop is to be compiled, and cannot be.
        """
        guidance = Guidance.at(update, self.config, like=video)
        found, observed = self.observed_bound(
            video, noise=noise, generator=generator, execution=execution, guidance=guidance
        )
        with full_precision(video):
            return guidance.complete(
                found.objective(update), observed.static_divergence, observed.rested
            )

    def observed_bound(
        self,
        video: Video,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
        execution: Execution = PLAIN,
        guidance: Guidance = NO_GUIDANCE,
    ) -> tuple[Bound, Observed]:
        """The bound's terms, and what training reads of the same inference; see
        :meth:`objective`.
        """
        carried, noise = self._checked(video, None, noise, generator, execution.share)
        terms = partial(self._terms, execution.compiled, guidance)
        if is_recomputed(execution.recompute, video.shape[1]):
            return piece_by_piece(terms, video, carried, noise)
        found, _, observed = terms(video, carried, noise)
        return found, observed

    def _terms(
        self, compiled: bool, guidance: Guidance, video: Video, carried: Carried, noise: Noise
    ) -> tuple[Bound, Carried, Observed]:
        """All four passes over a video or the next piece of one, and what it leaves behind."""
        features = self.encode(video)
        trace, carried = self._infer(
            features, carried, noise, limits=guidance.limits, compiled=compiled
        )
        mean = self.decode(trace.frame_context)
        with full_precision(video):
            found = bound(trace, video, mean, self.config, likelihood_std=guidance.likelihood_std)
        return found, carried, Observed.of(trace)

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
        assert found.elbo is not None
        return Figures(
            values={
                "elbo": found.elbo / video.shape[1],
                "kl": (found["state_kl"] + found["event_kl"]).mean(1),
            },
            changed=found.changed,
        )

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
        _check_size("the noise", noise.uniform.shape[:2], (batch, steps))
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
        frame_contexts = drawn.frame_context.flatten(0, 1)
        frames = frame_contexts.new_empty(len(frame_contexts), *self.frame_shape)
        for part, contexts in zip(
            frames.split(FRAMES_PER_DECODING),
            frame_contexts.split(FRAMES_PER_DECODING),
            strict=True,
        ):
            part.copy_(self.decoder(contexts).clamp_(0, 1))
        futures = (len(context), samples, horizon)
        return Prediction(
            frames=frames.unflatten(0, futures), changed=drawn.changed.unflatten(0, futures[:2])
        )


def _check_size(name: str, found: Sequence[int], needed: Sequence[int]) -> None:
    if tuple(found) != tuple(needed):
        raise ValueError(f"{name} is of size {tuple(found)}, {tuple(needed)} is needed here")
