"""How a step's convolutions are computed: by rule, never by timing, and the same on every resume.

``plain``          float32, frames with the channel as the first of their axes. The reference.
``channels-last``  float32, the channel last in memory: the order in which frames are stored, and in
                   which convolutions on a processor, and those in 16 bits on a GPU, are faster.
``bf16``           channels-last, and the convolutions in bfloat16, through ``torch.autocast``.

Decisions, divergences, everything that is carried from step to step, the weights and the optimizer
are float32 in all three. ``auto`` is bf16 where the hardware multiplies it, otherwise
channels-last.
"""

from __future__ import annotations

import torch
from torch import nn

from dlh.training.config import Speed


def resolve(speed: Speed, device: torch.device) -> Speed:
    """The way that ``auto`` stands for on this device; any other is itself."""
    if speed != "auto":
        return speed
    return "bf16" if multiplies_bf16(device) else "channels-last"


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the hardware has instructions for bfloat16, so that it is worth using."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def describe(speed: Speed) -> str:
    """For a person."""
    return {
        "plain": "float32",
        "channels-last": "float32, channels last",
        "bf16": "convolutions in bfloat16, channels last; all else in float32",
    }[speed]


def lay_out(model: nn.Module, speed: Speed) -> None:
    """Put the model's weights into the order in memory that this way computes with."""
    order = torch.contiguous_format if speed == "plain" else torch.channels_last
    model.to(memory_format=order)  # ty: ignore[no-matching-overload]
