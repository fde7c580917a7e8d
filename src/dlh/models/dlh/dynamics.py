"""The temporal parts trained alone: transition, change prior and prior factor (Eqs. 12, 14, 15).

Encoder, posteriors and decoder are fixed meanwhile. No posterior reads a memory (Eq. 13), so what a
frame contributes to the posteriors of all levels never changes: about a hundred numbers, which are
stored once (:class:`KeptClips`). An update then needs no convolution. Its objective is the bound
without the reconstruction (Eq. 8a), which does not depend on the temporal parts.
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
"""Of a stored number (float32)."""

Divergences = dict[str, Float[Tensor, "batch time levels"]]
"""Terms of the bound by name, nats."""


def temporal_names(config: DLHConfig, *, lowest: bool) -> tuple[str, ...]:
    """Names of the modules of Eqs. 12, 14, 15 in the model.

    Args:
        config: of the model.
        lowest: True for those of level 1, which has no prior factor; False for those of the levels
            above it.
    """
    indices = (0,) if lowest else range(1, config.num_levels)
    parts = ("change_prior",) if lowest else ("change_prior", "change_factor")
    if config.memory != "none":
        parts = ("transition", *parts)
    return tuple(f"levels.{index}.{part}" for index in indices for part in parts)


@dataclass(frozen=True, kw_only=True)
class KeptClips(Tensors):
    """What the frames of whole clips contribute to the posteriors, and the decisions.

    A frame takes :func:`bytes_per_frame`: 495 bytes with the paper's sizes and three levels, so
    1,000 clips of 100 frames take 50 MB.

    Attributes:
        projected: of each level 1..N-1, what the features add to the first hidden layer of its
            posterior, (batch, time, N - 1, hidden).
        top: q(s^N | x^N), (batch, time, state).
        changed: the decisions e_t.
        change_estimate: q(e_t = 1), which the bound reads if decisions are drawn (Eq. 34).
    """

    projected: Float[Tensor, "batch time lower hidden"]
    top: Gaussian
    changed: Bool[Tensor, "batch time levels"]
    change_estimate: Float[Tensor, "batch time levels"]

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.changed)

    def take(self, clips: Int[Tensor, "chosen"]) -> KeptClips:
        """Some of the clips."""
        return self.map(lambda part: part[clips])

    def evidence(self) -> Evidence:
        """The same as the argument of inference, time axis first."""
        lower = self.projected.transpose(0, 1).unbind(2)
        return Evidence(lower, self.top.map(lambda part: part.transpose(0, 1)))


def bytes_per_frame(config: DLHConfig) -> int:
    """Bytes that :class:`KeptClips` takes for a frame."""
    numbers = (config.num_levels - 1) * config.hidden_sizes[0] + 2 * config.state_size
    return BYTES * (numbers + config.num_levels) + config.num_levels


def clips_within(config: DLHConfig, clip_length: int, *, megabytes: float) -> int:
    """How many clips of ``clip_length`` frames fit into ``megabytes`` MiB.

    Raises:
        ValueError: not even one fits.
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
    """What is kept of clips, with the decisions under this noise.

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

    A decision compares a level's posterior with its change prior. Training change priors therefore
    outdates stored decisions: their bound is valid, but lower than the model's own.
    """
    start = Carried.start(config, len(kept), like=noise.normal)
    selection = decide_all(levels, config, kept.evidence(), start, noise)
    return replace(kept, changed=selection.changed, change_estimate=selection.change_estimate)


def divergences(
    levels: Sequence[Level], config: DLHConfig, kept: KeptClips, noise: Noise
) -> Divergences:
    """Eqs. 8b, 8c of kept clips, nats, with a gradient in the temporal parts alone.

    The values equal those of the bound for the same noise and decisions. Divergences from a static
    prior have no gradient.

    Args:
        levels: levels 1..N.
        config: of the model.
        kept: clips from their first frame, with their decisions.
        noise: of all their steps; other noise gives other samples and their posteriors.
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
    """Level 1's part of :func:`divergences`: KL[q_t || p(s | d_t, c_t)] at every step, nats.

    The gradient reaches only level 1's transition and change prior (Eqs. 12, 14). Leaving out the
    other levels, with their prior factors, makes an update more than three times as fast.
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
