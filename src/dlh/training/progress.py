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
        validation: the figures of the last validation.
        best, best_step: the highest held-out bound, and the step it was measured at; None, 0 before
            the first.
        best_clips: the number of held-out clips it was measured on.
        sampled: the last step of which pictures were drawn; 0 before the first.
        levels: how the levels that do not work as they should were last said to be, by number.
    """

    step: int = 0
    validated: int = 0
    train_seconds: float = 0.0
    validation_seconds: float = 0.0
    validation: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_step: int = 0
    best_clips: int = 0
    sampled: int = 0
    levels: dict[int, str] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """All counters as plain values."""
        return asdict(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over saved counters; one that this version does not know is an error."""
        for name, value in asdict(Progress(**state_dict)).items():
            setattr(self, name, value)


def is_due(step: int, every: int) -> bool:
    """Whether something done every so many steps falls on this one; 0 is never."""
    return every > 0 and step > 0 and step % every == 0
