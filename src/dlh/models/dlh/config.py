"""The settings of a Dynamic Latent Hierarchy: sizes, and switches for the paper's alternatives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from dlh.models.frame_config import FrameConfig
from dlh.settings import (
    ConfigError,
    check_at_least,
    check_positive,
    check_sizes,
    values_of,
)


@dataclass(frozen=True, kw_only=True)
class EmergenceConfig:
    """How training helps the hierarchy to emerge; the defaults switch all of it off.

    Attributes:
        memory_from: update from which the memories d are read; until then they are 0, as with
            ``memory="none"``. Without a memory, level 1 pays at every step for what stays, such as
            a colour, and a level above that rests does not, so it learns to hold what stays.
        memory_every: before ``memory_from``, memories are read in one of so many updates; 0: in
            none.
        exploration: in training, a level above the first also changes if its static divergence
            exceeds this factor times the running mean of that divergence over steps without a
            change (VPR's "unexpected change"); 0: off.
        exploration_decay: of that running mean, per update.
        exploration_until: update from which Eq. 4 alone decides; 0: explore to the end.
        initial_likelihood_std: standard deviation of a pixel (Eq. 8a) at which training begins;
            0: likelihood_std from the start.
        initial_nats: target of the state divergences until ``anneal_from``, all levels together,
            nats per frame. Where they are above twice or below half of it, the std moves away from
            initial_likelihood_std, and so fits the world. 0: initial_likelihood_std holds.
        anneal_from: update until which the initial std holds.
        anneal_until: update from which likelihood_std holds; in between the value moves
            geometrically.
    """

    LATER: ClassVar[tuple[str, ...]] = ("memory_from", "memory_every", "initial_nats")

    memory_from: int = 0
    memory_every: int = 0
    exploration: float = 0.0
    exploration_decay: float = 0.8
    exploration_until: int = 0
    initial_likelihood_std: float = 0.0
    initial_nats: float = 0.0
    anneal_from: int = 0
    anneal_until: int = 0

    def __post_init__(self) -> None:
        for name in ("exploration", "initial_likelihood_std", "initial_nats"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(
                    f"{name} is a finite number from 0 (off), found {getattr(self, name)}"
                )
        if not 0 <= self.exploration_decay < 1:
            raise ConfigError(
                f"exploration_decay is at least 0 and below 1, found {self.exploration_decay}"
            )
        updates = (
            "memory_from",
            "memory_every",
            "exploration_until",
            "anneal_from",
            "anneal_until",
        )
        check_at_least(0, **values_of(self, *updates))
        if self.initial_nats and not self.initial_likelihood_std:
            raise ConfigError(
                "initial_nats needs an initial_likelihood_std to begin at, found "
                f"{self.initial_nats} and {self.initial_likelihood_std}"
            )
        if self.initial_likelihood_std and self.anneal_until < self.anneal_from:
            raise ConfigError(
                "anneal_until is not before anneal_from, found "
                f"{self.anneal_until} and {self.anneal_from}"
            )


@dataclass(frozen=True, kw_only=True)
class DynamicsConfig:
    """The stages in which the temporal parts are trained alone, after the joint updates.

    The first, "dynamics", trains level 1's transition and change prior. The second, "events",
    trains those of the levels above it and their prior factors. ``--training.later-steps`` has the
    number of updates of each.

    Attributes:
        clips: number of training clips whose encoding is stored for these stages; 0: no stages.
        clip_length: of a stored clip, frames.
        batch_size: clips of an update, over all processes.
        learning_rate: the largest; it rises over the first 50 updates and falls to 0 over the last
            70 %.
        muon: the learning rate of Muon, which then updates the matrices, over the one above, with
            which Adam updates the rest; 0: Adam updates all.
        megabytes: the most memory for stored clips, MiB; if it does not suffice, fewer clips are
            stored.
    """

    LATER: ClassVar[tuple[str, ...]] = ("muon",)

    clips: int = 0
    clip_length: int = 100
    batch_size: int = 64
    learning_rate: float = 2e-3
    muon: float = 0.0
    megabytes: float = 512.0

    def __post_init__(self) -> None:
        check_at_least(0, clips=self.clips)
        if not 0 <= self.muon < math.inf:
            raise ConfigError(f"muon is a finite number from 0 (Adam alone), found {self.muon}")
        check_at_least(1, clip_length=self.clip_length, batch_size=self.batch_size)
        check_positive(learning_rate=self.learning_rate, megabytes=self.megabytes)


@dataclass(frozen=True, kw_only=True)
class DLHConfig(FrameConfig):
    """Sizes of the networks (Table 4), the likelihood, and the alternatives.

    Attributes:
        num_levels: N, from 1.
        feature_size: of the bottom-up features x and of the decoder's input c^0.
        context_size: of the top-down context c.
        memory_size: of the temporal variable d, the transition GRU's hidden state.
        state_size: of the latent state s.
        hidden_sizes: of the posterior's and the prior's perceptrons.
        factor_size: of the prior factor's GRU, p(e | .).
        convolution_channels: of the four convolutions; the decoder mirrors them.
        activation: between layers; the paper does not say which.
        std_floor: added to the softplus that gives a state's standard deviation.
        initial_std: value of that softplus at the start, in posteriors and priors of level 1, level
            2, ...; the last one is for all levels above. A level that starts with a smaller one
            pays more for what it holds, so it takes less of the position.
        likelihood_std: the fixed standard deviation of a pixel (Eq. 8a); it decides how fast events
            are found.
        static_prior_gradient: whether the static prior b_{t-1} passes gradients (Eq. 8).
        memory: "held": d moves only where the level changes (Eq. 12 as we read it); "ticking": at
            every step; "none": d stays 0, and the change prior reads only the context.
        factor_input: "below": the prior factor reads [d^n, d^{n-1}, e_{t-1}^n]; "own": [d^n,
            e_{t-1}^n] (Eq. 15).
        decision: "threshold": Eq. 4; "vade": e is drawn from Eq. 34.
        nesting: whether a level may change only where the level below changes (Eq. 5, Sec. 2.3).
        selection_context: the context under which components are compared, "held" (Eq. 25) or
            "full" (Eq. 24).
        emergence: what helps the hierarchy to emerge, in training only.
        dynamics: later stages that train the temporal parts alone.
    """

    kind: ClassVar[str] = "dlh"
    LATER: ClassVar[tuple[str, ...]] = ("emergence", "dynamics")

    num_levels: int = 3
    feature_size: int = 200
    context_size: int = 200
    memory_size: int = 200
    state_size: int = 20
    hidden_sizes: tuple[int, ...] = (40, 40, 40)
    factor_size: int = 200
    convolution_channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    activation: Literal["elu", "silu", "relu"] = "elu"
    std_floor: float = 0.01
    initial_std: tuple[float, ...] = (0.1,)
    likelihood_std: float = 1.0
    static_prior_gradient: bool = True
    memory: Literal["held", "ticking", "none"] = "held"
    factor_input: Literal["below", "own"] = "below"
    decision: Literal["threshold", "vade"] = "threshold"
    nesting: bool = True
    selection_context: Literal["held", "full"] = "held"
    emergence: EmergenceConfig = EmergenceConfig()
    dynamics: DynamicsConfig = DynamicsConfig()

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("feature_size", "context_size", "memory_size", "state_size", "factor_size")
        check_at_least(1, **values_of(self, "num_levels", *sizes))
        check_sizes(hidden_sizes=self.hidden_sizes)
        check_sizes(count=4, convolution_channels=self.convolution_channels)
        check_positive(std_floor=self.std_floor, likelihood_std=self.likelihood_std)
        if not self.initial_std or not min(self.initial_std) > 0:
            raise ConfigError(
                f"initial_std is one or more positive numbers, found {self.initial_std}"
            )
