"""What is chosen for a person's videos follows from what there is in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.small_store import Stream, building
from dlh.analysis.footage import footage, look_at
from dlh.data.clips import DataError
from dlh.data.store.build import Recipe
from dlh.data.store.source import StoreSource
from dlh.runs import small_sets
from dlh.runs.experiment import Experiment
from dlh.runs.small_sets import experiment_for, with_steps
from refusals import refused

FPS = 25.0


def film(*, size: int, camera: bool = False, frames: int = 200) -> np.ndarray:
    """A bright square on grey noise that moves in the middle third; or all of the picture does."""
    random = np.random.default_rng(0)
    scene = random.integers(*((20, 220) if camera else (60, 120)), (64, 64 + frames, 3))
    film = np.empty((frames, 64, 64, 3), np.uint8)
    for number in range(frames):
        left = number if camera else 0
        film[number] = scene[:, left : left + 64]
        column = 2 + min(max(number - 60, 0), 80) % (60 - size)
        film[number, 20 : 20 + size, column : column + size] = 250
    noisy = film + random.normal(0, 2, film.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def chosen(seen, **options) -> Experiment:
    return experiment_for(seen, "films", minutes=1.0, seed=0, **options)


def test_a_small_mover_before_a_still_camera_is_seen_as_such() -> None:
    seen = footage([look_at(film(size=8), FPS)], [375] * 20, [FPS] * 20)
    assert seen.still and seen.one_rate and not seen.grey
    assert 5 < seen.mover < 14 and 0.5 < seen.spacing < 8
    experiment = chosen(seen)
    data, model = experiment.data, experiment.model
    assert data.augment.stride > 1 and data.augment.flip and not data.augment.shift
    assert data.split_by == "name"
    # What moves is worth enough nats for a level to hold it.
    assert 10 < seen.weight * (model.height / 64) ** 2 / (2 * model.likelihood_std**2) < 40
    assert chosen(replace(seen, mover=3.0)).model.height == 64
    assert chosen(replace(seen, mover=20.0)).model.height == 32


def test_a_moving_camera_gets_shifts_and_colours() -> None:
    look = look_at(film(size=8, camera=True), FPS)
    assert not look.still
    augment = chosen(footage([look], [375] * 20, [FPS] * 20)).data.augment
    assert augment.shift and augment.colour


def test_one_recording_is_split_in_time_and_a_long_one_is_retimed() -> None:
    look = look_at(film(size=8), FPS)
    hour = footage([look], [90_000], [FPS])
    experiment = chosen(hour)
    assert experiment.data.split_by == "time" and experiment.data.augment.stride > 1
    day = chosen(footage([look], [2_000_000], [FPS]))
    assert day.data.augment.stride == 1 and 3 <= day.data.fps < FPS
    mixed = footage([look, look], [375] * 6, [25.0] * 4 + [30.0] * 2)
    assert chosen(mixed).data.fps == 25.0


@pytest.mark.parametrize("frames", [171, 375, 750, 1_500, 3_001, 7_777])
@pytest.mark.parametrize("spacing", [0.2, 1.0, 5.0])
def test_one_recording_has_clips_of_every_split(tmp_path, frames: int, spacing: float) -> None:
    seen = replace(footage([look_at(film(size=8), FPS)], [frames], [FPS]), spacing=spacing)
    experiment = chosen(seen)
    length, augment = experiment.training.clip_length, experiment.data.augment
    recipe = Recipe(frame_shape=(1, 2, 3), settings={}, inputs=())
    with building(tmp_path / "store", recipe, name="black") as builder:
        builder.add("film", Stream(np.zeros((frames, 2, 3, 1), np.uint8)), sha256="film")
        store = builder.finish({"film": "train"})
    source = StoreSource(store, augmentation=augment, gap=augment.span(length))
    for split in ("validation", "test"):
        assert source.held_out(split, count=1, clip_length=length) is not None
    source.check_clip_length(length)


def test_too_little_video_is_refused() -> None:
    look = look_at(film(size=8), FPS)
    with refused(DataError, 3, 36, 12, code="too-little-video"):
        chosen(footage([look], [12] * 3, [FPS] * 3))
    with refused(DataError, 1, 169, 170, code="too-little-video"):
        chosen(footage([look], [169], [FPS]))


def test_the_steps_fit_into_the_minutes(monkeypatch, tmp_path: Path) -> None:
    seen = footage([look_at(film(size=8), FPS)], [375] * 20, [FPS] * 20)
    monkeypatch.setattr(small_sets, "seconds_per_step", lambda experiment: 2.0)
    planned = with_steps(chosen(seen), minutes=30)
    training = planned.training
    assert training.steps == 0.8 * 30 * 60 / 2 and training.minutes == 0.9 * 30
    assert training.validate_every * small_sets.CHECKS == training.steps
    assert planned.model.emergence.anneal_until < training.beta_warmup_steps < training.steps
    assert with_steps(chosen(seen), minutes=0.01).training.steps == small_sets.STEPS[0]
