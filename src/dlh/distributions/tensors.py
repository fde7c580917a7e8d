"""Records of tensors, to all of which one function can be applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor


class Tensors:
    """A frozen dataclass of tensors, and of tuples, lists and dataclasses of them."""

    def __init_subclass__(cls) -> None:
        # Before the decorator, which then leaves it: it would print every number.
        cls.__repr__ = Tensors.__repr__

    def __repr__(self) -> str:
        assert is_dataclass(self)
        held = (f"{field.name}={shown(getattr(self, field.name))}" for field in fields(self))
        return f"{type(self).__name__}({', '.join(held)})"

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same record with ``function`` applied to every tensor: a slice, another device."""
        return each(function, self)

    @classmethod
    def zip(cls, records: Sequence[Self], function: Callable[[Sequence[Tensor]], Tensor]) -> Self:
        """One record from several: ``function`` of each tensor's versions, say concatenation."""
        return each(lambda *versions: function(versions), *records)

    @classmethod
    def concatenate(cls, records: Sequence[Self], dim: int) -> Self:
        """Records joined along the batch (0) or time (1)."""
        return cls.zip(records, lambda parts: torch.cat(list(parts), dim))

    @classmethod
    def stack(cls, records: Sequence[Self], dim: int) -> Self:
        """Records joined along a new axis: steps, or levels."""
        return cls.zip(records, lambda parts: torch.stack(list(parts), dim))


def each(function: Callable[..., Tensor], *records: Any) -> Any:
    """The record that has ``function`` of the tensors that stand in one place of all ``records``.

    Raises:
        TypeError: something in a record is neither a tensor nor a tuple, list or dataclass.
    """
    first = records[0]
    if isinstance(first, Tensor):
        return function(*records)
    if isinstance(first, (tuple, list)):
        return type(first)(each(function, *parts) for parts in zip(*records, strict=True))
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        parts = {n: each(function, *(getattr(one, n) for one in records)) for n in names}
        return replace(first, **parts)
    raise TypeError(f"a record holds tensors, tuples and dataclasses, found {type(first).__name__}")


def shown(value: Any) -> str:
    """A tensor by its type and shape, anything else as it prints itself."""
    if not isinstance(value, Tensor):
        return repr(value)
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
