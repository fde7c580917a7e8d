"""Shapes in annotations, checked in the first calls of every function in a test.

A training repeats the same shapes in each of its steps, and the check takes as long as the work.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

from beartype import BeartypeConf, FrozenDict, beartype

CHECKS = math.inf if os.environ.get("DLH_TYPECHECK") == "all" else 20
"""Of one function in one test; a call has two, of its arguments and of its result."""

# An int is a float here, as it is to a type checker; and Self, which beartype refuses in a method
# that it meets without its class, is anything.
_beartype = beartype(
    conf=BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict({Self: object}))
)
_done: Counter[tuple[str, str]] = Counter()
_left_alone: list[Any] = []


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """What jaxtyping calls to check a function's arguments, or these and its result."""
    check, name = _beartype(function), (function.__module__, function.__qualname__)

    @functools.wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        _done[name] += 1
        if _done[name] >= CHECKS:
            _leave_alone(*name)
        return check(*args, **kwargs)

    return counted


def check_again() -> None:
    """Begin anew: every function is checked, as at the beginning of a test."""
    _done.clear()
    for function in _left_alone:
        function.__no_type_check__ = False
    _left_alone.clear()


def _leave_alone(module: str, qualname: str) -> None:
    """Tell jaxtyping not to check a function; one that has no place in its module is checked on."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    found = getattr(found, "fget", found)  # of a property
    found = getattr(found, "__func__", found)  # of a class method
    while found is not None:
        found.__no_type_check__ = True
        _left_alone.append(found)
        found = getattr(found, "__wrapped__", None)
