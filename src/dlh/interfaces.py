"""The contract that every model keeps, and through which training and evaluation see it.

DLH, the baselines and the trivial floors all run through identical code because that code imports
this file and nothing of theirs. What predicts is a :class:`VideoModel`; what is trained, saved and
found again by its name is a :class:`TrainableModel`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from dlh.errors import DlhError, UsageError

if TYPE_CHECKING:  # who only reads a configuration does not wait for torch
    import torch
    from torch import Tensor

Recompute = Literal["auto", "always", "never"]
"""Whether what a gradient needs is computed again instead of kept: less memory, a third more
arithmetic. ``auto``: for clips that are too long to keep it."""

STEPS_KEPT = 200
"""Longest clip of which ``auto`` keeps it: twice the paper's."""


class CompilationError(DlhError, RuntimeError):
    """Something cannot be compiled here; the message holds the compiler's reason, in one line."""

    code = "compilation"


@dataclass(frozen=True, kw_only=True)
class Share:
    """Number ``index`` of ``count`` equal parts of a batch: what one process, or one part of a
    step, computes. The shares of a batch, in order, are the batch.
    """

    index: int = 0
    count: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """This share of a tensor whose first axis is the whole batch."""
        return whole.unflatten(0, (self.count, -1))[self.index]


WHOLE = Share()


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How an objective is computed. It changes no value but by rounding.

    Attributes:
        share: which clips of a batch are given. The noise is that of the whole batch, of which the
            share's is taken: all shares, each with the generator in the same state, draw what one
            batch draws.
        recompute: a model that keeps little of a clip may ignore it.
        compiled: whether what goes step by step is compiled; a model without such a loop ignores
            it.
    """

    share: Share = WHOLE
    recompute: Recompute = "auto"
    compiled: bool = False

    def recomputes(self, steps: int) -> bool:
        """Whether what a gradient needs of clips of ``steps`` frames is computed again.

        Raises:
            ValueError: ``recompute`` is none of auto, always and never.
        """
        if self.recompute not in ("auto", "always", "never"):
            raise ValueError(f"recompute is auto, always or never, found {self.recompute!r}")
        return self.recompute == "always" or (self.recompute == "auto" and steps > STEPS_KEPT)


PLAIN = Execution()


@dataclass(frozen=True, kw_only=True)
class Update:
    """Which update of a training an objective is for. A model uses what it needs of it.

    Attributes:
        number: iterations of this stage done before it; infinite outside a training, where every
            schedule is at its end.
        beta: the weight of the divergences, which the recipe lets rise from 0 to 1. Only a model
            that is trained with such a warm-up reads it.
        carried: what the objective of the update before left, the mean over the shares of its
            batch; empty at a stage's first update, and outside a training.
    """

    number: float = math.inf
    beta: float = 1.0
    carried: Mapping[str, Tensor] = field(default_factory=dict)


TRAINED = Update()
"""After training: every schedule is at its end."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One term of an objective, unreduced.

    Attributes:
        value: (batch, time) or (batch, time, levels), levels from the pixels up; levels may be 0.
            The time axis may be shorter than the clip, where a term leaves frames out.
        unit: "nats", "squared error", ...
    """

    value: Tensor
    unit: str = "nats"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a model makes of a batch of clips.

    Attributes:
        loss: what is minimised, a scalar.
        terms: what it consists of, by name.
        elbo: the evidence lower bound, (batch,), nats per clip, larger is better; None for a model
            without a bound.
        changed: which levels changed at which step, bool (batch, time, levels); None for a model
            that decides nothing.
        schedule: what followed from the number of the update, by name: beta, a temperature.
        carried: numbers that the next update of the stage gets, by name: running means, say.
    """

    loss: Tensor
    terms: Mapping[str, Term]
    elbo: Tensor | None = None
    changed: Tensor | None = None
    schedule: Mapping[str, float] = field(default_factory=dict)
    carried: Mapping[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tensor:
        """The value of a term."""
        return self.terms[name].value


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Sampled futures.

    Attributes:
        frames: decoder means in [0, 1], (batch, samples, time, channel, height, width).
        changed: the sampled change indicators, bool (batch, samples, time, levels), or None.
    """

    frames: Tensor
    changed: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a validation shows of some clips.

    Attributes:
        values: by name; one number a clip, (batch,), or one a clip and level, (batch, levels),
            levels from the pixels up. What is shown is the mean over all clips.
        changed: the decisions, bool (batch, time, levels), of which the rate of change of every
            level is shown, and the events where the clips know theirs; None for a model that
            decides nothing.
    """

    values: Mapping[str, Tensor]
    changed: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Where the levels of a model changed in a video, levels from the pixels up.

    Attributes:
        changed: bool (batch, time, levels).
        evidence: by which it was decided, (batch, time, levels), nats: the log odds of a change.
            0 at level 1, which always changes.
    """

    changed: Tensor
    evidence: Tensor


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """How freely futures are drawn: 1 is the model's own distribution, 0 its most likely draw.

    Attributes:
        states: factor on the noise of every state.
        decisions: what the logit of every decision, p(e_t = 1) for example, is divided by.
    """

    states: float = 1.0
    decisions: float = 1.0

    def __post_init__(self) -> None:
        for name in ("states", "decisions"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(
                    f"the temperature of {name} is a finite number from 0, found "
                    f"{getattr(self, name)}"
                )

    def probability(self, logit: Tensor) -> Tensor:
        """Of a decision with this logit, at this temperature."""
        if not self.decisions:
            return (logit > 0).to(logit.dtype)
        return (logit / self.decisions).sigmoid()


AS_LEARNT = Temperature()


class ModelConfig(Protocol):
    """A model's settings: a frozen dataclass that is validated when it is made.

    ``kind`` is the name under which the model is registered.
    """

    kind: ClassVar[str]

    @property
    def frame_shape(self) -> tuple[int, int, int]: ...


@runtime_checkable
class VideoModel(Protocol):
    """What predicts video.

    ``frame_shape`` is the (channel, height, width) of the frames it takes. A trivial floor (black
    frame, last frame, ...) keeps this contract without parameters. All randomness comes from the
    generator passed in.
    """

    @property
    def frame_shape(self) -> tuple[int, int, int]: ...

    def predict(
        self,
        context: Tensor,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Prediction:
        """``samples`` futures of ``horizon`` frames after a context (batch, context_steps, ...).

        A deterministic model returns one sample whatever is asked.
        """
        ...


@runtime_checkable
class TrainableModel(VideoModel, Protocol):
    """A model that is trained, saved, and found again by the name of its kind.

    It is also a ``torch.nn.Module``; its parameters and buffers are all the state that it has.
    """

    @property
    def to_unit_range(self) -> str:
        """How its predictions got into [0, 1], for the protocol of an evaluation."""
        ...

    @property
    def config(self) -> ModelConfig:
        """What it was built from."""
        ...

    @property
    def plan(self) -> Plan:
        """How it is trained."""
        ...

    def objective(
        self,
        video: Tensor,
        *,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """What is minimised of a video (batch, time, channel, height, width), and its terms.

        The video holds the clips of ``execution.share``.

        Raises:
            CompilationError: it is to be compiled, and cannot be.
        """
        ...

    def predict(
        self,
        context: Tensor,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
        temperature: Temperature = AS_LEARNT,
    ) -> Prediction:
        """As :meth:`VideoModel.predict`, drawn at a temperature; a model that draws neither states
        nor decisions goes without.
        """
        ...

    def figures(self, video: Tensor, *, generator: torch.Generator | None = None) -> Figures:
        """What a validation shows of these clips; the model is in evaluation mode."""
        ...


@runtime_checkable
class DecidingModel(TrainableModel, Protocol):
    """A model that finds the changes of a video without scoring it."""

    def decide(self, video: Tensor, *, generator: torch.Generator | None = None) -> Decisions:
        """Where its levels change in a video of any length; the model is in evaluation mode."""
        ...


CLIPPED = "clipped to [0, 1]"


def shortest_context(model: VideoModel) -> int:
    """Frames that a model must observe to predict: its attribute of this name, otherwise 1."""
    return getattr(model, "shortest_context", 1)


# How a model is trained.


class PhaseObjective(Protocol):
    """Computes a phase's loss; a model's ``objective`` is one.

    ``batch`` is a video, or what :attr:`Stage.batches` gives.
    """

    def __call__(
        self,
        batch: Any,
        /,
        *,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective: ...


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One update of the parameters; an iteration is one or several of them, in order.

    Its objective is computed with the parameters as the phase before left them.

    Attributes:
        objective: what it minimises.
        name: in metrics.jsonl, before the names of its figures, where there are several phases.
        held: names of the parameters, or of modules that hold them, that get no gradient in it.
    """

    objective: PhaseObjective
    name: str = ""
    held: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """Adam as a model is to be trained with. The recipe gives the learning rate. In the first
    stage, what it says of ``eps`` and ``gradient_norm`` (``--training.adam-epsilon``,
    ``--training.gradient-norm``) goes before what is said here.

    Attributes:
        betas: of the moving means.
        eps: the offset of the denominator; or a function of the update's number, counted from 1.
        amsgrad: whether the largest second moment so far is used.
        gradient_norm: gradients of a larger 2-norm are scaled down to it; None: they are not.
        without_gradient: what happens to a parameter that a phase's loss does not depend on, or
            that the phase holds. "skipped": nothing. "zero": once it has been updated, its
            gradient counts as 0, so that it goes on moving by its momentum (torch up to 1.13).
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float | Callable[[int], float] = 1e-8
    amsgrad: bool = False
    gradient_norm: float | None = None
    without_gradient: Literal["skipped", "zero"] = "skipped"

    def eps_of(self, update: int) -> float:
        """The offset at an update, counted from 1."""
        return self.eps if isinstance(self.eps, int | float) else self.eps(update)


class DrawClips(Protocol):
    """Draws training clips: float video (clips, frames, channel, height, width), on the model's
    device. The same ``number`` gives the same clips.
    """

    def __call__(self, number: int, *, clips: int, frames: int) -> Tensor: ...


class Batches(Protocol):
    """Gives a share of the batch of one iteration; all randomness comes from the generator, which
    is in the same state for every share of a batch.
    """

    def __call__(self, generator: torch.Generator, share: Share) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a training with an optimiser of its own. Stages follow one another.

    Attributes:
        phases: of every iteration.
        name: for people and in metrics.jsonl.
        optimiser: begins without state.
        trains: names of the parameters, or of modules that hold them, that it trains; None: all.
        learning_rate: of the iterations of the stage done so far, and of how many it has in all;
            None: the recipe's, with its cooldown.
        batches: makes what a phase gets in place of the training clips: other clips, or a cache.
            Called in evaluation mode and without gradients when the stage begins, and again when it
            is resumed; so what it makes may depend on no parameter that the stage trains.
    """

    phases: tuple[Phase, ...]
    name: str = "joint"
    optimiser: Optimiser = field(default_factory=Optimiser)
    trains: tuple[str, ...] | None = None
    learning_rate: Callable[[int, int], float] | None = None
    batches: Callable[[DrawClips], Batches] | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a model is trained.

    Attributes:
        stages: the first has the recipe's ``steps`` iterations; each later one as many as
            ``--training.later-steps`` says, by default none.
        judged_by: the figure of a validation by which the best checkpoint is chosen, the higher
            the better.
        whole_batch: why a batch cannot be computed in shares, one process or part after the other;
            empty where it can.
    """

    stages: tuple[Stage, ...]
    judged_by: str = "elbo"
    whole_batch: str = ""


def names_one_of(name: str, given: tuple[str, ...] | None) -> bool:
    """Whether a parameter is among ``given``: by its own name, or by that of a module above it."""
    return given is None or any(name == one or name.startswith(one + ".") for one in given)
