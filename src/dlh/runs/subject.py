"""What is analysed: a model, and the data that it is asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dlh.data.clips import ClipSource, DataError
from dlh.data.store.source import StoreSource
from dlh.errors import UsageError
from dlh.pretrained import DLH
from dlh.runs.build import open_source
from dlh.runs.experiment import Experiment
from dlh.runs.origin import data_for, run_of, trained_as
from dlh.runs.snapshot import check_same_videos
from dlh.training.device import choose_device
from dlh.training.errors import RunFolderError
from dlh.training.run import RunFolder


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and a source of clips for it.

    Attributes:
        name: for people; of a folder its own name, not the way there, which is nobody's business.
        model: trained.
        experiment: what it was trained as, as far as that is known, with the data asked for.
        source: of the clips.
        folder: where an analysis of it belongs.
        new: whether it is known that the model was trained on other data: all of this is new to it.
        known: whether it is known at all what it was trained on.
        trained_on: SHA-256 of the video files that it was trained on, as far as they are there.
    """

    name: str
    model: DLH
    experiment: Experiment
    source: ClipSource
    folder: Path
    new: bool = False
    known: bool = True
    trained_on: frozenset[str] = frozenset()


def open_subject(name: str, data: str | None) -> Subject:
    """Find the model and open its data, or the data that is asked for.

    Args:
        name: a finished run, a folder with a model, a shipped model or a hub name.
        data: the name of a data set, a folder of videos, a video or a clip store; None: what the
            model was trained on.

    Raises:
        UsageError: it is not known what the model was trained on, or the data is not for it.
        RunFolderError: the run's own videos are not any more those that it was trained on.
        PretrainedError, DataError: the model or the data cannot be used.
    """
    model = DLH.from_pretrained(name, choose_device("auto"))
    run, known = run_of(name), trained_as(name, model.config)
    if data is None and known is None:
        raise UsageError(
            f"{name} does not say what it was trained on; say on which clips with --data (a folder "
            "of videos, a clip store, or the name of a data set)"
        )
    own = known is not None and (data is None or _same_place(data, known.data.source))
    try:
        if known is not None and own:
            experiment = known
        else:
            assert data is not None
            asked = data_for(data, model.config)
            if known is None:
                experiment = Experiment(preset="", model=model.config, data=asked)
            else:
                experiment = replace(known, data=asked)
    except ValueError as error:  # a model of other frames than the data
        raise UsageError(str(error)) from error
    source = open_source(experiment)
    if tuple(source.frame_shape) != model.model.frame_shape:
        raise UsageError(
            f"{data or source.name} has frames of (channel, height, width) = "
            f"{tuple(source.frame_shape)}, {name} takes {model.model.frame_shape}"
        )
    if run is not None and own:
        check_same_videos(run, source)
    elif run is not None and isinstance(source, StoreSource):
        own = _same_videos(run, source)  # a copy of them, or a store made of them
    new = known is not None and not own and isinstance(source, StoreSource)
    return Subject(
        name=_shown(name, run),
        model=model,
        experiment=experiment,
        source=source,
        folder=_folder(name, None if own else data),
        new=new,
        known=known is not None,
        trained_on=_training_files(known) if known is not None and new else frozenset(),
    )


def _same_place(data: str, source: str) -> bool:
    if data == source:
        return True
    return Path(data).exists() and Path(data).resolve() == Path(source).resolve()


def _same_videos(run: RunFolder, source: StoreSource) -> bool:
    try:
        check_same_videos(run, source)
    except RunFolderError:
        return False
    return True


def _training_files(known: Experiment) -> frozenset[str]:
    """Of the videos that it was trained on, where they still are; empty for generated clips."""
    if known.data.generated or not known.data.source:
        return frozenset()
    try:
        source = open_source(known)
    except (DataError, UsageError):  # they are gone
        return frozenset()
    if not isinstance(source, StoreSource):
        return frozenset()
    return frozenset(video.sha256 for video in source.videos("train"))


def _shown(name: str, run: RunFolder | None) -> str:
    folder = Path(name)
    if not folder.is_dir():
        return name
    folder = folder.resolve()
    if run is not None and run.path.resolve() != folder:
        return f"{folder.parent.name}/{folder.name}"
    return folder.name


def _folder(name: str, data: str | None) -> Path:
    place = Path(name)
    folder = place / "analysis" if place.is_dir() else Path(f"analysis-{name.replace('/', '-')}")
    return folder if data is None else folder.with_name(f"{folder.name}-{_last_part(data)}")


def _last_part(data: str) -> str:
    return Path(data).resolve().name or "data"
