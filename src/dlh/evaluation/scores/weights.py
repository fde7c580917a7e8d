"""Weights of the networks that scores need: found, fetched by checksum, read, and checked.

Nothing is fetched unless that is asked for: an evaluation without a network says what is missing
and computes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlh.data.clips import DataError
from dlh.data.fetch.download import fetch
from dlh.data.fetch.remote import Remote, sha256_of
from dlh.evaluation.scores.frames import NotComputed
from dlh.files.writing import cache_folder

FOLDER = "weights"
"""In the cache."""


class WeightsError(DataError):
    """A file of weights that was named and cannot be used; the message says what to do."""

    code = "score-weights"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A score that needs a network: what it takes, and its weights as their authors published them.

    Attributes:
        score: its name.
        files: all of them are needed.
        option: of the command line, which names files that one has.
        licence: for whoever fetches them.
        side: the least height and width of a frame.
        frames: the fewest frames of a video.
    """

    score: str
    files: tuple[Remote, ...]
    option: str
    licence: str
    side: int = 1
    frames: int = 1

    def check(self, shape: Sequence[int]) -> None:
        """Raise :class:`NotComputed` unless videos of this shape have the score.

        Args:
            shape: (..., time, channel, height, width); where one frame is enough, time may lack.
        """
        channels, height, width = shape[-3:]
        if min(height, width) < self.side:
            raise NotComputed(
                f"{self.score} takes frames of at least {self.side} x {self.side} pixels, found "
                f"{height} x {width}"
            )
        if self.frames > 1 and shape[-4] < self.frames:
            raise NotComputed(
                f"{self.score} takes videos of at least {self.frames} frames, found {shape[-4]}"
            )
        if channels not in (1, 3):
            raise NotComputed(f"{self.score} takes 1 or 3 channels, found {channels}")

    def find(
        self,
        given: Sequence[Path] = (),
        *,
        download: bool = False,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> list[Path]:
        """The files that were given, else those in the cache, else fetched ones if that was asked.

        Raises:
            WeightsError: a given file is not there.
            NotComputed: they are not here, or what is here or came is not what was published.
        """
        if given:
            self.check_given(given)
            return list(given)
        folder = cache_folder() / FOLDER
        try:
            missing = [file for file in self.files if not (folder / file.file).exists()]
            if missing and not download:
                size = sum(file.size or 0 for file in missing) / 1e6
                raise NotComputed(
                    f"its weights are not here; --download-weights fetches them ({size:.0f} MB), "
                    f"{self.option} names a file"
                )
            if missing:
                folder.mkdir(parents=True, exist_ok=True)
            return [fetch(file, folder, progress=progress) for file in self.files]
        except DataError as error:
            raise NotComputed(" ".join(str(error).split())) from error
        except OSError as error:
            raise NotComputed(f"{folder} cannot be used: {error.strerror or error}") from error

    def check_given(self, given: Sequence[Path]) -> None:
        """Raises :class:`WeightsError` for a given file that is not there."""
        for path in given:
            if not path.is_file():
                raise WeightsError(
                    f"there is no file {path}, which was to hold the weights of {self.score}"
                )


def read_tensors(paths: Sequence[Path]) -> dict[str, Tensor]:
    """All tensors of some files by name, float32 on the CPU.

    A file is safetensors, or what ``torch.save`` wrote of a dictionary of tensors.

    Raises:
        WeightsError: a file is cut off, damaged, or something else.
    """
    tensors: dict[str, Tensor] = {}
    for path in paths:
        for name, value in _read(path).items():
            if isinstance(value, Tensor):
                tensors[name] = value.float() if value.is_floating_point() else value
    return tensors


def take(
    tensors: Mapping[str, Tensor],
    shapes: Mapping[str, Sequence[int]],
    *,
    what: str,
    paths: Sequence[Path],
) -> dict[str, Tensor]:
    """The tensors of the given names, each of its shape, all finite.

    Raises:
        WeightsError: one is missing, or another one; the first is named.
    """
    where = " and ".join(map(str, paths))
    missing = [name for name in shapes if name not in tensors]
    if missing:
        raise WeightsError(
            f"{where} does not hold the weights of {what}: {len(missing)} of {len(shapes)} tensors "
            f"are missing, {missing[0]} for one"
        )
    for name, shape in shapes.items():
        found = tensors[name]
        if tuple(found.shape) != tuple(shape):
            raise WeightsError(
                f"{where} does not hold the weights of {what}: {name} has shape "
                f"{tuple(found.shape)}, expected {tuple(shape)}"
            )
        if not torch.isfinite(found).all():
            raise WeightsError(f"{where}: {name} is not finite; get the file again")
    return {name: tensors[name] for name in shapes}


def digests(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of each file."""
    return [sha256_of(path) for path in paths]


def _read(path: Path) -> Mapping[str, Any]:
    damaged = f"the weights in {path} cannot be read: the file is cut off, damaged, or holds no "
    damaged += "dictionary of tensors (safetensors, or torch.save of a state dict); get it again"
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of zip, pickle, safetensors and torch, each with errors of its own
        raise WeightsError(damaged) from error
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping):
        raise WeightsError(damaged)
    return found
