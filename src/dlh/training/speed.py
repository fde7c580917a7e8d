"""How a step is computed: by rule, never by timing, and the same on every resume.

``plain``          float32, frames with the channel as the first of their axes. The reference.
``channels-last``  float32, the channel last in memory: the order in which frames are stored, and in
                   which convolutions on a processor, and those in 16 bits on a GPU, are faster.
``bf16``           channels-last, and the convolutions in bfloat16, through ``torch.autocast``.
``compiled``       channels-last, and the model's loop over time compiled by ``torch.compile``.
``bf16-compiled``  bf16, and the loop compiled.

Decisions, divergences, everything that is carried from step to step, the weights and the optimizer
are float32 in all of them. ``auto`` is bf16 where the hardware multiplies it, otherwise
channels-last; on a GPU with the loop compiled, if something can be compiled there. On a processor
it never compiles: the loop is 4 % of a step, of which compiling saves a half at most, for a
start-up of 10 seconds to a minute. On a GPU the loop, launched kernel by kernel, is more than half
of a step, and compiled, where it is one launch, a fifth (docs/results/benchmarks.md). What is
compiled is the training step alone: validation, pictures and analyses run the plain loop.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from dlh.interfaces import CompilationError
from dlh.networks import require_compiler
from dlh.training.config import Speed
from dlh.training.errors import TrainingError

_TWINS: dict[Speed, Speed] = {"compiled": "channels-last", "bf16-compiled": "bf16"}


def resolve(speed: Speed, device: torch.device) -> Speed:
    """The way that ``auto`` stands for on this device; any other is itself."""
    if speed != "auto":
        return speed
    found: Speed = "bf16" if multiplies_bf16(device) else "channels-last"
    if device.type == "cuda":
        with suppress(CompilationError):
            require_compiler(device)
            return next(way for way, twin in _TWINS.items() if twin == found)
    return found


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the hardware has instructions for bfloat16, so that it is worth using."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def is_compiled(speed: Speed) -> bool:
    """Whether the loop over time is compiled."""
    return speed in _TWINS


def uncompiled(speed: Speed) -> Speed:
    """The same way with the plain loop, which differs by rounding only."""
    return _TWINS.get(speed, speed)


def require(speed: Speed, device: torch.device) -> None:
    """Try out whether a step can be computed in this way, before anything depends on it.

    Raises:
        TrainingError: the loop is to be compiled, and nothing can be compiled here.
    """
    if not is_compiled(speed):
        return
    try:
        require_compiler(device)
    except CompilationError as error:
        raise refusal(speed, error) from error


def refusal(speed: Speed, error: CompilationError) -> TrainingError:
    """What to do where compilation failed."""
    place = Path(torch.__file__).parent
    space = f" torch lies in a folder with a space, {place}, where it cannot compile;"
    return TrainingError(
        f"--speed {speed} compiles the loop over time, and that fails here ({error});"
        f"{space if ' ' in str(place) else ''} it needs a "
        "C++ compiler (g++ or clang++, or the one that the variable CXX names) and Python's "
        f"headers, on a GPU Triton too: install them, or use --speed {uncompiled(speed)}, which "
        "computes the same"
    )


def describe(speed: Speed) -> str:
    """For a person."""
    convolutions = {
        "plain": "float32",
        "channels-last": "float32, channels last",
        "bf16": "convolutions in bfloat16, channels last; all else in float32",
    }[uncompiled(speed)]
    if is_compiled(speed):
        return f"{convolutions}; the loop over time compiled, up to a minute before the first step"
    return convolutions


def lay_out(model: nn.Module, speed: Speed) -> None:
    """Put the model's weights into the order in memory that this way computes with."""
    last = {4: torch.channels_last, 5: torch.channels_last_3d}  # of 2-D, of 3-D convolutions
    for parameter in model.parameters():
        plain = speed == "plain" or parameter.ndim not in last
        order = torch.contiguous_format if plain else last[parameter.ndim]
        parameter.data = parameter.data.contiguous(memory_format=order)
