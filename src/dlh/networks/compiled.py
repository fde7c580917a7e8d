"""Functions of tensors, compiled by ``torch.compile``, and one error for all that can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from dlh.interfaces import CompilationError

Given = ParamSpec("Given")
Result = TypeVar("Result")


def compile_whole(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """The same function, compiled whole when it is first called, and again for other shapes.

    A result differs from the function's by rounding. What was compiled is kept on disk, where torch
    keeps it, for every process that comes after.

    Raises:
        CompilationError: by the function that is returned, when it is called.
    """
    fast = torch.compile(function, dynamic=False, fullgraph=True)

    @wraps(function)
    def call(*args: Given.args, **options: Given.kwargs) -> Result:
        try:
            return fast(*args, **options)
        except Exception as error:
            # Not by class: only an import that takes seconds has the classes.
            if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise CompilationError(_reason(error)) from error
            raise

    return call


@cache
def require_compiler(device: torch.device) -> None:
    """Try out that something can be compiled for this device, once in a process.

    Only a trial finds all that may be missing: a compiler that works, headers, a folder to write
    to.

    Raises:
        CompilationError: it cannot.
    """
    compile_whole(_little)(torch.ones(3, device=device))


def _little(values: Tensor) -> Tensor:
    return values.exp() + 1


def _reason(error: Exception) -> str:
    """What the compiler says, in one line: of a page of its output, the first error."""
    cause = getattr(error, "inner_exception", error)
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    said = next((line for line in lines if "error:" in line), lines[0] if lines else "")
    return f"{type(cause).__name__}: {said}" if said else type(cause).__name__
