"""A run in files of limited size, from which it goes on elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from dlh.errors import OutputError, UsageError
from dlh.files.writing import make_folder, os_errors_as, write_bytes, write_json
from dlh.training.checkpoint import checkpoint_files
from dlh.training.run import EXPERIMENT, STATUS, RunFolder

MOST_BYTES = 15_000_000
"""Of a part."""
INDEX = "parts.json"
KEPT = (EXPERIMENT, STATUS, "metrics.jsonl", "summary.json", "config.json", "model.safetensors")
"""Of a run, where it has them, beside its newest checkpoint."""


def pack(run: Path, out: Path, *, most_bytes: int = MOST_BYTES) -> list[Path]:
    """Write a run as parts of one archive, with their checksums in parts.json.

    Args:
        run: finished or interrupted.
        out: the folder of the parts.
        most_bytes: of a part.

    Returns:
        The files, parts.json last.

    Raises:
        UsageError: the run has no checkpoint.
        OutputError: a file cannot be written.
    """
    checkpoints = checkpoint_files(RunFolder(run).checkpoints)
    if not checkpoints:
        raise UsageError(f"{run} has no checkpoint, so nothing of it can go on")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in (*(run / name for name in KEPT), checkpoints[-1]):
            if path.exists():
                tar.add(path, arcname=path.relative_to(run).as_posix())
    content, parts, written = archive.getbuffer(), [], []
    make_folder(out)
    for number, begin in enumerate(range(0, len(content), most_bytes)):
        part = bytes(content[begin : begin + most_bytes])
        path = out / f"part-{number:03d}"
        write_bytes(path, part)
        parts.append({"file": path.name, "sha256": hashlib.sha256(part).hexdigest()})
        written.append(path)
    write_json(out / INDEX, {"parts": parts})
    return [*written, out / INDEX]


def join(parts: Path, run: Path) -> None:
    """Make the run of its parts again; ``dlh train --resume`` goes on with it.

    Args:
        parts: the folder of parts.json and the parts.
        run: the folder of the run, new.

    Raises:
        UsageError: a part is missing or damaged, or the folder is not new.
        OutputError: the run cannot be written.
    """
    try:
        listed = json.loads((parts / INDEX).read_text("utf-8"))["parts"]
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{parts} has no {INDEX} that can be read ({error})") from None
    if run.exists() and any(run.iterdir()):
        raise UsageError(f"{run} is not empty; name a new folder for the run")
    content = bytearray()
    for part in listed:
        path = parts / part["file"]
        if not path.exists():
            raise UsageError(f"{path} is missing; {INDEX} names {len(listed)} parts")
        read = path.read_bytes()
        if hashlib.sha256(read).hexdigest() != part["sha256"]:
            raise UsageError(
                f"{path} is damaged: its checksum is not that of {INDEX}; copy it again"
            )
        content += read
    with os_errors_as(OutputError, f"cannot write {run}"):
        run.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            tar.extractall(run, filter="data")
