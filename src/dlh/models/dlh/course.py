"""How a hierarchy is trained: all of it, then its temporal parts alone (Eqs. 12, 14, 15).

The joint updates are the paper's. The later stages are ours: they raise the same bound in the
temporal parts, while encoder, posteriors and decoder are fixed. Level 1 comes first. No decision
depends on its memory, so the stored clips and their decisions stay valid for the whole stage. The
levels above follow, and decide anew at every update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from dlh.interfaces import (
    PLAIN,
    TRAINED,
    Batches,
    DrawClips,
    Execution,
    Objective,
    Optimiser,
    Phase,
    PhaseObjective,
    Plan,
    Share,
    Stage,
    Term,
    Update,
)
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.dynamics import (
    Divergences,
    KeptClips,
    clips_within,
    decide_anew,
    divergences,
    keep,
    level_one_divergences,
    temporal_names,
)
from dlh.models.dlh.level import Level
from dlh.models.dlh.trace import Noise
from dlh.models.frame_model import full_precision

JOINT = Optimiser(eps=1e-4, gradient_norm=1_000.0)
"""The eps is the paper's, which does not mention a limit on the gradient's norm; CW-VAE's code has
10,000."""

TEMPORAL = Optimiser(eps=1e-8, gradient_norm=5.0)
"""Of the later stages, whose loss is about a hundredth of the joint one."""

WARMUP_UPDATES = 50
FALLING = 0.7
"""Share of a later stage over which its learning rate falls to 0."""

FRAMES_AT_ONCE = 5_000
"""Frames that are encoded together when clips are kept."""

Encode = Callable[[Tensor], Tensor]
"""Videos to features, time axis first (Eq. 10)."""


def plan(
    config: DLHConfig, levels: Sequence[Level], *, encode: Encode, objective: PhaseObjective
) -> Plan:
    """The stages of a model's training: "joint", and if the configuration asks for them "dynamics"
    (level 1) and "events" (the levels above).

    Args:
        config: of the model.
        levels: levels 1..N.
        encode: of the model.
        objective: of the joint updates.
    """
    stages = [Stage(phases=(Phase(objective=objective),), optimiser=JOINT)]
    if config.dynamics.clips:
        anew = config.decision == "vade"  # prior factors read level 1's memory, and decide with it
        for name, pays, decides, lowest in (
            ("dynamics", level_one_divergences, anew, True),
            ("events", divergences, True, False),
        )[: config.num_levels]:
            objective = partial(kept_objective, config, levels, pays, decides)
            stages.append(
                Stage(
                    name=name,
                    phases=(Phase(objective=objective),),
                    optimiser=replace(TEMPORAL, muon=config.dynamics.muon),
                    trains=temporal_names(config, lowest=lowest),
                    learning_rate=partial(learning_rate, config.dynamics.learning_rate),
                    batches=partial(keep_clips, config, levels, encode),
                    clip_length=config.dynamics.clip_length,
                )
            )
    return Plan(stages=tuple(stages))


def learning_rate(highest: float, done: int, all_of_them: int) -> float:
    """Rises linearly to ``highest`` over the first 50 updates, falls to 0 over the last 70 %."""
    rise = (done + 1) / WARMUP_UPDATES
    fall = (all_of_them - done) / (FALLING * all_of_them)
    return highest * min(1.0, rise, fall)


def keep_clips(
    config: DLHConfig, levels: Sequence[Level], encode: Encode, draw: DrawClips
) -> Batches:
    """Store what the frames of training clips contribute, and give batches of it.

    The number of clips is the configured one, or as many as fit into memory. Every process stores
    all of them.
    """
    dynamics = config.dynamics
    length = dynamics.clip_length
    clips = min(dynamics.clips, clips_within(config, length, megabytes=dynamics.megabytes))
    at_once = max(1, min(clips, FRAMES_AT_ONCE // length))
    parts: list[KeptClips] = []
    for number in range(-(-clips // at_once)):
        video = draw(number, clips=at_once, frames=length)
        generator = torch.Generator(video.device).manual_seed(number)
        noise = Noise.draw(config, at_once, length, like=video, generator=generator)
        parts.append(keep(levels, config, encode(video), noise))
    kept = KeptClips.concatenate(parts, 0)

    def batch(generator: torch.Generator, share: Share) -> KeptClips:
        order = torch.randperm(clips, generator=generator, device=generator.device)
        chosen = share.of(order.repeat(-(-dynamics.batch_size // clips))[: dynamics.batch_size])
        return kept.take(chosen.to(kept.changed.device))

    return batch


def kept_objective(
    config: DLHConfig,
    levels: Sequence[Level],
    pays: Callable[[Sequence[Level], DLHConfig, KeptClips, Noise], Divergences],
    decides: bool,
    batch: KeptClips,
    /,
    *,
    generator: torch.Generator | None = None,
    update: Update = TRAINED,
    execution: Execution = PLAIN,
) -> Objective:
    """The divergences on stored clips (Eqs. 8b, 8c), nats; the loss is their mean per frame.

    Args:
        config: of the model.
        levels: levels 1..N.
        pays: computes the divergences to minimise.
        decides: whether the present priors decide anew.
        batch: stored clips.
        generator: of the whole batch's noise.
        update: without effect.
        execution: only its ``share`` is used.
    """
    like = batch.change_estimate
    noise = Noise.draw(
        config, *like.shape[:2], like=like, generator=generator, share=execution.share
    )
    with full_precision(like):
        if decides:
            batch = decide_anew(levels, config, batch, noise)
        paid = pays(levels, config, batch, noise)
        loss = torch.stack([part.sum(2) for part in paid.values()]).sum(0).mean()
    return Objective(
        loss=loss,
        terms={name: Term(value=value) for name, value in paid.items()},
        changed=batch.changed,
    )
