"""The loop over time, which takes only the decisions: which levels change at each step.

:func:`decide` is one step, a pure function. Its arguments are what the step's frame contributes and
what the earlier steps left; its results are the decisions and what the next step reads.
:func:`decide_all` folds it over time, plain or compiled; compiled, a GPU runs all steps in one
launch. Decisions pass no gradient, so the loop keeps none. It contains only levels 2..N, because
level 1 changes at every step and no decision depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.distributions import Gaussian, Tensors, reach
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.selection import Selection, select
from dlh.models.dlh.step import Past, advance
from dlh.models.dlh.trace import Carried, Noise
from dlh.networks import compile_whole, recorded


@dataclass(frozen=True)
class Evidence(Tensors):
    """The posteriors q(s_t^n | x_t^n, c_t^n) of one step or all, as far as they need no context.

    The part of the features is one batched call over time. The top level has no context, c^N = 0,
    so its posteriors are complete before the loop begins.

    Attributes:
        projected: of each level 1..N-1, what the features add to the first hidden layer of its
            posterior, ([time,] batch, hidden).
        top: q(s^N | x^N), ([time,] batch, state).
    """

    projected: tuple[Tensor, ...]
    top: Gaussian

    @classmethod
    def of(
        cls, levels: Sequence[Level], features: Float[Tensor, "time batch features"]
    ) -> Evidence:
        """From the features x_t^1 of level 1 (Eq. 10)."""
        projected = []
        for level in levels[:-1]:
            projected.append(level.posterior.project(features))
            features = level.bottom_up(features)  # Eq. 10: x^{n+1} = f_enc^n(x^n)
        no_context = features.new_zeros(*features.shape[:2], levels[-1].context_size)
        return cls(tuple(projected), levels[-1].posterior(features, no_context))

    def posterior(self, levels: Sequence[Level], index: int, context: Tensor) -> Gaussian:
        """Eq. 13: q(s | x_t^n, context_t) of ``levels[index]``, ([time,] batch, state)."""
        if index == len(levels) - 1:
            return self.top
        return levels[index].posterior.given(self.projected[index], context)

    def steps(self) -> Iterator[Evidence]:
        """The evidence of each step."""
        parts = [part.unbind(0) for part in (*self.projected, self.top.mean, self.top.std)]
        for *projected, mean, std in zip(*parts, strict=True):
            yield Evidence(tuple(projected), Gaussian(mean, std))


def decide(
    levels: Sequence[Level],
    config: DLHConfig,
    evidence: Evidence,
    past: Past,
    normal: Float[Tensor, "batch levels state"],
    uniform: Float[Tensor, "batch levels"],
    limits: Float[Tensor, "levels"] | None = None,
) -> tuple[Selection, Past]:
    """One step: which levels change (Eqs. 4, 5, 34), and what the next step reads (Eqs. 11, 12).

    A pure function of the parameters and of its tensors. It also computes what the levels hold,
    because the tests of the next step read it; :func:`dlh.models.dlh.inference.observe` computes
    that again with its gradient.

    Args:
        levels: levels 1..N.
        config: of the model.
        evidence: of this step's frame.
        past: what the steps before left.
        normal: standard normal, of this step.
        uniform: in [0, 1), of this step.
        limits: a level whose static divergence (nats) is above its limit changes too; None: no
            limits.

    Returns:
        The decisions, (batch, levels), and what the next step reads.
    """
    component = partial(evidence.posterior, levels)
    selection, factor = select(levels, config, past, component, normal, uniform, limits)
    held, memory = advance(
        levels,
        config,
        past,
        component,
        normal,
        refreshed=reach(selection.changed, config.nesting),
        changed=selection.changed,
        # Eq. 34 asks the prior factor, which reads the memory below: only then must level 1 be
        # inside the loop.
        lowest=0 if config.decision == "vade" else 1,
    )
    return selection, Past(held, memory, selection.changed, factor, torch.zeros_like(past.first))


@torch.no_grad()
def decide_all(
    levels: Sequence[Level],
    config: DLHConfig,
    evidence: Evidence,
    carried: Carried,
    noise: Noise,
    *,
    limits: Float[Tensor, "levels"] | None = None,
    compiled: bool = False,
) -> Selection:
    """The loop: the decisions of all steps, (batch, time, levels), without a gradient.

    Args:
        levels: levels 1..N.
        config: of the model.
        evidence: of all steps.
        carried: what the steps before these left behind.
        noise: of these steps.
        limits: a level whose static divergence (nats) is above its limit changes whatever Eq. 4
            says (see :mod:`dlh.models.dlh.emergence`); None: no limits.
        compiled: whether the step is compiled. On a GPU all steps are then recorded as one CUDA
            graph, because launching the kernels of a step takes longer than running them.

    Raises:
        CompilationError: ``compiled`` is set, and compiling fails.
    """
    step = _compiled_decide() if compiled else decide
    loop = partial(_fold, step, levels, config)
    given: list[Any] = [part.map(Tensor.detach) for part in (evidence, carried, noise)]
    if limits is not None:
        given.append(limits)
    if compiled and noise.uniform.is_cuda:
        weights = tuple(part for level in levels for part in level.parameters())
        return recorded(loop, *given, reads=weights, named=config)
    return loop(*given)


def _fold(
    step: Callable[..., tuple[Selection, Past]],
    levels: Sequence[Level],
    config: DLHConfig,
    evidence: Evidence,
    carried: Carried,
    noise: Noise,
    limits: Tensor | None = None,
) -> Selection:
    # Every tensor has memory of its own, as those have that a step leaves: a compiled step is
    # compiled again for another order in memory.
    past, selections = Past.of(carried).map(Tensor.contiguous), []
    normals, uniforms = (
        part.transpose(0, 1).contiguous() for part in (noise.normal, noise.uniform)
    )
    for seen, normal, uniform in zip(evidence.steps(), normals, uniforms, strict=True):
        selection, past = step(levels, config, seen, past, normal, uniform, limits)
        selections.append(selection)
    return Selection.stack(selections, 1)


@cache
def _compiled_decide() -> Callable[..., tuple[Selection, Past]]:
    return compile_whole(decide)
