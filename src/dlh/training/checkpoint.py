"""Checkpoints: everything with state, written so that no moment of death loses the run."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from dlh.files.writing import explain, os_errors_as, replacing, write_atomically
from dlh.training.errors import CheckpointError, DamagedCheckpointError

FORMAT = 1
BEST = "best.pt"
"""A copy of the checkpoint that was best so far; it stays when those beside it go."""
_NAME = re.compile(r"step-(\d{7,})\.pt")
# The digest follows the archive that torch.save wrote; torch.load ignores what comes after one, and
# does not check the archive's own checksums: a flipped bit in a weight would go unnoticed.
_MARK = b"\nsha256 "
_TRAILER = len(_MARK) + hashlib.sha256().digest_size * 2


class Stateful(Protocol):
    """What can be registered: modules, optimizers, and the training room's own counters."""

    def state_dict(self) -> Mapping[str, Any]: ...

    def load_state_dict(self, state_dict: Any, /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Restored:
    """Which checkpoint was loaded.

    Attributes:
        step: updates done when it was written.
        path: the file.
        message: which newer checkpoints were damaged and passed over, for the person; None where
            none was.
    """

    step: int
    path: Path
    message: str | None = None


class Checkpoints:
    """The checkpoints of one run, and the registry of what goes into them."""

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        """Keep the newest ``keep`` files (``step-0000600.pt``) in ``folder``, made when needed."""
        self.folder, self.keep = folder, keep
        self._registry: dict[str, Stateful] = {}

    def register(self, name: str, thing: Stateful) -> None:
        """Save and restore this too; its state holds tensors and plain values only."""
        if name in self._registry:
            raise ValueError(f"{name!r} is registered already")
        self._registry[name] = thing

    def files(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return checkpoint_files(self.folder)

    def save(self, step: int) -> Path:
        """Write the state of everything registered, then drop the oldest checkpoints.

        Raises:
            CheckpointError: it could not be written. The checkpoints before it are as they were.
        """
        path = self.folder / f"step-{step:07d}.pt"
        state = {name: thing.state_dict() for name, thing in self._registry.items()}
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, "step": step, "state": state}, buffer)
        archive = buffer.getbuffer()
        digest = _MARK + hashlib.sha256(archive).hexdigest().encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, archive, digest)
        except OSError as error:
            earlier = [file.name for file in self.files()]
            kept = f"{earlier[-1]} is untouched" if earlier else "there is none before it"
            raise CheckpointError(
                f"cannot write the checkpoint {path}: {explain(error)} ({kept})"
            ) from error
        for old in self.files()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def keep_as_best(self, step: int) -> Path:
        """Keep the checkpoint of this step, written now if it is not there, as ``best.pt`` too.

        It is the same file under a second name where the file system has such, so it costs nothing
        until the first name goes.

        Raises:
            CheckpointError: it could not be written. The best one before it is as it was.
        """
        source, best = self.folder / f"step-{step:07d}.pt", self.folder / BEST
        if not source.exists():
            self.save(step)
        with (
            os_errors_as(CheckpointError, f"cannot write the checkpoint {best}"),
            replacing(best) as temporary,
        ):
            try:
                os.link(source, temporary)
            except OSError:  # a file system without links
                shutil.copyfile(source, temporary)
        return best

    def best_step(self) -> int | None:
        """The step of the checkpoint in ``best.pt``; None where there is none, or a damaged one.

        Raises:
            CheckpointError: it cannot be read, or is of another version of the format.
        """
        best = self.folder / BEST
        if not best.exists():
            return None
        try:
            return _read(best)["step"]
        except DamagedCheckpointError:
            return None

    def load_newest(self) -> Restored | None:
        """Restore everything registered from the newest usable checkpoint.

        A damaged one is passed over for the one before it, said in the result's message, and
        renamed to ``*.damaged`` so that it does not count as one of those that are kept. The last
        resort is ``best.pt``. None where there is no checkpoint at all.

        Raises:
            CheckpointError: no checkpoint is usable, or it holds something else than what is
                registered.
        """
        damaged: list[tuple[Path, str]] = []
        best = self.folder / BEST
        for path in (*reversed(self.files()), *([best] if best.exists() else [])):
            try:
                saved = _read(path)
            except DamagedCheckpointError as error:
                damaged.append((path, str(error)))
                continue
            self._restore(saved["state"], path)
            for old, _ in damaged:
                os.replace(old, old.with_name(old.name + ".damaged"))
            reasons = "; ".join(reason for _, reason in damaged)
            message = f"{reasons}; going on from {path.name}" if damaged else None
            return Restored(step=saved["step"], path=path, message=message)
        if damaged:
            reasons = "; ".join(reason for _, reason in damaged)
            raise CheckpointError(
                f"no checkpoint in {self.folder} is usable: {reasons}; start the run afresh"
            )
        return None

    def _restore(self, state: Mapping[str, Any], path: Path) -> None:
        advice = "resume it with the version of dlh and the settings it was written with"
        if state.keys() != self._registry.keys():
            raise CheckpointError(
                f"the checkpoint {path} holds {sorted(state)}, this run has "
                f"{sorted(self._registry)}; {advice}"
            )
        for name, thing in self._registry.items():
            try:
                thing.load_state_dict(state[name])
            except (RuntimeError, ValueError, KeyError, TypeError) as error:
                reason = " ".join(str(error).split())[:300]
                raise CheckpointError(
                    f"the {name} in the checkpoint {path} does not fit this run's: {reason}; "
                    f"{advice}"
                ) from error


def checkpoint_files(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; none where there is no folder."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted((path for path in found if _NAME.fullmatch(path.name)), key=_step)


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint in a folder; 0, where training starts, without one."""
    files = checkpoint_files(folder)
    return _step(files[-1]) if files else 0


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The verified state of a checkpoint, by registered name, with its tensors on the CPU.

    Raises:
        DamagedCheckpointError: the file is cut off, or not what was written.
        CheckpointError: it cannot be read, or is of another version of the format.
    """
    return _read(path)["state"]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except PermissionError as error:
        raise CheckpointError(f"cannot read the checkpoint {path}: {explain(error)}") from error
    except OSError as error:  # a bad sector, for example: an older checkpoint may still be readable
        raise DamagedCheckpointError(f"{path.name} cannot be read: {explain(error)}") from error
    archive, trailer = memoryview(content)[:-_TRAILER], content[-_TRAILER:]
    if not trailer.startswith(_MARK):
        raise DamagedCheckpointError(
            f"{path.name} is damaged: it was cut off (its {len(content)} bytes end in no checksum)"
        )
    # Verified before it is unpickled: a damaged archive could ask for any amount of memory.
    if trailer[len(_MARK) :] != hashlib.sha256(archive).hexdigest().encode():
        raise DamagedCheckpointError(
            f"{path.name} is damaged: its {len(content)} bytes do not match its checksum"
        )
    try:
        saved = torch.load(io.BytesIO(archive), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"the checkpoint {path} holds something else than tensors and plain values, "
            "which dlh neither writes nor loads; use a checkpoint that dlh has written"
        ) from error
    if saved["format"] != FORMAT:
        raise CheckpointError(
            f"the checkpoint {path} has format {saved['format']}, this version of dlh reads format "
            f"{FORMAT}; use the version of dlh it was written with"
        )
    if "step" not in saved:  # as files were written before best.pt, whose name says no step
        saved["step"] = _step(path)
    return saved


def _step(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match.group(1))
