"""What a record must hold: a file that was cut, merged badly or renamed is found at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALWAYS: Mapping[str, str] = {
    "name": "a text",
    "group": "a text",
    "kind": "a text",
    "what": "a text",
    "updates": "a whole number",
    "software": "an object",
    "settings": "an object",
}
OF_A_FAILED_ONE: Mapping[str, str] = {"failed": "a text"}
OF_A_FINISHED_ONE: Mapping[str, str] = {
    "seconds": "an object",
    "core_hours": "a number",
    "course": "an object",
    "final": "an object",
}
"""Names and what stands under them, in the words of JSON."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "a text": (str,),
    "a whole number": (int,),
    "a number": (int, float),
    "a list": (list,),
    "an object": (dict,),
}


def fault_of(record: Mapping[str, Any], *, name: str) -> str | None:
    """What is wrong with a record; None for one that the page can be made of.

    Args:
        record: as read.
        name: that of its file, without the ending, which is to be the experiment's.
    """
    more = OF_A_FAILED_ONE if "failed" in record else OF_A_FINISHED_ONE
    for key, kind in {**ALWAYS, **more}.items():
        if fault := _fault(record, key, kind):
            return fault
    if record["name"] != name:
        return f"it is of {record['name']}, and its file is called {name}"
    training = record["settings"].get("training")
    seed = training.get("seed") if isinstance(training, dict) else None
    if not _is(seed, "a whole number"):
        return f"settings.training.seed is to be a whole number, found {seed!r}"
    return None if "failed" in record else _fault_of_course(record["course"])


def _fault_of_course(course: Mapping[str, Any]) -> str | None:
    for key in dict.fromkeys(("step", "elbo", *course)):
        if fault := _fault(course, key, "a list"):
            return f"course: {fault}"
        wrong = [value for value in course[key] if value is not None and not _is(value, "a number")]
        if wrong:
            return f"course.{key} is to be of numbers, found {wrong[0]!r}"
        if len(course[key]) != len(course["step"]):
            return f"course.{key} has {len(course[key])} values and step {len(course['step'])}"
    return None


def _fault(values: Mapping[str, Any], key: str, kind: str) -> str | None:
    if key not in values:
        return f"it has no {key}"
    return None if _is(values[key], kind) else f"{key} is to be {kind}, found {values[key]!r:.40}"


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and not isinstance(value, bool)
