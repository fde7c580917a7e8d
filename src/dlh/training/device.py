"""Where to compute."""

from __future__ import annotations

import sys

import torch

from dlh.training.errors import TrainingError

try:
    import resource
except ImportError:  # Windows
    resource = None

_MIB = 2**20


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, otherwise the CPU.

    Raises:
        TrainingError: the device is not there, or torch knows none of that name. What was asked for
            by name is never replaced by the CPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainingError(
            f"there is no device {name!r}; name auto, cpu, cuda, cuda:0, ... or mps"
        ) from None
    if device.type == "cuda":
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= found:
            raise TrainingError(
                f"device {name} was asked for, but torch {torch.__version__} finds {found} CUDA "
                "devices; use device auto or cpu, or install a build of torch for this GPU"
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise TrainingError(
            f"device mps was asked for, but torch {torch.__version__} finds none; "
            "use device auto or cpu"
        )
    return device


def describe_device(device: torch.device, *, asked: str) -> str:
    """Where a run computes, in words, and whether ``auto`` found no GPU."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type != "cpu":
        return str(device)
    threads = torch.get_num_threads()
    said = f"cpu with {threads} thread{'s' if threads > 1 else ''}"
    return f"{said}; no CUDA device was found" if asked == "auto" else said


def memory_used(device: torch.device) -> dict[str, float]:
    """The most that this process has held so far, MiB: ``memory``, its largest resident size, where
    the system tells it; ``gpu_memory``, what tensors took on a CUDA device.
    """
    used = {}
    if resource is not None:
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # macOS counts bytes, the others kilobytes.
        used["memory"] = largest * (1 if sys.platform == "darwin" else 1024) / _MIB
    if device.type == "cuda":
        used["gpu_memory"] = torch.cuda.max_memory_allocated(device) / _MIB
    return used
