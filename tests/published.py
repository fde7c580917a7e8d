"""Small files that lie as those of published data sets do."""

from __future__ import annotations

import dataclasses
import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dlh.data.fetch.remote import Remote
from dlh.data.published.catalogue import CATALOGUE
from dlh.data.store.store import Store
from dlh.data.video.encode import write_video


def textured(frames: int, *, height: int, width: int, seed: int) -> np.ndarray:
    """uint8 (time, height, width, 3), grey; no two seeds are alike, and every frame differs."""
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (height + frames, width, 1), dtype=np.uint8)
    return np.stack([base[n : n + height].repeat(3, axis=-1) for n in range(frames)])


def write_avi(path: Path, frames: np.ndarray) -> None:
    """An XVID AVI, 25 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25), options={"qmin": "2"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.codec_tag = "XVID"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def write_mp4s(folder: Path, lengths: Iterable[int], *, size: int = 64, seed: int = 0) -> None:
    """0.mp4, 1.mp4, ... of these lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, length in enumerate(lengths):
        frames = textured(length, height=size, width=size, seed=seed + number)
        write_video(folder / f"{number}.mp4", frames, fps=30)


def write_mnist(folder: Path, *, seed: int = 0) -> None:
    """MNIST's four files, gzipped, with few digits of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for kind, count in (("train", 24), ("t10k", 3)):
        images = random.integers(1, 256, (count, 28, 28), dtype=np.uint8)
        digits = bytes(number % 10 for number in range(count))
        for name, content in (
            (
                f"{kind}-images-idx3-ubyte",
                struct.pack(">IIII", 0x803, *images.shape) + images.tobytes(),
            ),
            (f"{kind}-labels-idx1-ubyte", struct.pack(">II", 0x801, count) + digits),
        ):
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))


def zipped(folder: Path) -> bytes:
    """A zip of all files in a folder, by their paths in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()


def prepared(name: str, root: str = "root") -> Store:
    """The store of a data set that was prepared below a root."""
    return Store.open(Path(root) / name / "store")


def change_remotes(
    monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Remote], Remote]
) -> None:
    """Other mirrors, or another checksum, of the files of a data set."""
    data_set = CATALOGUE[name]
    parts = tuple(
        dataclasses.replace(part, remotes=tuple(map(change, part.remotes)))
        for part in data_set.parts
    )
    monkeypatch.setitem(CATALOGUE, name, dataclasses.replace(data_set, parts=parts))
