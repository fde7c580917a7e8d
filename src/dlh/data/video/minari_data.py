"""Data sets of Minari, read by its library: the frames among the observations of each episode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.arrays import ArrayForm, Layout, chosen_array, is_of_bytes, stored
from dlh.data.video.frames import Frames, Pictures
from dlh.data.video.resize import Target

METADATA = Path("data") / "metadata.json"


@dataclass(frozen=True, kw_only=True)
class MinariData:
    """The frames in a data set.

    Attributes:
        root: its folder, which has the folder ``data``.
        opened: by the library.
        key: which of the observations are frames; empty where they are all there is.
        form: what is known of them.
        said: what was recognised, and what is ignored.
    """

    root: Path
    opened: Any
    key: str
    form: ArrayForm
    said: str

    @staticmethod
    def is_at(root: Path) -> bool:
        """Whether the folder is such a data set."""
        return (root / METADATA).is_file()

    @classmethod
    def open(cls, root: Path, form: ArrayForm) -> MinariData:
        """Open it, and find the frames.

        Raises:
            DataError: it cannot be read, has no frames, or the library is not installed (code
                "missing-extra").
        """
        try:
            import minari
        except ImportError:
            raise DataError(
                f"{root} is a data set of Minari, and its library is not installed: pip install "
                "'dlh[minari]'",
                code="missing-extra",
            ) from None
        try:
            opened = minari.MinariDataset(root / METADATA.parent)
            first = next(iter(opened.iterate_episodes([int(opened.episode_indices[0])])))
        except Exception as error:  # whatever its library, h5py or gymnasium raise
            raise DataError(f"{root} cannot be read by Minari ({error})") from error
        arrays = dict(_arrays(first.observations))
        try:
            names = [n for n in arrays if n == form.key or _is_video(arrays[n], form)]
            if not names:
                shapes = ", ".join(f"{n or 'observations'} {a.shape}" for n, a in arrays.items())
                raise DataError(f"has no frames among its observations: {shapes}")
            key, chosen = chosen_array(names, form.key) if names != [""] else ("", None)
            Layout.of(arrays[key].shape, arrays[key].dtype, form)
        except DataError as error:
            raise DataError(f"{root} {error}", code=error.code) from None
        said = chosen or f"frames are {key or 'the observations'}"
        return cls(
            root=root,
            opened=opened,
            key=key,
            form=form,
            said=f"Minari {minari.__version__}: {said}; actions, rewards and all other "
            "observations are ignored",
        )

    def files(self) -> dict[int, tuple[Path, ...]]:
        """The files with the frames of each episode, by its number: those of all."""
        folder = self.root / METADATA.parent
        data = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
        return dict.fromkeys(map(int, self.opened.episode_indices), data)

    def frames(self, number: int, target: Target) -> Frames:
        """The frames of an episode.

        Raises:
            DataError: they cannot be read.
        """
        path = self.root / f"episode_{number:06d}"
        kind = "recordings of Minari" if number == self.opened.episode_indices[0] else None
        return Pictures(path, target, self._pictures(number, path), kind=kind)

    def _pictures(self, number: int, path: Path) -> Iterator[np.ndarray]:
        try:
            (episode,) = self.opened.iterate_episodes([number])
        except Exception as error:  # whatever its library, h5py or gymnasium raise
            raise DataError(f"{path} cannot be read by Minari ({error})") from error
        array = dict(_arrays(episode.observations))[self.key]
        layout = Layout.of(array.shape, array.dtype, self.form)
        frames = array.reshape(-1, *layout.frame_shape)
        scale = self.form.scale
        if scale is None and is_of_bytes(frames[0]):
            scale = 255.0
        for frame in frames:
            yield stored(layout.upright(frame), str(path), scale=scale)


def _is_video(array: np.ndarray, form: ArrayForm) -> bool:
    """Whether it can be frames: a vector of numbers for each step cannot."""
    if array.ndim < 3:
        return False
    try:
        Layout.of(array.shape, array.dtype, form)
    except DataError:
        return False
    return True


def _arrays(observations: Any, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """The arrays among observations, which may be nested, by their names with slashes."""
    if isinstance(observations, Mapping):
        for key, value in observations.items():
            yield from _arrays(value, f"{name}/{key}" if name else str(key))
    elif isinstance(observations, tuple):
        for key, value in enumerate(observations):
            yield from _arrays(value, f"{name}/{key}" if name else str(key))
    else:
        yield name, np.asarray(observations)
