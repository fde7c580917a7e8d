"""TFRecord files written for tests, by code that shares nothing with the reader."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image


def crc32c(data: bytes) -> int:
    """Bit by bit, as the definition has it."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 * (register & 1))
    return register ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17 & 0xFFFFFFFF)) + 0xA282EAD8) % 2**32)


def number(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def field(place: int, content: bytes) -> bytes:
    return number(place * 8 + 2) + number(len(content)) + content


def example(frames: list[bytes], *, name: str = "frames") -> bytes:
    """An Example with a list of pictures and, before it, cameras of five floats for each."""
    floats = field(1, struct.pack(f"<{5 * len(frames)}f", *range(5 * len(frames))))
    cameras = field(1, b"cameras") + field(2, field(2, floats))
    pictures = b"".join(field(1, frame) for frame in frames)
    images = field(1, name.encode()) + field(2, field(1, pictures))
    return field(1, field(1, cameras) + field(1, images))


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95)
    return out.getvalue()


def walk(frames: int, *, seed: int, size: int = 84) -> np.ndarray:
    """uint8 (time, height, width, 3): smooth colours that drift, so that JPEG keeps them."""
    rows, columns = np.mgrid[:size, :size]
    times = np.arange(frames)[:, None, None]
    planes = [
        rows + seed * 10 + 3 * times,
        columns + seed * 20 + 5 * times,
        np.full((size, size), 40 * seed) + 2 * times,
    ]
    return np.stack([plane % 200 for plane in planes], axis=-1).astype(np.uint8)


def write_mazes(path: Path, lengths: list[int], *, seed: int = 0) -> Path:
    """A file with a maze of each of these lengths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [
        record(example([jpeg(frame) for frame in walk(length, seed=seed + place)]))
        for place, length in enumerate(lengths)
    ]
    path.write_bytes(b"".join(records))
    return path
