"""The clips of an analysis: not trained on, long enough, and enough of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dlh.data.clips import Clips, DataError, Split
from dlh.data.store.source import StoreSource
from dlh.runs.subject import Subject

ALL: Literal["all"] = "all"


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Clips to analyse.

    Attributes:
        split: where they are from; "all" where the model was trained on other data.
        clips: of one length.
        left_out: what of the data is not taken, or not known, and why.
    """

    split: Split | Literal["all"]
    clips: Clips
    left_out: dict[str, str]


def choose_clips(subject: Subject, *, count: int, lengths: tuple[int, ...], enough: int) -> HeldOut:
    """Clips that the model was not trained on.

    Of its own data they are test clips, else validation clips; of data on which it was not trained
    they are of all splits. It is the first of the lengths of which there are enough; if there are
    nowhere enough, the one with the most clips, and training's own where all are shorter.

    Args:
        subject: the model and the source.
        count: at most so many.
        lengths: frames of a clip, the most welcome first.
        enough: so many clips are not given up for longer ones.

    Raises:
        DataError: there are none.
    """
    best: HeldOut | None = None
    for length in lengths:
        found = _of_length(subject, count, length)
        if found is None:
            continue
        if len(found.clips.video) >= min(enough, count):
            return found
        if best is None or len(found.clips.video) > len(best.clips.video):
            best = found
    shortest = subject.experiment.training.clip_length
    best = best or _of_length(subject, count, shortest)
    if best is None:
        name = subject.source.name
        if subject.new:
            known = " that it was not trained on" if _trained_files(subject) else ""
            raise DataError(
                f"{name} has no clips of {shortest} frames{known}; give other or longer videos "
                "with --data"
            )
        raise DataError(
            f"{name} has no held-out clips of {shortest} frames, and nothing is analysed on clips "
            "that a model was trained on; give more or longer videos with --data"
        )
    return best


def _of_length(subject: Subject, count: int, length: int) -> HeldOut | None:
    if length < 2:
        return None
    source = subject.source
    if subject.new:
        return _all(subject, count, length)
    for split in ("test", "validation"):
        clips = source.held_out(split, count=count, clip_length=length)
        if clips is not None:
            return HeldOut(split=split, clips=clips, left_out={})
    if subject.known or _has_held_out(source):
        return None
    return _all(subject, count, length)


def _all(subject: Subject, count: int, length: int) -> HeldOut | None:
    source, left_out = subject.source, {}
    if not isinstance(source, StoreSource):
        return None
    clips = source.of_all_splits(count=count, clip_length=length, but=subject.trained_on)
    if clips is None:
        return None
    if trained := _trained_files(subject):
        left_out["videos that it was trained on"] = (
            f"{trained} of the {len(source.store.videos)} videos of {source.name}"
        )
    if not subject.known:
        left_out["certainty that the clips are held out"] = (
            f"{subject.name} does not say what it was trained on, and {source.name} has too few "
            "videos to hold some out: all are read"
        )
    return HeldOut(split=ALL, clips=clips, left_out=left_out)


def _has_held_out(source: object) -> bool:
    return not isinstance(source, StoreSource) or any(
        source.videos(split) for split in ("test", "validation")
    )


def _trained_files(subject: Subject) -> int:
    source = subject.source
    if not isinstance(source, StoreSource):
        return 0
    return sum(video.sha256 in subject.trained_on for video in source.store.videos)
