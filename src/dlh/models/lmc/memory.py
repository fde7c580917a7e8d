"""The long-term motion context memory: how a clip moves, recalled from what was stored."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from dlh.models.frame_model import full_precision
from dlh.models.lmc.config import LMCConfig

ReLU = partial(nn.ReLU, inplace=True)


class MotionEncoder(nn.Module):
    """A map of how a clip moves, at 1/16 of its size: 3-D convolutions of frame differences.

    Pooling halves time three times, rounding down; the mean is over what is left. On a processor
    all of it is float32, also under ``torch.autocast``: there the gradient of the weights of a 3-D
    convolution over two steps of time is wrong in bfloat16 (torch 2.13 with oneDNN 3.12).
    """

    def __init__(self, config: LMCConfig) -> None:
        super().__init__()
        full, half, quarter, eighth = config.motion_channels
        self.layers = nn.Sequential(
            nn.Conv3d(config.channels, full, 3, padding=1),
            ReLU(),
            nn.MaxPool3d((1, 2, 2)),
            nn.Conv3d(full, half, 3, padding=1),
            ReLU(),
            nn.MaxPool3d(2),
            nn.Conv3d(half, quarter, 3, padding=1),
            ReLU(),
            nn.Conv3d(quarter, quarter, 3, padding=1),
            ReLU(),
            nn.MaxPool3d(2),
            nn.Conv3d(quarter, eighth, 3, padding=1),
            ReLU(),
            nn.Conv3d(eighth, eighth, 3, padding=1),
            ReLU(),
            nn.MaxPool3d(2),
        )

    def forward(
        self, clip: Float[Tensor, "batch time channel height width"]
    ) -> Float[Tensor, "batch slot h w"]:
        differences = (clip[:, 1:] - clip[:, :-1]).transpose(1, 2)
        with full_precision(clip) if clip.device.type == "cpu" else nullcontext():
            return self.layers(differences).mean(2)


@dataclass(frozen=True)
class Recall:
    """What the memory recalls for a clip, and how; height and width of h, w are 1/16 of a frame's.

    Attributes:
        query: the motion encoder's map.
        similarity: cosine of the query and each slot, at each position.
        addressing: weight of each slot; they sum to 1. Without a temperature cosines weigh nearly
            alike: of 100 slots none can have more than 0.0695.
        read: the slots, so weighted.
        motion: M, the motion that was read, at a quarter of the frame's size.
    """

    query: Float[Tensor, "batch slot h w"]
    similarity: Float[Tensor, "batch h w slots"]
    addressing: Float[Tensor, "batch h w slots"]
    read: Float[Tensor, "batch slot h w"]
    motion: Float[Tensor, "batch hidden height width"]


class MotionMemory(nn.Module):
    """Slots of motion, and two encoders that address them, of one shape and equal at the start.

    The *context* encoder sees the long clip, while motion is stored; the *matching* encoder sees
    the short clip, while motion is recalled for it, in training and in prediction.
    """

    def __init__(self, config: LMCConfig) -> None:
        super().__init__()
        *_, quarter, size = config.motion_channels
        self.slots = nn.Parameter(torch.randn(config.num_slots, size))
        self.matching = MotionEncoder(config)
        self.context = copy.deepcopy(self.matching)
        self.embed = nn.Sequential(
            nn.ConvTranspose2d(size, quarter, 3, stride=2, padding=1, output_padding=1),
            ReLU(),
            nn.ConvTranspose2d(
                quarter, config.hidden_channels, 3, stride=2, padding=1, output_padding=1
            ),
            ReLU(),
        )

    def store(self, long_clip: Float[Tensor, "batch time channel height width"]) -> Recall:
        """Recall for a long clip; through it a gradient stores the clip's motion in the slots."""
        return self._recall(self.context(long_clip), self.slots)

    def match(self, short_clip: Float[Tensor, "batch time channel height width"]) -> Recall:
        """Recall for a short clip; the slots get no gradient."""
        return self._recall(self.matching(short_clip), self.slots.detach())

    def _recall(
        self, query: Float[Tensor, "batch slot h w"], slots: Float[Tensor, "slots slot"]
    ) -> Recall:
        """In full precision, also under ``torch.autocast``, but for the embedding."""
        with full_precision(query):
            query = query.to(slots.dtype)
            directions = normalize(query, dim=1), normalize(slots, dim=1)
            similarity = torch.einsum("bchw,sc->bhws", *directions)
            addressing = similarity.softmax(-1)
            read = torch.einsum("bhws,sc->bchw", addressing, slots)
        return Recall(query, similarity, addressing, read, self.embed(read).to(slots.dtype))


class MotionAttention(nn.Module):
    """How much each channel of the recalled motion matters now: in (0, 1), of the top LSTM's c."""

    def __init__(self, config: LMCConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2 * config.hidden_channels, config.attention_size),
            ReLU(),
            nn.Linear(config.attention_size, config.hidden_channels),
            nn.Sigmoid(),
        )

    def forward(
        self, cell: Float[Tensor, "batch hidden h w"], motion: Float[Tensor, "batch hidden h w"]
    ) -> Float[Tensor, "batch hidden"]:
        return self.layers(torch.cat((cell.mean((2, 3)), motion.mean((2, 3))), 1))
