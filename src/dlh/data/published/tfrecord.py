"""TFRecord files, and the one feature of a ``tf.train.Example`` that is wanted, without TensorFlow.

A record is its length (8 bytes), a masked CRC-32C of these, the data, and a masked CRC-32C of the
data; all little-endian. The data is a protocol buffer: Example { features { feature: map of a name
to a list of bytes, floats or integers } }.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dlh.data.clips import DataError
from dlh.data.reading import first_bytes, reading

_MOST_BYTES = 2**28  # of one record: a damaged length could ask for any amount of memory
_MASK = 0xA282EAD8
_EXAMPLE_FEATURES = _FEATURES_ENTRY = _ENTRY_NAME = _BYTES_LIST = _LIST_VALUE = 1
_ENTRY_FEATURE = 2
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record; its data is not to be used where its checksum is wrong."""

    data: bytes
    intact: bool


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file, one at a time.

    Raises:
        DataError: google-crc32c is not installed; or the file is missing or empty, is no TFRecord
            file, or is damaged where a record begins or cut off, so that the rest cannot be found.
    """
    try:
        from google_crc32c import value as crc32c
    except ImportError:
        raise DataError(
            f"{path} is a TFRecord file, and google-crc32c, which checks its records, is not "
            "installed: pip install 'dlh[tfrecord]'",
            code="missing-extra",
        ) from None

    def masked(data: bytes) -> int:
        crc = crc32c(data)
        return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF

    first_bytes(path, 1)
    number = 0
    with reading(path), open(path, "rb") as file:
        while head := file.read(12):
            if len(head) < 12:
                raise DataError(f"{path} {_cut_off(number)}")
            length, checksum = struct.unpack("<QI", head)
            if masked(head[:8]) != checksum:
                raise DataError(
                    f"{path} is not a TFRecord file: the checksum of its first length is wrong"
                    if number == 0
                    else f"{path} is damaged after record {number}: the checksum of a length is "
                    "wrong; fetch it again"
                )
            if length > _MOST_BYTES:
                raise DataError(
                    f"{path} has a record of {length:,} bytes, expected at most {_MOST_BYTES:,}"
                )
            data, end = file.read(length), file.read(4)
            if len(data) < length or len(end) < 4:
                raise DataError(f"{path} {_cut_off(number)}")
            yield Record(data=data, intact=masked(data) == struct.unpack("<I", end)[0])
            number += 1


def bytes_feature(example: bytes, name: str) -> list[bytes]:
    """The list of bytes that an Example has under a name.

    Raises:
        DataError: it is no Example, has no such feature, or another kind of it; the message names
            no file.
    """
    found: set[str] = set()
    try:
        for features in _each(memoryview(example), _EXAMPLE_FEATURES):
            for entry in _each(features, _FEATURES_ENTRY):
                key = b"".join(_each(entry, _ENTRY_NAME)).decode("utf-8")
                found.add(key)
                if key == name:
                    return [
                        bytes(value)
                        for feature in _each(entry, _ENTRY_FEATURE)
                        for values in _each(feature, _BYTES_LIST)
                        for value in _each(values, _LIST_VALUE)
                    ]
    except (ValueError, IndexError) as error:
        raise DataError(f"is no tf.train.Example ({error})") from None
    there = ", ".join(sorted(found)) or "none"
    raise DataError(f"has no feature {name!r}; its features: {there}")


def _cut_off(number: int) -> str:
    return f"is cut off after record {number}" if number else "is cut off within its first record"


def _each(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The fields of that number whose values are bytes; all others are passed over."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            _, place = _varint(message, place)
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if place + length > len(message):
            raise ValueError("a field is longer than what holds it")
        if kind == _BYTES and tag >> 3 == wanted:
            yield message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number of more than ten bytes")
