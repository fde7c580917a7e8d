"""Do the tests notice when a line of the code is wrong? Changes made on purpose, killed or not.

    python benchmarks/mutants.py
    python benchmarks/mutants.py --only checkpoints --survivors

Each mutant is one small change to one module. Its tests run on a copy of the tree with that change,
never on the tree itself: a mutant is killed if a test fails. Every change is a fault that a user
could meet; none leaves the behaviour as it was.

``--before FOLDER`` does the same in a checkout of commit b97b0cc, the last one before the code
moved into its rooms, for a comparison of the tests then and now. Needs ``os.fork``: Linux or macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "benchmarks", "reproduction", "pyproject.toml")
KILLED, SURVIVED = "killed", "survived"
NOT_OF_THE_COPY = 99
"""Exit status of a test process that imported another ``dlh``."""


class Change(NamedTuple):
    """Text that stands exactly once in the file, and what replaces it.

    ``was`` is the same pair in the version before, where the line had other words.
    """

    old: str
    new: str
    was: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Mutants of one module, with the quickest tests that are about it.

    Attributes:
        path: of the module, below ``src/dlh``.
        tests: files below ``tests``, run in this order.
        only: pytest's ``-k``; empty for all tests of the files.
        changes: one for each mutant.
        was_path, was_tests, was_only: the same in the version before; empty where nothing changed.
    """

    path: str
    tests: tuple[str, ...]
    changes: tuple[Change, ...]
    only: str = ""
    was_path: str = ""
    was_tests: tuple[str, ...] = ()
    was_only: str = ""

    def place(self, *, before: bool) -> tuple[str, tuple[str, ...], str]:
        """Path, tests and selection in the version that is looked at."""
        if not before:
            return self.path, self.tests, self.only
        tests = self.was_tests or self.tests
        return self.was_path or self.path, tests, self.was_only or self.only


TEMPORAL = Part(
    path="distributions/temporal.py",
    tests=("distributions/test_temporal.py",),
    changes=(
        Change("change_divergence <= static_divergence", "change_divergence < static_divergence"),
        Change("changed[..., 0] = True", "pass"),
        Change("if nesting else changed", "if not nesting else changed"),
        Change("reachable[..., 1:] = changed[..., :-1]", "reachable[..., 1:] = changed[..., 1:]"),
        Change("    if nesting:\n", "    if not nesting:\n"),
        Change(
            "change_probability * change_divergence + (1 - change_probability)",
            "(1 - change_probability) * change_divergence + change_probability",
        ),
        Change("change_divergence + prior_logit", "change_divergence - prior_logit"),
        Change("torch.where(event, -logit, logit)", "torch.where(event, logit, -logit)"),
        Change("logsigmoid(-logit)", "logsigmoid(logit)"),
        Change("return negative_entropy + cross_entropy", "return cross_entropy"),
    ),
)

SELECTION = Part(
    path="models/dlh/selection.py",
    tests=("models/dlh/test_transcription.py", "models/dlh/test_inference.py"),
    only="trace_holds or chosen_component or estimated_decisions",
    was_path="model/selection.py",
    was_tests=("model/test_transcription.py", "model/test_inference.py"),
    changes=(
        Change('config.selection_context == "full"', 'config.selection_context != "full"'),
        Change("lowest=1", "lowest=2"),
        Change("[untested + 1]", "[untested]"),
        Change("choose(to_change, to_static)", "choose(to_static, to_change)"),
        Change(
            "change_posterior(to_change, to_static,",
            "change_posterior(to_static, to_change,",
        ),
        Change("first, 1.0, estimate)", "first, estimate, estimate)"),
        Change("uniform < estimate", "uniform > estimate"),
        Change(", config.nesting)", ", not config.nesting)"),
        Change("change_divergences.append(to_change)", "change_divergences.append(to_static)"),
        Change("static_divergences.append(to_static)", "static_divergences.append(to_change)"),
    ),
)

BOUND = Part(
    path="models/dlh/bound.py",
    tests=("models/dlh/test_bound.py",),
    was_path="model/bound.py",
    was_tests=("model/test_bound.py",),
    changes=(
        Change("if not config.static_prior_gradient:", "if config.static_prior_gradient:"),
        Change("static_prior = static_prior.detach()", "pass"),
        Change("changed, to_change, to_static)", "changed, to_static, to_change)"),
        Change("estimate, to_change, to_static)", "estimate, to_static, to_change)"),
        Change("reachable, divergence, 0.0)", "reachable, divergence, divergence)"),
        Change("reachable & ~", "reachable | ~"),
        Change("[..., 0] = False", "[..., 0] = True"),
        Change("return torch.where(decided, divergence, 0.0)", "return divergence"),
        Change("state_kl=state_kl(trace, config)", "state_kl=event_kl(trace, config)"),
    ),
)

ROLLOUT = Part(
    path="models/dlh/rollout.py",
    tests=("models/dlh/test_rollout.py", "models/dlh/test_transcription.py"),
    only="test_rollout or prediction_is_that",
    was_path="model/rollout.py",
    was_tests=("model/test_rollout.py", "model/test_transcription.py"),
    changes=(
        Change("uniform < torch.stack", "uniform > torch.stack"),
        Change(", config.nesting)", ", not config.nesting)"),
        Change("refreshed=changed", "refreshed=torch.ones_like(changed)"),
        Change("first, 1.0,", "first, 0.0,"),
        Change("contexts.append(held[0].context)", "contexts.append(held[-1].context)"),
        Change("changes.append(changed)", "changes.append(torch.ones_like(changed))"),
        Change("state[:, :, 0]", "state[:, :, -1]"),
        Change("torch.zeros_like(", "torch.ones_like("),
        Change("[level.state for level in held]", "[level.belief.mean for level in held]"),
    ),
)

CHECKPOINTS = Part(
    path="training/checkpoint.py",
    tests=("training/test_checkpoint.py",),
    changes=(
        Change("[: -self.keep]", "[: -self.keep - 1]"),
        Change("if name in self._registry:", "if False:"),
        Change("reversed(self.files())", "self.files()"),
        Change(
            "if trailer[len(_MARK) :] != hashlib.sha256(archive).hexdigest().encode():",
            "if len(trailer) < len(_MARK):",
        ),
        Change(
            "if state.keys() != self._registry.keys():",
            "if not state.keys() >= self._registry.keys():",
        ),
        Change('os.replace(old, old.with_name(old.name + ".damaged"))', "pass"),
        Change("weights_only=True", "weights_only=False"),
        Change('if saved["format"] != FORMAT:', 'if saved["format"] < FORMAT:'),
        Change("*([best] if best.exists() else [])", "*()"),
        Change("key=_step)", "key=str)"),
    ),
)

MOVING_BALL = Part(
    path="data/worlds/moving_ball.py",
    tests=("data/test_moving_ball.py",),
    was_path="data/moving_ball.py",
    changes=(
        Change("((here < low) & (velocity < 0))", "(here < low)"),
        Change("due[..., 1] &= ~due[..., 0]", "due[..., 1] &= True"),
        Change("config.size - 1 - config.radius", "config.size - config.radius"),
        Change("bounces | random_changes\n", "bounces ^ random_changes\n"),
        Change("np.floor(positions + 0.5)", "np.floor(positions)"),
        Change("draws[:, 3:4] * len(config.colours)", "draws[:, 3:4] * (len(config.colours) - 1)"),
        Change("self.size - 1 - 2 * self.radius", "self.size - 2 * self.radius"),
        Change("<= self.config.radius**2", "< self.config.radius**2"),
        Change("if not 0 < self.speed <= self.free_path:", "if not 0 < self.speed:"),
        Change("(rows < size)", "(rows <= size)"),
    ),
)

STORE = Part(
    path="data/store/store.py",
    tests=("data/test_store.py", "data/test_verify.py", "data/test_build.py"),
    only="not another_process and not test_build or digest",
    was_path="data/store.py",
    changes=(
        Change("start < 0 or ", ""),
        Change("length < 1 or ", ""),
        Change("start + length > video.length:", "start + length > video.length + 1:"),
        Change("0 <= video.shard < len", "0 <= video.shard <= len"),
        Change("video.offset >= 0 and ", ""),
        Change(
            "not inside or video.offset + video.length > self.shard_frames[video.shard]:",
            "not inside:",
        ),
        Change("if video.split not in SPLITS:", "if not video.split:"),
        Change('"sha256", "crc32")', '"sha256")'),
        Change("json.dumps([list(self.frame_shape), videos])", "json.dumps([videos])"),
        Change("(block).data, crc)", "(block).data)"),
        Change("mapped.shape != shape or ", ""),
    ),
)

RETIME = Part(
    path="data/video/retime.py",
    tests=("data/test_retime.py",),
    was_path="data/retime.py",
    changes=(
        Change("_ROUNDING = Fraction(1, 500)", "_ROUNDING = Fraction(0)"),
        Change("_LONGEST_GAP = Fraction(60)", "_LONGEST_GAP = Fraction(6000)"),
        Change(
            "< end - _ROUNDING", "< end + _ROUNDING", ("< now - _ROUNDING", "< now + _ROUNDING")
        ),
        Change(
            "clock + lasts() - _ROUNDING",
            "clock - _ROUNDING",
            ("clock + period - _ROUNDING", "clock - _ROUNDING"),
        ),
        Change("notes.append(", "str("),
        Change(
            "            start = time\n",
            "            start = Fraction(0)\n",
            ("shift = -(time or Fraction(0))", "shift = Fraction(0)"),
        ),
        Change("if held is not None:", "if False:"),
    ),
)

RATE = Part(
    path="data/video/resize.py",
    tests=("data/test_retime.py",),
    was_path="data/retime.py",
    changes=(
        Change("0 < fps <= 1000", "0 < fps"),
        Change("Fraction(fps).limit_denominator(1001)", "Fraction(fps).limit_denominator(100)"),
    ),
)

BEST_OF = Part(
    path="evaluation/futures.py",
    tests=("evaluation/test_distribution_scores.py",),
    was_path="evaluation/best_of.py",
    changes=(
        Change("if not higher_is_better:", "if higher_is_better:"),
        Change("range(drawn, samples + 1)", "range(drawn + 1, samples + 1)"),
    ),
)
ENERGY = Part(
    path="evaluation/futures.py",
    tests=("evaluation/test_distribution_scores.py",),
    was_path="evaluation/energy.py",
    changes=(
        Change("step = step.clamp(0, 1)", "pass"),
        Change("numel() ** -0.5", "numel() ** -1"),
        Change("(block.samples / samples)", "(1 / len(blocks))"),
        Change("(block.pairs / max(pairs, 1))", "(1 / len(blocks))"),
        Change("return error - diversity / 2, diversity", "return error - diversity, diversity"),
    ),
)
FUTURES = Part(
    path="evaluation/futures.py",
    tests=("evaluation/test_futures.py",),
    changes=(
        Change("min(samples_at_once, samples - drawn)", "samples_at_once"),
        Change("max(2, chunk)", "max(1, chunk)"),
        Change("if curves[-1].shape[1] < asked:", "if curves[-1].shape[1] <= asked:"),
        Change("if not 1 <= window <= horizon:", "if not 0 <= window <= horizon:"),
        Change("if len(context) != len(truth):", "if len(context) > len(truth):"),
    ),
)

FLOORS = Part(
    path="evaluation/floors.py",
    tests=("evaluation/test_floors.py",),
    was_path="baselines/floors.py",
    was_tests=("baselines/test_floors.py",),
    changes=(
        Change("choose=lambda context: context[:, -1]", "choose=lambda context: context[:, 0]"),
        Change("torch.zeros_like(context", "torch.ones_like(context"),
        Change("repeat(1, 1, horizon, 1, 1, 1)", "expand(-1, -1, horizon, -1, -1, -1)"),
        Change("if mean.ndim != 3:", "if mean.ndim < 3:"),
        Change("check_video(mean[None, None])", "pass"),
        Change(
            "of_mean, last_frame(of_mean.frame_shape)",
            "last_frame(of_mean.frame_shape), of_mean",
        ),
    ),
)
KNOWN_FUTURES = Part(
    path="evaluation/floors.py",
    tests=("evaluation/test_floors.py",),
    was_path="baselines/known.py",
    was_tests=("baselines/test_known.py",),
    changes=(
        Change("if self.futures.shape[1] < horizon:", "if self.futures.shape[1] + 1 < horizon:"),
        Change("self.futures[None, :samples, :horizon]", "self.futures[None, :, :horizon]"),
        Change("self.futures[None, :samples, :horizon]", "self.futures[None, :samples]"),
    ),
)

WRITING = Part(
    path="files/writing.py",
    tests=("files/test_writing.py",),
    was_path="training/atomic.py",
    was_tests=("training/test_atomic.py",),
    changes=(
        Change('startswith(".") and path', 'startswith(".") or path'),
        Change(" if folder.is_dir() else []", ""),
        Change("for part in parts:", "for part in parts[:1]:"),
        Change(
            "    finally:\n        temporary.unlink(missing_ok=True)\n",
            "    finally:\n        pass\n",
            ("        temporary.unlink(missing_ok=True)\n        raise\n", "        raise\n"),
        ),
        Change("os.fsync(file.fileno())", "file.fileno()"),
        Change(
            "    sync_folder(path.parent)\n",
            "",
            ("    _sync_folder(path.parent)\n", ""),
        ),
    ),
)
OUTPUTS = Part(
    path="files/writing.py",
    tests=("files/test_writing.py",),
    was_path="experiments/outputs.py",
    was_tests=("experiments/test_outputs.py",),
    changes=(
        Change("if path.suffix.lower() != suffix:", "if path.suffix != suffix:"),
        Change("    if path.is_dir():\n", "    if False:\n"),
        Change("if picture.is_dir():", "if False:"),
    ),
)
STRICT_JSON = Part(
    path="files/writing.py",
    tests=("training/test_metrics.py",),
    was_path="training/strict_json.py",
    changes=(
        Change("isinstance(value, float) and not math.isfinite(value)", "value is math.nan"),
        Change("isinstance(value, Mapping):", "False:"),
    ),
)

EVENTS = Part(
    path="evaluation/events.py",
    tests=("evaluation/test_events.py",),
    was_path="analysis/events.py",
    was_tests=("analysis/test_events.py",),
    changes=(
        Change("_ratio(2 * self.matched", "_ratio(self.matched"),
        Change("inferred[:, 1:], truth[:, 1:]", "inferred, truth"),
        Change("if tolerance < 0:", "if tolerance < -1:"),
        Change("if abs(distance) <= tolerance:", "if abs(distance) < tolerance:"),
        Change("other += distance >= -tolerance", "other += distance >= 0"),
        Change("return 0.0 if other else 1.0", "return 1.0"),
        Change("[:, 1:].sum(2).mean()", "[:, 0:].sum(2).mean()"),
        Change("_levels(changed).sum(2).mean()", "_levels(changed)[:, 1:].sum(2).mean()"),
        Change("[:, 1:].mean((0, 1))", "[:, 0:].mean((0, 1))"),
        Change("if array.dtype != np.bool_ or ", "if "),
        Change("if array.shape[1] < 2:", "if array.shape[1] < 1:"),
    ),
)

MODULES = {
    "temporal prior": (TEMPORAL,),
    "selection": (SELECTION,),
    "bound": (BOUND,),
    "rollout": (ROLLOUT,),
    "checkpoints": (CHECKPOINTS,),
    "moving ball": (MOVING_BALL,),
    "clip store": (STORE,),
    "frame rates": (RETIME, RATE),
    "scores of futures": (BEST_OF, ENERGY, FUTURES),
    "floors": (FLOORS, KNOWN_FUTURES),
    "writing files": (WRITING, OUTPUTS, STRICT_JSON),
    "scores of events": (EVENTS,),
}
"""What a table calls each module; one that stood in several files before has several parts."""


def mutated(text: str, old: str, new: str, *, path: str) -> str:
    """The text with its only ``old`` replaced.

    Raises:
        SystemExit: ``old`` does not stand there exactly once: the code has changed, so must it.
    """
    if (found := text.count(old)) != 1:
        raise SystemExit(
            f"{path} holds {old!r} {found} times, expected 1; bring its mutant up to date"
        )
    return text.replace(old, new)


def run_tests(tree: Path, tests: Sequence[str], only: str, *, seconds: float) -> int | None:
    """pytest's exit status for these files of a tree; None if they took longer than ``seconds``.

    It runs in a fork of this process, which has imported what takes long, but nothing of the tree.
    """
    words = ["-q", "-x", "--tb=no", "-p", "no:cacheprovider", *(["-k", only] if only else [])]
    sys.stdout.flush()
    child = os.fork()
    if not child:
        status = NOT_OF_THE_COPY
        try:
            os.setsid()
            os.chdir(tree)
            os.dup2(os.open(tree / "tests.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            os.dup2(1, 2)
            sys.path[:1] = [str(tree / "src"), str(tree)]  # no longer this file's folder
            os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
            import pytest

            status = int(pytest.main([*words, *(f"tests/{name}" for name in tests)]))
            package = sys.modules.get("dlh")
            if package and not Path(str(package.__file__)).is_relative_to(tree):
                status = NOT_OF_THE_COPY
        finally:
            sys.stdout.flush()
            os._exit(status)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def outcomes(
    tree: Path, part: Part, *, before: bool, seconds: float
) -> Iterator[tuple[Change, str]]:
    """Each mutant, killed or survived, in a tree that may be changed.

    Raises:
        SystemExit: the tests fail or hang without a mutant, or cannot be run.
    """
    path, tests, only = part.place(before=before)
    source = tree / "src" / "dlh" / path
    text = source.read_text("utf-8")
    if (status := run_tests(tree, tests, only, seconds=seconds)) != 0:
        said = (tree / "tests.log").read_text("utf-8", errors="replace")[-2000:]
        raise SystemExit(
            f"the tests of {path} fail or hang without a mutant (status {status}):\n{said}"
        )
    for change in part.changes:
        old, new = change.was if before and change.was else change[:2]
        try:
            write(source, mutated(text, old, new, path=path))
            status = run_tests(tree, tests, only, seconds=seconds)
        finally:
            write(source, text)
        if status not in (None, 0, 1, 2):  # 2: not even imported
            raise SystemExit(f"the tests of {path} could not be run: status {status}")
        yield change, SURVIVED if status == 0 else KILLED


def write(source: Path, text: str) -> None:
    """Write a module, and drop what was compiled of it: that may be of the same second and size."""
    source.write_text(text, encoding="utf-8")
    for compiled in source.parent.glob(f"__pycache__/{source.stem}.*"):
        compiled.unlink()


def copy_of(tree: Path, folder: Path) -> Path:
    """A copy of what the tests of a tree need."""
    copy = folder / "tree"
    copy.mkdir()
    for name in COPIED:
        if (tree / name).is_dir():
            shutil.copytree(tree / name, copy / name)
        elif (tree / name).exists():
            shutil.copy2(tree / name, copy / name)
    return copy.resolve()


def prepare() -> None:
    """Import once what every test process needs, and nothing of ``dlh``."""
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import beartype  # noqa: F401
    import jaxtyping  # noqa: F401
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import torch._dynamo
    import torch.distributions  # noqa: F401


def main(arguments: list[str] | None = None) -> None:
    """Run the mutants and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(MODULES), metavar="MODULE")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a checkout of b97b0cc")
    parser.add_argument("--survivors", action="store_true", help="print them too")
    parser.add_argument("--seconds", type=float, default=300, help="after which tests hang (300)")
    parser.add_argument("--json", type=Path, help="write every outcome here")
    options = parser.parse_args(arguments)
    prepare()
    before = options.before is not None
    found: dict[str, list[dict[str, str]]] = {}
    print(f"{'module':<20}{'mutants':>8}{'killed':>8}{'seconds':>9}")
    with tempfile.TemporaryDirectory() as folder:
        tree = copy_of(options.before or ROOT, Path(folder))
        for name in options.only or MODULES:
            started = time.monotonic()
            rows = found[name] = [
                {"old": change.old, "new": change.new, "outcome": outcome}
                for part in MODULES[name]
                for change, outcome in outcomes(tree, part, before=before, seconds=options.seconds)
            ]
            killed = sum(row["outcome"] == KILLED for row in rows)
            seconds = time.monotonic() - started
            print(f"{name:<20}{len(rows):>8}{killed:>8}{seconds:>9.0f}", flush=True)
            for row in rows if options.survivors else ():
                if row["outcome"] == SURVIVED:
                    print(f"    survived: {row['old']!r} -> {row['new']!r}", flush=True)
            if options.json:
                options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
