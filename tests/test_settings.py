from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import pytest

from dlh.errors import UsageError
from dlh.runs.experiment import read_experiment
from dlh.runs.presets import PRESETS
from dlh.settings import (
    ConfigError,
    SettingsError,
    check_at_least,
    check_choices,
    check_multiple,
    check_positive,
    check_sizes,
    from_plain,
    suggestion,
    to_plain,
    values_of,
)
from refusals import refused


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 3
    names: tuple[str, ...] = ("a", "b")
    pair: tuple[int, float] = (1, 2.0)


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    kind: Literal["fast", "slow"] = "fast"
    rate: float = 1e-3
    on: bool = True
    limit: float | None = None
    name: str | None = "x"

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"rate is positive, found {self.rate}")


def changed(**changes) -> dict:
    return to_plain(Outer()) | changes


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_json(name):
    experiment = PRESETS[name]()
    assert read_experiment(json.loads(json.dumps(to_plain(experiment)))) == experiment


def test_all_kinds_of_settings_come_back_as_they_were():
    for settings in (
        Outer(),
        Outer(inner=Inner(size=-1, names=(), pair=(5, 0.5)), kind="slow", limit=2.5, name=None),
    ):
        back = from_plain(Outer, json.loads(json.dumps(to_plain(settings))))
        assert back == settings and hash(back) == hash(settings)


def test_a_whole_number_is_a_float_where_a_float_is_wanted():
    back = from_plain(Outer, changed(rate=2, limit=3))
    assert (back.rate, type(back.rate), type(back.limit)) == (2.0, float, float)


@pytest.mark.parametrize(
    "plain, found",
    [
        (changed(knid="slow"), ("run.knid", "kind")),
        (changed(zzz=1), ("run.zzz", "inner", "kind", "rate", "on", "limit", "name")),
        ({}, ("run.inner", "run.kind", "run.rate", "run.on", "run.limit", "run.name")),
        (changed(kind="medium"), ("run.kind", "'medium'", "fast", "slow")),
        (changed(rate="1"), ("run.rate", "'1'", "float")),
        (changed(rate=True), ("run.rate", True, "float")),
        (changed(on=1), ("run.on", 1, "bool")),
        (changed(name=3), ("run.name", 3, "str")),
        (changed(limit="none"), ("run.limit", "'none'", "float")),
        (changed(inner=None), ("run.inner", None)),
        (changed(inner={"size": 1}), ("run.inner.names", "run.inner.pair")),
        (
            changed(inner={"size": 1.5, "names": [], "pair": [1, 2]}),
            ("run.inner.size", 1.5, "int"),
        ),
        (
            changed(inner={"size": 1, "names": ["a", 2], "pair": [1, 2]}),
            ("run.inner.names[1]", 2, "str"),
        ),
        (
            changed(inner={"size": 1, "names": [], "pair": [1]}),
            ("run.inner.pair", [1], "tuple[int, float]"),
        ),
        (changed(rate=-1.0), ("run", "rate", -1.0)),
        ([1], ("run", [1])),
    ],
)
def test_what_cannot_be_a_setting_is_named(plain, found):
    with refused(SettingsError, *found):
        from_plain(Outer, plain, name="run")


def test_without_a_name_the_settings_speak_for_themselves():
    with refused(SettingsError, 3):
        from_plain(Outer, 3)
    with refused(SettingsError, "rate", -1.0):
        from_plain(Outer, changed(rate=-1.0))


def test_a_suggestion_is_the_nearest_word_or_all_of_them():
    assert suggestion("movng-ball", ["moving-ball", "kth"]) == "; did you mean moving-ball?"
    assert suggestion("x", ["moving-ball", "kth"]) == "; there are moving-ball, kth"


@dataclass(frozen=True, kw_only=True)
class Free:
    named: Mapping[str, object]


def test_names_of_ones_own_are_kept_as_they_are():
    free = Free(named={"any": [1, {"deep": None}]})
    assert from_plain(Free, json.loads(json.dumps(to_plain(free)))) == free
    with refused(SettingsError, "named", [1], "Mapping"):
        from_plain(Free, {"named": [1]})


@dataclass(frozen=True, kw_only=True)
class Grown:
    LATER: ClassVar[tuple[str, ...]] = ("inner",)
    rate: float
    inner: Inner = field(default_factory=Inner)


def test_a_setting_that_was_added_later_may_be_missing_and_no_other():
    assert from_plain(Grown, {"rate": 2.0}) == Grown(rate=2.0)
    given = Grown(rate=2.0, inner=Inner(size=9))
    assert from_plain(Grown, to_plain(given)) == given
    with refused(SettingsError, "rate"):
        from_plain(Grown, {"inner": to_plain(Inner())})
    with refused(SettingsError, "inner.size"):
        from_plain(Grown, {"rate": 2.0, "inner": {}})


@pytest.mark.parametrize("value", [0, -3, 2.5, True, "2", float("nan")])
def test_a_number_below_the_least_is_refused_by_name_and_value(value):
    with refused(UsageError, "steps", 1, repr(value)):
        check_at_least(1, error=UsageError, seed=5, steps=value)


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan"), True, "1"])
def test_a_number_that_is_not_positive_is_refused_by_name_and_value(value):
    with refused(ConfigError, "rate", 0, repr(value)):
        check_positive(rate=value)
    assert issubclass(ConfigError, ValueError)


def test_sizes_and_multiples_are_refused_by_name_and_value():
    check_multiple(16, height=16, width=160)
    check_sizes(hidden_sizes=(1,), others=(40, 40))
    for bad in (0, -16, 8, 60):
        with refused(ConfigError, "height", 16, bad):
            check_multiple(16, width=32, height=bad)
    for sizes in ((), (40, 0), (1, 2, 3)):
        with refused(ConfigError, "widths", sizes):
            check_sizes(count=2, widths=sizes)


def test_a_number_that_no_generator_takes_as_a_seed_is_refused():
    with refused(ConfigError, "seed", 2**64):
        check_at_least(0, seed=2**64)


def test_numbers_that_are_allowed_or_left_out_pass():
    check_at_least(1, steps=1, limit=None, counted=np.int64(2))
    check_positive(rate=1e-9, whole=3, limit=None)
    check_at_least(0, **values_of(Inner(), "size"))


def test_a_choice_that_is_none_of_its_type_is_refused():
    check_choices(Outer())
    with refused(ConfigError, "kind", "fast", "slow", "'medium'"):
        check_choices(Outer(kind="medium"))  # type: ignore[arg-type]


def test_a_later_setting_at_its_default_is_left_out_on_request():
    assert to_plain(Grown(rate=2.0), later=False) == {"rate": 2.0}
    given = Grown(rate=2.0, inner=Inner(size=9))
    assert to_plain(given, later=False) == to_plain(given)
