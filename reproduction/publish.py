"""A finished run as a model that ships with the package: half the size, and what that cost."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from dlh import __version__
from dlh.analysis.measure import observe_clips
from dlh.data.clips import ClipSource
from dlh.data.worlds.moving_ball import MovingBall
from dlh.errors import OutputError, UsageError
from dlh.evaluation import score_futures
from dlh.evaluation.events import event_scores
from dlh.files.writing import Say, os_errors_as, strict_json, write_bytes
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.pretrained.files import CONFIG_NAME, WEIGHTS_NAME, read_model, write_model
from dlh.runs.subject import ABOUT, Subject, open_subject
from dlh.settings import to_plain
from dlh.video import from_stored

MOST_BYTES = 6_000_000
CLIPS = 64
STEPS = 100
CONTEXT_STEPS = 30
HORIZON = 20
SAMPLES = 8
PREDICTED_CLIPS = 16
Dtype = Literal["bfloat16", "float16", "float32"]


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What a model is worth on fixed held-out clips.

    Attributes:
        clips, steps: how many, of how many frames.
        elbo: nats per frame.
        f1, precision, recall: of level 2; None where there is no truth or no level 2.
        psnr: of the best of a few futures over 20 steps, dB, on the first few clips. Another
            rounding is another draw of the futures, so it moves by a tenth without meaning.
    """

    clips: int
    steps: int
    elbo: float
    f1: float | None
    precision: float | None
    recall: float | None
    psnr: float


CARD = """---
library_name: dlh
license: apache-2.0
tags: [video-prediction, world-model, event-segmentation]
---
# {name}

A Dynamic Latent Hierarchy ([arXiv 2212.14376](https://arxiv.org/abs/2212.14376)), trained on
Moving Ball: a ball of radius {radius} px bounces in a black room of {size} x {size} px and changes
its colour when it does.

    dlh data clip moving-ball
    dlh events {name} clip.mp4
    dlh predict {name} clip.mp4 --horizon 100

| on {clips} held-out clips of {steps} frames | |
|---|---|
| bound | {elbo:.0f} nats a frame |
| events of level 2: precision / recall / F1 | {precision:.3f} / {recall:.3f} / {f1:.3f} |
| PSNR of 20 predicted frames, best of 8 futures, {predicted} clips | {psnr:.1f} dB |

Training: {updates} updates on generated clips, seed {seed}, with dlh {software}; `about.json` has
every setting. Weights: {stored_as}, computed with as float32.

Use: to try the commands, and as an example in tests and lessons. Limits: it knows this ball and
nothing else, so its events and futures of any other video mean nothing. Train on your own:
`dlh train videos`. The data are generated: nobody is shown in them. License: Apache 2.0.
"""


def publish(*, run: Path, name: str, out: Path, dtype: Dtype = "float16", say: Say = print) -> None:
    """Write ``out``/``name`` with config.json, model.safetensors, about.json and, of Moving Ball, a
    model card.

    Its weights are rounded to ``dtype``; how much that costs is measured on held-out clips, said
    and written down.

    Args:
        run: a finished run, or another folder with a model that says what it was trained on.
        name: what it will be called.
        out: the folder of models.
        dtype: how a weight is stored; it is float32 again when it is loaded.
        say: takes the lines for a person.

    Raises:
        UsageError: the name cannot be one.
        PretrainedError, RunFolderError, DataError: the run cannot be used.
        OutputError: the model is too large, or cannot be written there.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*(@\d+(\.\d+)*)?", name):
        raise UsageError(
            "a shipped model's name is of small letters, digits and hyphens, and may end in a "
            f"version, as moving-ball@0.2 does; found {name!r}"
        )
    if not run.is_dir():
        raise UsageError(f"there is no folder {run}; name that of a finished run")
    subject = open_subject(str(run), None)
    folder = out / name
    size = sum(
        value.numel() * (value.element_size() if dtype == "float32" else 2)
        for value in subject.model.model.state_dict().values()
    )
    if size > MOST_BYTES:
        raise OutputError(
            f"{run} has {size / 1e6:.1f} MB of weights as {dtype}, a shipped model has at most "
            f"{MOST_BYTES / 1e6:.0f} MB; train a smaller one, or put it on the hub "
            "(DLH.push_to_hub)"
        )
    before = measure_worth(subject.model.model, subject.source)
    stored, device = getattr(torch, dtype), subject.model.device
    with tempfile.TemporaryDirectory() as trial:
        write_model(Path(trial), subject.model.model, dtype=stored)
        rounded = read_model(Path(trial))
        assert isinstance(rounded, DynamicLatentHierarchy)
        after = measure_worth(rounded.eval().to(device), subject.source)
    known = subject.model.trained_on
    write_model(folder, subject.model.model, dtype=stored, trained_on=known)
    about = _about(subject, name, dtype, before, after)
    write_bytes(folder / ABOUT, (strict_json(about, indent=2) + "\n").encode())
    if subject.experiment.data.is_moving_ball and after.f1 is not None:
        write_bytes(folder / "README.md", model_card(about).encode())
    for line in _lines(folder, dtype, before, after):
        say(line)


@torch.no_grad()
def measure_worth(model: DynamicLatentHierarchy, source: ClipSource) -> Worth:
    """What a model is worth on fixed held-out clips; the same call gives the same figures.

    Raises:
        UsageError: there are no held-out clips of that length.
    """
    length = max(STEPS, CONTEXT_STEPS + HORIZON)
    clips = source.held_out("test", count=CLIPS, clip_length=length)
    if clips is None:
        raise UsageError(f"{source.name} has no test clips of {length} frames to measure it on")
    device = next(model.parameters()).device
    trace, objective = observe_clips(
        model, clips, torch.Generator(device).manual_seed(0), steps=STEPS
    )
    steps = trace.changed.shape[1]
    events = None
    if clips.events is not None and model.config.num_levels > 1:
        events = event_scores(trace.changed[..., 1], clips.events[:, :steps])
    video = from_stored(clips.video[:PREDICTED_CLIPS, : CONTEXT_STEPS + HORIZON], device)
    scores = score_futures(
        model,
        video[:, :CONTEXT_STEPS],
        video[:, CONTEXT_STEPS:],
        samples=SAMPLES,
        generator=torch.Generator(device).manual_seed(0),
        chunk=64,
    )
    return Worth(
        clips=len(clips.video),
        steps=steps,
        elbo=float(objective.elbo.mean()) / steps,
        f1=None if events is None else events.f1,
        precision=None if events is None else events.precision,
        recall=None if events is None else events.recall,
        psnr=scores.best,
    )


def model_card(about: dict[str, Any]) -> str:
    """README.md of a shipped model of Moving Ball, from its about.json."""
    ball, training = about["data"]["ball"], about["training"]
    return CARD.format(
        name=about["name"],
        stored_as=about["stored_as"],
        software=about["software"]["dlh"],
        radius=ball["radius"],
        size=ball["size"],
        updates=f"{training['steps'] + sum(training.get('later_steps') or ()):,}",
        seed=training["seed"],
        predicted=min(about["as_stored"]["clips"], PREDICTED_CLIPS),
        **about["as_stored"],
    )


def shipped_ball(folder: Path) -> MovingBall:
    """The world that a shipped model of Moving Ball was trained on."""
    from dlh.data.worlds.moving_ball import MovingBallConfig
    from dlh.settings import from_plain

    saved = json.loads((folder / ABOUT).read_text("utf-8"))
    return MovingBall(from_plain(MovingBallConfig, saved["data"]["ball"], name="data.ball"))


def _about(subject: Subject, name: str, dtype: str, before: Worth, after: Worth) -> dict[str, Any]:
    experiment = subject.experiment
    return {
        "name": name,
        "data": to_plain(experiment.data),
        "training": to_plain(experiment.training),
        "software": {"dlh": __version__, "torch": str(torch.__version__)},
        "stored_as": dtype,
        "as_trained": asdict(before),
        "as_stored": asdict(after),
    }


def _lines(folder: Path, dtype: str, before: Worth, after: Worth) -> list[str]:
    with os_errors_as(OutputError, f"cannot read {folder}"):
        size = sum(os.path.getsize(folder / part) for part in (WEIGHTS_NAME, CONFIG_NAME))
    lines = [f"{folder}: {size / 1e6:.2f} MB, weights as {dtype}"]
    predicted = min(before.clips, PREDICTED_CLIPS)
    rows = [
        ("nats per frame", "elbo", 2, before.clips),
        ("event F1", "f1", 4, before.clips),
        (f"PSNR of {HORIZON} steps, dB", "psnr", 2, predicted),
    ]
    for said, name, digits, clips in rows:
        one, other = getattr(before, name), getattr(after, name)
        if one is not None and other is not None:
            lines.append(
                f"{said}: {one:.{digits}f} as trained, {other:.{digits}f} as stored "
                f"({other - one:+.{digits}f}), on {clips} held-out clips"
            )
    return lines
