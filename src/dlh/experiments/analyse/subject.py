"""What is analysed: a model, and the clips that it is asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dlh.data.clips import Clips, ClipSource, DataError, Split
from dlh.experiments.build import open_source
from dlh.experiments.errors import UsageError
from dlh.experiments.experiment import Experiment
from dlh.experiments.origin import data_for, told_by
from dlh.experiments.snapshot import read_snapshot
from dlh.pretrained import DLH
from dlh.training.device import choose_device
from dlh.training.run import EXPERIMENT, RunFolder


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and a source of clips for it.

    Attributes:
        name: as it was asked for.
        model: trained.
        experiment: what it was trained as, as far as that is known, with the data asked for.
        source: of the clips.
        folder: where an analysis of it belongs.
    """

    name: str
    model: DLH
    experiment: Experiment
    source: ClipSource
    folder: Path


def open_subject(name: str, data: str | None) -> Subject:
    """Find the model and open its data, or the data that is asked for.

    Args:
        name: a finished run, a folder with a model, a shipped model or a hub name.
        data: the name of a data set, a folder of videos, a video or a clip store; None: what the
            model was trained on.

    Raises:
        UsageError: it is not known what the model was trained on, or the data is not for it.
        PretrainedError, RunFolderError, DataError: the model or the data cannot be used.
    """
    model = DLH.from_pretrained(name, choose_device("auto"))
    folder = Path(name)
    known = (
        read_snapshot(RunFolder.open(folder))
        if (folder / EXPERIMENT).exists()
        else told_by(name, model.config)
    )
    if data is None and known is None:
        raise UsageError(
            f"{name} does not say what it was trained on; say on which clips with --data (a folder "
            "of videos, a clip store, or the name of a data set)"
        )
    try:
        if data is None or (known is not None and data == known.data.source):
            assert known is not None
            experiment = known
        elif known is None:
            experiment = Experiment(
                preset="", model=model.config, data=data_for(data, model.config)
            )
        else:
            experiment = replace(known, data=data_for(data, model.config))
    except ValueError as error:  # a model of other frames than the data
        raise UsageError(str(error)) from error
    place = folder / "analysis" if folder.is_dir() else Path(f"analysis-{name.replace('/', '-')}")
    source = open_source(experiment)
    if tuple(source.frame_shape) != model.model.frame_shape:
        raise UsageError(
            f"{data} has frames of (channel, height, width) = {tuple(source.frame_shape)}, {name} "
            f"takes {model.model.frame_shape}"
        )
    return Subject(name=name, model=model, experiment=experiment, source=source, folder=place)


def held_out(subject: Subject, *, clips: int, lengths: tuple[int, ...]) -> tuple[Split, Clips]:
    """Test clips, else validation clips, of the first of the lengths that there is.

    Raises:
        DataError: the source has no held-out clips.
    """
    for length in (*lengths, subject.experiment.training.clip_length):
        for split in ("test", "validation"):
            found = subject.source.held_out(split, count=clips, clip_length=length)
            if found is not None and found.video.shape[1] > 1:
                return split, found
    raise DataError(
        f"{subject.source.name} has no held-out clips of "
        f"{subject.experiment.training.clip_length} frames, and nothing is analysed on clips that "
        "a model was trained on; give more or longer videos with --data"
    )
