"""What makes a room hard to look at: a texture, sensor noise, and an exposure that flickers.

On black a difference of pixels, or of the mean colour of two frames, tells every change. Here the
texture changes the one as the ball moves over it, and the flicker the other.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

# The streams of a clip; each begins with the first frame, so a longer clip begins with the shorter.
_TEXTURE, _NOISE, _FLICKER = range(3)
_QUANTILES = np.array([NormalDist().inv_cdf((place + 0.5) / 256) for place in range(256)])


def texture(keys: np.ndarray, *, size: int, cell: int, contrast: float) -> np.ndarray:
    """A smooth random texture for each clip, around mid-grey.

    Colours are drawn, uniform, at the corners of square cells, and interpolated between them
    (bilinear): the value at a corner is 1/2 + contrast (u - 1/2), u uniform in [0, 1).

    Args:
        keys: of the clips, uint64 (batch, 2).
        size: height and width, pixels.
        cell: side of a cell, pixels.
        contrast: from 0, all grey, to 1, every colour.

    Returns uint8 (batch, size, size, 3).
    """
    corners = -(-size // cell) + 1
    drawn = np.stack([_stream(key, _TEXTURE).random((corners, corners, 3)) for key in keys])
    place = np.arange(size) / cell
    before = place.astype(np.int64)
    after = (place - before)[:, None]
    down = drawn[:, before] + after[..., None] * (drawn[:, before + 1] - drawn[:, before])
    both = down[:, :, before] + after * (down[:, :, before + 1] - down[:, :, before])
    return np.rint(255 * (0.5 + contrast * (both - 0.5))).astype(np.uint8)


def add_noise(video: np.ndarray, keys: np.ndarray, *, noise: float, flicker: float) -> None:
    """Adds sensor noise and flicker to clips, in place; what leaves [0, 255] is cut off.

    Both are whole grey levels, each the nearest to one of 256 equally probable values of a normal
    distribution.

    Args:
        video: uint8 (batch, time, height, width, channel).
        keys: of the clips, uint64 (batch, 2).
        noise: standard deviation, of every channel of every pixel of every frame, in units of the
            range from black to white.
        flicker: standard deviation of what every channel of a frame is off as a whole, likewise.
    """
    for clip, key in zip(video, keys, strict=True):
        offsets = np.zeros((1, 1, 1, 1), dtype=np.int16)
        if flicker:
            time, channels = clip.shape[0], clip.shape[-1]
            offsets = offsets + _normal(key, _FLICKER, (time, 1, 1, channels), flicker)
        if noise:
            offsets = offsets + _normal(key, _NOISE, clip.shape, noise)
        np.clip(clip + offsets, 0, 255, out=clip, casting="unsafe")


def _normal(key: np.ndarray, stream: int, shape: tuple[int, ...], std: float) -> np.ndarray:
    """Whole grey levels, int16: a byte chooses the value, which is far faster than drawing one."""
    chosen = _stream(key, stream).integers(256, size=shape, dtype=np.uint8)
    return np.rint(255 * std * _QUANTILES).astype(np.int16).take(chosen)


def _stream(key: np.ndarray, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))
