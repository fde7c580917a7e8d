"""Pages and texts from the templates of this folder."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def render(template: str, **values: Any) -> str:
    """A template of ``templates/`` filled in; in HTML everything that is not markup is escaped.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dlh.reports"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "data_address": data_address,
        "duration": duration,
        "once_in": once_in,
        "plural": plural,
        "listed": listed,
        "quoted": lambda names: listed(f"\u201c{name}\u201d" for name in names),
    }
    return environment


def data_address(content: bytes, kind: str) -> str:
    """Bytes of a media type as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def duration(seconds: float) -> str:
    """A time as people say it."""
    whole = round(seconds)
    if whole < 1:
        return "less than a second"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def once_in(rate: float, fps: float | None) -> str:
    """A rate per frame as the time from one change to the next."""
    if rate <= 0:
        return "never"
    frames = "1 frame" if rate >= 1 else f"{1 / rate:.{1 if rate > 0.05 else 0}f} frames"
    return frames if fps is None else f"{frames} ({1 / rate / fps:.2g} s)"


def plural(count: int, noun: str) -> str:
    """A number of things: "1 step", "20,000 steps"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: "black, mean and last"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
