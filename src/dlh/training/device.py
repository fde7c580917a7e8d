"""Where to compute."""

from __future__ import annotations

import torch

from dlh.training.errors import TrainingError


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, otherwise the CPU.

    Raises:
        TrainingError: the device is not there. What was asked for by name is never replaced by the
            CPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
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
