"""Settings as plain values and back: nested frozen dataclasses to what JSON holds, strictly.

A saved setting that is unknown, missing or of the wrong type is an error that names it: a silently
ignored setting is a different experiment.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from dlh.errors import DlhError

Settings = TypeVar("Settings")


class SettingsError(DlhError, ValueError):
    """A saved setting that is unknown, missing or invalid; the message holds its name and value."""

    code = "settings"


class ConfigError(SettingsError):
    """An invalid setting; the message holds its name, its value and what is allowed."""

    code = "invalid-setting"


def to_plain(settings: Any, *, later: bool = True) -> Any:
    """Dataclasses to dictionaries and tuples to lists, all the way down.

    A dataclass with a ``kind`` is one of several that may stand in a place: its dictionary begins
    with it.

    Args:
        settings: the values.
        later: whether a field that its class names in ``LATER`` (see :func:`from_plain`) is there
            at its default too. Without, what could be said before the field came is said as it was.
    """
    if dataclasses.is_dataclass(settings):
        left_out = () if later else getattr(type(settings), "LATER", ())
        plain = {
            field.name: to_plain(value, later=later)
            for field in dataclasses.fields(settings)
            for value in [getattr(settings, field.name)]
            if field.name not in left_out or value != _default(field)
        }
        kind = getattr(type(settings), "kind", None)
        return {"kind": kind} | plain if isinstance(kind, str) and "kind" not in plain else plain
    if isinstance(settings, tuple | list):
        return [to_plain(entry, later=later) for entry in settings]
    return settings


def from_plain(
    kind: type[Settings],
    plain: Any,
    *,
    name: str = "",
    readers: Mapping[str, Callable[..., Any]] | None = None,
) -> Settings:
    """The inverse of :func:`to_plain` for a dataclass; every field must be there, and no other.

    Fields that the class names in ``LATER`` were added after settings had been saved without them:
    where one is missing, it has its default.

    Args:
        kind: the dataclass.
        plain: its fields as plain values.
        name: where this stands, for messages: "model" makes "model.num_levels".
        readers: by the name of a field, what reads it in place of its type; it takes the plain
            value, and ``name``.

    Raises:
        SettingsError: a key is unknown or missing, a value is not of its type, or the dataclass
            refuses its values.
    """
    here = f"{name}." if name else ""
    if not isinstance(plain, Mapping):
        raise SettingsError(f"{name or 'the settings'} holds names and values, found {plain!r}")
    hints = get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]  # ty: ignore[invalid-argument-type]
    for key in plain:
        if key not in fields:
            raise SettingsError(f"unknown setting {here}{key}{suggestion(str(key), fields)}")
    later = getattr(kind, "LATER", ())
    missing = [here + key for key in fields if key not in plain and key not in later]
    if missing:
        raise SettingsError(f"missing setting {', '.join(missing)}")
    readers = readers or {}
    values = {
        key: readers[key](plain[key], name=here + key)
        if key in readers
        else _value(hints[key], plain[key], here + key)
        for key in fields
        if key in plain
    }
    try:
        return kind(**values)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}" if name else str(error)) from error


def _default(field: dataclasses.Field[Any]) -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


_LARGEST = 2**63 - 1


def check_at_least(
    least: int, /, *, error: type[DlhError] = ConfigError, **values: int | None
) -> None:
    """Raise unless all values, given by their names, are whole numbers of at least ``least``.

    None passes: a number that may be left out. Numbers of more than 63 bits do not: no generator of
    random numbers takes them as a seed.

    Raises:
        DlhError: of the kind asked for, with the first name and value that are wrong.
    """
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise error(f"{name} is a whole number of at least {least}, found {value!r}")
        if value < least:
            raise error(f"{name} is at least {least}, found {value}")
        if value > _LARGEST:
            raise error(f"{name} is at most {_LARGEST}, found {value}")


def check_positive(*, error: type[DlhError] = ConfigError, **values: float | None) -> None:
    """Raise unless all values, given by their names, are finite numbers above 0; None passes.

    Raises:
        DlhError: of the kind asked for, with the first name and value that are wrong.
    """
    for name, value in values.items():
        if value is None:
            continue
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            raise error(f"{name} is a finite number above 0, found {value!r}")


def check_multiple(factor: int, /, *, error: type[DlhError] = ConfigError, **values: int) -> None:
    """Raise unless all values, given by their names, are positive multiples of ``factor``.

    Raises:
        DlhError: of the kind asked for, with the first name and value that are wrong.
    """
    for name, value in values.items():
        if value < factor or value % factor:
            nearest = max(factor, round(value / factor) * factor)
            raise error(
                f"{name} is a positive multiple of {factor}, found {value}; the nearest is "
                f"{nearest}"
            )


def check_sizes(
    *, count: int | None = None, error: type[DlhError] = ConfigError, **values: Sequence[int]
) -> None:
    """Raise unless all values, given by their names, hold ``count`` whole numbers of at least 1;
    where that is None, one or more.

    Raises:
        DlhError: of the kind asked for, with the first name and value that are wrong.
    """
    for name, sizes in values.items():
        if not sizes or min(sizes) < 1 or count not in (None, len(sizes)):
            raise error(f"{name} is {count or 'one or more'} positive sizes, found {sizes}")


def check_choices(settings: Any, *, error: type[DlhError] = ConfigError) -> None:
    """Raise unless every field of a dataclass whose type is a Literal holds one of its values.

    Raises:
        DlhError: of the kind asked for, with the first name and value that are wrong.
    """
    for name, allowed in _choices(type(settings)).items():
        value = getattr(settings, name)
        if value not in allowed:
            raise error(f"{name} is one of {', '.join(map(str, allowed))}, found {value!r}")


@cache
def _choices(kind: type) -> dict[str, tuple[Any, ...]]:
    hints = get_type_hints(kind)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


def values_of(settings: Any, *names: str) -> dict[str, Any]:
    """Some fields of a dataclass by name, for the checks above."""
    return {name: getattr(settings, name) for name in names}


def suggestion(word: str, known: Sequence[str]) -> str:
    """What to append to "there is no ...": the nearest known word, or all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


def _value(hint: Any, plain: Any, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_plain(hint, plain, name=name)
    if origin in (Union, types.UnionType):  # of the form "kind | None", the only one there is
        if plain is None and type(None) in arguments:
            return None
        return _value(next(kind for kind in arguments if kind is not type(None)), plain, name)
    if origin is tuple and isinstance(plain, list | tuple):
        repeated = len(arguments) == 2 and arguments[1] is Ellipsis
        kinds = [arguments[0]] * len(plain) if repeated else arguments
        if len(kinds) == len(plain):
            return tuple(
                _value(kind, entry, f"{name}[{index}]")
                for index, (kind, entry) in enumerate(zip(kinds, plain, strict=True))
            )
    elif origin is Mapping and isinstance(plain, Mapping):
        return dict(plain)
    elif origin is Literal and plain in arguments:
        return plain
    elif hint is float and isinstance(plain, int | float) and not isinstance(plain, bool):
        return float(plain)
    elif isinstance(hint, type) and type(plain) is hint:
        return plain
    raise SettingsError(f"{name} cannot be {plain!r}, it is {_describe(hint)}")


def _describe(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    return f"of type {hint.__name__ if isinstance(hint, type) and not get_args(hint) else hint}"
