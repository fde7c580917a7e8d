"""A page on which a model and a video are looked into: what ``dlh explore`` does."""

from __future__ import annotations

import threading
import webbrowser

import numpy as np

from dlh.analysis.exploration import Exploration
from dlh.commands.options import ExploreOptions
from dlh.data.clips import DataError
from dlh.explorer.app import build_app, import_gradio, serving
from dlh.files.writing import Say
from dlh.interfaces import LayeredModel
from dlh.pretrained import TrainedModel, UnsupportedError
from dlh.runs.subject import open_subject
from dlh.runs.trained import open_trained


def explore(options: ExploreOptions, *, say: Say = print) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        MissingExtraError: gradio is not installed.
        PretrainedError, UnsupportedError: the model cannot be opened, or has no levels.
        DataError, UsageError: there is no such video, clip or port.
    """
    import_gradio()  # before the work, which takes seconds
    explored, title, fps = open_exploration(options, say=say)
    with serving(build_app(explored, title=title, fps=fps), port=options.port) as address:
        say(f"open {address} (only on this machine); stop with Ctrl-C")
        if options.open:
            webbrowser.open(address)
        threading.Event().wait()


def open_exploration(options: ExploreOptions, *, say: Say) -> tuple[Exploration, str, float]:
    """The model and the video that are looked into, what they are in a line, and the rate of films.

    Raises:
        PretrainedError, UnsupportedError: the model cannot be opened, or has no levels.
        DataError, UsageError: there is no such video or clip.
    """
    if options.video is None:
        subject = open_subject(options.model)
        model, held_out = subject.model, None
        _check_layered(options.model, model)
        held_out = subject.held_out(count=options.clip + 1, lengths=(options.frames,))
        clips = held_out.clips.video
        if options.clip >= len(clips):
            raise DataError(
                f"{subject.source.name} has {len(clips)} such clips, found --clip {options.clip}; "
                f"choose one from 0 to {len(clips) - 1}"
            )
        frames = clips[options.clip]
        title = f"{subject.name} on {held_out.split} clip {options.clip} of {subject.source.name}"
        fps = 10.0
    else:
        model = open_trained(options.model)
        _check_layered(options.model, model)
        opened = model.open(options.video, fps=options.fps, crop=options.crop, fit=options.fit)
        if resizing := model.describe_resizing(opened):
            say(resizing)
        frames, fps = opened.read(options.frames), opened.fps
        if unlike := model.describe_unlikeness(frames):
            say(f"{options.video}: {unlike}")
        title = f"{options.model} on {options.video.name}"
    network = model.model
    needed = network.first_observed + 2
    if len(frames) < needed:
        raise DataError(
            f"the explorer needs a video of at least {needed} frames, found {len(frames)}"
        )
    explored = Exploration.of(
        network, np.ascontiguousarray(frames), device=model.device, seed=options.seed
    )
    return explored, f"{title}: {len(frames)} frames", fps


def _check_layered(name: str, model: TrainedModel) -> None:
    kind = model.config.kind
    if not isinstance(model.model, LayeredModel):
        raise UnsupportedError(
            f"{name} is a model of the kind {kind}, which has no levels to look into; take one of "
            "the kind dlh, cwvae or vta",
            kind=kind,
            asked="levels",
        )
