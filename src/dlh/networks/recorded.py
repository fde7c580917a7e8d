"""A function of tensors recorded as a CUDA graph: many small kernels started by one launch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from dlh.distributions import each

Result = TypeVar("Result")
MOST_KEPT = 4
"""Recordings, of which each holds its arguments and all that is computed on the way."""

_kept: OrderedDict[Hashable, Recording[Any]] = OrderedDict()


def recorded(
    function: Callable[..., Result],
    *given: Any,
    reads: Sequence[Tensor] = (),
    named: Hashable = None,
) -> Result:
    """``function(*given)`` on a GPU, recorded when it is first called, and replayed from then on.

    It is recorded anew for other shapes, and where what it reads has moved in memory.

    Args:
        function: of tensors, without a gradient; the same kernels for the same shapes, nothing that
            waits for the GPU.
        given: records (dataclasses, tuples, lists) of tensors.
        reads: tensors that it reads besides, at the addresses that they have now: weights.
        named: what else decides which function it is; two of one name, shapes and addresses are
            one.
    """
    there = tuple((part.data_ptr(), part.shape) for part in reads)
    forms = tuple((part.shape, part.stride(), part.dtype, part.device) for part in tensors(given))
    key = (named, there, forms)
    recording = _kept.get(key)
    if recording is None:
        recording = _kept[key] = Recording(function, given)
    _kept.move_to_end(key)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return recording.replay(given)


class Recording(Generic[Result]):
    """One recorded call: arguments and results have places of their own, and are copied.

    Args:
        function: as in :func:`recorded`.
        given: its first arguments.
    """

    WARM_UP = 2

    def __init__(self, function: Callable[..., Result], given: Sequence[Any]) -> None:
        self._given = each(Tensor.clone, tuple(given))
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(tensors(given)[0].device):
            # Whatever is made once, a compiled kernel or a workspace, is made before.
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(self.WARM_UP):
                    function(*self._given)
            torch.cuda.current_stream().wait_stream(aside)
            # Other threads fetch clips meanwhile, which is no part of this.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._result = function(*self._given)

    def replay(self, given: Sequence[Any]) -> Result:
        """The function's result for these arguments, which have the shapes of the first ones."""
        for place, value in zip(tensors(self._given), tensors(given), strict=True):
            place.copy_(value)
        self._graph.replay()
        return each(Tensor.clone, self._result)


def tensors(record: Any) -> list[Tensor]:
    """All tensors of a record, in their order."""
    found: list[Tensor] = []
    each(lambda part: found.append(part) or part, record)
    return found
