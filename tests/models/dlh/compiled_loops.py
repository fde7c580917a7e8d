"""The compiled loop over time against the plain one; a process of its own for ``test_decide.py``.

What pytest checks of shapes cannot be compiled. Prints, as JSON, what is wrong with each case by
its name, and nothing else. ``compiled_loops.py cuda`` has the cases of a GPU.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from torch._dynamo.utils import counters

sys.path.insert(0, str(Path(__file__).parents[2]))

from dlh.interfaces import Execution, Objective, Update
from dlh.models.dlh import Carried, DLHConfig, decide, inference, pieces
from dlh.networks import compile_whole
from small_models import SWITCHES, lively_model, lively_video, noise_for, small_config

DEVICE = sys.argv[1] if len(sys.argv) > 1 else "cpu"
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
TRACED = ("the paper's letter", "no nesting, vade", "full selection context")
"""With the default, which inductor gets, these have all that a step can be made of."""


def assert_same(found, expected) -> None:
    """Two records hold the same: decisions to the bit, numbers to 1e-9."""
    for name, part in vars(expected).items():
        if part.__class__.__name__ == "Gaussian":
            assert_same(getattr(found, name), part)
        elif part.dtype == torch.bool:
            assert torch.equal(getattr(found, name), part), name
        else:
            torch.testing.assert_close(
                getattr(found, name), part, msg=lambda text, name=name: f"{name}: {text}", **CLOSE
            )


def values_of(objective: Objective) -> SimpleNamespace:
    """Its terms and decisions, as a record."""
    terms = {name: term.value for name, term in objective.terms.items()}
    return SimpleNamespace(changed=objective.changed, **terms)


def compare(config: DLHConfig, seed: int = 2, recompute: str = "never") -> None:
    """Trace, what is left behind, terms and gradients of both loops on the same clips."""
    model, video = lively_model(config, seed=seed).to(DEVICE), lively_video(config)
    noise = noise_for(config, video).map(lambda part: part.to(DEVICE))
    video = video.to(DEVICE)
    found, gradients, traces = [], [], []
    for compiled in (False, True):
        with torch.no_grad():
            start = Carried.start(config, len(video), like=video)
            traces.append(
                inference.observe(
                    list(model.levels),
                    config,
                    model.encode(video),
                    start,
                    noise,
                    compiled=compiled,
                )
            )
        objective = model.objective(
            video,
            noise=noise,
            update=Update(beta=0.7),
            execution=Execution(recompute=recompute, compiled=compiled),
        )
        model.zero_grad(set_to_none=True)
        objective.loss.backward()
        found.append(values_of(objective))
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert_same(traces[1][0], traces[0][0])
    assert_same(traces[1][1], traces[0][1])
    assert_same(found[1], found[0])
    torch.testing.assert_close(gradients[1], gradients[0], **CLOSE)
    later = found[0].changed[:, 1:, 1:]
    assert bool(later.any((0, 1)).all()), "no level above the first changes"
    assert not bool(later.all(1).all(0).any()), "a level above the first never rests"


def compiled_for_good() -> None:
    """By inductor, once: not again for another model, for pieces, or in a backward pass."""
    pieces.STEPS_OF_PIECE = (5, 5)
    compare(small_config(3))
    compare(small_config(3), seed=3, recompute="always")
    graphs = counters["stats"]["unique_graphs"]
    assert graphs == 1, f"{graphs} graphs were compiled"


def recorded_for_good() -> None:
    """On a GPU as one graph of all steps: for another model anew, for the same shapes once."""
    pieces.STEPS_OF_PIECE = (5, 5)
    for name in ("", *TRACED):
        config = small_config(3, **SWITCHES.get(name, {}))
        for seed in (2, 3):
            compare(config, seed=seed)
            compare(config, seed=seed, recompute="always")
    config = small_config(3)
    model, video = lively_model(config, seed=2).to(DEVICE), lively_video(config).to(DEVICE)
    noise = noise_for(config, video.cpu()).map(lambda part: part.to(DEVICE))
    before = None
    for _ in range(3):  # its weights change where they are
        objectives = [
            values_of(model.objective(video, noise=noise, execution=Execution(compiled=way)))
            for way in (False, True)
        ]
        assert_same(objectives[1], objectives[0])
        names = list(sys.modules["dlh.networks.recorded"]._kept)
        assert before in (None, names), "it was recorded again for the same shapes"
        before = names
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1.03)


def traced(name: str) -> None:
    """As one graph, of what autograd makes of it, without a compiler."""
    torch._dynamo.reset()
    fast = torch.compile(decide.decide, backend="aot_eager", dynamic=False, fullgraph=True)
    decide._compiled_decide = lambda: fast
    compare(small_config(3, **SWITCHES[name]))


def refused() -> None:
    """What cannot be one graph says so in one line."""

    def branches(values: torch.Tensor) -> torch.Tensor:
        return values + 1 if values.sum() > 0 else values

    try:
        compile_whole(branches)(torch.ones(3))
    except RuntimeError as error:
        assert type(error).__name__ == "CompilationError", type(error)
        assert str(error) == "Unsupported: Data-dependent branching", str(error)
    else:
        raise AssertionError("nothing was refused")


if __name__ == "__main__":
    cases = {"inductor": compiled_for_good} | {name: partial(traced, name) for name in TRACED}
    if DEVICE == "cuda":
        cases = {"recorded": recorded_for_good}
    wrong: dict[str, str | None] = {}
    for name, case in (cases | {"refused": refused}).items():
        started = time.process_time()
        try:
            case()
        except Exception as error:
            wrong[name] = f"{type(error).__name__}: {error}"
        else:
            wrong[name] = None
        print(f"{name}: {time.process_time() - started:.1f} s", file=sys.stderr)
    print(json.dumps(wrong))
