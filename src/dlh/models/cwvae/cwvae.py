"""The clockwork VAE: encode, infer, decode, score; and predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.distributions import frame_log_prob
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
    Optimiser,
    Phase,
    Plan,
    Prediction,
    Share,
    Stage,
    Temperature,
    Update,
)
from dlh.models.cwvae import clockwork, looked_into
from dlh.models.cwvae.bound import bound
from dlh.models.cwvae.cell import Cell
from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.decoder import Decoder
from dlh.models.cwvae.encoder import Encoder
from dlh.models.cwvae.optimizer import BETAS, CLIPPING_NORM, adam_eps
from dlh.models.cwvae.recompute import by_frames
from dlh.models.cwvae.trace import Carried, Noise, Rollout, Trace
from dlh.models.frame_model import (
    FrameModel,
    Video,
    bound_figures,
    check_size,
    framewise,
    full_precision,
)
from dlh.settings import check_at_least


class CWVAE(FrameModel):
    """L levels of latent states over a video; level l ticks every k^(l-1) frames.

    Training is :meth:`objective`; prediction is :meth:`predict`; all that was inferred is in the
    trace that :meth:`observe` returns.
    """

    config: CWVAEConfig

    def __init__(self, config: CWVAEConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config)
        self.cells = nn.ModuleList(Cell(config) for _ in range(config.num_levels))
        self.decoder = Decoder(config)

    @property
    def _cells(self) -> list[Cell]:
        return [cast(Cell, cell) for cell in self.cells]

    def encode(
        self, video: Video, *, recomputed: bool = False
    ) -> tuple[Float[Tensor, "batch _ embedding"], ...]:
        """The embeddings of each level, (batch, ticks, embedding), from the video's first frame.

        Under ``torch.autocast`` the networks compute in its type; the embeddings are of the
        video's, and so are the sums over time.

        Args:
            video: (batch, time, channel, height, width).
            recomputed: whether what the gradient needs of single frames is computed again.
        """
        of_frames = by_frames(self.encoder.of_frames, video.flatten(0, 1), recomputed=recomputed)
        of_frames = of_frames.to(video.dtype).unflatten(0, video.shape[:2])
        return self.encoder.pool(of_frames)

    def observe(
        self,
        video: Video,
        carried: Carried | None = None,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Trace, Carried]:
        """All that is inferred about a video, or about the next piece of one.

        Args:
            video: float in [0, 1], (batch, time, channel, height, width); its shape and type are
                checked.
            carried: what the pieces before left behind; None starts a sequence. Pieces are whole
                ticks of the slowest level, only the last may have any length.
            noise: the randomness; drawn from ``generator`` where not given.
            generator: of the randomness.

        Raises:
            VideoError: the video has other axes, frames of another shape, or is not of the model's
                floating-point type.
            ContextError: the piece before ended within a tick.
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
        """What is carried and the noise, checked against the video; made if they are not given."""
        self.check(video)
        batch, steps = video.shape[:2]
        if carried is None:
            carried = Carried.start(self.config, batch, like=video)
        if noise is None:
            noise = Noise.draw(
                self.config,
                batch,
                steps,
                like=video,
                after=carried.frames,
                generator=generator,
                share=share,
            )
        check_size("what is carried", carried.levels[0].state.shape[:1], (batch,))
        self._check_noise(noise, batch, carried.frames, steps)
        return carried, noise

    def _check_noise(self, noise: Noise, batch: int, after: int, steps: int) -> None:
        check_size("the levels of the noise", (len(noise.levels),), (self.config.num_levels,))
        done, due = self.config.ticks(after), self.config.ticks(after + steps)
        for level, normal in enumerate(noise.levels):
            needed = (batch, due[level] - done[level], self.config.state_size)
            check_size(f"the noise of level {level + 1}", normal.shape, needed)

    def _infer(
        self, embeddings: Sequence[Tensor], carried: Carried, noise: Noise
    ) -> tuple[Trace, Carried]:
        """Posteriors and priors, in full precision also under ``torch.autocast``."""
        with full_precision(embeddings[0]):
            return clockwork.observe(self._cells, self.config, embeddings, carried, noise)

    def decode(self, output: Float[Tensor, "batch time output"]) -> Video:
        """The frames' means, from level 1's [z, h]; precision as in :meth:`encode`."""
        return framewise(self.decoder, output)

    def objective(
        self,
        video: Video,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """The bound and its terms, in nats; the loss is the published one.

        Args:
            video: as in :meth:`observe`.
            noise: as in :meth:`observe`.
            generator: as in :meth:`observe`.
            update: ignored: nothing is warmed up.
            execution: its ``share`` says which clips of a batch these are. ``recompute``: whether
                convolutions are computed again for their gradient, some hundred frames at a time,
                so that memory hardly grows with the clip; ``auto``: of clips of more than 200
                frames. ``compiled`` is ignored: the fold over time is a small part of a step.

        Raises:
            VideoError, ValueError: as in :meth:`observe`.
        """
        recomputed = execution.recomputes(video.shape[1])
        carried, noise = self._checked(video, None, noise, generator, execution.share)
        trace, _ = self._infer(self.encode(video, recomputed=recomputed), carried, noise)
        scores = by_frames(
            self._score,
            trace.levels[0].output.flatten(0, 1),
            video.flatten(0, 1),
            recomputed=recomputed,
        )
        with full_precision(video):
            return bound(scores.unflatten(0, video.shape[:2]), trace, self.config)

    def _score(self, output: Tensor, frames: Tensor) -> Tensor:
        """log p(frame | z, h of level 1), nats, in full precision but for the convolutions."""
        mean = self.decoder(output).to(frames.dtype)
        with full_precision(frames):
            return frame_log_prob(frames, mean, self.config.likelihood_std)

    @property
    def plan(self) -> Plan:
        """The published training: all parameters at once, by Adam as Keras writes it."""
        adam = Optimiser(betas=BETAS, eps=adam_eps, gradient_norm=CLIPPING_NORM)
        return Plan(stages=(Stage(phases=(Phase(objective=self.objective),), optimiser=adam),))

    @torch.no_grad()
    def figures(self, video: Video, *, generator: torch.Generator | None = None) -> Figures:
        """``elbo`` and ``kl``, the divergence of a level, nats per frame."""
        found = self.objective(video, generator=generator, execution=Execution(recompute="never"))
        return bound_figures(found)

    first_observed: ClassVar[int] = 0
    not_observed: ClassVar[Mapping[str, str]] = {
        "events, p(change) and reliability": "its levels change by a clock, and it decides nothing"
    }

    @torch.no_grad()
    def observe_levels(
        self, video: Video, *, generator: torch.Generator | None = None
    ) -> ObservedLevels:
        """What the levels hold at every frame, and what they pay where they tick.

        Raises:
            VideoError: as in :meth:`observe`.
        """
        trace, _ = self.observe(video, generator=generator)
        frames, outputs = video.flatten(0, 1), trace.levels[0].output.flatten(0, 1)
        scores = self._score(outputs, frames).unflatten(0, video.shape[:2])
        with full_precision(video):
            found = bound(scores, trace, self.config)
        return looked_into.observed(trace, found, self.config, video.shape[1])

    @torch.no_grad()
    def decode_states(
        self, source: looked_into.HeldLevels, clip: Tensor, step: Tensor, state: Tensor
    ) -> Tensor:
        """Frames of other states of the levels (:mod:`dlh.models.cwvae.looked_into`)."""
        moments = source.at(clip, step)
        samples = state.shape[1]
        repeated = moments.map(lambda part: part.repeat_interleave(samples, 0))
        found = looked_into.outputs(self._cells, repeated, state.flatten(0, 1))
        return self.decoder(found).clamp(0, 1).unflatten(0, (-1, samples))

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
        """Frames of one level that ticks on by itself; the clock of the frames stands still."""
        found = looked_into.rolled_outputs(
            self._cells,
            source.at(clip, step),
            level - 1,
            steps=steps,
            generator=generator,
        )
        return self.decoder(found.flatten(0, 1)).clamp(0, 1).unflatten(0, (-1, steps + 1))

    def imagine(
        self,
        carried: Carried,
        steps: int,
        *,
        noise: Noise | None = None,
        generator: torch.Generator | None = None,
        temperature: Temperature = AS_LEARNT,
    ) -> tuple[Rollout, Carried]:
        """``steps`` frames drawn from the priors, after what is carried.

        Raises:
            ContextError: the published rule holds, and what is carried does not fit it.
            ValueError: the noise is for another number of clips or frames.
        """
        like = carried.levels[0].state
        if noise is None:
            noise = Noise.draw(
                self.config,
                len(like),
                steps,
                like=like,
                after=carried.frames,
                generator=generator,
            )
        self._check_noise(noise, len(like), carried.frames, steps)
        noise = noise.map(lambda part: temperature.states * part)
        with torch.no_grad(), full_precision(like):
            return clockwork.imagine(self._cells, self.config, carried, noise, steps)

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

        Each future has its own draws from the posteriors of the context, too.

        Returns:
            Decoder means clipped to [0, 1], which the published code does not do.

        Raises:
            UsageError: horizon or samples is below 1.
            ContextError: the published rule holds, and the context does not fit it.
            VideoError: as in :meth:`observe`.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        self.check(context)
        clips, steps = context.shape[:2]
        clockwork.check_context(self.config, steps)
        embeddings = [part.repeat_interleave(samples, 0) for part in self.encode(context)]
        start = Carried.start(self.config, clips * samples, like=context)
        noise = Noise.draw(self.config, clips * samples, steps, like=context, generator=generator)
        _, carried = self._infer(embeddings, start, noise)
        drawn, _ = self.imagine(carried, horizon, generator=generator, temperature=temperature)
        frames = self.future_frames(
            lambda part: self.decoder(part).clamp_(0, 1), drawn.levels[0].output, clips
        )
        return Prediction(frames=frames)
