"""The folder of an evaluation: its results, never lost to others, and what is known so far."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlh.errors import OutputError, UsageError
from dlh.evaluation.protocol import Protocol, differences
from dlh.files import strict_json
from dlh.files.atomic import write_atomically
from dlh.files.os_errors import os_errors_as
from dlh.files.outputs import make_folder, write_bytes
from dlh.settings import SettingsError, from_plain

SCORES, CURVES = "scores.json", "curves.json"
PARTIAL = "partial"

ClipArrays = dict[str, np.ndarray]
"""What is known of a clip, by name."""


def write_result(path: Path, content: Mapping[str, Any]) -> None:
    """Raises OutputError where it cannot be written."""
    write_bytes(path, (strict_json.dumps(content, indent=1) + "\n").encode())


def read_scores(path: Path) -> tuple[Protocol, dict[str, Any]]:
    """The protocol and all of a scores.json, or of the one in a folder.

    Raises:
        UsageError: there is none, or it is something else.
    """
    path = path / SCORES if path.is_dir() else path
    try:
        scores = json.loads(path.read_text("utf-8"))
        # Scores written before models said how their predictions got into [0, 1] do not say it.
        model = {"to_unit_range": ""} | scores["protocol"]["model"]
        saved = scores["protocol"] | {"model": model}
        return from_plain(Protocol, saved, name="protocol"), scores
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}; `dlh evaluate` writes {SCORES}"
        ) from None
    except SettingsError as error:
        raise UsageError(f"{path}: {error}; it was edited or is of another version") from None
    except (ValueError, TypeError, KeyError):
        raise UsageError(f"{path} holds no scores; `dlh evaluate` writes {SCORES}") from None


def check_folder(out: Path) -> None:
    """Raises UsageError for a name that cannot be a folder's."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder for the scores")


def claim_folder(out: Path, protocol: Protocol) -> None:
    """Make the folder, and refuse one that holds the scores of something else.

    Raises:
        UsageError: it does.
        OutputError: nothing can be written there.
    """
    if (out / SCORES).exists():
        there, _ = read_scores(out)
        if there.digest() != protocol.digest():
            found = differences(protocol, there)
            if there.model != protocol.model:
                found.append(f"model: {protocol.model.name} and {there.model.name}")
            raise UsageError(
                f"{out} holds other scores ({'; '.join(found) or 'of other software'}): choose "
                "another --out, or move them"
            )
    make_folder(out)


@dataclass(frozen=True)
class Parts:
    """What is known of every clip so far, a file for each, in a folder named by the protocol.

    A file is written whole or not at all; one that cannot be read is computed again.
    """

    folder: Path

    @classmethod
    def of(cls, out: Path, protocol: Protocol) -> Parts:
        return cls(out / PARTIAL / protocol.digest()[:16])

    def read(self, clip: int) -> ClipArrays | None:
        """None where the clip is not scored yet."""
        try:
            with np.load(self._path(clip)) as arrays:
                return dict(arrays)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def write(self, clip: int, arrays: ClipArrays) -> None:
        """Raises OutputError where that cannot be."""
        content = io.BytesIO()
        np.savez(content, **arrays)  # ty: ignore[invalid-argument-type]
        with os_errors_as(OutputError, f"cannot write {self._path(clip)}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path(clip), content.getbuffer())

    def remove(self) -> None:
        """All parts, of this protocol and of others that were given up."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    def _path(self, clip: int) -> Path:
        return self.folder / f"clip-{clip:05d}.npz"
