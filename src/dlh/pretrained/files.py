"""A trained model's folder: found by a name, read, written, put on the hub.

``config.json`` says what the model is, ``model.safetensors`` holds its weights.
"""

from __future__ import annotations

import difflib
import json
import shlex
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dlh.errors import DlhError
from dlh.files.writing import explain, os_errors_as, write_atomically
from dlh.interfaces import ModelConfig, TrainableModel
from dlh.models import registry
from dlh.pretrained.trained_on import TrainedOn
from dlh.settings import SettingsError, from_plain, to_plain

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
FORMAT = "dlh"
VERSION = 1

SHIPPED = Path(__file__).parent / "weights"
"""Models that come with the package, a folder each."""
HUB_SECONDS = 10.0

CARD = """---
library_name: dlh
tags: [video-prediction, world-model, event-segmentation]
---
A video model of the kind `{kind}` ([dlh](https://arxiv.org/abs/2212.14376)), trained on frames of
{height} x {width} pixels with {channels} channels.

```python
import dlh

model = dlh.open_model("{name}")
futures = model.predict("clip.mp4", horizon=300, samples=100, seed=0)
```
"""


class PretrainedError(DlhError, RuntimeError):
    """A trained model that is not there, or cannot be used; the message says what to do."""

    code = "pretrained"


def shipped_models() -> dict[str, Path]:
    """The folders of the models that ship with the package: by NAME@VERSION, and by NAME alone,
    which is the newest of its versions.
    """
    folders = sorted(SHIPPED.iterdir(), key=_version) if SHIPPED.is_dir() else []
    return {
        name: folder for folder in folders for name in (folder.name, folder.name.partition("@")[0])
    }


def _version(folder: Path) -> tuple[str, list[int]]:
    name, _, version = folder.name.partition("@")
    return name, [int(part) for part in version.split(".") if part.isdecimal()]


def find(name: str | Path) -> Path:
    """The folder of a model: an existing folder, a shipped model, or a download, in this order.

    Raises:
        PretrainedError: there is none.
    """
    folder = Path(name)
    if folder.is_dir():
        if (folder / "experiment.json").exists() and not (folder / WEIGHTS_NAME).exists():
            raise PretrainedError(
                f"the run in {folder} is not finished, it has no {WEIGHTS_NAME} yet; continue with "
                f"`dlh train --resume {shlex.quote(str(folder))}`"
            )
        return folder
    if folder.exists():
        raise PretrainedError(f"{folder} is a file; name the folder that holds {WEIGHTS_NAME}")
    shipped = shipped_models()
    if str(name) in shipped:
        return shipped[str(name)]
    owner, slash, model = str(name).partition("/")
    if isinstance(name, str) and slash and model and "/" not in model and owner.strip("."):
        return _download(name)
    known = f", a shipped model ({', '.join(shipped)})" if shipped else ""
    raise PretrainedError(
        f"there is no folder {str(name)!r}{_alike(folder)}; name the folder of a finished run"
        f"{known}, or a model on the hub as owner/name"
    )


def holds_model(folder: Path) -> bool:
    """Whether both files are there."""
    return (folder / CONFIG_NAME).exists() and (folder / WEIGHTS_NAME).exists()


def write_model(
    folder: Path,
    model: TrainableModel,
    *,
    dtype: torch.dtype | None = None,
    trained_on: TrainedOn | None = None,
) -> None:
    """Write both files, each as a whole or not at all.

    Args:
        folder: made where it is not there.
        model: of which the configuration and the weights are written.
        dtype: how the weights are stored; as they are where it is None. They become float32 again
            when they are read. Whole numbers stay what they are.
        trained_on: what is known of the videos that it was trained on.

    Raises:
        PretrainedError: they cannot be written there.
    """
    from safetensors.torch import save

    description = {"format": FORMAT, "version": VERSION, "model": to_plain(model.config)}
    if trained_on is not None:
        description["trained_on"] = to_plain(trained_on)
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
    """The model in a folder, of any kind; its weights become float32.

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
    saved = _read_description(path)
    try:
        return registry.read_config(saved.get("model"))
    except SettingsError as error:
        raise PretrainedError(f"{path}: {error}; it was edited or is of another version") from error


def read_trained_on(folder: Path) -> TrainedOn | None:
    """What the model in a folder says about the videos that it was trained on; None where it says
    nothing, as those written before models said it.

    Raises:
        PretrainedError: as by :func:`read_config`.
    """
    path = folder / CONFIG_NAME
    plain = _read_description(path).get("trained_on")
    if plain is None:
        return None
    try:
        return from_plain(TrainedOn, plain, name="trained_on")
    except SettingsError as error:
        raise PretrainedError(f"{path}: {error}; it was edited or is of another version") from error


def _read_description(path: Path) -> dict[str, Any]:
    try:
        saved: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        advice, run = "name the folder of a finished run", path.parent / "run"
        if (run / "experiment.json").is_file():  # dlh discover trains there
            advice = f"the run of this folder is {run}"
        raise PretrainedError(
            f"{path.parent} holds no model: it has no {path.name}; {advice}"
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
    return saved


def upload(
    model: TrainableModel, name: str, *, private: bool, trained_on: TrainedOn | None = None
) -> None:
    """Put a model and a card about it on the hub as ``owner/name``.

    Raises:
        PretrainedError: the hub refuses, or cannot be reached.
    """
    from huggingface_hub import HfApi

    channels, height, width = model.frame_shape
    card = CARD.format(
        name=name, kind=model.config.kind, channels=channels, height=height, width=width
    )
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), model, trained_on=trained_on)
        (Path(folder) / "README.md").write_text(card, encoding="utf-8")
        api = HfApi()
        try:
            api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=folder)
        except Exception as error:  # see _download
            raise PretrainedError(
                f"cannot upload {name}: {_first_line(error)}; log in with `hf auth login`"
            ) from error


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


def _download(name: str) -> Path:
    from huggingface_hub import HfApi, hf_hub_download

    # Whatever the hub's client raises is caught: the errors of its HTTP library, which has changed
    # before, are among them. It is asked for the name first because a download without a network
    # tries for half a minute; what was downloaded earlier is then still found.
    unreachable: Exception | None = None
    try:
        HfApi().model_info(name, timeout=HUB_SECONDS)
    except Exception as error:
        unreachable = error
    try:
        paths = [
            Path(hf_hub_download(name, file, local_files_only=unreachable is not None))
            for file in (CONFIG_NAME, WEIGHTS_NAME)
        ]
    except Exception as error:
        raise PretrainedError(
            f"there is no folder {name!r}{_alike(Path(name))}, and the hub gave no model of that "
            f"name: {_first_line(unreachable or error)}"
        ) from error
    return paths[0].parent


def _alike(folder: Path) -> str:
    here = folder.parent
    names = [path.name for path in here.iterdir() if path.is_dir()] if here.is_dir() else []
    close = difflib.get_close_matches(folder.name, names, n=1)
    return f" (did you mean {here / close[0]}?)" if close else ""


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
