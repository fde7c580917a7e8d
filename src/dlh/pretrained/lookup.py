"""From a model's name to its folder: an existing folder, a shipped model, or one on the hub."""

from __future__ import annotations

import difflib
import shlex
import tempfile
from pathlib import Path

from dlh.interfaces import TrainableModel
from dlh.pretrained.files import CONFIG_NAME, WEIGHTS_NAME, PretrainedError, write_model

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


def find(name: str | Path) -> Path:
    """The folder of a model: an existing folder, a shipped model, or a download, in this order.

    Raises:
        PretrainedError: there is none.
    """
    folder = Path(name)
    if folder.is_dir():
        if (folder / "experiment.json").exists() and not (folder / WEIGHTS_NAME).exists():
            raise PretrainedError(
                f"the run in {folder} is not finished, it has no {WEIGHTS_NAME} yet; go on with "
                f"`dlh train --resume {shlex.quote(str(folder))}`"
            )
        return folder
    if folder.exists():
        raise PretrainedError(f"{folder} is a file; name the folder that holds {WEIGHTS_NAME}")
    shipped = sorted(path.name for path in SHIPPED.iterdir()) if SHIPPED.is_dir() else []
    if str(name) in shipped:
        return SHIPPED / str(name)
    owner, slash, model = str(name).partition("/")
    if isinstance(name, str) and slash and model and "/" not in model and owner.strip("."):
        return _download(name)
    known = f", a shipped model ({', '.join(shipped)})" if shipped else ""
    raise PretrainedError(
        f"there is no folder {str(name)!r}{_alike(folder)}; name the folder of a finished run"
        f"{known}, or a model on the hub as owner/name"
    )


def upload(model: TrainableModel, name: str, *, private: bool) -> None:
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
        write_model(Path(folder), model)
        (Path(folder) / "README.md").write_text(card, encoding="utf-8")
        api = HfApi()
        try:
            api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=folder)
        except Exception as error:  # see _download
            raise PretrainedError(
                f"cannot upload {name}: {_first_line(error)}; log in with `hf auth login`"
            ) from error


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
