"""CRC-32C (Castagnoli), the checksum of TFRecord files, without a compiled extension."""

from __future__ import annotations

import numpy as np

_POLYNOMIAL = 0x82F63B78  # reversed, as bits go through the register lowest first
_LANES = 1024  # pieces of equal length that are worked on at once


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of some bytes.

    They are cut into lanes, all lanes go through the table at once, and the checksums of neighbours
    are joined two by two: a checksum of a whole is linear in those of its parts.
    """
    values = np.frombuffer(data, np.uint8)
    if len(values) < 4:
        return _short(values)
    # The register begins with all ones. To begin with 0 and turn over the first four bytes is the
    # same, and then zeros in front change nothing: any length can be cut into equal lanes.
    head = values[:4] ^ np.uint8(0xFF)
    length = -(-len(values) // _LANES)
    padded = np.zeros(_LANES * length, np.uint8)
    padded[len(padded) - len(values) :] = values
    place = len(padded) - len(values)
    padded[place : place + 4] = head
    lanes = np.ascontiguousarray(padded.reshape(_LANES, length).T)
    register = np.zeros(_LANES, np.uint32)
    for column in lanes:
        register = _TABLE[(register ^ column) & 0xFF] ^ (register >> np.uint32(8))
    shift = _shift_by(length)
    while len(register) > 1:
        register = _apply(shift, register[0::2]) ^ register[1::2]
        shift = _squared(shift)
    return int(register[0]) ^ 0xFFFFFFFF


def _short(values: np.ndarray) -> int:
    register = 0xFFFFFFFF
    for value in values.tolist():
        register = int(_TABLE[(register ^ value) & 0xFF]) ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def _table() -> np.ndarray:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = (values >> np.uint32(1)) ^ np.where(values & 1, _POLYNOMIAL, 0).astype(np.uint32)
    return values


_TABLE = _table()
_BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)


def _shift_by(count: int) -> np.ndarray:
    """What ``count`` bytes of zeros do to a register, as the images of its 32 bits."""
    whole, power = _BITS, (_TABLE[_BITS & 0xFF] ^ (_BITS >> np.uint32(8))).astype(np.uint32)
    while count:
        if count & 1:
            whole = _apply(power, whole)
        power, count = _squared(power), count >> 1
    return whole


def _squared(images: np.ndarray) -> np.ndarray:
    return _apply(images, images)


def _apply(images: np.ndarray, registers: np.ndarray) -> np.ndarray:
    """A linear map of registers, bit by bit; sums are exclusive or."""
    chosen = np.where(registers[:, None] & _BITS, images, np.uint32(0))
    return np.bitwise_xor.reduce(chosen, axis=1)
