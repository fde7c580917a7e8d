"""A training step at the paper's scale on a GPU: is it right, how long, what fits; then train.

    python benchmarks/gpu.py --out results --train-minutes 10

100 clips x 100 frames x 64 x 64 in colour, N = 3, unless ``--preset`` and ``--levels`` say
otherwise. In ``results``: ``gpu.json``, and the run folder of the training.

``check``    the bound of the same clips on the device and on the CPU, in bfloat16, and the loop
             compiled: relative differences of the mean over clips (decisions can flip
             where sums end otherwise).
``time``     milliseconds of a step for each ``--speed``, and of the first one, which compiles; of
             its parts: encoder and decoder alone, forward and backward, and the step over these;
             making its clips; inference alone, the loop over time plain and compiled; and how much
             of the step the device was busy at all (the rest are gaps between launches), by
             torch's profiler.
``batch``    the largest batch, in powers of two, that fits, and the step's memory.
``train``    the preset for as long as asked, with its checkpoints, curves and weights.

``--device cpu --quick`` runs all of it on a small model: a rehearsal, whose figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlh.interfaces import Execution
from dlh.models.dlh import Carried, DynamicLatentHierarchy, Noise, inference
from dlh.runs.build import build_model, open_source
from dlh.runs.experiment import Experiment
from dlh.runs.presets import preset
from dlh.training.ahead import made_ahead
from dlh.training.device import memory_used
from dlh.training.errors import Interrupted, TrainingError
from dlh.training.iteration import Iterations
from dlh.training.loop import train
from dlh.training.memory import is_out_of_memory
from dlh.training.run import EXPERIMENT, RunFolder
from dlh.training.speed import lay_out, uncompiled
from dlh.video import from_stored

FOREVER = 10**9
WAYS = ("plain", "channels-last", "bf16")
COMPILED = ("compiled", "bf16-compiled")


class Bench:
    """An experiment on a device."""

    def __init__(self, experiment: Experiment, device: torch.device, rounds: int) -> None:
        self.experiment, self.device, self.rounds = experiment, device, rounds
        self.source, self.open = open_source(experiment), ExitStack()

    def clips(self, batch: int) -> Tensor:
        """A batch as a training step gets it."""
        settings = self.experiment.training
        stored = self.source.batch(
            0, batch_size=batch, clip_length=settings.clip_length, seed=settings.seed
        )
        return from_stored(stored.video, self.device, channels_last=True)

    def milliseconds(self, work: Callable[[], Any]) -> float:
        """The median over the rounds, after two that do not count."""
        found = []
        for turn in range(self.rounds + 2):
            self._wait()
            start = time.perf_counter()
            work()
            self._wait()
            if turn >= 2:
                found.append(1000 * (time.perf_counter() - start))
        return statistics.median(found)

    def stepper(self, way: str, batch: int | None = None) -> Callable[[], None]:
        """A training step, with its clips and its update."""
        settings = replace(self.experiment.training, speed=way, device=str(self.device))
        if batch is not None:
            settings = replace(settings, batch_size=batch)
        iterations = Iterations(build_model(self.experiment), self.source, settings)
        steps = iter(range(FOREVER))
        self.open.close()  # of the stepper before
        source = self.open.enter_context(made_ahead(self.source, end=FOREVER, device=self.device))

        def step() -> None:
            iterations.run(next(steps), ahead=source)

        return step

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def check(bench: Bench) -> dict[str, float]:
    """The bound on the device, in every way, against that of the CPU."""
    model, video = build_model(bench.experiment), bench.clips(4)
    noise = torch.Generator().manual_seed(0)

    def elbo(device: torch.device, *, half: bool = False, compiled: bool = False) -> float:
        moved = model.to(device)
        clips = video.to(device)
        drawn = Noise.draw(model.config, *clips.shape[:2], like=video.cpu(), generator=noise)
        noise.manual_seed(0)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            terms = moved.objective(
                clips,
                noise=drawn.map(lambda part: part.to(device)),
                execution=Execution(compiled=compiled),
            )
        return float(terms.elbo.mean())

    noise.manual_seed(0)
    exact = elbo(torch.device("cpu"))
    found = {
        "float32": elbo(bench.device),
        "bf16": elbo(bench.device, half=True),
        "compiled": elbo(bench.device, compiled=True),
        "bf16-compiled": elbo(bench.device, half=True, compiled=True),
    }
    return {"cpu": exact} | {name: abs(value / exact - 1) for name, value in found.items()}


def measure_time(bench: Bench) -> dict[str, Any]:
    """Milliseconds of the step and of its parts."""
    result: dict[str, Any] = {}
    for way in (*WAYS, *COMPILED):
        step, start = bench.stepper(way), time.perf_counter()
        try:
            step()
        except TrainingError as error:  # nothing can be compiled here
            result[way] = {"refused": str(error)}
            continue
        result[way] = {"first_step": 1000 * (time.perf_counter() - start)}
        result[way]["step"] = bench.milliseconds(step)
        activities = [torch.profiler.ProfilerActivity.CPU]
        if bench.device.type == "cuda":
            activities.append(torch.profiler.ProfilerActivity.CUDA)
            with torch.profiler.profile(activities=activities) as profile:
                step()
                torch.cuda.synchronize(bench.device)
            busy = sum(  # of kernels and copies; an operator's own time holds its kernels' again
                event.self_device_time_total
                for event in profile.key_averages()
                if event.device_type == torch.autograd.DeviceType.CUDA
            )
            busy /= 1000
            result[way] |= {"device_busy": busy, "gaps": result[way]["step"] - busy}
    model = build_model(bench.experiment).to(bench.device)
    video = bench.clips(bench.experiment.training.batch_size)
    for way in WAYS:
        lay_out(model, way)
        half = torch.autocast(bench.device.type, torch.bfloat16, enabled=way == "bf16")
        result[way]["convolutions"] = bench.milliseconds(
            lambda half=half: convolve(model, video, half)
        )
    for way in (*WAYS, *COMPILED):
        if "step" in result[way]:
            alone = result[uncompiled(way)]["convolutions"]
            result[way]["step_over_convolutions"] = result[way]["step"] / alone
    settings, numbers = bench.experiment.training, iter(range(FOREVER))
    result["clips"] = bench.milliseconds(
        lambda: bench.source.batch(
            next(numbers),
            batch_size=settings.batch_size,
            clip_length=settings.clip_length,
            seed=settings.seed,
        )
    )
    with torch.no_grad():
        features = model.encode(video)
        for name, way in (("plain", "plain"), ("compiled", COMPILED[0])):
            if "refused" not in result[way]:
                result[f"inference_without_gradient_{name}"] = bench.milliseconds(
                    lambda name=name: infer(model, video, features, compiled=name == "compiled")
                )
    return result


def convolve(model: DynamicLatentHierarchy, video: Tensor, half: torch.autocast) -> None:
    """Encoder and decoder, forward and backward."""
    with half:
        frames = model.decode(model.encode(video).transpose(0, 1))
    (frames - video).square().sum().backward()


def infer(
    model: DynamicLatentHierarchy, video: Tensor, features: Tensor, *, compiled: bool
) -> None:
    """Passes 2 and 3 on features that are there."""
    batch, steps = video.shape[:2]
    carried = Carried.start(model.config, batch, like=video)
    noise = Noise.draw(model.config, batch, steps, like=video)
    levels: list[Any] = list(model.levels)
    inference.observe(levels, model.config, features, carried, noise, compiled=compiled)


def largest_batch(bench: Bench, most: int) -> dict[str, Any]:
    """In powers of two, of clips as long as those of the preset, in bfloat16."""
    batch, fitted, memory = 1, 0, {}
    while batch <= most:
        try:
            if bench.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(bench.device)
            bench.stepper("bf16", batch)()
            memory[str(batch)] = memory_used(bench.device).get("gpu_memory")
        except RuntimeError as error:
            if not is_out_of_memory(error) and "do not fit into the memory" not in str(error):
                raise
            break
        fitted, batch = batch, batch * 2
    return {"batch": fitted, "tried_up_to": most, "MiB": memory}


def train_for(bench: Bench, folder: Path, minutes: float) -> dict[str, Any]:
    """Train the preset, stopped when the time is over; the run folder can be resumed."""
    run = RunFolder.create(folder)
    run.write_json(EXPERIMENT, {"what": "benchmarks/gpu.py"})
    deadline, last = time.monotonic() + 60 * minutes, {}

    def watch(entry: dict[str, Any]) -> None:
        last.update(entry)
        if time.monotonic() > deadline:
            signal.raise_signal(signal.SIGTERM)  # as anyone would stop it: it saves first

    settings = replace(
        bench.experiment.training, device=str(bench.device), log_every=10, sample_every=0
    )
    try:
        train(build_model(bench.experiment), bench.source, settings, run, on_log=watch)
    except Interrupted as stopped:
        print(stopped, file=sys.stderr)
    return last


def main() -> None:
    """Check, time, find the largest batch, train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder for what is found")
    parser.add_argument("--preset", default="moving-ball-paper")
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--most", type=int, default=4096, help="clips that --part batch tries")
    parser.add_argument("--train-minutes", type=float, default=0.0)
    parser.add_argument("--quick", action="store_true", help="a small model: a rehearsal")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("gpu.py: no CUDA device was found; --device cpu --quick rehearses on the CPU")
    experiment = preset("tiny" if options.quick else options.preset)
    if not options.quick:
        experiment = replace(experiment, model=replace(experiment.model, num_levels=options.levels))
    device = torch.device(options.device)
    bench = Bench(experiment, device, options.rounds)
    options.out.mkdir(parents=True, exist_ok=True)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    report: dict[str, Any] = {"device": name, "torch": torch.__version__}
    parts: dict[str, Callable[[], Any]] = {
        "check": lambda: check(bench),
        "time": lambda: measure_time(bench),
        "batch": lambda: largest_batch(bench, options.most),
    }
    if options.train_minutes:
        parts["train"] = lambda: train_for(bench, options.out / "run", options.train_minutes)
    for part, work in parts.items():
        report[part] = work()
        print(json.dumps({part: report[part]}, indent=2), flush=True)
        (options.out / "gpu.json").write_text(json.dumps(report, indent=2) + "\n")
    bench.open.close()


if __name__ == "__main__":
    main()
