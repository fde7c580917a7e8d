"""The models by name: one line registers a model.

The table holds words, so that reading it imports no model: a model's modules are imported when it
is asked for. A command, a saved run and a folder of weights find a model here by its ``kind``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlh.interfaces import ModelConfig, TrainableModel
from dlh.settings import SettingsError, from_plain, suggestion, to_plain

DEFAULT = "dlh"
"""The kind of what was saved before kinds were."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a model is: "package.module:name" of its config class, and of what builds it."""

    config: str
    build: str


_ENTRIES: dict[str, Entry] = {}


def register(kind: str, *, config: str, build: str) -> None:
    """Give a model its name.

    Args:
        kind: the name, which the config class has as ``kind``.
        config: "package.module:name" of a frozen dataclass, see :class:`ModelConfig`.
        build: "package.module:name" of what makes a :class:`TrainableModel` of such a config.

    Raises:
        ValueError: the name is taken by another model.
    """
    entry = Entry(config=config, build=build)
    if _ENTRIES.setdefault(kind, entry) != entry:
        raise ValueError(f"there is a model {kind!r} already: {_ENTRIES[kind]}; choose another")


register("cwvae", config="dlh.models.cwvae:CWVAEConfig", build="dlh.models.cwvae:CWVAE")
register("dlh", config="dlh.models.dlh:DLHConfig", build="dlh.models.dlh:DynamicLatentHierarchy")
register("flat", config="dlh.models.flat:FlatConfig", build="dlh.models.flat:FlatModel")
register(
    "vta", config="dlh.models.vta:VTAConfig", build="dlh.models.vta:VariationalTemporalAbstraction"
)
register("lmc", config="dlh.models.lmc:LMCConfig", build="dlh.models.lmc:LMCMemory")


def kinds() -> tuple[str, ...]:
    """The names of all models."""
    return tuple(_ENTRIES)


def config_class(kind: str) -> type[ModelConfig]:
    """The class of the settings of such a model.

    Raises:
        SettingsError: there is no such model.
    """
    return _named(_entry(kind).config)


def build(config: ModelConfig) -> TrainableModel:
    """The model that a config describes, with weights from torch's own generator.

    Raises:
        SettingsError: there is no such model.
    """
    return _named(_entry(config.kind).build)(config)


def read_config(plain: Any, *, name: str = "model") -> ModelConfig:
    """A config from plain values, ``{"kind": ..., ...}``; without a kind it is a hierarchy's.

    Args:
        plain: what :func:`dlh.settings.to_plain` made of a config.
        name: where this stands, for messages.

    Raises:
        SettingsError: the kind or a setting is unknown, missing or invalid.
    """
    if not isinstance(plain, Mapping):
        raise SettingsError(f"{name} holds names and values, found {plain!r}")
    settings = {key: value for key, value in plain.items() if key != "kind"}
    return from_plain(config_class(plain.get("kind", DEFAULT)), settings, name=name)


def settings_of(config: ModelConfig) -> dict[str, Any]:
    """The settings of a model as plain values, without its kind."""
    return {key: value for key, value in to_plain(config).items() if key != "kind"}


def _entry(kind: str) -> Entry:
    if not isinstance(kind, str) or kind not in _ENTRIES:
        near = suggestion(str(kind), kinds())
        raise SettingsError(f"there is no model of the kind {kind!r}{near}")
    return _ENTRIES[kind]


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
