"""Small models with weights as lively as those of a trained one, and videos for them."""

from __future__ import annotations

import torch
from torch import Tensor

from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy, Noise

# No two sizes are equal, so that no two can be mistaken for each other.
SIZES = {
    "channels": 1,
    "height": 16,
    "width": 16,
    "feature_size": 7,
    "context_size": 6,
    "memory_size": 5,
    "state_size": 3,
    "hidden_sizes": (8, 9),
    "factor_size": 4,
    "convolution_channels": (2, 3, 4, 5),
}

SWITCHES = {
    "default": {},
    "static prior detached": {"static_prior_gradient": False},
    "ticking memory": {"memory": "ticking"},
    "no memory": {"memory": "none"},
    "factor on own memory": {"factor_input": "own"},
    "the paper's letter": {"memory": "ticking", "factor_input": "own"},
    "vade": {"decision": "vade"},
    "vade, own, ticking": {"decision": "vade", "factor_input": "own", "memory": "ticking"},
    "vade, full": {"decision": "vade", "selection_context": "full"},
    "no nesting": {"nesting": False},
    "no nesting, vade": {"nesting": False, "decision": "vade"},
    "no nesting, full": {"nesting": False, "selection_context": "full"},
    "full selection context": {"selection_context": "full"},
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_config(num_levels: int = 2, **changes) -> DLHConfig:
    """A configuration whose model runs in milliseconds."""
    return DLHConfig(**{**SIZES, "num_levels": num_levels, "likelihood_std": 0.5, **changes})


def lively_model(config: DLHConfig, seed: int = 0) -> DynamicLatentHierarchy:
    """A float64 model in which every input matters and levels 2..N change now and then.

    As it is initialised, a model hardly reacts to its frames and its decisions are nearly all
    alike. Here all weights and biases are random, every posterior is sharp and follows the frame,
    and every change prior is wide.
    """
    generator = torch.Generator().manual_seed(seed)
    model = DynamicLatentHierarchy(config).double()
    frames = torch.rand(64, *config.frame_shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            gain = 1.0 / parameter[0].numel() ** 0.5 if parameter.ndim > 1 else 0.3
            parameter.copy_(gain * noise)
        features = model.encoder(frames)
        for level in model.levels:
            posterior, prior, states = level.posterior, level.change_prior, config.state_size
            no_context = features.new_zeros(len(frames), config.context_size)
            posterior.from_context.weight *= 0.5
            posterior.from_evidence.weight /= posterior.project(features).std(0)[:, None]
            posterior.from_evidence.bias -= posterior.project(features).mean(0)
            posterior.head.weight[:states] /= posterior(features, no_context).mean.std(0)[:, None]
            posterior.head.bias[:states] -= posterior(features, no_context).mean.mean(0)
            posterior.head.weight[states:] *= 0.2
            posterior.head.bias[states:] -= 1.0
            prior.head.weight *= 0.3
            prior.head.bias[states:] += 1.0
            if level is not model.levels[-1]:
                features = level.bottom_up(features)
    return model


def lively_video(config: DLHConfig, batch: int = 3, steps: int = 12, seed: int = 0) -> Tensor:
    """Random pictures, each of which stays for a few frames, and a little noise on every frame."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, steps, *config.frame_shape)
    pictures = torch.rand(shape, generator=generator, dtype=torch.float64)
    stays = torch.rand(batch, steps, generator=generator) < 0.6
    frames = [pictures[:, 0]]
    for t in range(1, steps):
        frames.append(torch.where(stays[:, t, None, None, None], frames[-1], pictures[:, t]))
    return 0.9 * torch.stack(frames, 1) + 0.1 * torch.rand(
        shape, generator=generator, dtype=torch.float64
    )


def noise_for(config: DLHConfig, video: Tensor, seed: int = 0, steps: int | None = None) -> Noise:
    """The randomness of all the steps of a video, or of ``steps`` steps."""
    generator = torch.Generator().manual_seed(seed)
    return Noise.draw(config, len(video), steps or video.shape[1], like=video, generator=generator)


def steps_of(part, start: int, stop: int | None):
    """A piece in time of a noise, a trace or a rollout."""
    return part.map(lambda tensor: tensor[:, start:stop])


def sequences_of(part, index):
    """A choice of sequences of a noise, a trace, a rollout or what is carried."""
    return part.map(lambda tensor: tensor[index])


def changing_model(config: DLHConfig, seed: int = 1) -> DynamicLatentHierarchy:
    """A lively model in float32: its level 2 sometimes changes, sometimes not."""
    model = DynamicLatentHierarchy(config)
    model.load_state_dict(lively_model(config, seed=seed).float().state_dict())
    return model
