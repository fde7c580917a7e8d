"""The contract of every model, and all that training and evaluation know of it.

DLH, the baselines and the trivial floors run through the same code, because that code imports this
file and no model. A :class:`VideoModel` predicts; a :class:`TrainableModel` is also trained, saved,
and opened by the name of its kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from dlh.errors import DlhError, UsageError

if TYPE_CHECKING:  # torch takes seconds to import, and reading a configuration needs none of it
    import torch
    from torch import Tensor

Recompute = Literal["auto", "always", "never"]
"""Whether the intermediate results that a gradient needs are computed again instead of kept: less
memory, a third more arithmetic. ``auto``: for clips of more than :data:`STEPS_KEPT` frames."""

STEPS_KEPT = 200
"""Frames of the longest clip whose intermediate results ``auto`` keeps: twice the paper's."""


class CompilationError(DlhError, RuntimeError):
    """The loop over time cannot be compiled here; the message has the compiler's reason."""

    code = "compilation"


@dataclass(frozen=True, kw_only=True)
class Share:
    """Part ``index`` (from 0) of a batch cut into ``count`` equal parts along its first axis.

    Each process computes one share at a time. All shares in order make up the batch.
    """

    index: int = 0
    count: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """This share of a tensor of the whole batch: (batch, ...) to (batch / count, ...)."""
        return whole.unflatten(0, (self.count, -1))[self.index]


WHOLE = Share()


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How an objective is computed. Values differ between executions only by rounding.

    Attributes:
        share: the part of the batch that the video holds. A model draws noise for the whole batch
            and uses ``share.of(noise)``. With the generator in the same state for every share, the
            shares together then use the noise of one undivided batch.
        recompute: see :data:`Recompute`; a model that keeps little of a clip may ignore it.
        compiled: whether the loop over time is compiled; a model without such a loop ignores it.
    """

    share: Share = WHOLE
    recompute: Recompute = "auto"
    compiled: bool = False

    def recomputes(self, steps: int) -> bool:
        """Whether intermediate results are computed again, for clips of ``steps`` frames.

        Raises:
            ValueError: ``recompute`` is none of auto, always and never.
        """
        if self.recompute not in ("auto", "always", "never"):
            raise ValueError(f"recompute is auto, always or never, found {self.recompute!r}")
        return self.recompute == "always" or (self.recompute == "auto" and steps > STEPS_KEPT)


PLAIN = Execution()


@dataclass(frozen=True, kw_only=True)
class Update:
    """Which update of the training an objective is for.

    Attributes:
        number: of iterations that this stage has completed, from 0. Infinite outside training, so
            that every schedule is at its end.
        beta: weight of the divergences in the loss, which the recipe raises from 0 to 1. A model
            without such a warm-up ignores it.
        carried: :attr:`Objective.carried` of the previous update, averaged over the shares of its
            batch; empty at a stage's first update and outside training.
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
        value: (batch, time) or (batch, time, levels), levels from the pixels up; there may be 0
            levels. The time axis is shorter than the clip if the term leaves frames out.
        unit: of the value: "nats", "squared error", ...
    """

    value: Tensor
    unit: str = "nats"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A loss on a batch of clips, and its terms.

    Attributes:
        loss: what is minimised, a scalar.
        terms: of which the loss consists, by name.
        elbo: the evidence lower bound, (batch,), nats per clip, larger is better; None for a model
            without a bound.
        changed: which levels changed at which step, bool (batch, time, levels); None for a model
            that decides nothing.
        schedule: values that depend on the number of the update, by name: beta, a temperature.
        carried: tensors for the next update of the stage (:attr:`Update.carried`), by name, such as
            running means.
    """

    loss: Tensor
    terms: Mapping[str, Term]
    elbo: Tensor | None = None
    changed: Tensor | None = None
    schedule: Mapping[str, float] = field(default_factory=dict)
    carried: Mapping[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tensor:
        """The value of a term, (batch, time) or (batch, time, levels)."""
        return self.terms[name].value


@dataclass(frozen=True, kw_only=True, repr=False)
class Prediction:
    """Sampled futures.

    Attributes:
        frames: decoder means in [0, 1], (batch, samples, time, channel, height, width).
        changed: the sampled change indicators, bool (batch, samples, time, levels); None for a
            model that decides nothing.
    """

    frames: Tensor
    changed: Tensor | None = None

    def __repr__(self) -> str:
        changed = None if self.changed is None else tuple(self.changed.shape)
        return f"Prediction(frames={tuple(self.frames.shape)}, changed={changed})"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a validation measures on some held-out clips.

    Attributes:
        values: by name, (batch,), or (batch, levels) with levels from the pixels up. A validation
            reports their means over all clips.
        changed: the decisions, bool (batch, time, levels). A validation reports each level's rate
            of change, and, for clips with true events, precision, recall and F1. None for a model
            that decides nothing.
    """

    values: Mapping[str, Tensor]
    changed: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Where the levels of a model changed in a video, levels from the pixels up.

    Attributes:
        changed: bool (batch, time, levels).
        evidence: the log odds of a change, (batch, time, levels), nats; 0 at level 1, which always
            changes.
    """

    changed: Tensor
    evidence: Tensor


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """How freely futures are drawn: 1 is the model's own distribution, 0 its most likely draw.

    Attributes:
        states: factor on the noise of every state, from 0.
        decisions: divisor of the logit of every decision, such as p(e_t = 1), from 0.

    Raises:
        UsageError: one of them is negative or not finite.
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
        """p(e = 1) of decisions with these logits, at this temperature; the shape is kept."""
        if not self.decisions:
            return (logit > 0).to(logit.dtype)
        return (logit / self.decisions).sigmoid()


AS_LEARNT = Temperature()


class ModelConfig(Protocol):
    """A model's settings: a frozen dataclass that is validated when it is made.

    ``kind`` is the name under which the model is registered.
    """

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def frame_shape(self) -> tuple[int, int, int]: ...


@runtime_checkable
class VideoModel(Protocol):
    """What predicts video.

    ``frame_shape`` is (channel, height, width). Trivial floors (black frame, last frame, ...) are
    such models, without parameters. All randomness comes from the ``generator`` argument.
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
        """``samples`` futures of ``horizon`` frames after a context (batch, context_steps, channel,
        height, width).

        A deterministic model returns one sample, whatever ``samples`` is.
        """
        ...


@runtime_checkable
class TrainableModel(VideoModel, Protocol):
    """A model that is trained, saved, and opened by the name of its kind.

    It is also a ``torch.nn.Module``, without state besides its parameters and buffers.
    """

    @property
    def to_unit_range(self) -> str:
        """How its predictions are brought into [0, 1]; the protocol of an evaluation records it."""
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
        """The loss on a video (batch, time, channel, height, width) in [0, 1], and its terms.

        The video is the share ``execution.share`` of a batch.

        Raises:
            CompilationError: ``execution.compiled`` is set, and compiling fails.
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
        """As :meth:`VideoModel.predict`, at a temperature, which a deterministic model ignores."""
        ...

    def figures(self, video: Tensor, *, generator: torch.Generator | None = None) -> Figures:
        """What a validation measures on a video (batch, time, channel, height, width).

        The model is in evaluation mode.
        """
        ...


@runtime_checkable
class DecidingModel(TrainableModel, Protocol):
    """A model that finds the changes of a video without scoring it."""

    def decide(self, video: Tensor, *, generator: torch.Generator | None = None) -> Decisions:
        """Where its levels change in a video (batch, time, channel, height, width) of any length.

        The model is in evaluation mode.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ObservedLevels:
    """What the levels of a model inferred about clips, levels from the pixels up.

    A clip's steps are its frames, but for those that the model takes as context at either end.

    Attributes:
        state: that each level holds at each step, (batch, time, levels, state).
        prior_mean, prior_std: of the Gaussian that the level would draw this state from, had it not
            seen the frames; as ``state``.
        state_kl: divergence of the states from their priors, nats, (batch, time, levels); 0 where a
            level keeps its state.
        event_kl: that of the decisions, likewise; 0 at a level that decides nothing.
        elbo: (batch,), nats per clip.
        changed: where a level takes a new state, by decision or by the clock, bool (batch, time,
            levels).
        change_probability: p(e = 1), given before the frame was observed; as ``changed``.
        foreseen: the steps at which that is a prediction; nowhere at a level that decides nothing.
        source: a record of tensors from which the model decodes other states.
    """

    state: Tensor
    prior_mean: Tensor
    prior_std: Tensor
    state_kl: Tensor
    event_kl: Tensor
    elbo: Tensor
    changed: Tensor
    change_probability: Tensor
    foreseen: Tensor
    source: Any


@runtime_checkable
class LayeredModel(TrainableModel, Protocol):
    """A model whose levels can be looked into, one by one.

    ``first_observed`` is the number of frames of a clip before the first step of
    :class:`ObservedLevels`. ``not_observed`` says what an analysis cannot tell of such a model, and
    why; it is empty where it can tell all.
    """

    @property
    def first_observed(self) -> int: ...

    @property
    def not_observed(self) -> Mapping[str, str]: ...

    def observe_levels(
        self, video: Tensor, *, generator: torch.Generator | None = None
    ) -> ObservedLevels:
        """What the levels infer about clips (batch, time, channel, height, width); the model is in
        evaluation mode.
        """
        ...

    def decode_states(self, source: Any, clip: Tensor, step: Tensor, state: Tensor) -> Tensor:
        """The frames that the levels would show at some moments, had they these states.

        Everything that is a function of states is computed anew, from the top level down to the
        frame; what happened at other steps stays.

        Args:
            source: of :class:`ObservedLevels`.
            clip, step: of each moment, (moments,).
            state: of all levels, (moments, samples, levels, state).

        Returns:
            (moments, samples, channel, height, width), in [0, 1].
        """
        ...

    def roll_level(
        self,
        source: Any,
        level: int,
        clip: Tensor,
        step: Tensor,
        *,
        steps: int,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """One level makes transition after transition, each a draw from its prior; all others keep
        their states.

        Args:
            source: of :class:`ObservedLevels`.
            level: n, counted from 1.
            clip, step: of the moments where it begins, (moments,); not a clip's last step.
            steps: how many transitions.
            generator: of the draws.

        Returns:
            Frames in [0, 1], (moments, steps + 1, channel, height, width); the first is the
            inferred one.
        """
        ...


CLIPPED = "clipped to [0, 1]"


def shortest_context(model: VideoModel) -> int:
    """Frames that a model must observe before it can predict: its attribute of this name, or 1."""
    return getattr(model, "shortest_context", 1)


# How a model is trained.


class PhaseObjective(Protocol):
    """Computes the loss of a phase, as a model's ``objective`` does.

    ``batch`` is a video (batch, time, channel, height, width) in [0, 1], or in a stage that makes
    batches of its own (:attr:`Stage.batches`), one of these.
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
    """One update of the parameters. An iteration consists of one or more phases, in order.

    Each phase computes its objective with the parameters that the previous phase updated.

    Attributes:
        objective: what is minimised.
        name: precedes the names of its figures in metrics.jsonl, if there are several phases.
        held: parameters that get no gradient in this phase: their names, or names of modules.
    """

    objective: PhaseObjective
    name: str = ""
    held: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """The settings of Adam, beside which Muon may update the matrices. The learning rate comes from
    the stage or the recipe. In the first stage, the options ``--training.adam-epsilon`` and
    ``--training.gradient-norm`` override ``eps`` and ``gradient_norm``.

    Attributes:
        betas: decay rates of the running means of the gradient and of its square.
        eps: added to the denominator; or a function of the update's number, which starts at 1.
        amsgrad: whether the largest second moment so far is used.
        gradient_norm: the largest 2-norm of the gradient, all parameters together; a larger
            gradient is scaled down to it. None: no limit.
        muon: the learning rate of Muon (``torch.optim.Muon``, without weight decay) over Adam's;
            Muon then updates every parameter with two axes. 0: Adam updates all.
        without_gradient: how a phase treats a parameter that gets no gradient, because the loss
            does not depend on it or because it is in :attr:`Phase.held`. "skipped": the parameter
            stays as it is. "zero": its gradient counts as 0, so that momentum still moves it once
            an earlier update has moved it, as in PyTorch before 2.0.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float | Callable[[int], float] = 1e-8
    amsgrad: bool = False
    gradient_norm: float | None = None
    muon: float = 0.0
    without_gradient: Literal["skipped", "zero"] = "skipped"

    def eps_of(self, update: int) -> float:
        """``eps`` at an update; the first has the number 1."""
        return self.eps if isinstance(self.eps, int | float) else self.eps(update)


class DrawClips(Protocol):
    """Draws training clips, float (clips, frames, channel, height, width) in [0, 1], on the model's
    device. The same ``number`` gives the same clips.
    """

    def __call__(self, number: int, *, clips: int, frames: int) -> Tensor: ...


class Batches(Protocol):
    """Gives a share of one iteration's batch. All randomness comes from the generator, whose state
    is the same for every share of the batch.
    """

    def __call__(self, generator: torch.Generator, share: Share) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a training that has its own optimiser. Stages follow one another.

    Attributes:
        phases: of every iteration, in order.
        name: in reports and in metrics.jsonl.
        optimiser: whose state is empty when the stage begins.
        trains: the parameters that the stage trains: their names, or names of modules. None: all.
        learning_rate: the schedule, a function of two arguments: the number of iterations that the
            stage has completed, and the number that it has in total. None: the recipe's.
        batches: makes the batches of the phases, in place of training clips: other clips, or a
            cache. It is called in evaluation mode without gradients when the stage begins, and
            again on a resume. Its result must not depend on parameters that the stage trains.
        clip_length: frames of the clips that ``batches`` draws; None: those of the recipe.
    """

    phases: tuple[Phase, ...]
    name: str = "joint"
    optimiser: Optimiser = field(default_factory=Optimiser)
    trains: tuple[str, ...] | None = None
    learning_rate: Callable[[int, int], float] | None = None
    batches: Callable[[DrawClips], Batches] | None = None
    clip_length: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a model is trained.

    Attributes:
        stages: in order. The first has the recipe's ``steps`` iterations;
            ``--training.later-steps`` has the numbers of the later ones, by default 0.
        judged_by: name of the validation figure that chooses the best checkpoint; higher is better.
        whole_batch: the reason why a batch must not be split into shares, shown to a user who asks
            for several processes or for ``accumulate``. Empty: a batch may be split.
    """

    stages: tuple[Stage, ...]
    judged_by: str = "elbo"
    whole_batch: str = ""


def names_one_of(name: str, given: tuple[str, ...] | None) -> bool:
    """Whether ``given`` has a parameter's name, or that of a module above it. None has all."""
    return given is None or any(name == one or name.startswith(one + ".") for one in given)
