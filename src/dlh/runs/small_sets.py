"""The experiment for a person's few videos: sizes, rate, model and length from what there is."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import torch

from dlh.analysis.footage import Footage
from dlh.data.augmentation import Augmentation
from dlh.data.clips import DataError
from dlh.data.video.resize import Crop, Fit
from dlh.models import registry
from dlh.models.dlh import DLHConfig, DynamicsConfig, EmergenceConfig
from dlh.runs.experiment import DataConfig, Experiment
from dlh.runs.preset_bases import emergence
from dlh.training.config import TrainingConfig
from dlh.training.device import choose_device
from dlh.training.randomness import step_generator
from dlh.video import from_stored

PRESET = "discover"
CLIP_LENGTH, LEAST_CLIP_LENGTH = 50, 16
BATCH_SIZE = 8
CHANGES = 3
"""That a clip covers, about."""
SLOWEST = 3.0
"""Frames a second, at least, of what is trained on."""
LONGEST = 0.7
"""Of a video, the most that a clip covers: the rest are places where it may begin."""
BLOCK = 0.1
"""Of a video that is split by time, the most that a clip covers: held-out blocks are no longer."""
LEAST_FRAMES = math.ceil(LEAST_CLIP_LENGTH / LONGEST)
"""Of a video that is learnt from."""
LEAST_CLIPS = 6
"""That there must be, without overlap."""
SMALL = 5.0
"""Pixels of 64 below which what moves is not seen at 32 x 32."""
WORTH = 25.0
"""Nats a frame that what moves is worth: within the 10 to 40 at which a hierarchy emerges."""
FEW_FRAMES = 4_000
"""Frames a second taken, of all clips, below which the networks are small."""
KEPT_FRAMES = 100_000
"""Stored frames above which videos are re-timed when they are read, and have no phases."""
FILES_TO_SPLIT = 3
"""Below so many, each is split by blocks of time."""
KNOWN_LEARNING_RATE = 3e-4
"""From weights in which the hierarchy has emerged."""
STEPS = (200, 3_000)
"""Updates, from and to."""
CHECKS = 20
"""Validations in a training, about."""
PATIENCE = 6
OVERHEAD = 0.8
"""Of the minutes, the part for updates: the rest is for validations, measuring and the answers."""
LIMIT = 0.9
"""Of the minutes, the part after which training ends, whatever was estimated."""


def experiment_for(
    seen: Footage,
    source: str,
    *,
    minutes: float,
    seed: int,
    crop: Crop | None = None,
    fit: Fit = "squash",
    fps: float | None = None,
) -> Experiment:
    """What to train on these videos, but for the number of steps; see :func:`with_steps`.

    Args:
        seen: what there is in them.
        source: the folder or file.
        minutes, seed: of the training.
        crop, fit, fps: how the videos are read.

    Raises:
        DataError: there is too little of them.
    """
    rate = fps or seen.fps
    kept = seen.frames * rate / seen.fps
    shortest = seen.shortest * rate / seen.fps
    in_time = seen.files < FILES_TO_SPLIT
    # A block's ends are rounded to whole frames.
    longest_block = BLOCK * shortest - 1 if in_time else LONGEST * shortest
    stride = round(CHANGES * seen.spacing * rate / CLIP_LENGTH)
    room = min(longest_block, kept / LEAST_CLIPS)  # frames that a clip may cover
    stride = max(1, min(stride, int(rate / SLOWEST), int(room / CLIP_LENGTH)))
    clip_length = min(CLIP_LENGTH, int(room / stride))
    if clip_length < LEAST_CLIP_LENGTH:
        needed = LEAST_CLIPS * LEAST_CLIP_LENGTH
        in_blocks = math.ceil((LEAST_CLIP_LENGTH + 1) / BLOCK)
        retimed = "" if fps is None else f" at {fps:g} a second"
        raise DataError(
            f"too little video to learn from in {source}: {seen.files} with {kept:.0f} frames"
            f"{retimed}, the shortest with {shortest:.0f}; expected {needed} frames in all, "
            f"{LEAST_FRAMES} in each, and {in_blocks} in each of fewer than {FILES_TO_SPLIT}. `dlh "
            "events moving-ball VIDEO --method changepoint` needs no training",
            code="too-little-video",
        )
    retimed = fps
    if not seen.one_rate and fps is None:
        retimed = seen.fps
    if kept > KEPT_FRAMES and stride > 1:
        retimed, stride = rate / stride, 1
    size = 32 if seen.mover >= 2 * SMALL or not seen.still else 64
    few = kept / stride < FEW_FRAMES
    width = 100 if few else 200
    std = math.sqrt(max(seen.weight * (size / 64) ** 2, 1e-6) / (2 * WORTH))
    model = DLHConfig(
        height=size,
        width=size,
        channels=1 if seen.grey else 3,
        num_levels=2,
        feature_size=width,
        context_size=width,
        memory_size=width,
        factor_size=width,
        convolution_channels=(16, 32, 64, 64) if size == 32 else (16, 32, 64, 128),
        initial_std=(0.1, 0.09),
        likelihood_std=float(np.clip(round(std, 3), 0.05, 1.0)),
    )
    augment = Augmentation(
        stride=stride,
        flip=True,
        shift=0 if seen.still else size // 16,
        colour=0.0 if seen.still else 0.2,
    )
    return Experiment(
        preset=PRESET,
        model=model,
        data=DataConfig(
            source=source,
            fps=retimed,
            crop=crop,
            fit=fit,
            split_by="time" if in_time else "name",
            augment=augment,
        ),
        training=TrainingConfig(
            steps=STEPS[0],
            batch_size=BATCH_SIZE,
            clip_length=clip_length,
            learning_rate=2e-3 if size == 32 else 1e-3,
            gradient_norm=60.0,
            patience=PATIENCE,
            held_out_clips=16,
            log_every=20,
            sample_every=0,
            seed=seed,
        ),
    )


def from_weights(experiment: Experiment, name: str, model: DLHConfig) -> Experiment:
    """The experiment from the weights of a shipped model that already finds what changes in these
    videos at their own rate: its sizes, every frame, and small updates.
    """
    augment, training = experiment.data.augment, experiment.training
    length = min(CLIP_LENGTH, training.clip_length * augment.stride)
    return replace(
        experiment,
        model=replace(model, emergence=EmergenceConfig(), dynamics=DynamicsConfig()),
        data=replace(experiment.data, augment=replace(augment, stride=1)),
        training=replace(training, clip_length=length, learning_rate=KNOWN_LEARNING_RATE),
        init=name,
    )


def with_steps(experiment: Experiment, *, minutes: float) -> Experiment:
    """The experiment with as many steps as fit into the minutes on this machine, and a schedule for
    them.
    """
    steps = int(OVERHEAD * 60 * minutes / seconds_per_step(experiment))
    steps = min(max(steps, STEPS[0]), STEPS[1])
    every = max(10, steps // CHECKS)
    model, fresh = experiment.model, experiment.init is None
    assert isinstance(model, DLHConfig)
    return replace(
        experiment,
        model=replace(model, emergence=emergence(steps)) if fresh else model,
        training=replace(
            experiment.training,
            steps=steps,
            minutes=LIMIT * minutes,
            beta_warmup_steps=steps // 2 if fresh else 0,
            cooldown_steps=steps // 3,
            validate_every=every,
            checkpoint_every=every,
        ),
    )


def seconds_per_step(experiment: Experiment, *, tries: int = 3) -> float:
    """The median time of an update on this machine, on clips of noise, without the first one."""
    model, training = registry.build(experiment.model), experiment.training
    assert isinstance(model, torch.nn.Module)
    device = choose_device(training.device)
    channels, height, width = experiment.model.frame_shape
    shape = (training.batch_size, training.clip_length, height, width, channels)
    clips = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    video, taken = from_stored(clips, device), []
    model.to(device).train()
    for number in range(1 + tries):
        began = time.perf_counter()
        generator = step_generator(0, number, 0, device)
        model.objective(video, generator=generator).loss.backward()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken[1:]))
