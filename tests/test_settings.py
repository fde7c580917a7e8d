from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest

from dlh.runs.experiment import read_experiment
from dlh.runs.presets import PRESETS
from dlh.settings import SettingsError, from_plain, suggestion, to_plain


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
    "plain, said",
    [
        (changed(knid="slow"), "unknown setting run.knid; did you mean kind\\?"),
        (changed(zzz=1), "unknown setting run.zzz; there are inner, kind, rate, on, limit, name"),
        ({}, "missing setting run.inner, run.kind, run.rate, run.on, run.limit, run.name"),
        (changed(kind="medium"), "run.kind cannot be 'medium', it is one of fast, slow"),
        (changed(rate="1"), "run.rate cannot be '1', it is of type float"),
        (changed(rate=True), "run.rate cannot be True, it is of type float"),
        (changed(on=1), "run.on cannot be 1, it is of type bool"),
        (changed(name=3), "run.name cannot be 3, it is of type str"),
        (changed(limit="none"), "run.limit cannot be 'none', it is of type float"),
        (changed(inner=None), "run.inner holds names and values, found None"),
        (changed(inner={"size": 1}), "missing setting run.inner.names, run.inner.pair"),
        (
            changed(inner={"size": 1.5, "names": [], "pair": [1, 2]}),
            "run.inner.size cannot be 1.5, it is of type int",
        ),
        (
            changed(inner={"size": 1, "names": ["a", 2], "pair": [1, 2]}),
            r"run.inner.names\[1\] cannot be 2, it is of type str",
        ),
        (
            changed(inner={"size": 1, "names": [], "pair": [1]}),
            r"run.inner.pair cannot be \[1\], it is of type tuple\[int, float\]",
        ),
        (changed(rate=-1.0), "run: rate is positive, found -1.0"),
        ([1], r"run holds names and values, found \[1\]"),
    ],
)
def test_what_cannot_be_a_setting_is_named(plain, said):
    with pytest.raises(SettingsError, match=f"^{said}$"):
        from_plain(Outer, plain, name="run")


def test_without_a_name_the_settings_speak_for_themselves():
    with pytest.raises(SettingsError, match="^the settings holds names and values, found 3$"):
        from_plain(Outer, 3)
    with pytest.raises(SettingsError, match="^rate is positive, found -1.0$"):
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
    with pytest.raises(SettingsError, match=r"named cannot be \[1\], it is of type .*Mapping"):
        from_plain(Free, {"named": [1]})
