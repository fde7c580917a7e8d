"""``dlh.DLH``: a trained model in two lines, on disk as safetensors + config.json, ready for the hub.

    model = DLH.from_pretrained("runs/demo")
    futures = model.predict("clip.mp4", horizon=300, samples=100, seed=0)
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlh.analysis.surprise import EventList, event_list
from dlh.interfaces import Prediction
from dlh.model import Carried, DLHConfig, DynamicLatentHierarchy, Noise, Trace
from dlh.settings import SettingsError, from_plain, suggestion, to_plain
from dlh.training.atomic import write_atomically
from dlh.training.randomness import step_generator
from dlh.video import VideoError, from_stored

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
FORMAT = "dlh"
VERSION = 1
SHIPPED = Path(__file__).parent / "shipped"
"""Models that come with the package, a folder each."""

AnyVideo = str | Path | np.ndarray | Tensor


class PretrainedError(RuntimeError):
    """A trained model that is not there or cannot be used; the message says what was found and what to do."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A video observed up to here: what the model carries, and how many frames it has seen."""

    carried: Carried
    frames_seen: int


class DLH:
    """A trained Dynamic Latent Hierarchy.

    Videos may be given as a path, as stored uint8 frames ([batch,] time, height, width, channel), or as a float tensor
    in [0, 1], ([batch,] time, channel, height, width). Arrays and tensors must have the model's frame size; a file is
    resized to it.

    Attributes:
        model: the network, for all that is not here.
        device: where it computes.
    """

    def __init__(self, model: DynamicLatentHierarchy, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()

    @property
    def config(self) -> DLHConfig:
        """What the model was built from."""
        return self.model.config

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> DLH:
        """Load a model from a folder (a finished run is one), by the name of a shipped one, or from the hub.

        Raises:
            PretrainedError: there is none of that name, or its files are missing, damaged or of another version.
        """
        folder = find(name)
        config = _read_config(folder / CONFIG_NAME)
        model = DynamicLatentHierarchy(config)
        _load_weights(model, folder / WEIGHTS_NAME)
        return cls(model, device)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into ``folder``, each as a whole or not at all."""
        from safetensors.torch import save

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        description = {"format": FORMAT, "version": VERSION, "model": to_plain(self.config)}
        weights = {name: value.cpu() for name, value in self.model.state_dict().items()}
        write_atomically(folder / WEIGHTS_NAME, save(weights, metadata={"format": "pt"}))
        content = json.dumps(description, indent=2) + "\n"
        write_atomically(folder / CONFIG_NAME, content.encode())

    def push_to_hub(self, name: str, *, private: bool = False) -> None:
        """Upload the model to the Hugging Face hub as ``owner/name``; needs a login there."""
        from huggingface_hub import HfApi

        api = HfApi()
        api.create_repo(name, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            api.upload_folder(repo_id=name, folder_path=folder)

    def predict(
        self, video: AnyVideo, *, horizon: int = 300, samples: int = 100, seed: int = 0
    ) -> Prediction:
        """``samples`` futures of ``horizon`` frames after ``video``, all of which is observed as context."""
        generator = torch.Generator(self.device).manual_seed(seed)
        context = self.as_video(video)
        return self.model.predict(context, horizon=horizon, samples=samples, generator=generator)

    @torch.no_grad()
    def observe(
        self, video: AnyVideo, stream: Stream | None = None, *, seed: int = 0
    ) -> tuple[Trace, Stream]:
        """All that is inferred about a video, or about the next piece of a long or live one.

        The noise of a frame is a function of the seed and the frame's place in the stream, so a video observed in
        pieces gives what it gives at once::

            stream = None
            for piece in pieces:
                trace, stream = model.observe(piece, stream)

        Args:
            video: the (next) frames.
            stream: what the piece before returned; None begins a video.
            seed: of the sampled states; one stream keeps one seed.
        """
        frames = self.as_video(video)
        seen = stream.frames_seen if stream else 0
        noise = self._noise(len(frames), range(seen, seen + frames.shape[1]), seed)
        carried = stream.carried if stream else None
        trace, carried = self.model.observe(frames, carried, noise=noise)
        return trace, Stream(carried=carried, frames_seen=seen + frames.shape[1])

    def events(self, video: AnyVideo, *, fps: float | None = None, seed: int = 0) -> EventList:
        """When something changed, level by level, in one video; a file brings its own frame rate."""
        if isinstance(video, str | Path):
            video, file_fps = self.read(video)
            fps = file_fps if fps is None else fps
        trace, _ = self.observe(video, seed=seed)
        if len(trace.changed) > 1:
            raise VideoError(f"events are those of one video, found a batch of {len(trace.changed)}")
        return event_list(trace, fps=fps)

    def read(self, path: str | Path, frames: int | None = None) -> tuple[np.ndarray, float]:
        """The (first) frames of a video file at the model's size, uint8 (time, height, width, channel), and its fps."""
        from dlh.data.decode import read_video

        channels, height, width = self.model.frame_shape
        return read_video(path, height=height, width=width, channels=channels, frames=frames)

    def as_video(self, video: AnyVideo) -> Tensor:
        """``video`` by the project's convention, on the model's device, in its floating-point type."""
        if isinstance(video, str | Path):
            video, _ = self.read(video)
        weight = next(self.model.parameters())
        if isinstance(video, np.ndarray):
            if video.dtype != np.uint8:
                raise VideoError(
                    f"an array of frames is uint8 (time, height, width, channel), found {video.dtype} of shape "
                    f"{video.shape}; give floats in [0, 1] as a tensor (time, channel, height, width)"
                )
            return from_stored(video, self.device, weight.dtype)
        if video.ndim == 4:
            video = video[None]
        return video.to(device=self.device, dtype=weight.dtype) if video.is_floating_point() else video

    def _noise(self, batch: int, steps: range, seed: int) -> Noise:
        weight = next(self.model.parameters())
        parts = [
            Noise.draw(
                self.config,
                batch,
                1,
                like=weight,
                generator=step_generator(seed, step, 0, self.device),
            )
            for step in steps
        ]
        return Noise(
            normal=torch.cat([part.normal for part in parts], 1),
            uniform=torch.cat([part.uniform for part in parts], 1),
        )


def find(name: str | Path) -> Path:
    """The folder of a model: an existing folder, a shipped model, or a download from the hub, in this order.

    Raises:
        PretrainedError: there is none.
    """
    folder = Path(name)
    if folder.is_dir():
        if (folder / "experiment.json").exists() and not (folder / WEIGHTS_NAME).exists():
            raise PretrainedError(
                f"the run in {folder} is not finished, it has no {WEIGHTS_NAME} yet; go on with "
                f"`dlh train --resume {folder}`"
            )
        return folder
    if folder.exists():
        raise PretrainedError(f"{folder} is a file; name the folder that holds {WEIGHTS_NAME}")
    shipped = sorted(path.name for path in SHIPPED.iterdir()) if SHIPPED.is_dir() else []
    if str(name) in shipped:
        return SHIPPED / str(name)
    parts = str(name).split("/")
    if isinstance(name, Path) or len(parts) != 2 or not all(parts) or parts[0] in (".", ".."):
        known = f" or a shipped model ({', '.join(shipped)})" if shipped else ""
        hint = suggestion(str(name), shipped) if shipped else ""
        raise PretrainedError(
            f"there is no folder {str(name)!r}{hint}; name the folder of a finished run{known}, or a model on the hub "
            "as owner/name"
        )
    return _download(str(name))


def _download(name: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        paths = [Path(hf_hub_download(name, file)) for file in (CONFIG_NAME, WEIGHTS_NAME)]
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PretrainedError(
            f"there is no folder {name!r} here, and the hub gave no model of that name: {first_line}"
        ) from error
    return paths[0].parent


def _read_config(path: Path) -> DLHConfig:
    try:
        saved: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PretrainedError(
            f"{path.parent} holds no model: it has no {path.name}; name the folder of a finished run"
        ) from None
    except (ValueError, OSError) as error:
        raise PretrainedError(f"{path} cannot be read as JSON ({error}); copy it again") from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise PretrainedError(f"{path} does not describe a dlh model: its format is not {FORMAT!r}")
    if saved.get("version") != VERSION:
        raise PretrainedError(
            f"{path} is of version {saved.get('version')}, this dlh reads version {VERSION}; install the dlh that "
            "wrote it, or train again"
        )
    try:
        return from_plain(DLHConfig, saved.get("model"), name="model")
    except SettingsError as error:
        raise PretrainedError(f"{path}: {error}; it was edited or is of another version") from error


def _load_weights(model: DynamicLatentHierarchy, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise PretrainedError(f"{path.parent} has no {path.name}: its weights are missing") from None
    except (SafetensorError, OSError) as error:
        raise PretrainedError(
            f"the weights in {path} are cut off or damaged ({error}); copy them again, or "
            f"train again"
        ) from error
    expected = model.state_dict()
    wrong = [
        name
        for name in expected.keys() | weights.keys()
        if name not in weights
        or name not in expected
        or weights[name].shape != expected[name].shape
    ]
    if wrong:
        raise PretrainedError(
            f"the weights in {path} are not those of the {CONFIG_NAME} beside them: {len(wrong)} tensors differ, "
            f"{sorted(wrong)[0]} for one"
        )
    model.load_state_dict(weights)
