"""A trained model on disk: ``config.json`` says what it is, ``model.safetensors`` holds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dlh.errors import DlhError
from dlh.files.atomic import write_atomically
from dlh.files.os_errors import explain, os_errors_as
from dlh.interfaces import ModelConfig, TrainableModel
from dlh.models import registry
from dlh.settings import SettingsError, to_plain

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
FORMAT = "dlh"
VERSION = 1


class PretrainedError(DlhError, RuntimeError):
    """A trained model that is not there, or cannot be used; the message says what to do."""

    code = "pretrained"


def holds_model(folder: Path) -> bool:
    """Whether both files are there."""
    return (folder / CONFIG_NAME).exists() and (folder / WEIGHTS_NAME).exists()


def write_model(folder: Path, model: TrainableModel, *, dtype: torch.dtype | None = None) -> None:
    """Write both files, each as a whole or not at all.

    Args:
        folder: made where it is not there.
        model: of which the configuration and the weights are written.
        dtype: how the weights are stored; as they are where it is None. They become float32 again
            when they are read. Whole numbers stay what they are.

    Raises:
        PretrainedError: they cannot be written there.
    """
    from safetensors.torch import save

    description = {"format": FORMAT, "version": VERSION, "model": to_plain(model.config)}
    assert isinstance(model, nn.Module)
    weights = {
        name: value.to("cpu", dtype if value.is_floating_point() else None).contiguous()
        for name, value in model.state_dict().items()
    }
    with os_errors_as(PretrainedError, f"cannot write a model to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / WEIGHTS_NAME, save(weights, metadata={"format": "pt"}))
        content = json.dumps(description, indent=2) + "\n"
        write_atomically(folder / CONFIG_NAME, content.encode())


def read_model(folder: Path) -> TrainableModel:
    """The model in a folder, of whatever kind; its weights are float32, however they are stored.

    Raises:
        PretrainedError: a file is missing, damaged, of another version, or not the other's.
    """
    model = registry.build(read_config(folder))
    assert isinstance(model, nn.Module)
    _load_weights(model, folder / WEIGHTS_NAME)
    return model


def read_config(folder: Path) -> ModelConfig:
    """What the model in a folder was built from.

    Raises:
        PretrainedError: it is missing, damaged, of another version or of an unknown kind.
    """
    path = folder / CONFIG_NAME
    try:
        saved: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PretrainedError(
            f"{path.parent} holds no model: it has no {path.name}; name the folder of a finished "
            "run"
        ) from None
    except OSError as error:
        raise PretrainedError(f"{path} cannot be read: {explain(error)}") from error
    except ValueError as error:
        raise PretrainedError(f"{path} is not JSON ({error}); copy the model again") from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise PretrainedError(
            f"{path} does not describe a dlh model: its format is not {FORMAT!r}; name the folder "
            "of a finished run"
        )
    if saved.get("version") != VERSION:
        raise PretrainedError(
            f"{path} is of version {saved.get('version')}, this dlh reads version {VERSION}; "
            "install the dlh that wrote it, or train again"
        )
    try:
        return registry.read_config(saved.get("model"))
    except SettingsError as error:
        raise PretrainedError(f"{path}: {error}; it was edited or is of another version") from error


def _load_weights(model: nn.Module, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise PretrainedError(
            f"{path.parent} has no {path.name}: its weights are missing; copy the model again"
        ) from None
    except (SafetensorError, OSError) as error:
        raise PretrainedError(
            f"the weights in {path} are cut off or damaged ({error}); copy them again, or train "
            "again"
        ) from error
    expected = model.state_dict()
    shapes = {name: value.shape for name, value in weights.items()}
    wrong = sorted(
        {name for name, _ in shapes.items() ^ {(n, v.shape) for n, v in expected.items()}}
    )
    if wrong:
        raise PretrainedError(
            f"the weights in {path} are not those of the {CONFIG_NAME} beside them: {len(wrong)} "
            f"tensors differ, {wrong[0]} for one; copy both files again"
        )
    model.load_state_dict(weights)
