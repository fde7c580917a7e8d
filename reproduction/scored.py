"""A trained model's scores at temperature 1 and at the one that its validation clips choose.

All that is found lies in one folder, and what is there already is not computed again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlh.commands.evaluate import Opened, evaluate, open_evaluation
from dlh.commands.options import EvaluateOptions
from dlh.errors import UsageError
from dlh.evaluation.protocol import Protocol
from dlh.evaluation.results import CURVES, PER_FUTURE, SCORES, read_scores
from dlh.evaluation.rows import MODEL, ORACLE
from dlh.evaluation.scoring import ENERGY
from dlh.evaluation.work import futures_of_clip
from dlh.files.writing import Say, write_bytes, write_json
from dlh.interfaces import Temperature
from dlh.pretrained import PretrainedError
from dlh.runs.experiment import read_snapshot
from dlh.runs.subject import Subject
from dlh.runs.summary import SUMMARY
from dlh.runs.temperature import AUTO, resolve_temperature
from dlh.settings import check_at_least, values_of
from dlh.training.config import TrainingConfig
from dlh.training.run import RunFolder, run_of
from dlh.video import to_stored
from reproduction.ball import SINGLY
from reproduction.readings import Reading

TEMPERATURE, KEPT = "temperature.json", "clip-{}.npz"
AS_LEARNT, CHOSEN = "temperature-1", "temperature-chosen"
TRAINING = ("steps", "seconds", "cpu_seconds", "frames", "seconds_a_step", "cpu_seconds_a_step")
CHOOSING_FUTURES = 10
"""Of each validation clip, at every temperature that is tried."""
SHOWN_FUTURES = 3
"""Of each model: the best one by PSNR, and others."""
KEPT_CLIP = 0
"""The test clip of which these futures are kept as a file."""
MOST_BYTES = 1_000_000
"""Of that file; of a longer film the first frames are kept."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How models are compared.

    Attributes:
        context, horizon, samples, clips: as of ``dlh evaluate``; None: those of its protocol.
        protocol: likewise, its name.
        seed: of the draws.
        temperatures: whether each model is also scored at the temperature that its validation clips
            choose.
        processes: that score clips; None: one a core.
        kept: whether futures of one clip are kept as a file.

    Raises:
        UsageError: a number is below 1, or the seed below 0.
    """

    context: int | None = None
    horizon: int | None = None
    samples: int | None = None
    clips: int | None = None
    protocol: str | None = None
    seed: int = 0
    temperatures: bool = True
    processes: int | None = None
    kept: bool = True

    def __post_init__(self) -> None:
        counts = values_of(self, "context", "horizon", "samples", "clips", "processes")
        check_at_least(1, error=UsageError, **counts)
        check_at_least(0, error=UsageError, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A model's scores at one temperature.

    Attributes:
        folder: of the scores.
        opened: what was scored.
        protocol: of the scores.
        scores: what scores.json holds.
        read: what is read off the futures, by name; empty where nothing is.
    """

    folder: Path
    opened: Opened
    protocol: Protocol
    scores: dict[str, Any]
    read: dict[str, Any]
    _shown: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def curves(self) -> dict[str, Any]:
        """What curves.json holds."""
        return json.loads((self.folder / CURVES).read_text("utf-8"))

    def per_clip(self) -> dict[str, dict[str, list[float]]]:
        """Of each row and clip the best value of each metric, and the energy score."""
        singly = json.loads((self.folder / PER_FUTURE).read_text("utf-8"))
        return {
            row: {name: found["best"] for name, found in metrics.items()}
            | {ENERGY: singly[row][ENERGY]}
            for row, metrics in self.curves()["per_clip"].items()
            if row != ORACLE
        }

    def shown(self, clip: int) -> np.ndarray:
        """Of a clip the best future by PSNR and others, uint8 (futures, horizon, height, width,
        channel), drawn again where they were not shown yet.
        """
        if clip not in self._shown:
            self._shown[clip] = self._drawn_again(clip)
        return self._shown[clip]

    def _drawn_again(self, clip: int) -> np.ndarray:
        best = self.curves()["per_clip"][MODEL]["psnr"]["best_sample"][clip]
        others = [number for number in range(SHOWN_FUTURES) if number != best]
        found: dict[int, np.ndarray] = {}
        before = 0
        for frames in futures_of_clip(self.opened.evaluation, self.protocol, clip):
            wanted = (best, *others[: SHOWN_FUTURES - 1])
            here = range(before, before + len(frames))
            found |= {n: to_stored(frames[n - before]) for n in wanted if n in here}
            before += len(frames)
            if len(found) == len(wanted):
                break
        return np.stack([found.pop(best), *(found[number] for number in sorted(found))])

    def command(self, *more: str) -> str:
        """The command that makes these scores again, RUN being the model's run."""
        protocol, model = self.protocol, self.protocol.model
        words = [
            "dlh evaluate RUN",
            f"--context {protocol.context} --horizon {protocol.horizon}",
            f"--samples {protocol.samples} --seed {protocol.seed}",
            f"--temperature {model.temperature:g}",
            f"--decision-temperature {model.decision_temperature:g}",
        ]
        clips = () if "--clips" in " ".join(more) else (f"--clips {protocol.data.clips}",)
        return " ".join([*words, *clips, *more])


def score_model(
    run: Path, subject: Subject, reading: Reading | None, folder: Path, asked: Asked, say: Say
) -> dict[str, Scored]:
    """The scores at temperature 1, and at the chosen one where that is another.

    Args:
        run: finished.
        subject: the same, opened.
        reading: what is read off the futures.
        folder: of all that is found.
        asked: how.
        say: takes a line for each thing done.
    """
    options = EvaluateOptions(
        model=str(run),
        protocol=asked.protocol,
        context=asked.context,
        horizon=asked.horizon,
        samples=asked.samples,
        clips=asked.clips,
        seed=asked.seed,
        num_processes=asked.processes,
        out=folder / AS_LEARNT,
    )
    found = {AS_LEARNT: _scored(options, reading, say)}
    if asked.temperatures:
        chosen = _chosen(subject, found[AS_LEARNT].protocol, folder / TEMPERATURE, say)
        if chosen != Temperature():
            found[CHOSEN] = _scored(
                replace(
                    options,
                    temperature=chosen.states,
                    decision_temperature=chosen.decisions,
                    out=folder / CHOSEN,
                ),
                reading,
                say,
            )
    return found


def _scored(options: EvaluateOptions, reading: Reading | None, say: Say) -> Scored:
    opened, folder = open_evaluation(options), options.folder
    protocol = opened.evaluation.protocol(
        name=opened.name, samples=opened.samples, seed=options.seed, model=opened.model
    )
    done = (folder / SCORES).exists() and read_scores(folder)[0].digest() == protocol.digest()
    read = {} if reading is None else read_kept(folder / reading.file, protocol.digest())
    if not done or read is None:
        evaluate(options, reader=reading, say=say)
        read = {} if reading is None else read_kept(folder / reading.file, protocol.digest())
    assert read is not None
    for name in ("protocol_sha256", SINGLY):
        read.pop(name, None)
    _, scores = read_scores(folder)
    return Scored(folder=folder, opened=opened, protocol=protocol, scores=scores, read=read)


def keep_clip(scored: Scored) -> dict[str, Any]:
    """Write some futures of one clip, with context and truth, as uint8 in less than 1 MB.

    Args:
        scored: whose futures.

    Returns:
        The name of the file, and how many predicted frames it has.
    """
    path = scored.folder / KEPT.format(KEPT_CLIP)
    clip = scored.opened.evaluation.clips.read(KEPT_CLIP)
    assert clip.context is not None
    if not path.exists():
        futures, truth = scored.shown(KEPT_CLIP), to_stored(clip.truth)
        frames = len(truth)
        while True:
            content = io.BytesIO()
            np.savez_compressed(
                content,
                samples=futures[None, :, :frames],
                context=to_stored(clip.context)[None],
                truth=truth[None, :frames],
            )
            size = content.getbuffer().nbytes
            if size <= MOST_BYTES or frames == 1:
                break
            frames = max(1, int(frames * 0.9 * MOST_BYTES / size))
        write_bytes(path, content.getvalue())
    with np.load(path) as arrays:
        frames = arrays["samples"].shape[2]
    return {"file": f"{scored.folder.name}/{path.name}", "frames": frames}


def _chosen(subject: Subject, protocol: Protocol, path: Path, say: Say) -> Temperature:
    """The temperature that validation clips choose, and its record."""
    key = protocol.digest()
    kept = read_kept(path, key)
    if kept is None:
        chosen = resolve_temperature(
            subject,
            AUTO,
            1.0,
            context=protocol.context or 1,
            horizon=protocol.horizon,
            samples=min(protocol.samples, CHOOSING_FUTURES),
            seed=protocol.seed,
            say=say,
        )
        kept = dict[str, Any](protocol_sha256=key, **chosen.to_plain())
        write_json(path, kept)
    return Temperature(states=kept["states"], decisions=kept["decisions"])


def read_kept(path: Path, digest: str) -> dict[str, Any] | None:
    """What a file holds that was found under this protocol; None where there is none."""
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return kept if kept.get("protocol_sha256") == digest else None


def numbers_of(
    run: Path, subject: Subject, at: Mapping[str, Scored], *, keep: bool = True
) -> dict[str, Any]:
    """What a comparison holds of a model: its training, and its scores at each temperature.

    Args:
        run: finished.
        subject: the same, opened.
        at: its scores.
        keep: whether futures of one clip are kept as a file.
    """
    network = subject.model.model
    assert isinstance(network, torch.nn.Module)
    first = at[AS_LEARNT]
    # Clips of files are spread over all of them: how many there are decides the first one.
    one_clip = ("--clips 1",) if subject.experiment.data.generated else ()
    return {
        "preset": subject.experiment.preset,
        "kind": subject.model.config.kind,
        "seed": subject.experiment.training.seed,
        "learning_rate": subject.experiment.training.learning_rate,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training": training_of(run, subject),
        "events": first.scores.get("events"),
        "temperature": read_kept(first.folder.parent / TEMPERATURE, first.protocol.digest()),
        "at": {
            name: {
                "states": scored.protocol.model.temperature,
                "decisions": scored.protocol.model.decision_temperature,
                "scores": scored.scores["rows"][MODEL],
                "floors": {
                    row: entries for row, entries in scored.scores["rows"].items() if row != MODEL
                },
                "distribution": scored.scores["distribution"],
                "samples": scored.scores["samples"][MODEL],
                "per_clip": scored.per_clip(),
                "command": scored.command(),
                "kept": {
                    "clip": KEPT_CLIP,
                    "command": scored.command(*one_clip, "--save-predictions 1"),
                    **(keep_clip(scored) if keep else {}),
                },
                **scored.read,
            }
            for name, scored in at.items()
        },
    }


def training_of(run: Path, subject: Subject) -> dict[str, Any]:
    """What the training of a run took, as far as the run says it.

    ``cpu_seconds`` and ``frames`` count all starts, and the runs whose weights it began with. A run
    that does not say its frames has them computed, where it has one stage and one start.
    ``seconds_a_step`` and ``cpu_seconds_a_step`` are of the first stage.
    """
    folder = run_of(str(run))
    if folder is None:  # a model without its run
        return dict.fromkeys(TRAINING)
    found = _training_of(folder, subject.experiment.training)
    init = subject.experiment.init
    while init is not None:
        try:
            before = run_of(init)
        except PretrainedError:
            before = None
        if before is None:  # nobody knows what these weights took
            return found | dict.fromkeys(("seconds", "cpu_seconds", "frames"))
        earlier = read_snapshot(before)
        more = _training_of(before, earlier.training)
        for name in ("steps", "seconds", "cpu_seconds", "frames"):
            both = (found[name], more[name])
            found[name] = None if None in both else sum(both)
        init = earlier.init
    return found


def _training_of(folder: RunFolder, training: TrainingConfig) -> dict[str, Any]:
    summary = folder.read_json(SUMMARY) if (folder.path / SUMMARY).exists() else {}
    frames = summary.get("frames")
    if frames is None and not any(training.later_steps) and training.starts == 1:
        frames = training.steps * training.batch_size * training.clip_length
    lines = [entry for entry in folder.metrics.read() if "seconds" in entry]
    if lines and not summary:  # it has not ended yet, or its page was not made
        last = lines[-1]
        summary = last | {"steps": last["step"], "seconds": {"train": last["seconds"]}}
        frames = frames or last.get("frames")
    joint = [entry for entry in lines if "stage" not in entry]
    last = joint[-1] if joint else {}
    values = (
        summary.get("steps"),
        summary.get("seconds", {}).get("train"),
        summary.get("cpu_seconds"),
        frames,
        last["seconds"] / last["step"] if last else None,
        last["cpu_seconds"] / last["step"] if "cpu_seconds" in last else None,
    )
    return dict(zip(TRAINING, values, strict=True))
