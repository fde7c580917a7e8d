"""A video to the embeddings of all levels: convolutions, then dense layers from level to level."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.initial_weights import start_as_keras
from dlh.networks import encoder_convolutions, frames_at_once, in_parts

LEAKY_RELU: Callable[[], nn.Module] = partial(nn.LeakyReLU, 0.2, inplace=True)


class Encoder(nn.Module):
    """Frames to embeddings, all frames at once.

    Level 1's embedding of a frame is the last convolution's map. Every further level has three
    dense layers on the embedding that the level below has of the same frame; what all frames of one
    of its ticks have is then summed.
    """

    def __init__(self, config: CWVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.frames_at_once = frames_at_once(config.frame_shape, config.convolution_channels)
        self.convolutions = encoder_convolutions(
            config.frame_shape, config.convolution_channels, LEAKY_RELU
        )
        width, embedding = config.dense_size, config.embedding_size
        self.upper_levels = nn.ModuleList(
            nn.Sequential(
                nn.Linear(embedding, width),
                nn.ReLU(inplace=True),
                nn.Linear(width, width),
                nn.ReLU(inplace=True),
                nn.Linear(width, embedding),
            )
            for _ in range(config.num_levels - 1)
        )
        self.apply(start_as_keras)

    def of_frames(
        self, frames: Float[Tensor, "frames channel height width"]
    ) -> Float[Tensor, "frames levels embedding"]:
        """What each level has of each frame, before anything is summed over time."""
        maps = in_parts(self.convolutions, frames, self.frames_at_once)
        embeddings = [maps.permute(0, 2, 3, 1).flatten(1)]  # row, column, channel
        for dense in self.upper_levels:
            embeddings.append(dense(embeddings[-1]))
        return torch.stack(embeddings, 1)

    def pool(
        self, of_frames: Float[Tensor, "batch time levels embedding"]
    ) -> tuple[Float[Tensor, "batch _ embedding"], ...]:
        """Each level's embeddings of its ticks, (batch, ticks, embedding).

        A tick covers the frames from its own to the next tick's; the last may have fewer.
        """
        pooled = []
        for interval, embeddings in zip(self.config.intervals, of_frames.unbind(2), strict=True):
            pooled.append(pool(embeddings, interval, self.config.pooling))
        return tuple(pooled)


def pool(
    of_frames: Float[Tensor, "batch time embedding"], interval: int, pooling: str
) -> Float[Tensor, "batch ticks embedding"]:
    """The "sum" or "mean" over each ``interval`` frames in turn, and over those that are left."""
    if interval == 1:
        return of_frames
    frames = of_frames.shape[1]
    ticks = -(-frames // interval)
    padded = nn.functional.pad(of_frames, (0, 0, 0, ticks * interval - frames))
    sums = padded.unflatten(1, (ticks, interval)).sum(2)
    if pooling == "sum":
        return sums
    counts = sums.new_full((ticks, 1), interval)
    counts[-1] = frames - (ticks - 1) * interval
    return sums / counts
