"""What the settings of all models of frames have in common; reading it imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dlh.settings import ConfigError, check_choices, check_multiple


@dataclass(frozen=True, kw_only=True)
class FrameConfig:
    """The frames that a model takes.

    Attributes:
        channels: of a frame, 1 or 3.
        height: of a frame in pixels, divisible by 16.
        width: of a frame in pixels, divisible by 16.

    Raises:
        ConfigError: a setting is invalid; the message holds its name, its value, what is allowed.
    """

    kind: ClassVar[str]

    channels: int = 3
    height: int = 64
    width: int = 64

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ConfigError(f"channels is 1 (grey) or 3 (colour), found {self.channels}")
        self.check_frame_size()
        check_choices(self)

    def check_frame_size(self) -> None:
        """Refuse a height and width that the model cannot take."""
        check_multiple(16, height=self.height, width=self.width)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        return self.channels, self.height, self.width
