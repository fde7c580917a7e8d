"""The temporal parts trained alone: transition, change prior and prior factor (Eqs. 12, 14, 15).

No posterior reads a memory (Eq. 13), so while encoder, posteriors and decoder are fixed, all that
the frames say can be kept: a few numbers per frame, of which posteriors of any fresh sample follow.
Raising the bound in the temporal parts alone is then a sequence problem without a convolution. The
objective stays the bound (Eqs. 8b, 8c); the reconstruction does not depend on these parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dlh.distributions import Gaussian, Tensors, reach
from dlh.models.dlh.bound import event_kl, state_kl
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.decide import Evidence, decide_all
from dlh.models.dlh.inference import compare, earlier_step, join_levels, over_levels
from dlh.models.dlh.level import Level
from dlh.models.dlh.step import Held, Past, draw_down, remember
from dlh.models.dlh.trace import Carried, Noise

BYTES = 4
"""Of a number that is kept (float32)."""

Divergences = dict[str, Float[Tensor, "batch time levels"]]
"""Terms of the bound by name, nats."""


def temporal_names(config: DLHConfig, *, lowest: bool) -> tuple[str, ...]:
    """The modules of Eqs. 12, 14, 15 by their names in the model.

    Args:
        config: of the model.
        lowest: level 1's, which has no prior factor; otherwise those of all levels above it.
    """
    indices = (0,) if lowest else range(1, config.num_levels)
    parts = ("change_prior",) if lowest else ("change_prior", "change_factor")
    if config.memory != "none":
        parts = ("transition", *parts)
    return tuple(f"levels.{index}.{part}" for index in indices for part in parts)


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

    def evidence(self) -> Evidence:
        """As inference reads it, time axis first."""
        lower = self.projected.transpose(0, 1).unbind(2)
        return Evidence(lower, self.top.map(lambda part: part.transpose(0, 1)))


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
    evidence = Evidence.of(levels, features)
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
    start = Carried.start(config, len(kept), like=noise.normal)
    selection = decide_all(levels, config, kept.evidence(), start, noise)
    return replace(kept, changed=selection.changed, change_estimate=selection.change_estimate)


def divergences(
    levels: Sequence[Level], config: DLHConfig, kept: KeptClips, noise: Noise
) -> Divergences:
    """Eqs. 8b, 8c of kept clips, with a gradient in the temporal parts alone.

    The numbers are those that the bound has for the same noise and decisions. What a static prior
    costs is without a gradient.

    Args:
        levels: levels 1..N.
        config: of the model.
        kept: clips from their first frame, with their decisions.
        noise: of all their steps; fresh noise gives fresh samples, and the posteriors under them.
    """
    start = Carried.start(config, len(kept), like=noise.normal)
    apart = _drawn(levels, config, kept, noise, start)
    memories = remember(levels, config, apart, start.memory.unbind(1), kept.changed.transpose(0, 1))
    memory = earlier_step(start.memory, over_levels(memories))
    found, _ = compare(
        levels, config, join_levels(apart), memory, kept.changed, kept.change_estimate, start
    )
    return {"state_kl": state_kl(found, config), "event_kl": event_kl(found, config)}


def level_one_divergences(
    levels: Sequence[Level], config: DLHConfig, kept: KeptClips, noise: Noise
) -> Divergences:
    """Level 1's share of :func:`divergences`, without the cost of the levels above.

    It changes at every step: KL[q_t || p(s | d_t, c_t)]. Most of what a stage gains, it gains here,
    and the prior factors cost more than twice as much. The gradient reaches level 1's transition
    and change prior (Eqs. 12, 14), nothing else.
    """
    start = Carried.start(config, len(kept), like=noise.normal)
    lowest = _drawn(levels, config, kept, noise, start)[0]
    (after,) = remember(
        levels[:1], config, [lowest], [start.memory[:, 0]], kept.changed.transpose(0, 1)
    )
    memory = earlier_step(start.memory[:, 0], after.transpose(0, 1))
    held = lowest.map(lambda part: part.transpose(0, 1))
    paid = held.belief.kl(levels[0].change_prior(memory, held.context))
    return {"state_kl": paid[..., None]}


@torch.no_grad()
def _drawn(
    levels: Sequence[Level], config: DLHConfig, kept: KeptClips, noise: Noise, start: Carried
) -> tuple[Held, ...]:
    """What each level draws and holds at every step, time axis first."""
    return draw_down(
        levels,
        Past.of(start).held,
        partial(kept.evidence().posterior, levels),
        noise.normal.transpose(0, 1),
        reach(kept.changed, config.nesting).transpose(0, 1),
    )
