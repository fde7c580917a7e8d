"""The whole path, from an experiment to a model that has found what lasts and when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlh import DLH
from dlh.commands.train import start
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.models.dlh import DLHConfig
from dlh.models.dlh.config import EmergenceConfig
from dlh.runs.build import build_model
from dlh.runs.experiment import DataConfig, Experiment
from dlh.runs.validation import score
from dlh.training.config import TrainingConfig

WORLD = MovingBallConfig(size=16, radius=4, speed=1.0, colours=("red", "green"))


def two_colours(seed: int) -> Experiment:
    """A ball of two colours and a small hierarchy: emergence in seconds on one core."""
    return Experiment(
        preset="tiny",
        model=DLHConfig(
            height=WORLD.size,
            width=WORLD.size,
            num_levels=2,
            feature_size=32,
            context_size=32,
            memory_size=32,
            state_size=4,
            hidden_sizes=(32,),
            factor_size=32,
            convolution_channels=(8, 8, 16, 16),
            initial_std=(0.1, 0.09),
            emergence=EmergenceConfig(exploration=5, exploration_decay=0.8, exploration_until=70),
        ),
        data=DataConfig(ball=WORLD),
        training=TrainingConfig(
            steps=100,
            batch_size=8,
            clip_length=12,
            learning_rate=3e-3,
            beta_warmup_steps=200,
            cooldown_steps=40,
            gradient_norm=60,
            validate_every=0,
            held_out_clips=0,
            sample_every=0,
            threads=1,
            device="cpu",
            speed="plain",
            seed=seed,
        ),
    )


# After 100 steps F1 is 1.00 for all five seeds. Before, seed 1 has .39 and no other more than .67.
OTHER_SEEDS = (0, 2, 3, 4)


@pytest.mark.usefixtures("not_shown")
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in OTHER_SEEDS)]
)
def test_level_2_learns_to_change_where_the_colour_does(seed: int, tmp_path: Path) -> None:
    experiment = two_colours(seed)
    clips = MovingBall(WORLD).held_out("test", count=40, clip_length=12)
    before = score(build_model(experiment), clips)
    start(experiment, tmp_path / "run", say=lambda line: None)
    after = score(DLH.from_pretrained(tmp_path / "run").model, clips)
    assert before["events.f1"] < 0.75
    assert after["events.f1"] > 0.9
    assert after["elbo"] > before["elbo"]
