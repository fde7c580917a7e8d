"""CW-VAE one frame, one level and one term at a time: slow on purpose.

The tests hold ``dlh.models.cwvae`` against this file, and ``benchmarks/cwvae.py`` times the two
side by side. It borrows the parameters of a model, and writes out the rest: when a level ticks,
which frames a tick sums over, what it reads, and the terms of the bound.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import linear, softplus

from dlh.models.cwvae import CWVAE, Noise


def embed(model: CWVAE, frame: Tensor) -> list[Tensor]:
    """A frame's share of each level's embedding."""
    found = [model.encoder.convolutions(frame).permute(0, 2, 3, 1).flatten(1)]
    for dense in model.encoder.upper_levels:
        found.append(dense(found[-1]))
    return found


def two_inputs(layer, first: Tensor, second: Tensor) -> Tensor:
    """The dense layer of two inputs as the one layer that it is."""
    weight = torch.cat((layer.of_first, layer.of_second), 1)
    return linear(torch.cat((first, second), 1), weight, layer.bias).relu()


def gru(cell, inputs: Tensor, hidden: Tensor) -> Tensor:
    """The gates reset, update and new value, one after the other."""
    of_input = linear(inputs, cell.recurrence.weight_ih_l0, cell.recurrence.bias_ih_l0).chunk(3, 1)
    of_hidden = linear(hidden, cell.recurrence.weight_hh_l0, cell.recurrence.bias_hh_l0).chunk(3, 1)
    reset = (of_input[0] + of_hidden[0]).sigmoid()
    update = (of_input[1] + of_hidden[1]).sigmoid()
    new = (of_input[2] + reset * of_hidden[2]).tanh()
    return (1 - update) * new + update * hidden


def normal(head, features: Tensor) -> Normal:
    return Normal(head.mean(features), softplus(head.std(features + 0.54)) + 1e-4)


def loss(model: CWVAE, video: Tensor, noise: Noise) -> tuple[Tensor, list[list[Tensor]]]:
    """The published loss, nats per frame, and each level's [z, h] at each of its ticks."""
    config, levels = model.config, range(model.config.num_levels)
    steps = video.shape[1]
    embedded = [embed(model, video[:, t]) for t in range(steps)]
    z = [video.new_zeros(len(video), config.state_size) for _ in levels]
    h = [video.new_zeros(len(video), config.memory_size) for _ in levels]
    outputs: list[list[Tensor]] = [[] for _ in levels]
    total = video.new_zeros(len(video))
    for t in range(steps):
        for level in reversed(levels):
            if t % config.intervals[level]:
                continue
            cell, last = model.cells[level], min(steps, t + config.intervals[level])
            x = torch.stack([embedded[frame][level] for frame in range(t, last)]).sum(0)
            context = torch.cat((z[level], h[level]), 1) * 0
            if level + 1 in levels:
                context = torch.cat((z[level + 1], h[level + 1]), 1)
            h[level] = gru(cell, two_inputs(cell.input, z[level], context), h[level])
            prior = normal(cell.prior_head, cell.prior_hidden(h[level]).relu())
            v = two_inputs(cell.posterior_input, h[level], x)
            posterior = normal(cell.posterior_head, cell.posterior_hidden(v).relu())
            drawn = noise.levels[level][:, len(outputs[level])]
            z[level] = posterior.mean + posterior.stddev * drawn
            outputs[level].append(torch.cat((z[level], h[level]), 1))
            total = total + kl_divergence(posterior, prior).sum(1)
        mean = model.decoder(outputs[0][-1])
        total = total - Normal(mean, config.likelihood_std).log_prob(video[:, t]).sum((1, 2, 3))
    return total.mean() / steps, outputs
