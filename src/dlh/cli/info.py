"""``dlh info``: what a bug report needs to say."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from dataclasses import dataclass

from dlh.files.text_table import text_table
from dlh.files.writing import Say

PACKAGES = (
    "torch",
    "numpy",
    "av",
    "pillow",
    "matplotlib",
    "safetensors",
    "huggingface-hub",
    "tyro",
    "jaxtyping",
    "tqdm",
)
EXTRAS = {"ruptures": "events", "h5py": "hdf5"}
"""What works without; the extra that brings it."""


@dataclass(frozen=True, kw_only=True)
class InfoOptions:
    """Versions, device, threads and what is installed.

    example:  dlh info
    """


def info(options: InfoOptions, *, say: Say = print) -> None:
    """Print what the software and the machine are."""
    for line in text_table(list(facts().items())):
        say(line)


def facts() -> dict[str, str]:
    """What the software and the machine are, by name."""
    import torch

    from dlh.files.writing import cache_folder
    from dlh.models.registry import kinds
    from dlh.version import __version__

    found = {
        "dlh": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": f"{os.cpu_count()} CPUs, {platform.machine()}",
        "torch threads": str(torch.get_num_threads()),
        "device": _device(),
        "models": ", ".join(kinds()),
        "C++ compiler": shutil.which("c++") or shutil.which("g++") or "none",
        "videos cached in": str(cache_folder()),
    }
    for package in PACKAGES:
        found[package] = _version(package) or "missing: install dlh again"
    for package, extra in EXTRAS.items():
        found[package] = _version(package) or f"not installed: pip install 'dlh[{extra}]'"
    return found


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return f"cuda {torch.version.cuda}: {', '.join(names)}"
    return "cpu (no CUDA device was found)"
