"""The work of an evaluation, clip by clip: in this process or in several, kept as it comes.

What is known of a clip is a function of the protocol and the clip, so it does not matter who
computes it, when, or whether anything was interrupted in between.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import shutil
import signal
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from dlh.errors import OutputError
from dlh.evaluation.protocol import Protocol
from dlh.evaluation.rows import MODEL, Row
from dlh.evaluation.scoring import Evaluation, FutureReader, Stopwatch, draw_all
from dlh.files.npz import writing_arrays
from dlh.files.writing import os_errors_as, write_atomically
from dlh.video import channels_last

MOST_PROCESSES = 8
PARTIAL = "partial"

ClipArrays = dict[str, np.ndarray]
"""The scores of a clip, by name."""

Reopen = Callable[[torch.device | None], Evaluation]
"""Opens the evaluation in another process, on a device; it can be pickled."""


@dataclass(frozen=True)
class Parts:
    """What is known of every clip so far, a file for each, in a folder named by the protocol.

    A file is written whole or not at all; one that cannot be read is computed again.
    """

    folder: Path

    @classmethod
    def of(cls, out: Path, protocol: Protocol, reader: FutureReader | None = None) -> Parts:
        """Of what is read too, where something is."""
        also = "" if reader is None else f"-{Path(reader.file).stem}"
        return cls(out / PARTIAL / (protocol.digest()[:16] + also))

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


def default_processes(device: torch.device) -> int:
    """As many as there are processor cores, at most MOST_PROCESSES; one on a GPU."""
    if device.type != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, MOST_PROCESSES))


def score_all(
    evaluation: Evaluation,
    protocol: Protocol,
    parts: Parts,
    *,
    processes: int,
    reopen: Reopen,
) -> tuple[list[ClipArrays], dict[str, float]]:
    """The scores of all clips in their order, and the seconds that the model's row took by part.

    Args:
        evaluation: opened in this process.
        protocol: of the scores.
        parts: where what is known of each clip is kept.
        processes: in how many it is done.
        reopen: opens the evaluation in each of them, where they are several.

    Raises:
        OutputError: a part cannot be written.
        KeyboardInterrupt: somebody stopped it; the parts that are done are kept.
    """
    count = protocol.data.clips
    missing = [clip for clip in range(count) if parts.read(clip) is None]
    seconds: dict[str, float] = defaultdict(float)
    processes = min(processes, len(missing))
    one_by_one = processes <= 1
    work = (
        _here(evaluation, protocol, parts, missing)
        if one_by_one
        else _elsewhere(reopen, protocol, parts, missing, processes)
    )
    with (
        contextlib.closing(work),
        tqdm(
            total=count, initial=count - len(missing), unit="clip", leave=False, disable=None
        ) as bar,
    ):
        for took in work:
            for name, value in took.items():
                seconds[name] += value
            bar.update()
    found = []
    for clip in range(count):
        arrays = parts.read(clip)
        if arrays is None:
            raise OutputError(
                f"the scores of clip {clip} in {parts.folder} are gone; run the command again"
            )
        found.append(arrays)
    return found, seconds


@contextlib.contextmanager
def one_thread(device: torch.device) -> Generator[None]:
    """On the processor every process computes with one thread, so that the last bits of a number do
    not depend on how many there are.
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _here(
    evaluation: Evaluation, protocol: Protocol, parts: Parts, clips: list[int]
) -> Generator[dict[str, float]]:
    with one_thread(evaluation.device):
        for clip in clips:
            watch = Stopwatch()
            parts.write(clip, evaluation.score(clip, protocol, watch))
            yield watch.seconds


def _elsewhere(
    reopen: Reopen, protocol: Protocol, parts: Parts, clips: list[int], processes: int
) -> Generator[dict[str, float]]:
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        tasks = [pool.submit(_score, reopen, protocol, parts, clip) for clip in clips]
        for task in as_completed(tasks):
            yield task.result()
        pool.shutdown()
    except BrokenProcessPool:
        raise OutputError(
            "a process of the evaluation was killed, perhaps for lack of memory; what is done is "
            "kept; continue with the same command and a smaller --num-processes"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
            process.join()


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began this one is told
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    """Ends this process with the one that began it, which a kill does not let clean up: the pool by
    itself would wait for work for ever.
    """
    parent.join()
    os._exit(1)


def _score(reopen: Reopen, protocol: Protocol, parts: Parts, clip: int) -> dict[str, float]:
    evaluation, watch = _opened(reopen, clip), Stopwatch()
    parts.write(clip, evaluation.score(clip, protocol, watch))
    return dict(watch.seconds)


_OPENED: list[Evaluation] = []


def _opened(reopen: Reopen, clip: int) -> Evaluation:
    """The evaluation of this process, opened for its first clip; on the GPUs in turn."""
    if not _OPENED:
        device = None
        if (gpus := torch.cuda.device_count()) > 1:
            device = torch.device("cuda", clip % gpus)
        _OPENED.append(reopen(device))
    return _OPENED[0]


def futures_of_clip(
    evaluation: Evaluation, protocol: Protocol, clip: int
) -> Iterator[torch.Tensor]:
    """The futures of the model's row again, block by block, exactly those that were scored."""
    row = evaluation.rows[MODEL]
    assert isinstance(row, Row)
    context, _, _ = evaluation.tensors(clip)
    with one_thread(evaluation.device):
        yield from draw_all(row, clip, context, protocol)


def save_predictions(
    evaluation: Evaluation, protocol: Protocol, path: Path, *, clips: int, samples: int
) -> None:
    """The futures of the first clips in the format of `dlh predict --save`, float32 in [0, 1].

    Args:
        samples: as many as the model gave of each clip.

    Raises:
        OutputError: it cannot be written.
    """
    channels, height, width = protocol.data.frame_shape
    frame = (height, width, channels)

    def futures() -> Iterator[np.ndarray]:
        for clip in tqdm(range(clips), unit="clip", leave=False, disable=None):
            for frames in futures_of_clip(evaluation, protocol, clip):
                yield channels_last(frames)

    def shown(part: str) -> Iterator[np.ndarray]:
        for clip in range(clips):
            yield channels_last(getattr(evaluation.clips.read(clip), part))

    with os_errors_as(OutputError, f"cannot write {path}"), writing_arrays(path) as file:
        file.write("samples", (clips, samples, protocol.horizon, *frame), futures())
        if protocol.context is not None:
            file.write("context", (clips, protocol.context, *frame), shown("context"))
        file.write("truth", (clips, protocol.horizon, *frame), shown("truth"))
