"""Video files with the statistics of real ones, for benchmarks/data.py: made, not downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from dlh.data.store.importing import Opener


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Files of one kind.

    Attributes:
        channels: of the store that they are imported into; grey where the data set is.
        frames: of each file.
        opener: reads a file in a way of its own; None for the usual one.
    """

    name: str
    width: int
    height: int
    files: int
    frames: int
    channels: int = 3
    suffix: str = ".mp4"
    codec: str = "libx264"
    tag: str | None = None
    opener: Opener | None = None
    options: dict[str, str] = field(default_factory=lambda: {"preset": "veryfast"})

    def write(self, folder: Path) -> list[Path]:
        """Makes the files in a new folder."""
        folder.mkdir(parents=True)
        paths = [folder / f"{number:03d}{self.suffix}" for number in range(self.files)]
        for seed, path in enumerate(paths):
            self._encode(path, scene(self.frames, self.height, self.width, seed=seed))
        return paths

    def _encode(self, path: Path, pictures: Iterator[np.ndarray]) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(self.codec, rate=25, options=dict(self.options))
            stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
            if self.tag:
                stream.codec_context.codec_tag = self.tag
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))


def scene(frames: int, height: int, width: int, *, seed: int) -> Iterator[np.ndarray]:
    """A camera over a landscape with three things that move in it: uint8 (height, width, 3).

    The landscape has the spectrum of natural pictures (its amplitude falls with the frequency), and
    the sensor a little noise that is new in each frame.
    """
    random = np.random.default_rng(seed)
    wide = (2 * height, 2 * width)
    frequency = np.hypot(np.fft.fftfreq(wide[0])[:, None], np.fft.rfftfreq(wide[1]))
    frequency[0, 0] = 1
    waves = random.normal(size=(3, *frequency.shape, 2)).view(complex)[..., 0] / frequency**1.3
    land = np.fft.irfft2(waves, s=wide).transpose(1, 2, 0)
    land = land + 2 * land[..., :1]  # mostly of one colour, as most of the world
    land = np.clip(120 + 45 * (land - land.mean()) / land.std(), 0, 255).astype(np.int16)
    grain = random.integers(-3, 4, (*wide, 1), dtype=np.int16)
    rows, columns = np.mgrid[:height, :width]
    for time in range(frames):
        y = int(height / 2 * (1 + np.sin(time / 97)))
        x = int(width / 2 * (1 + np.sin(time / 61)))
        picture = land[y : y + height, x : x + width].copy()
        for thing in range(3):
            row = height / 2 * (1 + 0.8 * np.sin(time / 23 + thing))
            column = width / 2 * (1 + 0.8 * np.cos(time / 31 + 2 * thing))
            inside = (rows - row) ** 2 + (columns - column) ** 2 < (height / 8) ** 2
            picture[inside] = (200, 60 + 60 * thing, 40)
        y, x = random.integers(0, (height, width))
        picture += grain[y : y + height, x : x + width]
        yield np.clip(picture, 0, 255).astype(np.uint8)
