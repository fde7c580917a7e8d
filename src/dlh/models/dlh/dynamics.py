"""The temporal parts trained alone: transition, change prior and prior factor (Eqs. 12, 14, 15).

No posterior reads a memory (Eq. 13), so while encoder, posteriors and decoder are fixed, all that
the frames say can be kept: a few numbers per frame, of which posteriors of any fresh sample follow.
Raising the bound in the temporal parts alone is then a sequence problem without a convolution. The
objective stays the bound (Eqs. 8b, 8c); the reconstruction does not depend on these parts.

A *phase* (:class:`KeptClips`) does this for all levels, on long clips. A *replay*
(:class:`Replay`) follows each joint update and does it for level 1, on the posteriors of the last
batches, so that level 1's prior is not behind its posterior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dlh.distributions import Gaussian, reach
from dlh.models.dlh.bound import chosen_divergence, decided_surprisal
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.decide import Sight, decide_all
from dlh.models.dlh.inference import Evidence, draw_down, earlier_step, over_levels, remember, score
from dlh.models.dlh.level import Level
from dlh.models.dlh.step import split_levels
from dlh.models.dlh.trace import Carried, Noise, Tensors, Trace

BYTES = 4
"""Of a number that is kept (float32)."""


def temporal_names(config: DLHConfig, *, lowest: bool) -> tuple[str, ...]:
    """The modules of Eqs. 12, 14, 15 by their names in the model.

    Args:
        config: of the model.
        lowest: level 1's, which has no prior factor; otherwise those of all levels above it.
    """
    if lowest:
        return ("levels.0.transition", "levels.0.change_prior")
    parts = ("transition", "change_prior", "change_factor")
    return tuple(
        f"levels.{index}.{part}" for index in range(1, config.num_levels) for part in parts
    )


@dataclass(frozen=True, kw_only=True)
class KeptClips(Tensors):
    """What the frames of whole clips say of all levels, and what was decided on them.

    A frame takes ``bytes_per_frame``: with the paper's sizes and three levels 495 bytes, so that
    1,000 clips of 100 frames are 50 MB.

    Attributes:
        projected: of levels 1..N-1 the frame's share of their posterior, (batch, time, N - 1,
            hidden).
        top: q(s^N | x^N), (batch, time, state).
        changed: the decisions e_t.
        change_estimate: q(e_t = 1), which the bound reads where decisions are drawn (Eq. 34).
    """

    projected: Float[Tensor, "batch time lower hidden"]
    top: Gaussian
    changed: Bool[Tensor, "batch time levels"]
    change_estimate: Float[Tensor, "batch time levels"]

    def __len__(self) -> int:
        """Clips."""
        return len(self.changed)

    def take(self, clips: Int[Tensor, "chosen"]) -> KeptClips:
        """Some of the clips."""
        return self.map(lambda part: part[clips])

    def evidence(self, levels: Sequence[Level]) -> KeptEvidence:
        """As inference reads it, time axis first."""
        return KeptEvidence(
            levels,
            [part.transpose(0, 1) for part in self.projected.unbind(2)],
            self.top.map(lambda part: part.transpose(0, 1)),
        )


class KeptEvidence(Evidence):
    """The evidence of clips whose features are not at hand any more."""

    def __init__(self, levels: Sequence[Level], projected: list[Tensor], top: Gaussian) -> None:
        self.levels, self.projected, self.top = levels, projected, top


def bytes_per_frame(config: DLHConfig) -> int:
    """Memory that :class:`KeptClips` takes for a frame."""
    numbers = (config.num_levels - 1) * config.hidden_sizes[0] + 2 * config.state_size
    return BYTES * (numbers + config.num_levels) + config.num_levels


def clips_within(config: DLHConfig, clip_length: int, *, megabytes: float) -> int:
    """How many clips can be kept in so much memory.

    Raises:
        ValueError: not even one.
    """
    clips = int(megabytes * 2**20 / (clip_length * bytes_per_frame(config)))
    if not clips:
        raise ValueError(
            f"a clip of {clip_length} frames takes "
            f"{clip_length * bytes_per_frame(config) / 2**20:.3f} MiB to keep, found a limit of "
            f"{megabytes} MiB"
        )
    return clips


@torch.no_grad()
def keep(
    levels: Sequence[Level],
    config: DLHConfig,
    features: Float[Tensor, "time batch features"],
    noise: Noise,
) -> KeptClips:
    """What is kept of clips, decided with this noise.

    Args:
        levels: levels 1..N.
        config: of the model.
        features: x_t^1 of whole clips (Eq. 10).
        noise: of all their steps; the decisions depend on it.
    """
    evidence = Evidence(levels, features)
    steps, batch = features.shape[:2]
    projected = features.new_empty(batch, steps, len(levels) - 1, config.hidden_sizes[0])
    for index, part in enumerate(evidence.projected):
        projected[:, :, index] = part.transpose(0, 1)
    undecided = torch.zeros_like(noise.uniform)
    kept = KeptClips(
        projected=projected,
        top=evidence.top.map(lambda part: part.transpose(0, 1).contiguous()),
        changed=undecided.bool(),
        change_estimate=undecided,
    )
    return decide_anew(levels, config, kept, noise)


@torch.no_grad()
def decide_anew(
    levels: Sequence[Level], config: DLHConfig, kept: KeptClips, noise: Noise
) -> KeptClips:
    """The same clips with the decisions of the present priors (Eqs. 4, 5, 34).

    A decision compares a level's posterior with its change prior, so decisions grow old while
    change priors are trained. Old ones still give a bound, but not the one that the model reaches.
    """
    evidence = kept.evidence(levels)
    sight = Sight(tuple(evidence.projected), evidence.top)
    start = Carried.start(config, len(kept), like=noise.normal)
    selection = decide_all(levels, config, sight, start, noise)
    return KeptClips(
        projected=kept.projected,
        top=kept.top,
        changed=selection.changed,
        change_estimate=selection.change_estimate,
    )


@dataclass(frozen=True, kw_only=True)
class Divergences(Tensors):
    """Eqs. 8b, 8c of kept clips, nats.

    Attributes:
        state_kl: from the component that each decision chose; 0 where unreachable. What a static
            prior costs is without a gradient in the temporal parts.
        event_kl: of the decisions under the prior factor.
    """

    state_kl: Float[Tensor, "batch time levels"]
    event_kl: Float[Tensor, "batch time levels"]

    def loss(self) -> Tensor:
        """What a phase minimises: both divergences, nats per frame."""
        return (self.state_kl.sum(2) + self.event_kl.sum(2)).mean()


def divergences(
    levels: Sequence[Level], config: DLHConfig, kept: KeptClips, noise: Noise
) -> Divergences:
    """The bound's divergences of kept clips, with a gradient in the temporal parts alone.

    The numbers are those that the bound has for the same noise and decisions.

    Args:
        levels: levels 1..N.
        config: of the model.
        kept: clips from their first frame, with their decisions.
        noise: of all their steps; fresh noise gives fresh samples, and the posteriors under them.
    """
    carried = Carried.start(config, len(kept), like=noise.normal)
    before, changed = split_levels(carried), kept.changed
    with torch.no_grad():
        drawn = dict(
            draw_down(levels, config, kept.evidence(levels), before, noise.normal, changed)
        )
    timeline = [drawn[index] for index in range(len(levels))]
    memory = earlier_step(
        carried.memory,
        over_levels(
            [
                remember(levels, config, index, held.state, before[index].memory, changed)
                for index, held in enumerate(timeline)
            ]
        ),
    )
    context = over_levels([held.context for held in timeline])
    posterior = Gaussian(
        over_levels([held.belief.mean for held in timeline]),
        over_levels([held.belief.std for held in timeline]),
    )
    static_prior = Gaussian(
        earlier_step(carried.belief.mean, posterior.mean),
        earlier_step(carried.belief.std, posterior.std),
    )
    changed_before = earlier_step(carried.changed, changed)
    change_prior, change_logit, _ = score(levels, memory, context, changed_before, carried.factor)
    reachable = reach(changed, config.nesting)
    first = torch.zeros_like(changed[..., 0])
    first[:, 0] = True
    return Divergences(
        state_kl=chosen_divergence(
            config,
            changed=changed,
            change_estimate=kept.change_estimate,
            to_change=posterior.kl(change_prior),
            to_static=posterior.kl(static_prior),
            reachable=reachable,
        ),
        event_kl=decided_surprisal(
            config,
            changed=changed,
            change_estimate=kept.change_estimate,
            change_logit=change_logit,
            reachable=reachable,
            first=first,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Observed(Tensors):
    """What an update leaves for the next ones, without a gradient.

    Attributes:
        posterior: q_t of level 1.
        context: c_t of level 1.
        static_divergence: KL[q' || b_{t-1}] of the selection, nats; 0 at level 1.
        rested: where a level was reachable and did not change, the first step left out.
    """

    posterior: Gaussian
    context: Float[Tensor, "batch time context"]
    static_divergence: Float[Tensor, "batch time levels"]
    rested: Bool[Tensor, "batch time levels"]

    @classmethod
    def of(cls, trace: Trace) -> Observed:
        """What is left of a trace."""
        return cls(
            posterior=trace.posterior.map(lambda part: part[:, :, 0].detach()),
            context=trace.context[:, :, 0].detach(),
            static_divergence=trace.static_divergence.detach(),
            rested=trace.reachable & ~trace.changed & ~trace.first[..., None],
        )


def level_one_of_kept(
    levels: Sequence[Level], config: DLHConfig, kept: KeptClips, noise: Noise
) -> Float[Tensor, "batch time"]:
    """Level 1's share of :func:`divergences`, nats, without the cost of the levels above.

    Most of what a phase gains, it gains here, and the prior factors cost more than twice as much.
    The gradient reaches level 1's transition and change prior, nothing else.
    """
    before = split_levels(Carried.start(config, len(kept), like=noise.normal))
    with torch.no_grad():
        drawn = dict(
            draw_down(levels, config, kept.evidence(levels), before, noise.normal, kept.changed)
        )[0]
        posterior = drawn.belief.map(lambda part: part.transpose(0, 1))
        context = drawn.context.transpose(0, 1)
    return level_one_divergence(levels[0], posterior, context, noise.normal[:, :, 0])


def level_one_divergence(
    level: Level,
    posterior: Gaussian,
    context: Float[Tensor, "batch time context"],
    noise: Float[Tensor, "batch time state"],
) -> Float[Tensor, "batch time"]:
    """Eq. 8b of level 1, which changes at every step: KL[q_t || p(s | d_t, c_t)], nats.

    The gradient reaches level 1's transition and change prior (Eqs. 12, 14), nothing else.

    Args:
        level: level 1.
        posterior: q_t of clips from their first frame, (batch, time, state).
        context: c_t of level 1.
        noise: standard normal, of fresh samples of q_t.
    """
    state = posterior.sample(noise).transpose(0, 1)
    start = context.new_zeros(len(context), level.transition.hidden_size)
    memory = level.transition.sequence(state, start).transpose(0, 1)
    return posterior.kl(level.change_prior(earlier_step(start, memory), context))


class Replay:
    """Level 1's posteriors of the last batches, on which its prior is trained between updates.

    Memory: ``batches`` times the clips of a batch, 4 * (2 * state_size + context_size) bytes a
    frame; with the paper's sizes 960.
    """

    def __init__(self, batches: int) -> None:
        """Keep the last ``batches`` batches."""
        if batches < 1:
            raise ValueError(f"a replay keeps at least 1 batch, found {batches}")
        self.batches = batches
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []  # mean, std, context

    def __len__(self) -> int:
        """Clips that are kept."""
        return sum(len(context) for _, _, context in self._kept)

    def add(self, observed: Observed) -> None:
        """Keep a batch's posteriors in place of the oldest."""
        mean, std = observed.posterior.mean, observed.posterior.std
        self._kept.append((mean, std, observed.context))
        del self._kept[: -self.batches]

    def draw(
        self, clips: int, generator: torch.Generator
    ) -> tuple[Gaussian, Float[Tensor, "batch time context"]]:
        """Posteriors and contexts of so many kept clips, or of all where fewer are kept.

        Raises:
            ValueError: nothing is kept yet.
        """
        if not self._kept:
            raise ValueError("a replay draws from what it keeps, found nothing kept yet")
        mean, std, context = (torch.cat(parts) for parts in zip(*self._kept, strict=True))
        order = torch.randperm(len(context), generator=generator, device=generator.device)
        chosen = order[:clips].to(context.device)
        return Gaussian(mean[chosen], std[chosen]), context[chosen]

    def state_dict(self) -> dict[str, Any]:
        """What is kept, oldest first, for a checkpoint."""
        return {"kept": [tuple(part.clone() for part in batch) for batch in self._kept]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on with what was kept."""
        kept = [tuple(part.clone() for part in batch) for batch in state_dict["kept"]]
        self._kept = [(mean, std, context) for mean, std, context in kept][-self.batches :]
