"""``dlh train``: a preset, on generated clips or on one's own videos; or go on with a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse

PRESETS = {
    "tiny": "seconds; too small to learn anything, for tests",
    "moving-ball": "what the demo trains: a bouncing ball, minutes on two cores",
    "moving-ball-paper": "the paper's scale on Moving Ball: a GPU for days",
    "moving-mnist": "the paper's scale on Moving MNIST",
    "kth": "the paper's scale on KTH Action",
    "mazes": "the paper's scale on the DeepMind Lab mazes",
    "videos": "your own videos (--data), sized for the hardware found",
}

HELP = """usage: dlh train PRESET [OPTIONS]        dlh train PRESET --help lists every setting of a preset
       dlh train --resume RUN            goes on where a run stopped

presets:
{presets}

options:
  --data PATH             a folder of videos, a video, or a clip store, in place of the preset's data
  --run DIR               the run's folder (default: runs/PRESET, or the next free name)
  --steps N               updates in all
  --seed S                decides weights, clips and noise
  --checkpoint-every N    steps between checkpoints
  --init RUN_OR_NAME      start from trained weights
  --SECTION.KEY VALUE     any setting: --model.num-levels 3, --training.learning-rate 1e-3

examples:
  dlh train moving-ball --seed 1
  dlh train videos --data my_videos/ --run runs/mine
  dlh train --resume runs/mine"""


def main(arguments: Sequence[str]) -> int:
    """``dlh train``."""
    words = list(arguments)
    if not words or words[0] in ("-h", "--help"):
        print(HELP.format(presets=_presets()))
        return 0 if words else 2
    if any(word == "--resume" or word.startswith("--resume=") for word in words):
        return _resume(words)
    if words[0].startswith("-"):
        raise ValueError(f"the preset comes first: dlh train PRESET [OPTIONS], found {words[0]}")
    return _start(words[0], words[1:])


def _start(preset_name: str, words: Sequence[str]) -> int:
    from dlh.experiments.experiment import DataConfig, Experiment
    from dlh.experiments.presets import preset
    from dlh.experiments.run import start
    from dlh.model import DLHConfig
    from dlh.training.config import TrainingConfig

    given = preset(preset_name)

    @dataclass(frozen=True, kw_only=True)
    class TrainOptions:
        """Train a preset.

        example:  dlh train videos --data my_videos/ --run runs/mine
        """

        data_path: Annotated[str | None, tyro.conf.arg(name="data")] = None
        """A folder of videos, a video, or a clip store, in place of the preset's data."""
        run: Path | None = None
        """The run's folder; runs/PRESET, or the next free name, when not given."""
        steps: int | None = None
        """Short for --training.steps."""
        seed: int | None = None
        """Short for --training.seed."""
        checkpoint_every: int | None = None
        """Short for --training.checkpoint-every."""
        init: str | None = None
        """A run, folder, shipped model or hub name whose weights to start from."""
        model: DLHConfig
        data: DataConfig
        training: TrainingConfig

    options = parse(
        TrainOptions,
        words,
        prog=f"dlh train {preset_name}",
        default=TrainOptions(model=given.model, data=given.data, training=given.training),
    )
    shorthands = {
        name: value
        for name in ("steps", "seed", "checkpoint_every")
        if (value := getattr(options, name)) is not None
    }
    data = options.data
    if options.data_path is not None:
        data = replace(data, source=_source(options.data_path))
    experiment = Experiment(
        preset=preset_name,
        model=options.model,
        data=data,
        training=replace(options.training, **shorthands),
        init=options.init,
    )
    outcome = start(experiment, options.run or _free_folder(preset_name))
    print(f"the trained model is in {outcome.run.path}")
    return 0


def _resume(words: Sequence[str]) -> int:
    from dlh.experiments.run import resume

    folder = words[0].partition("=")[2] if "=" in words[0] else "".join(words[1:2])
    others = list(words[1:] if "=" in words[0] else words[2:])
    if not words[0].startswith("--resume") or others:
        strangers = others or [words[0]]
        raise ValueError(
            f"a run goes on with the settings it was started with: dlh train --resume RUN takes no {strangers[0]}"
        )
    if not folder:
        raise ValueError("dlh train --resume RUN needs the folder of a run")
    outcome = resume(folder)
    print(f"the trained model is in {outcome.run.path}")
    return 0


def _source(text: str) -> str:
    """A path from here on means the same wherever the run is resumed."""
    from dlh.experiments.experiment import MOVING_BALL

    return text if text == MOVING_BALL else str(Path(text).resolve())


def _free_folder(preset_name: str) -> Path:
    folder, number = Path("runs") / preset_name, 2
    while folder.exists():
        folder, number = Path("runs") / f"{preset_name}-{number}", number + 1
    return folder


def _presets() -> str:
    width = max(map(len, PRESETS))
    return "\n".join(f"  {name:<{width}}  {what}" for name, what in PRESETS.items())
