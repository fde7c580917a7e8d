"""At which temperature a command draws a model's futures: as asked, or by the rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dlh.data.clips import DataError
from dlh.evaluation.temperature import Tried, choose_temperature, try_temperature
from dlh.interfaces import AS_LEARNT, Temperature, shortest_context
from dlh.runs.subject import Subject
from dlh.video import from_stored

AUTO: Literal["auto"] = "auto"
Asked = float | Literal["auto"]
"""A temperature of states, or that the rule chooses it, and the decisions' too."""

CLIPS = 16
MOST_SAMPLES = 30


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A temperature and what was seen of it.

    Attributes:
        temperature: to draw with.
        tried: on validation clips, the first at 1; empty where nothing but 1 was asked for, or
            there are no such clips.
        clips: how many.
    """

    temperature: Temperature = AS_LEARNT
    tried: tuple[Tried, ...] = ()
    clips: int = 0

    def to_plain(self) -> dict[str, Any]:
        """For a file: the temperature, and what every tried one gave."""
        return {
            "states": self.temperature.states,
            "decisions": self.temperature.decisions,
            "validation_clips": self.clips,
            "tried": [
                {
                    "states": one.temperature.states,
                    "decisions": one.temperature.decisions,
                    "energy_score": float(one.energy.mean()),
                    "diversity": one.spread,
                    "change_rate": one.change_rate,
                    "psnr_best": one.best,
                    "psnr_mean": one.mean,
                }
                for one in self.tried
            ],
        }


def resolve_temperature(
    subject: Subject,
    states: Asked,
    decisions: float,
    *,
    context: int,
    horizon: int,
    samples: int,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Chosen:
    """The temperature that was asked for, with what it does on validation clips beside 1.

    Args:
        subject: the model and its data; its validation clips are never reported.
        states: as asked for, or AUTO, which chooses both.
        decisions: as asked for, where not AUTO.
        context, horizon: frames observed and predicted.
        samples: futures of a clip, at most 30 of which are drawn here.
        seed: of the draws.
        say: takes a line for a person.

    Raises:
        DataError: the rule is to choose, and there are no validation clips.
    """
    asked = AS_LEARNT if states == AUTO else Temperature(states=states, decisions=decisions)
    if states != AUTO and asked == AS_LEARNT:
        return Chosen()
    model = subject.model.model
    context = max(context, shortest_context(model))
    length = context + horizon
    clips = subject.source.held_out("validation", count=CLIPS, clip_length=length)
    if clips is None:
        if states == AUTO:
            raise DataError(
                f"{subject.source.name} has no validation clip of {length} frames, on which a "
                "temperature could be chosen; give a number, or a shorter context and horizon"
            )
        return Chosen(temperature=asked)
    video = from_stored(clips.video, subject.model.device)
    observed, followed = video[:, :context], video[:, context:]
    samples = max(2, min(samples, MOST_SAMPLES))

    def tell(one: Tried) -> None:
        rate = "" if one.change_rate is None else f", changes {one.change_rate:.3f}"
        say(
            f"temperature {one.temperature.states:g} (decisions {one.temperature.decisions:g}): "
            f"energy score {one.energy.mean():.4f}, diversity {one.spread:.3f}{rate}"
        )

    if states == AUTO:
        say(f"choosing a temperature on {len(video)} validation clips ...")
        temperature, tried = choose_temperature(
            model, observed, followed, samples=samples, seed=seed, told=tell
        )
        return Chosen(temperature=temperature, tried=tried, clips=len(video))
    both = []
    for one in (AS_LEARNT, asked):
        both.append(try_temperature(model, observed, followed, one, samples=samples, seed=seed))
        tell(both[-1])
    return Chosen(temperature=asked, tried=tuple(both), clips=len(video))
