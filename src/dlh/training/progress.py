"""How far a run has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Progress:
    """The counters of a run, saved with every checkpoint.

    Attributes:
        step: updates done.
        validated: the last step that was validated; 0 before the first.
        train_seconds: wall time of training over all resumed parts, without validation, in seconds.
        validation_seconds: wall time of validation over all resumed parts, in seconds.
        cpu_seconds: of training, as ``train_seconds``: what all threads of this process took of
            the processor's cores, core-seconds. None where a part of the run did not count them.
        frames: of the clips that training took from its source; a clip taken anew counts again.
            None likewise.
        validation: the figures of the last validation.
        best, best_step: the highest held-out bound, and the step it was measured at; None, 0 before
            the first.
        best_clips: the number of held-out clips it was measured on.
        worse: validations since then, after the warm-up of beta.
        sampled: the last step of which pictures were drawn; 0 before the first.
        levels: how the levels that do not work as they should were last said to be, by number.
    """

    step: int = 0
    validated: int = 0
    train_seconds: float = 0.0
    validation_seconds: float = 0.0
    cpu_seconds: float | None = 0.0
    frames: int | None = 0
    validation: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_step: int = 0
    best_clips: int = 0
    worse: int = 0
    sampled: int = 0
    levels: dict[int, str] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """All counters as plain values."""
        return asdict(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over saved counters; one that this version does not know is an error."""
        # A checkpoint of an older version did not count these.
        uncounted: dict[str, Any] = {"cpu_seconds": None, "frames": None}
        for name, value in asdict(Progress(**uncounted | state_dict)).items():
            setattr(self, name, value)

    def count_step(self, *, seconds: float, cpu_seconds: float, frames: int) -> None:
        """One more step, and what it took."""
        self.step += 1
        self.train_seconds += seconds
        if self.cpu_seconds is not None:
            self.cpu_seconds += cpu_seconds
        if self.frames is not None:
            self.frames += frames


def is_due(step: int, every: int) -> bool:
    """Whether something that is due at every n-th step is due at this one; never for n = 0."""
    return every > 0 and step > 0 and step % every == 0
