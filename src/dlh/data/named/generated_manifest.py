"""A manifest of generated clips: the generator, its world, and the SHA-256 of every clip's frames.

A generator gives the same clips for the same numbers, so numbers name them. That it really does,
with another version of it or on another machine, is what the SHA-256 of the frames is for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dlh.data.clips import ClipSource, DataError, Split
from dlh.data.named.manifest_file import check_numbers
from dlh.data.named.named_clips import NamedClips
from dlh.data.sampling import check_held_out
from dlh.data.store.store import Store
from dlh.data.worlds.digits import Digits
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST, MovingMNISTConfig
from dlh.settings import to_plain

Generator = Literal["moving-ball", "moving-mnist"]


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

    def __str__(self) -> str:
        return f"{self.length} frames of clip {self.number}"


@dataclass(frozen=True, kw_only=True)
class GeneratedManifest(NamedClips):
    """Generated clips for an evaluation, of a held-out split; :func:`of_generator` makes one.

    Attributes:
        generator: what makes the clips.
        ball: the world of "moving-ball"; None for the other.
        mnist: the world of "moving-mnist"; None for the other.
        digits: the name of the digits that move; None where none do.
        digits_sha256: of these digits (``Digits.sha256``).
        clips: each of context + horizon frames, in the order in which they are evaluated.
    """

    generator: Generator
    ball: MovingBallConfig | None
    mnist: MovingMNISTConfig | None
    digits: str | None
    digits_sha256: str | None
    clips: tuple[GeneratedClip, ...]

    def __post_init__(self) -> None:
        check_held_out(self.split)
        of_digits = self.generator == "moving-mnist"
        given = (self.mnist, self.digits, self.digits_sha256)
        if (self.ball is None) != of_digits or any((value is None) == of_digits for value in given):
            wanted = "mnist, digits and digits_sha256" if of_digits else "ball"
            raise DataError(f"a manifest of {self.generator} has {wanted}, and nothing of others")
        numbers = [clip.number for clip in self.clips]
        self.check_clips(self.clips, starts=numbers, begin="of a number from 0", identities=numbers)

    def build(self, digits: Digits | None = None) -> MovingBall | MovingMNIST:
        """The generator of these clips, of which :meth:`read` takes them.

        Args:
            digits: that move in "moving-mnist"; :func:`dlh.data.worlds.digits.load_digits` brings them.

        Raises:
            DataError: digits are missing, or others than the manifest's.
        """
        if self.ball is not None:
            return MovingBall(self.ball)
        if digits is None:
            raise DataError(
                f"the clips of {self.name} show digits: load those named {self.digits} (SHA-256 "
                f"{str(self.digits_sha256)[:12]}...)"
            )
        source = MovingMNIST(digits, self.mnist)
        self.check(source)
        return source

    def check(self, source: Store | ClipSource) -> None:
        """Raises :class:`DataError`, which names the difference, for another source of clips."""
        if isinstance(source, MovingBall):
            found, wanted, world = "moving-ball", self.ball, source.config
        elif isinstance(source, MovingMNIST):
            found, wanted, world = "moving-mnist", self.mnist, source.config
        else:
            where = source.path if isinstance(source, Store) else source.name
            raise DataError(
                f"the manifest names clips of the generator {self.generator}, found the store "
                f"{where}"
            )
        if found != self.generator:
            raise DataError(
                f"the manifest names clips of the generator {self.generator}, found {found}"
            )
        mine, theirs = to_plain(wanted), to_plain(world)
        differences = [
            f"{name} is {_shown(theirs[name])} there and {_shown(mine[name])} in the manifest"
            for name in mine
            if mine[name] != theirs[name]
        ]
        if differences:
            raise DataError(f"another {found} than the manifest's: {'; '.join(differences)}")
        if isinstance(source, MovingMNIST):
            sha256 = source.digits.sha256()
            if sha256 != self.digits_sha256:
                raise DataError(
                    f"other digits than the manifest's {self.digits}: SHA-256 {sha256[:12]}... of "
                    f"{source.digits.name}, expected {str(self.digits_sha256)[:12]}..."
                )

    def read(self, source: Store | ClipSource) -> Iterator[np.ndarray]:
        """The clips in their order, uint8 (frame, height, width, channel), one at a time.

        Raises:
            DataError: at once, see :meth:`check`; at a clip whose frames are not those that were
                written down.
        """
        self.check(source)
        assert isinstance(source, MovingBall | MovingMNIST)
        return self._compared(source)

    def _compared(self, source: MovingBall | MovingMNIST) -> Iterator[np.ndarray]:
        for clip in self.clips:
            frames = _frames(source, self.split, clip.number, clip.length)
            if (found := _sha256(frames)) != clip.sha256:
                raise DataError(
                    f"{self.split} clip {clip.number} of {self.name} is another one than the "
                    f"manifest's: the SHA-256 of its frames is {found[:12]}..., expected "
                    f"{clip.sha256[:12]}...; it was made by another version of the generator"
                )
            yield frames


def of_generator(
    source: ClipSource, *, context: int, horizon: int, count: int, split: Split = "test"
) -> GeneratedManifest:
    """Names the first ``count`` clips of a held-out split, those that ``source.held_out`` gives.

    Args:
        source: a :class:`MovingBall` or a :class:`MovingMNIST`.
        context, horizon: frames to watch and to predict; a clip has both.

    Raises:
        DataError: a number cannot be, training sees the split, or the source is no generator.
    """
    check_numbers(context=context, horizon=horizon, clips=count)
    check_held_out(split)
    if not isinstance(source, MovingBall | MovingMNIST):
        raise DataError(f"{source.name} is no generator of clips")
    length = context + horizon
    digits = source.digits if isinstance(source, MovingMNIST) else None
    return GeneratedManifest(
        name=source.name,
        generator="moving-ball" if isinstance(source, MovingBall) else "moving-mnist",
        ball=source.config if isinstance(source, MovingBall) else None,
        mnist=source.config if isinstance(source, MovingMNIST) else None,
        digits=None if digits is None else digits.name,
        digits_sha256=None if digits is None else digits.sha256(),
        split=split,
        context=context,
        horizon=horizon,
        clips=tuple(
            GeneratedClip(
                number=number,
                length=length,
                sha256=_sha256(_frames(source, split, number, length)),
            )
            for number in range(count)
        ),
    )


def _frames(source: MovingBall | MovingMNIST, split: Split, number: int, length: int) -> np.ndarray:
    return source.held_out_clip(split, number, clip_length=length).video[0]


def _sha256(frames: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest()


def _shown(value: object) -> object:
    return f"({', '.join(map(str, value))})" if isinstance(value, list) else value
