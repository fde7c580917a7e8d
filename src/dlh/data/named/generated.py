"""Generated clips, named by the generator's settings, a number, and the SHA-256 of their frames.

A generator gives the same clips for the same numbers. The SHA-256 of the frames shows whether it
still does, with another version of it or on another machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np

from dlh.data.clips import Clips, ClipSource, DataError, Split
from dlh.data.sampling import check_held_out
from dlh.data.store.store import Store
from dlh.data.worlds.bouncing_ball import BouncingBallConfig
from dlh.data.worlds.by_name import WORLDS, World, make_world, world_name
from dlh.data.worlds.digits import Digits
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig
from dlh.data.worlds.two_clocks import TwoClocksConfig
from dlh.settings import to_plain

Generator = Literal["moving-ball", "two-clocks", "bouncing-ball", "moving-mnist"]


@dataclass(frozen=True, kw_only=True)
class GeneratedClip:
    """One clip.

    Attributes:
        number: of the clip within its split, from 0.
        length: frames.
        sha256: of its frames, uint8 (frame, height, width, channel), as they lie in memory.
    """

    number: int
    length: int
    sha256: str

    def __post_init__(self) -> None:
        if self.number < 0:
            raise DataError(f"clips are numbered from 0, found {self}")

    def __str__(self) -> str:
        return f"{self.length} frames of clip {self.number}"


@dataclass(frozen=True, kw_only=True)
class GeneratedClips:
    """The source of a manifest: clips of a held-out split of a generator.

    Attributes:
        generator: which one.
        ball: the settings of "moving-ball"; None for others.
        mnist: the settings of "moving-mnist"; None for others.
        digits: the name of the digits of "moving-mnist"; None for others.
        digits_sha256: of these digits (``Digits.sha256``).
        clips: in the order in which they are evaluated.
        clocks: the settings of "two-clocks"; None for others.
        bouncing: the settings of "bouncing-ball"; None for others.
    """

    LATER: ClassVar[tuple[str, ...]] = ("clocks", "bouncing")

    generator: Generator
    ball: MovingBallConfig | None = None
    mnist: MovingMNISTConfig | None = None
    digits: str | None = None
    digits_sha256: str | None = None
    clips: tuple[GeneratedClip, ...]
    clocks: TwoClocksConfig | None = None
    bouncing: BouncingBallConfig | None = None

    def __post_init__(self) -> None:
        fields = [field for field, _ in WORLDS.values()]
        wanted = [WORLDS[self.generator][0]]
        if self.generator == "moving-mnist":
            wanted += ["digits", "digits_sha256"]
        optional = (*fields, "digits", "digits_sha256")
        given = [name for name in optional if getattr(self, name) is not None]
        if given != wanted:
            raise DataError(
                f"a manifest of {self.generator} has {', '.join(wanted)}, found "
                f"{', '.join(given) or 'none of them'}"
            )

    @classmethod
    def choose(cls, source: World, split: Split, *, length: int, count: int) -> GeneratedClips:
        """The first ``count`` clips of a held-out split, those that ``source.held_out`` gives.

        Raises:
            DataError: training sees the split.
        """
        check_held_out(split)
        clips = []
        for number in range(count):
            found = source.held_out_clip(split, number, clip_length=length)
            clips.append(GeneratedClip(number=number, length=length, sha256=_sha256(found.video)))
        name, digits = world_name(source), {}
        if isinstance(source, MovingMNIST):
            digits = {"digits": source.digits.name, "digits_sha256": source.digits.sha256()}
        settings: dict[str, Any] = {WORLDS[name][0]: source.config} | digits
        return cls(generator=cast(Generator, name), clips=tuple(clips), **settings)

    def build(self, digits: Digits | None = None) -> World:
        """The generator of these clips.

        Args:
            digits: of "moving-mnist"; :func:`dlh.data.worlds.digits.load_digits` loads them.

        Raises:
            DataError: digits are missing, or others than the manifest's.
        """

        def loaded() -> Digits:
            if digits is None:
                raise DataError(
                    f"the clips of {self.generator} show digits, found none: load {self.digits} "
                    f"(SHA-256 {self.digits_sha256})"
                )
            return digits

        return self._generator_of(make_world(self.generator, self, loaded))

    def check(self, split: Split, data: Store | ClipSource) -> None:
        """Raises :class:`DataError`, which names the difference, for another source of clips."""
        self._generator_of(data)

    def read(self, split: Split, data: Store | ClipSource, numbers: Sequence[int]) -> Clips:
        """The clips of these numbers, with their true events where the generator knows them.

        Raises:
            DataError: see :meth:`check`; or the frames are not those that were named.
        """
        source, chosen = self._generator_of(data), [self.clips[number] for number in numbers]
        clips = [self._read_one(source, split, clip) for clip in chosen]
        events = [clip.events for clip in clips if clip.events is not None]
        of_levels = [clip.level_events for clip in clips if clip.level_events is not None]
        return Clips(
            video=np.concatenate([clip.video for clip in clips]),
            events=np.concatenate(events) if events else None,
            level_events=np.concatenate(of_levels) if of_levels else None,
        )

    def verified(self, split: Split, data: Store | ClipSource) -> Iterator[np.ndarray]:
        """The clips one after the other; errors of :meth:`read`, the first kind at once."""
        source = self._generator_of(data)
        return (self._read_one(source, split, clip).video[0] for clip in self.clips)

    def _read_one(self, source: World, split: Split, clip: GeneratedClip) -> Clips:
        clips = source.held_out_clip(split, clip.number, clip_length=clip.length)
        if (found := _sha256(clips.video)) != clip.sha256:
            raise mismatch(
                f"{split} clip {clip.number} of {self.generator} is another one than the "
                f"manifest's: the SHA-256 of its frames is {found[:12]}..., expected "
                f"{clip.sha256[:12]}...; it was made by another version of the generator"
            )
        return clips

    def _generator_of(self, data: Store | ClipSource) -> World:
        if not isinstance(data, World) or world_name(data) != self.generator:
            found = f"the store {data.path}" if isinstance(data, Store) else data.name
            raise mismatch(
                f"the manifest names clips of the generator {self.generator}, found {found}"
            )
        wanted = getattr(self, WORLDS[self.generator][0])
        theirs, mine = to_plain(data.config), to_plain(wanted)
        if isinstance(data, MovingMNIST):
            theirs[f"SHA-256 of {data.digits.name}"] = data.digits.sha256()
            mine[f"SHA-256 of {data.digits.name}"] = self.digits_sha256
        differences = [
            f"{name} is {theirs[name]} and in the manifest {mine[name]}"
            for name in mine
            if mine[name] != theirs[name]
        ]
        if differences:
            raise mismatch(
                f"another {self.generator} than the manifest's: {'; '.join(differences)}"
            )
        return data


def mismatch(message: str) -> DataError:
    """The error for data that do not have the clips of a manifest."""
    return DataError(message, code="manifest-mismatch")


def _sha256(frames: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest()
