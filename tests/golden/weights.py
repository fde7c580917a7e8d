"""Weights, inputs and noise of the golden files, from a formula (numpy only).

Every array is a function of three integers: the model (1 CW-VAE, 2 VTA, 3 LMC-Memory), what it is
(``WEIGHT``, ``FRAMES``, ...) and a running number. The numbers come from the raw stream of PCG64,
which numpy keeps stable across versions, so nothing here depends on how numpy draws normals.

``parameters(*cwvae(...))`` and so on give name -> float32 array in the order of the tables of
README.md; layouts are PyTorch's (convolution: out, in, height, width; transposed convolution: in,
out, height, width; linear: out, in; GRU: gates reset, update, new). ``CASES`` says what each golden
case is; ``frames`` and the functions of noise say what goes in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CWVAE, VTA, LMC = 1, 2, 3
WEIGHT, FRAMES, NORMAL, GUMBEL, DEQUANTISATION = 0, 1, 2, 3, 4

BATCH = 2
SMALL = {
    "number": 2,
    "channels": 1,
    "size": 64,
    "levels": 3,
    "factor": 2,
    "stoch": 5,
    "deter": 7,
    "embed": 6,
    "dense": 9,
    "std": 1.0,
    "frames": 13,
    "context": 4,
}
CASES = {
    "cwvae": {
        "mazes": {
            "number": 1,
            "channels": 3,
            "size": 64,
            "levels": 3,
            "factor": 6,
            "stoch": 20,
            "deter": 200,
            "embed": 200,
            "dense": 1000,
            "std": 0.1,
            "frames": 46,
            "context": 36,
        },
        "small": SMALL,
        "small32": SMALL | {"number": 3, "size": 32},
    },
    "vta": {
        "base": {"number": 1, "channels": 3, "size": 32, "context": 5, "window": 20, "horizon": 12},
        "wide": {"number": 2, "channels": 1, "size": 64, "context": 2, "window": 6, "horizon": 6},
    },
    "lmc": {
        "base": {
            "number": 1,
            "channels": 1,
            "size": 32,
            "short": 10,
            "out": 10,
            "long": 18,
            "long_start": 1,
            "sigmoid": False,
        },
        "wide": {
            "number": 2,
            "channels": 3,
            "size": 64,
            "short": 10,
            "out": 3,
            "long": 13,
            "long_start": 0,
            "sigmoid": True,
        },
    },
}


def uniform(model: int, what: int, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """float64 in [0, 1): the top 53 bits of each raw number, times 2^-53, in C order."""
    raw = np.random.PCG64([model, what, number]).random_raw(int(np.prod(shape)))
    return ((raw >> np.uint64(11)) * 2.0**-53).reshape(shape)


def unit(model: int, what: int, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """float64, uniform in (-sqrt 3, sqrt 3): mean 0, variance 1. Stands for a normal draw."""
    return (2 * uniform(model, what, number, shape) - 1) * np.sqrt(3)


@dataclass(frozen=True)
class Entry:
    """One parameter or running statistic: its role in words, shape and scale.

    ``kind``: "weight" (scale / sqrt fan_in), "bias" (scale .05), "gain" (1 + .1 x unit),
    "mean" (.05 x unit), "variance" (between .5 and 1.5), "slots" (1 x unit).
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    fan_in: int = 0

    def value(self, model: int, number: int) -> np.ndarray:
        if self.kind == "variance":
            drawn = 0.5 + uniform(model, WEIGHT, number, self.shape)
        else:
            drawn = unit(model, WEIGHT, number, self.shape)
            drawn *= {"weight": max(self.fan_in, 1) ** -0.5, "slots": 1.0, "gain": 0.1}.get(
                self.kind, 0.05
            )
            drawn += self.kind == "gain"
        return drawn.astype(np.float32)


def parameters(model: int, entries: list[Entry]) -> dict[str, np.ndarray]:
    """name -> float32 array; number k of the list is drawn with the running number k, from 0."""
    return {entry.name: entry.value(model, k) for k, entry in enumerate(entries)}


def frames(model: int, case: int, shape: tuple[int, ...]) -> np.ndarray:
    """A video (batch, time, channel, height, width) float32: multiples of 1/255 in [0, 1]."""
    return (np.floor(256 * uniform(model, FRAMES, case, shape)) / 255).astype(np.float32)


def normal(model: int, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """What stands for standard normal noise, float32."""
    return unit(model, NORMAL, number, shape).astype(np.float32)


def cwvae_noise(case: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Noise of the priors and of the posteriors, per level (batch, ticks, stoch).

    In a rollout the context takes the posteriors' first ticks, what follows the priors' later ones.
    """
    c = CASES["cwvae"][case]
    both = []
    for which in (0, 1):
        levels = []
        for level in range(1, c["levels"] + 1):
            ticks = -(-c["frames"] // c["factor"] ** (level - 1))
            number = 100 * c["number"] + 10 * level + which
            levels.append(normal(CWVAE, number, (BATCH, ticks, c["stoch"])))
        both.append(levels)
    return both[0], both[1]


def vta_noise(case: str) -> tuple[np.ndarray, np.ndarray]:
    """Noise of the abstract and of the observation state, (batch, steps, 8).

    Step k of the window, of a rollout and of a jumpy rollout all take number k.
    """
    c = CASES["vta"][case]
    shape = (BATCH, max(c["window"], c["horizon"]), 8)
    return normal(VTA, 100 * c["number"], shape), normal(VTA, 100 * c["number"] + 1, shape)


def gumbel(case: int, shape: tuple[int, ...]) -> np.ndarray:
    """VTA's uniform numbers (batch, time, 2), float32 in [0, 1], before 1e-4 + (1 - 2e-4) u.

    Those of clip 1, index 0 (READ) are a fifth as large, so that this clip has long segments.
    """
    numbers = uniform(VTA, GUMBEL, case, shape)
    numbers[1, :, 0] *= 0.2
    return numbers.astype(np.float32)


def dequantisation(case: int, shape: tuple[int, ...]) -> np.ndarray:
    """VTA's uniform numbers for every pixel, float32 in [0, 1]."""
    return uniform(VTA, DEQUANTISATION, case, shape).astype(np.float32)


# --- layers ------------------------------------------------------------------------------------


def linear(name: str, inputs: int, outputs: int) -> list[Entry]:
    return [
        Entry(f"{name}.weight", (outputs, inputs), "weight", inputs),
        Entry(f"{name}.bias", (outputs,), "bias"),
    ]


def conv(
    name: str, inputs: int, outputs: int, kernel: tuple[int, ...], bias: bool = True
) -> list[Entry]:
    fan_in = inputs * int(np.prod(kernel))
    entries = [Entry(f"{name}.weight", (outputs, inputs, *kernel), "weight", fan_in)]
    return entries + [Entry(f"{name}.bias", (outputs,), "bias")] * bias


def transposed(
    name: str, inputs: int, outputs: int, kernel: int, overlap: int, bias: bool = True
) -> list[Entry]:
    """fan_in = inputs x overlap: how many input pixels meet in one output pixel, about."""
    fan_in = inputs * overlap
    entries = [Entry(f"{name}.weight", (inputs, outputs, kernel, kernel), "weight", fan_in)]
    return entries + [Entry(f"{name}.bias", (outputs,), "bias")] * bias


def gru(name: str, inputs: int, units: int) -> list[Entry]:
    return [
        Entry(f"{name}.input_weight", (3 * units, inputs), "weight", inputs),
        Entry(f"{name}.state_weight", (3 * units, units), "weight", units),
        Entry(f"{name}.input_bias", (3 * units,), "bias"),
        Entry(f"{name}.state_bias", (3 * units,), "bias"),
    ]


def batch_norm(name: str, channels: int) -> list[Entry]:
    return [
        Entry(f"{name}.weight", (channels,), "gain"),
        Entry(f"{name}.bias", (channels,), "bias"),
        Entry(f"{name}.running_mean", (channels,), "mean"),
        Entry(f"{name}.running_variance", (channels,), "variance"),
    ]


# --- CW-VAE ------------------------------------------------------------------------------------


def cwvae(
    channels: int = 3,
    levels: int = 3,
    stoch: int = 20,
    deter: int = 200,
    embed: int = 200,
    dense: int = 1000,
    size: int = 64,
) -> tuple[int, list[Entry]]:
    entries = []
    widths = (channels, 32, 64, 128, 256)
    for i in range(4):
        entries += conv(f"encoder.conv{i + 1}", widths[i], widths[i + 1], (4, 4))
    for level in range(2, levels + 1):
        entries += linear(f"encoder.level{level}.dense1", 1024, dense)
        entries += linear(f"encoder.level{level}.dense2", dense, dense)
        entries += linear(f"encoder.level{level}.dense3", dense, 1024)
    for level in range(1, levels + 1):
        cell = f"cell{level}"
        entries += linear(f"{cell}.input", stoch + stoch + deter, embed)
        entries += gru(f"{cell}.gru", embed, deter)
        entries += linear(f"{cell}.prior_hidden", deter, embed)
        entries += linear(f"{cell}.prior_mean", embed, stoch)
        entries += linear(f"{cell}.prior_std", embed, stoch)
        entries += linear(f"{cell}.posterior_hidden1", deter + 1024, embed)
        entries += linear(f"{cell}.posterior_hidden2", embed, embed)
        entries += linear(f"{cell}.posterior_mean", embed, stoch)
        entries += linear(f"{cell}.posterior_std", embed, stoch)
    entries += linear("decoder.dense", stoch + deter, 1024)
    inputs, kernels = (1024, (5, 5, 6, 6)) if size == 64 else (256, (4, 4, 4, 4))
    for i, (outputs, kernel) in enumerate(zip((128, 64, 32, channels), kernels, strict=True)):
        overlap = 1 if size == 64 and i == 0 else kernel**2 // 4
        entries += transposed(f"decoder.deconv{i + 1}", inputs, outputs, kernel, overlap)
        inputs = outputs
    return CWVAE, entries


# --- VTA ---------------------------------------------------------------------------------------


def vta(
    channels: int = 3, belief: int = 128, state: int = 8, layers: int = 3, size: int = 32
) -> tuple[int, list[Entry]]:
    halvings = {32: 3, 64: 4}[size]
    entries, inputs = [], channels
    for i in range(halvings + 1):
        entries += conv(f"encoder.conv{i + 1}", inputs, belief, (4, 4), bias=False)
        entries += batch_norm(f"encoder.norm{i + 1}", belief)
        inputs = belief
    for i in range(halvings):
        overlap = 4 if i else 1
        entries += transposed(f"decoder.deconv{i + 1}", belief, belief, 4, overlap, bias=False)
        entries += batch_norm(f"decoder.norm{i + 1}", belief)
    entries += transposed(f"decoder.deconv{halvings + 1}", belief, channels, 4, 4)
    entries += linear("boundary_prior", belief, 2)
    for i in range(layers):
        entries += conv(f"boundary_posterior.conv{i + 1}", belief, belief, (3,), bias=False)
        entries += batch_norm(f"boundary_posterior.norm{i + 1}", belief)
    entries += conv(f"boundary_posterior.conv{layers + 1}", belief, 2, (3,))
    entries += linear("abstract_feature", belief + state, belief)
    entries += linear("observation_feature", belief + state, belief)
    entries += gru("abstract_belief", state, belief)
    entries += gru("observation_belief", state + belief, belief)
    entries += gru("abstract_forward", belief, belief)
    entries += gru("abstract_backward", belief, belief)
    entries += gru("observation_forward", belief, belief)
    for name, inputs in (
        ("abstract_prior", belief),
        ("observation_prior", belief),
        ("abstract_posterior", 2 * belief),
        ("observation_posterior", 2 * belief),
    ):
        entries += linear(f"{name}.mean", inputs, state) + linear(f"{name}.std", inputs, state)
    return VTA, entries


# --- LMC-Memory --------------------------------------------------------------------------------


def lmc(channels: int = 1, slots: int = 100) -> tuple[int, list[Entry]]:
    entries = []
    for i, (inputs, outputs) in enumerate(((channels, 64), (64, 64), (64, 128), (128, 128))):
        entries += conv(f"encoder.conv{i + 1}", inputs, outputs, (3, 3))
    for i, (inputs, outputs, stride) in enumerate(
        ((256, 128, 1), (128, 64, 2), (64, 64, 1), (64, channels, 2))
    ):
        entries += transposed(f"decoder.deconv{i + 1}", inputs, outputs, 3, 9 // stride**2)
    for i in range(4):
        entries += conv(f"lstm{i + 1}.input", 128, 512, (3, 3))
        entries += conv(f"lstm{i + 1}.state", 128, 512, (3, 3))
    entries.append(Entry("memory.slots", (slots, 512), "slots"))
    for name in ("matching", "context"):
        widths = (channels, 64, 128, 256, 256, 512, 512)
        for i in range(6):
            entries += conv(f"memory.{name}.conv{i + 1}", widths[i], widths[i + 1], (3, 3, 3))
    entries += transposed("memory.embed.deconv1", 512, 256, 3, 2)
    entries += transposed("memory.embed.deconv2", 256, 128, 3, 2)
    entries += linear("attention.dense1", 256, 16)
    entries += linear("attention.dense2", 16, 128)
    return LMC, entries


def count(entries: list[Entry]) -> int:
    """Trainable numbers: all but the running statistics."""
    return sum(
        int(np.prod(entry.shape)) for entry in entries if entry.kind not in ("mean", "variance")
    )
