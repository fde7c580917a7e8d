"""``dlh train``: a preset, on generated clips or on one's own videos; or go on with a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dlh.cli.parse import parse
from dlh.cli.running import listed, say
from dlh.errors import UsageError

PRESETS = {
    "tiny": "seconds, for tests; too small to learn anything",
    "tiny-flat": "seconds, for tests: the flat model",
    "moving-ball": "what the demo trains: a bouncing ball, minutes on two cores",
    "moving-ball-long": "the same, until its futures last: 35 minutes of a core",
    "moving-ball-flat": "the flat model on the ball of moving-ball: one level, no events",
    "moving-ball-paper": "the paper's scale on Moving Ball: a GPU for days",
    "textured-room": "the ball of moving-ball in front of a texture, with sensor noise",
    "two-clocks": "a ball in a room that changes more slowly: three levels",
    "bouncing-ball": "SUNTA's ball, whose colour is that of six changes ago",
    "moving-mnist": "the paper's scale on Moving MNIST",
    "moving-mnist-small": "Moving MNIST, generated, sized for a CPU: over an hour of a core",
    "kth": "the paper's scale on KTH Action",
    "mazes": "the paper's scale on the DeepMind Lab mazes",
    "videos": "your own videos (--data), sized for the hardware found",
    "tiny-vta": "seconds, for tests: VTA (docs/baselines.md)",
    "vta-moving-ball": "VTA, narrower than published, on the ball of moving-ball",
    "vta-moving-mnist": "VTA, narrower than published, on Moving MNIST",
    "vta-mazes": "VTA, narrower than published, on the DeepMind Lab mazes",
    "vta-videos": "VTA, narrower than published, on your own videos (--data)",
    "vta-paper": "VTA as published, on ViZDoom mazes of 32 px: a GPU for days",
    "tiny-lmc": "seconds, for tests: LMC-Memory (docs/baselines.md)",
    "lmc-moving-ball": "LMC-Memory, narrower than published, on the ball of moving-ball",
    "lmc-moving-mnist": "LMC-Memory, narrower than published, on Moving MNIST",
    "lmc-mazes": "LMC-Memory, narrower than published, on the DeepMind Lab mazes",
    "lmc-videos": "LMC-Memory, narrower than published, on your own videos (--data)",
    "lmc-paper": "LMC-Memory as published, on Moving MNIST: a GPU for weeks",
    "tiny-cwvae": "seconds, for tests: CW-VAE (docs/baselines.md)",
    "cwvae-moving-ball": "CW-VAE on the demo's ball, minutes on two cores",
    "cwvae-moving-ball-paper": "CW-VAE at its published size on Moving Ball",
    "cwvae-moving-mnist": "CW-VAE's published configuration of Moving MNIST",
    "cwvae-moving-mnist-small": "CW-VAE on generated Moving MNIST, sized for two cores",
    "cwvae-mazes": "CW-VAE's published configuration of the mazes",
    "cwvae-mazes-small": "CW-VAE on ViZDoom mazes, sized for two cores",
    "cwvae-videos": "CW-VAE at its published size on your own videos (--data)",
    "cwvae-videos-small": "CW-VAE on your own videos (--data), sized for two cores",
}

HELP = """usage: dlh train PRESET [OPTIONS]        dlh train PRESET --help lists every setting
       dlh train --resume RUN            continues a run; with --steps N up to step N

presets:
{presets}

options:
  --data PATH_OR_NAME     a folder of videos, a video, a clip store, or a data set by name
  --run DIR               the run's folder (default: runs/PRESET, or the next free name)
  --steps N               updates in total
  --seed S                decides weights, clips and noise
  --checkpoint-every N    steps between checkpoints
  --init RUN_OR_NAME      start from trained weights
  --num-processes K       train in K processes on this machine; torchrun needs -- before dlh:
                          torchrun --nproc-per-node K -- $(which dlh) train PRESET --run RUN
  --SECTION.KEY VALUE     any setting: --model.num-levels 3, --training.learning-rate 1e-3

examples:
  dlh train moving-ball --seed 1
  dlh train videos --data my_videos/ --run runs/mine
  dlh train --resume runs/mine
  dlh train videos --data my_videos/ --num-processes 2"""


def main(arguments: Sequence[str]) -> int:
    """``dlh train``."""
    count, words = _without_processes(arguments)
    resumes = any(word.partition("=")[0] == "--resume" for word in words)
    asks_for_help = "-h" in words or "--help" in words
    if not words or (asks_for_help and (resumes or words[0].startswith("-"))):
        say(HELP.format(presets=listed(PRESETS)))
        return 0 if words else 2
    if not resumes and words[0].startswith("-"):
        raise UsageError(f"the preset comes first: dlh train PRESET [OPTIONS], found {words[0]}")
    train = partial(_resume, words) if resumes else partial(_start, words[0], words[1:])
    if asks_for_help:
        train()
        return 0
    from dlh.training.processes import leads, world_size

    if count is not None and world_size() == 1:  # otherwise this is one of them
        from dlh.runs.workers import start_processes

        train(processes=count)
        return start_processes(count, ["train", *words])
    if leads():
        train()
        return 0
    try:
        train()
    except Exception:
        if os.environ.get("DLH_DEBUG"):
            raise
        return 1  # what is wrong here is wrong with the leader too, which says so
    return 0


def _without_processes(arguments: Sequence[str]) -> tuple[int | None, list[str]]:
    """The number of processes asked for, and the other words, which each process gets."""
    words = list(arguments)
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in ("--num-processes", "--num_processes"):
            end = place + 1
            if not equals:
                value, end = (words[end] if end < len(words) else ""), place + 2
            if not value.isdecimal() or int(value) < 1:
                raise UsageError(
                    f"--num-processes takes a whole number of at least 1, found {value!r}"
                )
            return int(value), words[:place] + words[end:]
    return None, words


def _start(name: str, words: Sequence[str], *, processes: int | None = None) -> None:
    """Train; with a number of processes only find out whether so many can."""
    from dlh.cli.train_options import TrainOptions
    from dlh.commands.train import start
    from dlh.runs.presets import preset
    from dlh.runs.workers import follow_leader
    from dlh.training.processes import count_shares, leads

    defaults = TrainOptions.of(preset(name))
    options = parse(TrainOptions, words, prog=f"dlh train {name}", default=defaults)
    if processes is not None:
        count_shares(options.experiment(name).training, processes)
        return
    if not leads():
        follow_leader(options.training.device)
        return
    start(options.experiment(name), options.run or _free_folder(name), say=say)


def _resume(words: Sequence[str], *, processes: int | None = None) -> None:
    """Go on; with a number of processes only find out whether so many can."""
    place = [word.partition("=")[0] for word in words].index("--resume")
    _, equals, folder = words[place].partition("=")
    others = [*words[:place], *words[place + 1 :]]
    if not equals and place < len(others):
        folder = others.pop(place)
    if not folder or folder.startswith("-"):
        raise UsageError("dlh train --resume RUN needs the folder of a run")
    if others and not others[0].startswith("-"):
        raise UsageError(f"dlh train --resume RUN takes no preset, found {others[0]}")
    from dlh.commands.train import resume
    from dlh.runs.experiment import read_snapshot
    from dlh.runs.workers import follow_resumed
    from dlh.training.processes import count_shares, leads
    from dlh.training.run import RunFolder

    change = None
    if others:
        from dlh.cli.train_options import asked_on_resuming

        change = partial(asked_on_resuming, others)
    if processes is not None:
        saved = read_snapshot(RunFolder.open(folder))
        count_shares((saved if change is None else change(saved)).training, processes)
        return
    if leads():
        resume(folder, change=change, say=say)
    else:
        follow_resumed(folder, change)


def _free_folder(name: str) -> Path:
    folder, number = Path("runs") / name, 2
    while folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        folder, number = Path("runs") / f"{name}-{number}", number + 1
    return folder
