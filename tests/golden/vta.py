"""The model of a golden case, with the golden weights and noise, and all that it computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dlh.models.vta import Noise, RolloutNoise, VariationalTemporalAbstraction, VTAConfig
from dlh.models.vta import temperature as temperature_of
from dlh.models.vta.bound import bound
from dlh.models.vta.boundaries import RelaxedBoundary
from dlh.models.vta.pixels import dequantise, grey_level, to_frames
from golden import weights

FILE = Path(weights.__file__).with_name("vta.npz")
CASES = weights.CASES["vta"]
UPDATE = 100_000
LEARNING_RATE, MAX_NORM = 5e-4, 10.0
JUMPS = 4

# The golden file's word for a module, and ours; in the order of the golden file.
MODULES = {
    "boundary_prior": "observation.boundary_prior",
    "abstract_feature": "abstract.to_feature",
    "observation_feature": "observation.to_feature",
    "abstract_belief": "abstract.transition",
    "observation_belief": "observation.transition",
    "abstract_forward": "summaries.abstract_forward",
    "abstract_backward": "summaries.abstract_backward",
    "observation_forward": "summaries.observation_forward",
    "abstract_prior": "abstract.prior",
    "observation_prior": "observation.prior",
    "abstract_posterior": "abstract.posterior",
    "observation_posterior": "observation.posterior",
}
TENSORS = {
    "input_weight": "weight_ih_l0",
    "state_weight": "weight_hh_l0",
    "input_bias": "bias_ih_l0",
    "state_bias": "bias_hh_l0",
    "running_variance": "running_var",
}


def our_name(name: str, halvings: int) -> str:
    """A golden parameter's name in our state dictionary."""
    module, *rest, tensor = name.split(".")
    tensor = TENSORS.get(tensor, tensor)
    if module in MODULES:
        part = ["raw_std" if word == "std" else word for word in rest]
        return ".".join([MODULES[module], *part, tensor])
    kind, number = rest[0][:-1], int(rest[0][-1]) - 1
    if module == "decoder" and (kind, number) == ("deconv", 0):
        return f"decoder.seed.{tensor}"
    last = {"decoder": halvings, "boundary_posterior": 3}.get(module)
    if number == last:  # the last layer has no normalisation
        return f"{module}.layers.{number}.{tensor}"
    position = int(kind == "norm")
    if module == "decoder" and number == 0:  # the first one's convolution is the seed
        position = 0
    return f"{module}.layers.{number}.{position}.{tensor}"


class GoldenCase:
    """A case of the golden file in one precision."""

    def __init__(self, case: str, dtype: torch.dtype) -> None:
        self.name, self.dtype, self.sizes = case, dtype, CASES[case]
        number, size = self.sizes["number"], self.sizes["size"]
        self.context, self.window = self.sizes["context"], self.sizes["window"]
        self.horizon = self.sizes["horizon"]
        self.frames = 2 * self.context + self.window
        self.config = VTAConfig(
            channels=self.sizes["channels"],
            height=size,
            width=size,
            context_steps=self.context,
        )
        _, self.entries = weights.vta(channels=self.sizes["channels"], size=size)
        shape = (weights.BATCH, self.frames, *self.config.frame_shape)
        self.video = self.tensor(weights.frames(weights.VTA, number, shape))
        self.pixel_noise = self.tensor(weights.dequantisation(number, shape))
        self.normal = [self.tensor(part) for part in weights.vta_noise(case)]
        self.uniform = self.tensor(weights.gumbel(number, (weights.BATCH, self.frames, 2)))

    def tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.dtype)

    def model(self) -> VariationalTemporalAbstraction:
        """With the golden weights, in training mode."""
        model = VariationalTemporalAbstraction(self.config).to(self.dtype)
        state = {
            our_name(name, self.config.halvings): self.tensor(array)
            for name, array in weights.parameters(weights.VTA, self.entries).items()
        }
        counts = {name: p for name, p in model.state_dict().items() if "batches_tracked" in name}
        model.load_state_dict(state | counts)
        return model

    def trainable(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """Golden name to parameter, in the golden order."""
        parameters = dict(model.named_parameters())
        names = {
            entry.name: our_name(entry.name, self.config.halvings)
            for entry in self.entries
            if entry.kind not in ("mean", "variance")
        }
        assert sorted(names.values()) == sorted(parameters)
        return {name: parameters[ours] for name, ours in names.items()}

    def noise(self) -> Noise:
        return Noise(
            dequantisation=self.pixel_noise,
            boundary=self.uniform,
            abstract=self.normal[0][:, : self.window],
            observation=self.normal[1][:, : self.window],
        )

    def rollout_noise(self, steps: int) -> RolloutNoise:
        return RolloutNoise(
            abstract=self.normal[0][:, :steps],
            observation=self.normal[1][:, :steps],
            boundary=torch.rand(weights.BATCH, steps, 2, dtype=self.dtype),  # argmax: not read
        )

    # --- what the golden file holds ---------------------------------------------------------------

    def everything(self) -> dict[str, np.ndarray]:
        """Every array of the case, by its name without the case."""
        found: dict[str, Tensor] = {}
        found |= self._pixels()
        model = self.model()
        found |= {f"train.{name}": part for name, part in self._pass(model).items()}
        found |= self._gradients(model)
        found |= {
            f"train.after.{name}": model.state_dict()[our_name(name, self.config.halvings)]
            for layer in ("encoder.norm1", "decoder.norm2", "boundary_posterior.norm3")
            for name in (f"{layer}.running_mean", f"{layer}.running_variance")
        }
        found |= self._updates()
        with torch.no_grad():
            found |= {
                f"eval.{name}": part
                for name, part in self._pass(self.model().eval()).items()
                if "crop" not in name
            }
        found |= self._rollouts()
        return {name: part.detach().numpy() for name, part in found.items()}

    def _pixels(self) -> dict[str, Tensor]:
        frames = dequantise(self.video, self.pixel_noise)
        line = np.linspace(-1, 1, 65, dtype=np.float32)
        return {
            "preprocessed.sums": sums(frames),
            "preprocessed.crop": frames[:, 0, :, :4, :4],
            "bins": grey_level(self.tensor((np.arange(256) / 255).astype(np.float32))),
            "postprocess": to_frames(self.tensor(line), "grey_levels"),
            "temperature": torch.tensor(temperature_of(UPDATE), dtype=self.dtype),
        }

    def _pass(self, model: VariationalTemporalAbstraction) -> dict[str, Tensor]:
        crops: dict[str, Tensor] = {}
        hooks = [
            layer.register_forward_hook(
                lambda _module, _inputs, output, name=f"encoder.conv{index + 1}.crop": (
                    crops.__setitem__(
                        name, output.detach().unflatten(0, (2, -1))[:, 0, :4, :6, :6].clone()
                    )
                )
            )
            for index, layer in enumerate(model.encoder.layers[:3])
            if self.name == "base"
        ]
        trace, frames = model.observe(
            self.video, temperature=temperature_of(UPDATE), noise=self.noise()
        )
        mean = model.decode(trace.observation_feature)
        for hook in hooks:
            hook.remove()
        start, steps = self.context, self.window
        found = bound(trace, frames[:, start : start + steps], mean, model.config)
        self.loss = found.loss
        following = RelaxedBoundary(
            trace.boundary_posterior.logits[:, start + 1 : start + 1 + steps],
            trace.boundary_posterior.temperature,
        )
        names = [
            f"{level}_{what}"
            for level in ("abstract", "observation")
            for what in ("belief", "state", "feature")
        ]
        gaussians = [
            f"{level}_{which}"
            for level in ("abstract", "observation")
            for which in ("prior", "posterior")
        ]
        return {
            **crops,
            "encoded": trace.features,
            "boundary.posterior_logits": trace.boundary_posterior.logits,
            "boundary.prior_logits": trace.boundary_logits,
            "abstract_forward": trace.abstract_forward,
            "abstract_backward": trace.abstract_backward,
            "observation_forward": trace.observation_forward,
            **{name: getattr(trace, name) for name in names},
            **{f"{name}.mean": getattr(trace, name).mean for name in gaussians},
            **{f"{name}.std": getattr(trace, name).std for name in gaussians},
            "read": trace.read.to(self.dtype),
            "decoded.sums": sums(mean),
            "decoded.frames": mean[:1, [0, -1]],
            "negative_log_likelihood": -found.reconstruction,
            "kl_abstract": found.abstract_kl,
            "kl_observation": found.observation_kl,
            "kl_boundary": found.boundary_kl,
            "read_probability.prior": trace.boundary_prior.read_probability,
            "read_probability.posterior": following.read_probability,
            "loss": self.loss,
        }

    def _gradients(self, model: VariationalTemporalAbstraction) -> dict[str, Tensor]:
        self.loss.backward()
        parameters = self.trainable(model)
        whole = [
            "boundary_posterior.conv4.bias",
            "boundary_prior.bias",
            "abstract_prior.std.bias",
            "abstract_posterior.mean.bias",
            "observation_prior.mean.bias",
            "abstract_belief.state_bias",
            f"decoder.deconv{self.config.halvings + 1}.bias",
            "encoder.norm1.weight",
        ]
        norms = torch.stack([parameter.grad.norm() for parameter in parameters.values()])
        return {
            "train.gradient.norms": norms,
            **{f"train.gradient.{name}": parameters[name].grad for name in whole},
        }

    def _updates(self) -> dict[str, Tensor]:
        """Three updates on the same frames and noise."""
        model = self.model()
        parameters = self.trainable(model)
        before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
        optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE, amsgrad=True)

        def loss() -> Tensor:
            temperature = temperature_of(UPDATE)
            return model.terms(self.video, temperature=temperature, noise=self.noise()).loss

        figures, changes = [], {}
        for update in (1, 2, 3):
            optimizer.zero_grad()
            found = loss()
            found.backward()
            norm = nn.utils.clip_grad_norm_(parameters.values(), MAX_NORM)
            figures.append(torch.stack((found.detach(), norm)))
            optimizer.step()
            changes[update] = torch.stack(
                [(parameters[name].detach() - before[name]).norm() for name in parameters]
            )
        with torch.no_grad():  # the file has no gradient after the last update
            figures.append(torch.stack((loss(), torch.zeros_like(norm))))
        return {
            "update.loss_and_norm": torch.stack(figures),
            "update.change1": changes[1],
            "update.change3": changes[3],
        }

    def _rollouts(self) -> dict[str, Tensor]:
        model = self.model().eval()
        context = slice(0, self.context)
        carried = model.after_context(
            self.video[:, context], dequantisation=self.pixel_noise[:, context]
        )
        drawn, _ = model.imagine(carried, self.horizon, noise=self.rollout_noise(self.horizon))
        jumpy, _ = model.imagine(carried, JUMPS, noise=self.rollout_noise(JUMPS), boundaries="read")
        with torch.no_grad():
            mean = model.decode(drawn.observation_feature)
            abstract = model.abstract.prior(drawn.abstract_belief)
            observation = model.observation.prior(drawn.observation_belief)
            jumps = model.decode(jumpy.observation_feature)
        names = [
            f"{level}_{what}"
            for level in ("abstract", "observation")
            for what in ("belief", "state", "feature")
        ]
        return {
            **{f"rollout.{name}": getattr(drawn, name) for name in names},
            "rollout.abstract_prior.mean": abstract.mean,
            "rollout.abstract_prior.std": abstract.std,
            "rollout.observation_prior.mean": observation.mean,
            "rollout.observation_prior.std": observation.std,
            "rollout.read": drawn.read.to(self.dtype),
            "rollout.sums": sums(mean),
            "rollout.frames": mean[:1, [0, -1]],
            "rollout.boundary.prior_logits": drawn.boundary_logits,
            "jumpy.sums": sums(jumps),
        }


def sums(frames: Tensor) -> Tensor:
    """Sum and sum of squares of each frame, (batch, time, 2)."""
    flat = frames.flatten(2)
    return torch.stack((flat.sum(2), flat.square().sum(2)), -1)
