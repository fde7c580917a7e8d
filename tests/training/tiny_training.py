"""A model and a source small enough to train in milliseconds, and what makes two runs the same."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from dlh.data.clips import Clips, Split
from dlh.interfaces import (
    AS_LEARNT,
    PLAIN,
    TRAINED,
    Execution,
    Figures,
    Objective,
    Optimiser,
    Phase,
    Plan,
    Prediction,
    Stage,
    Temperature,
    Term,
    Update,
)
from dlh.training import checkpoint
from dlh.training.config import TrainingConfig
from dlh.training.figures import TIMINGS
from dlh.training.loop import TrainingResult, train
from dlh.training.run import EXPERIMENT, RunFolder

FRAME = (1, 4, 4)

# Logs, checkpoints and validations fall on different steps: resuming has to get all three right.
CONFIG = TrainingConfig(
    steps=14,
    batch_size=3,
    clip_length=5,
    learning_rate=1e-2,
    beta_warmup_steps=10,
    device="cpu",
    speed="channels-last",  # auto is bfloat16 on a newer processor, which rounds
    threads=1,
    checkpoint_every=2,
    log_every=3,
    validate_every=5,
)


@dataclass(frozen=True, kw_only=True)
class TinyConfig:
    """What a tiny model is built from."""

    kind: ClassVar[str] = "tiny"
    frame_shape: tuple[int, int, int] = FRAME


class TinyModel(nn.Module):
    """Two latent numbers per frame, N(mean, 1) against N(0, 1); the second is level 2; std 0.1."""

    to_unit_range: ClassVar[str] = "clipped to [0, 1]"
    config = TinyConfig()

    def __init__(self, *, seed: int = 0, width: int = 16) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = nn.Linear(16, 2)
            self.decoder = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 16))

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return FRAME

    def objective(
        self,
        video: Tensor,
        *,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        pixels, share = video.flatten(2), execution.share
        mean = self.encoder(pixels)
        whole = (len(mean) * share.count, *mean.shape[1:])
        state = mean + share.of(torch.randn(whole, generator=generator, device=mean.device))
        state_kl = mean.square() / 2
        surprise = nn.functional.softplus(mean[..., 1:])
        changed = mean.detach() > mean.detach().mean()
        changed[..., 0] = True
        terms = {
            "reconstruction": -(self.decoder(state) - pixels).square().sum(2) / (2 * 0.1**2),
            "state_kl": state_kl,
            "event_kl": torch.cat([torch.zeros_like(surprise), surprise], 2),
        }
        return self.weighed(terms, changed, update)

    def weighed(self, terms: dict[str, Tensor], changed: Tensor, update: Update) -> Objective:
        """The objective of these terms."""
        divergence = terms["state_kl"].sum(2) + terms["event_kl"].sum(2)
        return Objective(
            loss=(update.beta * divergence - terms["reconstruction"]).mean(),
            terms={name: Term(value=value) for name, value in terms.items()},
            elbo=(terms["reconstruction"] - divergence).sum(1),
            changed=changed,
            schedule={"beta": update.beta},
        )

    @property
    def plan(self) -> Plan:
        adam = Optimiser(eps=1e-4, gradient_norm=1_000.0)
        return Plan(stages=(Stage(phases=(Phase(objective=self.objective),), optimiser=adam),))

    def figures(self, video: Tensor, *, generator: torch.Generator | None = None) -> Figures:
        found = self.objective(video, generator=generator)
        assert found.elbo is not None
        return Figures(values={"elbo": found.elbo / video.shape[1]}, changed=found.changed)

    def predict(
        self,
        context: Tensor,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
        temperature: Temperature = AS_LEARNT,
    ) -> Prediction:
        state = torch.randn(len(context), samples, horizon, 2, generator=generator)
        state = temperature.states * state
        return Prediction(frames=self.decoder(state).unflatten(-1, FRAME).clamp(0, 1))


class TinySource:
    """Clips of one bright row that moves down, at a speed and from a row that are drawn."""

    name = "tiny rows"
    frame_shape = FRAME

    def batch(
        self,
        step: int,
        *,
        batch_size: int,
        clip_length: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> Clips:
        randomness = np.random.default_rng([seed, step])
        first, speed = randomness.integers(4, size=(2, batch_size, 1))
        rows = (first + speed * np.arange(clip_length)) % 4
        frames = np.zeros((batch_size, clip_length, 4, 4, 1), np.uint8)
        np.put_along_axis(frames, rows[:, :, None, None, None], 200, axis=2)
        return Clips(video=frames[np.array_split(np.arange(batch_size), world_size)[rank]])

    def held_out(self, split: Split, *, count: int, clip_length: int) -> Clips | None:
        return self.batch(10**6, batch_size=count, clip_length=clip_length, seed=0)


def validate(model: Any, step: int) -> dict[str, float]:
    """A validation that leaves the global randomness and the gradients as dirty as it can."""
    torch.manual_seed(step)
    generator = torch.Generator().manual_seed(1)
    clips = TinySource().held_out("validation", count=2, clip_length=4)
    assert clips is not None
    video = torch.from_numpy(clips.video).movedim(-1, 2) / 255
    loss = model.objective(video, generator=generator).loss.item()
    return {"loss": loss, "draw": float(torch.rand(())), "elbo": -loss}


def new_run(path: Path) -> RunFolder:
    run = RunFolder.create(path)
    run.write_json(EXPERIMENT, {"what": "a test"})
    return run


def train_tiny(
    run: RunFolder, config: TrainingConfig = CONFIG, *, model: TinyModel | None = None, **hooks: Any
) -> TrainingResult:
    """Train, or resume, as a command would: with a new model each time."""
    hooks.setdefault("validate", validate)
    return train(model or TinyModel(), TinySource(), config, run, **hooks)


def weights(model: TinyModel) -> dict[str, Tensor]:
    return copy.deepcopy(model.state_dict())


def final_state(run: RunFolder) -> dict[str, Any]:
    """Everything in the newest checkpoint but the clock."""
    return state_of(checkpoint.checkpoint_files(run.checkpoints)[-1])


def state_of(path: Path) -> dict[str, Any]:
    """Everything in a checkpoint but the clock."""
    state = checkpoint.read_checkpoint(path)
    for name in ("train_seconds", "validation_seconds", "cpu_seconds"):
        del state["progress"][name]
    for name in ("step_seconds", "wait_seconds"):
        state["means"]["sums"].pop(name, None)
    return state


def final_metrics(run: RunFolder) -> list[dict[str, Any]]:
    """Everything in metrics.jsonl but the clock."""
    entries = run.metrics.read()
    return [{k: v for k, v in entry.items() if k not in TIMINGS} for entry in entries]


def assert_same_run(left: RunFolder, right: RunFolder) -> None:
    """Equal to the last bit: weights, Adam's state, counters, means, and every measured figure;
    the best checkpoint too.
    """
    assert_same(final_state(left), final_state(right))
    best = [run.checkpoints / checkpoint.BEST for run in (left, right)]
    assert best[0].exists() == best[1].exists()
    if best[0].exists():
        assert_same(*(state_of(path)["model"] for path in best))
    assert final_metrics(left) == final_metrics(right)
    assert left.status().state == right.status().state == "finished"


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for name in left:
            assert_same(left[name], right[name])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for mine, theirs in zip(left, right, strict=True):
            assert_same(mine, theirs)
    elif isinstance(left, Tensor):
        assert left.dtype == right.dtype and torch.equal(left, right)
    else:
        assert left == right
