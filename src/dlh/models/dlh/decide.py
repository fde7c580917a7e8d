"""The loop over time, in which nothing but decisions is taken: which levels change at each step.

A step is one pure function, :func:`decide`: what its frame says and what the steps before it left
go in, the decisions and what the next step reads come out. :func:`decide_all` folds it over time,
as it is written, or compiled, which on a GPU is one launch for all steps. The decisions pass no
gradient, so none is kept, and in the loop are only levels 2..N: level 1 changes at every step, so
no decision waits for it.
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
    """q(s_t^n | x_t^n, c_t^n) of one step, or of all, with all done that waits for no context.

    What the features contribute is one batched call over time. The top level has no context, c^N =
    0, so its posteriors are complete before the loop begins.

    Attributes:
        projected: of levels 1..N-1 the frame's share of their posterior, ([time,] batch, hidden).
        top: q(s^N | x^N), ([time,] batch, state).
    """

    projected: tuple[Tensor, ...]
    top: Gaussian

    @classmethod
    def of(
        cls, levels: Sequence[Level], features: Float[Tensor, "time batch features"]
    ) -> Evidence:
        """What the frames say of which level 1 has these features."""
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
        """Each step's."""
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

    A pure function of tensors: the modules and the config only say which. What the levels hold is
    folded along because the next step's tests read it; :func:`dlh.models.dlh.inference.observe`
    has it again with its gradient.

    Args:
        levels: levels 1..N.
        config: of the model.
        evidence: what this step's frame says.
        past: what the steps before left.
        normal: standard normal, of this step.
        uniform: in [0, 1), of this step.
        limits: of the static divergences, nats; None: none.
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
        limits: of the static divergences, above which a level changes whatever Eq. 4 says (see
            :mod:`dlh.models.dlh.emergence`), nats; None: none.
        compiled: whether the step is; on a GPU all steps are then recorded as one CUDA graph, since
            each by itself is so short that starting its kernels takes longer than they do.

    Raises:
        CompilationError: it is to be compiled and cannot be.
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
