"""What every manifest is, whatever its clips are named by: clips in an order, and a digest."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlh.data.clips import DataError, Split
from dlh.data.named import manifest_file
from dlh.data.named.manifest_file import check_numbers
from dlh.settings import to_plain


class NamedClip(Protocol):
    """A clip of a manifest; as text it is its frames and where they come from."""

    @property
    def length(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class NamedClips:
    """The part of a manifest that does not depend on how its clips are named.

    Attributes:
        name: of the data set, for people.
        split: the split that all clips are of.
        context: frames of a clip that a model is shown.
        horizon: frames after them, which it predicts.
    """

    name: str
    split: Split
    context: int
    horizon: int

    @property
    def clip_length(self) -> int:
        """context + horizon, frames."""
        return self.context + self.horizon

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: two equal digests are the same clips."""
        return manifest_file.digest(to_plain(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes JSON with the digest in it, as a whole or not at all; an old file is replaced.

        Raises:
            DataError: it cannot be written.
        """
        manifest_file.write(Path(path), to_plain(self))

    def check_clips(
        self,
        clips: Sequence[NamedClip],
        *,
        starts: Sequence[int],
        begin: str,
        identities: Sequence[Hashable],
    ) -> None:
        """Raises :class:`DataError` for clips that cannot be, or for none.

        Args:
            clips: of this manifest, in their order.
            starts: of each clip the number that counts from 0.
            begin: what that number should have been, for the message.
            identities: of each clip what no other clip shares.
        """
        check_numbers(context=self.context, horizon=self.horizon)
        if not clips:
            raise DataError("a manifest holds at least one clip")
        for clip, start in zip(clips, starts, strict=True):
            if clip.length != self.clip_length or start < 0:
                raise DataError(
                    f"a clip is {self.clip_length} frames (context {self.context} + horizon "
                    f"{self.horizon}) {begin}, found {clip}"
                )
        if len(set(identities)) < len(clips):
            raise DataError("a manifest holds no clip twice")
