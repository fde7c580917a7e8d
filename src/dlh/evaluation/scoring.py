"""How a clip is scored: with which metrics, a block of futures at a time, under every row.

No more than one block of futures is ever in memory.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from typing import Protocol as Form

import numpy as np
import torch
from torch import Tensor

from dlh.data.clips import Clips
from dlh.evaluation.clips import EvaluatedClips, identify
from dlh.evaluation.events import count_events
from dlh.evaluation.futures import FutureScores, curves_of, energy_score, energy_terms
from dlh.evaluation.protocol import MetricSpec, Protocol, ScoredModel, samples_per_draw
from dlh.evaluation.rows import MODEL, ROWS, Row, Rows, clip_generator, draw
from dlh.evaluation.scores import fvd, lpips
from dlh.evaluation.scores.frames import METRICS, Metric, NotComputed
from dlh.evaluation.scores.fvd import FVD, FrechetVideo
from dlh.interfaces import TrainableModel
from dlh.version import __version__

ENERGY, DIVERSITY = "energy_score", "diversity"
FEATURES, EVENTS, TRUTH, READ = "features", "events", "truth", "read"
KEPT = ("time_means", "best_sample", "best_curves", "mean_curves")
"""What is kept of a metric, for each clip."""


class Stopwatch:
    """Seconds by name, added up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def measuring(self, name: str) -> Generator[None]:
        """Adds the time that the block takes."""
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start


ReadBlock = Callable[[str, Tensor], Mapping[str, np.ndarray]]
"""Of a row, by name, and a block of its futures, (samples, horizon, channel, height, width): what
is read off them, arrays with an entry for each future; nothing of a row that is not read."""


class FutureReader(Form):
    """Reads something off the futures while they are scored, so that they are drawn once.

    It is sent to the processes that score clips.

    Attributes:
        file: what it finds is written to, among the results.
    """

    @property
    def file(self) -> str: ...

    def of_clip(self, clip: int, context: Tensor, truth: Tensor) -> ReadBlock:
        """What reads the futures of a clip, given as in :func:`score_clip`."""
        ...

    def summarise(self, clips: Sequence[Mapping[str, Mapping[str, np.ndarray]]]) -> dict[str, Any]:
        """What the file holds, from what was read of each clip, by row and name."""
        ...


Progress = Callable[[int, int | None], None]
"""Takes the bytes fetched so far, and how many there are to fetch, if that is known."""


@dataclass(frozen=True, kw_only=True)
class WeightsRequest:
    """Which weights LPIPS and FVD take.

    Attributes:
        lpips, fvd: files that one has; empty for the published ones.
        download: fetch what is not here.
    """

    lpips: tuple[Path, ...] = ()
    fvd: tuple[Path, ...] = ()
    download: bool = False


@dataclass(frozen=True, kw_only=True)
class Scorers:
    """What can be computed of these frames here, and why the rest cannot.

    Attributes:
        metrics: of single frames.
        frechet: of whole videos; None where it is missing.
        missing: name of a metric to the reason.
    """

    metrics: tuple[Metric, ...]
    frechet: FrechetVideo | None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def specs(self) -> tuple[MetricSpec, ...]:
        """For the protocol."""
        specs = [MetricSpec.of(metric) for metric in self.metrics]
        return (*specs, *([] if self.frechet is None else [self.frechet.spec()]))


def open_scorers(
    weights: WeightsRequest,
    *,
    frame_shape: tuple[int, int, int],
    horizon: int,
    device: torch.device,
    progress: Progress | None = None,
) -> Scorers:
    """All metrics that frames of this shape can have.

    Raises:
        WeightsError: a file of weights was named and cannot be used.
    """
    lpips.PUBLISHED.check_given(weights.lpips)
    fvd.PUBLISHED.check_given(weights.fvd)
    metrics, missing, frechet = [], {}, None
    found = {"download": weights.download, "progress": progress}
    frame = torch.zeros(1, *frame_shape, device=device)
    for name, metric in METRICS.items():
        try:
            metric.score(frame, frame)
            metrics.append(metric)
        except NotComputed as error:
            missing[name] = str(error)
    for published in (lpips.PUBLISHED, fvd.PUBLISHED):
        try:
            published.check((horizon, *frame_shape))  # before anything is fetched
            if published is lpips.PUBLISHED:
                metrics.append(lpips.lpips_metric(published.find(weights.lpips, **found), device))
            else:
                frechet = FrechetVideo.load(published.find(weights.fvd, **found), device)
        except NotComputed as error:
            missing[published.score] = str(error)
    return Scorers(metrics=tuple(metrics), frechet=frechet, missing=missing)


@dataclass(frozen=True, kw_only=True)
class ClipScores:
    """Everything that is kept of one clip under one row.

    Attributes:
        metrics: by name; each of this one clip.
        energy, diversity: (horizon,), see :mod:`dlh.evaluation.futures`.
        features: of the first future, for the Frechet distance; None where that is not computed.
    """

    metrics: Mapping[str, FutureScores]
    energy: np.ndarray
    diversity: np.ndarray
    features: np.ndarray | None = None

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As named arrays, to be saved."""
        arrays = {ENERGY: self.energy, DIVERSITY: self.diversity}
        if self.features is not None:
            arrays[FEATURES] = self.features
        for name, scores in self.metrics.items():
            arrays |= {f"{name}/{part}": getattr(scores, part) for part in KEPT}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ClipScores:
        """The inverse of :meth:`to_arrays`."""
        names = dict.fromkeys(name for key in arrays if (name := key.rpartition("/")[0]))
        return cls(
            metrics={
                name: FutureScores(
                    **{part: arrays[f"{name}/{part}"] for part in KEPT},
                    window=arrays[f"{name}/best_curves"].shape[1],
                )
                for name in names
            },
            energy=arrays[ENERGY],
            diversity=arrays[DIVERSITY],
            features=arrays.get(FEATURES),
        )


def score_clip(
    row: Row,
    clip: int,
    context: Tensor,
    truth: Tensor,
    *,
    protocol: Protocol,
    metrics: Sequence[Metric],
    frechet: FrechetVideo | None = None,
    watch: Stopwatch | None = None,
    told: Callable[[Tensor], None] | None = None,
) -> ClipScores:
    """Draw all futures of one clip and score them, a block at a time.

    Args:
        row: what predicts.
        clip: its number.
        context: (context_steps, channel, height, width).
        truth: (horizon, channel, height, width), on the same device.
        protocol: horizon, samples, blocks and seed.
        metrics: per frame.
        frechet: gives the features of the first future.
        watch: is told where the time goes.
        told: is given every block.
    """
    watch = watch or Stopwatch()
    curves = defaultdict(list)
    energies, features = [], None
    for frames in draw_all(row, clip, context, protocol, watch):
        for metric in metrics:
            with watch.measuring(metric.name):
                curves[metric.name].append(curves_of(metric.score, frames, truth))
        with watch.measuring("energy"):
            energies.append(energy_terms(frames, truth))
        if frechet is not None and features is None:
            with watch.measuring(FVD):
                features = frechet.features(frames[:1])[0].double().cpu().numpy()
        if told is not None:
            with watch.measuring(READ):
                told(frames)
    energy, diversity = energy_score(energies)
    return ClipScores(
        metrics={
            metric.name: FutureScores.of(
                np.concatenate(curves[metric.name])[None], higher_is_better=metric.higher_is_better
            )
            for metric in metrics
        },
        energy=energy.numpy(),
        diversity=diversity.numpy(),
        features=features,
    )


def draw_all(
    row: Row, clip: int, context: Tensor, protocol: Protocol, watch: Stopwatch | None = None
) -> Iterator[Tensor]:
    """All futures of a clip, (samples, horizon, channel, height, width), block by block.

    The same call gives the same futures. A deterministic model has a single one.
    """
    watch = watch or Stopwatch()
    for block in protocol.blocks(row.samples):
        with watch.measuring("predict"):
            frames = draw(row, clip, context, block, horizon=protocol.horizon, seed=protocol.seed)
            if frames.device.type == "cuda":
                torch.cuda.synchronize(frames.device)
        yield frames
        if len(frames) < len(block):
            return


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All that scoring a clip takes.

    Attributes:
        clips: what is predicted.
        rows: by name; a text says why there is none.
        scorers: what is computed.
        device: where.
        decides: the model whose events are counted; None where it has none.
        reader: of the futures that are scored; None where nothing is read.
    """

    clips: EvaluatedClips
    rows: Rows
    scorers: Scorers
    device: torch.device
    decides: TrainableModel | None = None
    reader: FutureReader | None = None

    def protocol(self, *, name: str, samples: int, seed: int, model: ScoredModel) -> Protocol:
        """What the results will say of how they came about; reads every clip once."""
        clips = self.clips
        return Protocol(
            name=name,
            data=identify(clips),
            context=clips.context,
            horizon=clips.horizon,
            samples=samples,
            samples_per_draw=samples_per_draw(samples, clips.horizon, clips.frame_shape),
            seed=seed,
            metrics=self.scorers.specs,
            model=model,
            software={
                "dlh": __version__,
                "torch": str(torch.__version__),
                "numpy": np.__version__,
                "python": platform.python_version(),
                "device": self.device.type,
            },
        )

    def score(
        self, clip: int, protocol: Protocol, watch: Stopwatch | None = None
    ) -> dict[str, np.ndarray]:
        """The scores of a clip under every row, as named arrays: "ROW/METRIC/...", and what is read
        off its futures: "read/ROW/...".
        """
        watch = watch or Stopwatch()
        context, truth, known = self.tensors(clip)
        found: dict[str, np.ndarray] = {}
        read = None if self.reader is None else self.reader.of_clip(clip, context, truth)
        for name in ROWS:
            row = self.rows[name]
            if isinstance(row, str):
                continue
            blocks: list[Mapping[str, np.ndarray]] = []
            scores = score_clip(
                row,
                clip,
                context,
                truth,
                protocol=protocol,
                metrics=self.scorers.metrics,
                frechet=self.scorers.frechet,
                # The floors cost time of their own, which is not the model's.
                watch=watch if name == MODEL else None,
                told=None if read is None else _collecting(read, name, blocks),
            )
            found |= {f"{name}/{key}": array for key, array in scores.to_arrays().items()}
            for key in blocks[0] if blocks else ():
                found[f"{READ}/{name}/{key}"] = np.concatenate([block[key] for block in blocks])
        if self.scorers.frechet is not None:
            features = self.scorers.frechet.features(truth[None])[0]
            found[TRUTH] = features.double().cpu().numpy()
        if self.decides is not None and known is not None and known.events is not None:
            video = torch.cat([context, truth])
            generator = clip_generator(protocol.seed, clip, 0, self.device)
            counts = count_events(self.decides, video, known, generator=generator)
            if counts is not None:
                found[EVENTS] = counts
        return found

    def tensors(self, clip: int) -> tuple[Tensor, Tensor, Clips | None]:
        """Context and truth on the device, and what is known of the clip.

        Where the context is not known it is a black frame, at which no row looks.
        """
        read = self.clips.read(clip)
        context = read.context
        if context is None:
            context = torch.zeros(1, *self.clips.frame_shape)
        return context.to(self.device), read.truth.to(self.device), read.known

    def what_was_read(self, found: Sequence[dict[str, np.ndarray]]) -> dict[str, Any]:
        """What the reader's file holds, from what :meth:`score` gave of each clip."""
        assert self.reader is not None
        clips = []
        for arrays in found:
            rows: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
            for key, array in arrays.items():
                if key.startswith(f"{READ}/"):
                    _, row, name = key.split("/")
                    rows[row][name] = array
            clips.append(rows)
        return self.reader.summarise(clips)

    def row_scores(
        self, found: Sequence[dict[str, np.ndarray]]
    ) -> dict[str, list[ClipScores] | str]:
        """The scores of all clips by row, from what :meth:`score` gave of each."""
        scores: dict[str, list[ClipScores] | str] = {}
        for name in ROWS:
            row = self.rows[name]
            if isinstance(row, str):
                scores[name] = row
                continue
            start = f"{name}/"
            scores[name] = [
                ClipScores.from_arrays(
                    {key.removeprefix(start): a for key, a in clip.items() if key.startswith(start)}
                )
                for clip in found
            ]
        return scores


def _collecting(
    read: ReadBlock, row: str, blocks: list[Mapping[str, np.ndarray]]
) -> Callable[[Tensor], None]:
    return lambda frames: blocks.append(read(row, frames))
