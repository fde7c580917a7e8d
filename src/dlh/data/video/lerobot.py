"""Data sets of LeRobot (formats 2 and 3), read from their files: parquet, and mp4 or pictures.

Format 2 has a parquet file and one mp4 of each camera for each episode; format 3 puts several
episodes into one file, and ``meta/episodes`` says where each is. Its library is not needed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dlh.data.clips import DataError
from dlh.data.reading import reading
from dlh.data.video.frames import Frames, Pictures
from dlh.data.video.resize import Resizer, Target
from dlh.data.video.retime import retime
from dlh.data.video.video_file import VideoFile, open_stream

INFO = Path("meta") / "info.json"


@dataclass(frozen=True, kw_only=True)
class LeRobot:
    """One camera of a data set.

    Attributes:
        root: its folder.
        info: what ``meta/info.json`` says.
        camera: the name of its feature.
        said: what was recognised, and what is ignored.
    """

    root: Path
    info: dict[str, Any]
    camera: str
    said: str

    @staticmethod
    def is_at(root: Path) -> bool:
        """Whether the folder is such a data set."""
        return (root / INFO).is_file()

    @classmethod
    def open(cls, root: Path, *, camera: str | None = None) -> LeRobot:
        """Read what it says of itself.

        Args:
            root: its folder.
            camera: the feature with the frames, whole or its last part; None takes the first.

        Raises:
            DataError: it cannot be read, is of another format, or has no such camera.
        """
        with reading(root / INFO):
            text = (root / INFO).read_text("utf-8")
        try:
            info = json.loads(text)
            version = str(info["codebase_version"])
            features = {n: f["dtype"] for n, f in info["features"].items()}
            info["fps"] = float(info["fps"])
            str(info["data_path"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{root / INFO} does not describe a data set of LeRobot ({error!r})"
            ) from None
        if version.lstrip("v").partition(".")[0] not in ("2", "3"):
            raise DataError(
                f"{root} is of LeRobot's format {version}; the formats 2 and 3 are read, and "
                "LeRobot converts older ones"
            )
        cameras = [name for name, dtype in features.items() if dtype in ("video", "image")]
        if not cameras:
            raise DataError(f"{root} has no camera; its features are {', '.join(features)}")
        named = [n for n in cameras if camera in (None, n, n.rpartition(".")[2])]
        if not named:
            raise DataError(
                f"{root} has no camera {camera!r} (--key); it has {', '.join(cameras)}",
                code="no-key",
            )
        others = ""
        if len(cameras) > 1:
            others = f" of {len(cameras)} ({', '.join(cameras)}; --key names another)"
        return cls(
            root=root,
            info=info,
            camera=named[0],
            said=f"LeRobot {version}: camera {named[0]}{others} at {info['fps']:g} frames a "
            "second; actions, states and all other features are ignored",
        )

    @property
    def is_of_films(self) -> bool:
        """Whether the camera's frames are mp4 files, and not pictures in parquet files."""
        return self.info["features"][self.camera]["dtype"] == "video"

    def files(self) -> dict[int, tuple[Path, ...]]:
        """Of each episode, by its number, the file with its frames."""
        return {number: (place.file,) for number, place in self._places.items()}

    def frames(self, number: int, target: Target) -> Frames:
        """The frames of an episode.

        Raises:
            DataError: they cannot be read.
        """
        place = self._places[number]
        if not self.is_of_films:
            rate = Fraction(self.info["fps"]).limit_denominator(1001)
            pictures = self._pictures(place.file, number)
            return Pictures(
                place.file, target, pictures, delays=[1 / rate] * place.length,
                expected_frames=None if target.fps else place.length,
            )  # fmt: skip
        if place.seconds is None:
            return VideoFile(place.file, target)
        return FilmPart(place.file, target, *place.seconds, fps=self.info["fps"])

    @cached_property
    def _places(self) -> dict[int, _Place]:
        path = str(self.info.get("video_path") if self.is_of_films else self.info["data_path"])
        places = {}
        for row in self._episodes():
            number = int(row["episode_index"])
            chunk = number // int(self.info.get("chunks_size", 1000))
            seconds = None
            if "data/chunk_index" in row:  # format 3
                prefix = f"videos/{self.camera}" if self.is_of_films else "data"
                chunk, file = (row[f"{prefix}/{part}_index"] for part in ("chunk", "file"))
                if self.is_of_films:
                    seconds = (row[f"{prefix}/from_timestamp"], row[f"{prefix}/to_timestamp"])
            else:
                file = number
            try:
                name = path.format(
                    episode_chunk=chunk, episode_index=number, video_key=self.camera,
                    chunk_index=chunk, file_index=file,
                )  # fmt: skip
            except (KeyError, IndexError, ValueError, AttributeError):
                raise DataError(
                    f"{self.root / INFO} has a path of unknown form: {path!r}"
                ) from None
            place = (self.root / name).resolve()
            if not place.is_relative_to(self.root.resolve()):
                raise DataError(f"{self.root / INFO} names a file outside its folder: {name!r}")
            places[number] = _Place(file=place, length=int(row["length"]), seconds=seconds)
        return places

    def _episodes(self) -> Iterator[dict[str, Any]]:
        """A row of each episode: its number, its length, and in format 3 where it is."""
        lines = self.root / "meta" / "episodes.jsonl"
        if lines.is_file():
            with reading(lines):
                text = lines.read_text("utf-8")
            try:
                yield from map(json.loads, filter(None, text.splitlines()))
            except ValueError as error:
                raise DataError(f"{lines} is not JSON lines ({error})") from None
            return
        tables = sorted((self.root / "meta" / "episodes").rglob("*.parquet"))
        if not tables:
            raise DataError(
                f"{self.root} lists no episodes: expected meta/episodes or {lines.name}"
            )
        prefix = f"videos/{self.camera}/"
        for table in tables:
            columns = [
                name
                for name in _parquet().read_schema(table).names
                if name in ("episode_index", "length") or name.startswith((prefix, "data/"))
            ]
            yield from _read(table, columns).to_pylist()

    def _pictures(self, file: Path, number: int) -> Iterator[np.ndarray]:
        from PIL import Image

        table = _read(file, [self.camera, "episode_index"], episode=number)
        for value in table[self.camera].to_pylist():
            try:
                with Image.open(io.BytesIO(value["bytes"])) as picture:
                    yield np.asarray(picture.convert("RGB"))
            except (OSError, TypeError, KeyError, ValueError) as error:
                raise DataError(f"{file} has a picture that cannot be read ({error})") from None


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where an episode is: ``seconds`` of a film that holds others too, (from, to)."""

    file: Path
    length: int
    seconds: tuple[float, float] | None


class FilmPart(Frames):
    """The frames of a film from one time to another, in seconds; the second is not included."""

    def __init__(self, path: Path, target: Target, begin: float, end: float, *, fps: float) -> None:
        rate = Fraction(fps).limit_denominator(1001)
        super().__init__(path, target, float(target.rate or rate))
        self.source_fps, self._rate = float(rate), rate
        # Halfway between two frames: time stamps are rounded.
        self._begin = Fraction(begin) - 1 / (2 * rate)
        self._end = Fraction(end) - 1 / (2 * rate)

    def __iter__(self) -> Iterator[np.ndarray]:
        resizer, found = Resizer(self.target), False
        timed = self._decoded()
        if (rate := self.target.rate) is not None:
            timed = retime(timed, fps=rate, lasts=lambda: 1 / self._rate, notes=self.notes)
        for time, frame in timed:
            found = True
            self.source_size = self.source_size or (frame.width, frame.height)
            self.times.append(float(time))
            yield resizer(frame)
        if not found:
            raise DataError(
                f"{self.path} has no frame from {float(self._begin):.2f} s to "
                f"{float(self._end):.2f} s, where the episode is said to be"
            )

    def _decoded(self) -> Iterator[tuple[Fraction, Any]]:
        import av

        container, stream = open_stream(self.path)
        tick = stream.time_base or Fraction(1, av.time_base)
        with container:
            try:
                container.seek(int(max(self._begin, 0) / tick), stream=stream)
                for frame in container.decode(stream):
                    time = Fraction(frame.pts or 0) * tick
                    if time >= self._end:
                        return
                    if time >= self._begin:
                        yield time, frame
            except av.error.FFmpegError as error:
                raise DataError(f"{self.path} is damaged ({error})") from None


def _parquet() -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(
            "this data set of LeRobot has parquet files, and pyarrow is not installed: "
            "pip install 'dlh[lerobot]'",
            code="missing-extra",
        ) from None
    return parquet


def _read(file: Path, columns: Sequence[str], *, episode: int | None = None) -> Any:
    parquet = _parquet()
    chosen = None if episode is None else [("episode_index", "=", episode)]
    try:
        return parquet.read_table(file, columns=list(columns), filters=chosen)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors are among them
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{file} cannot be read ({reason})") from None
