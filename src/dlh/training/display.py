"""What a person sees while a model trains."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Self, TextIO

from tqdm import tqdm

from dlh.training.metrics import BEST_STEP, VALIDATION, is_training_entry

_SECONDS_BETWEEN_LINES = 30.0


class Display:
    """A progress bar with the time left, and two lines of figures below it; where there is no
    terminal, a line every half minute.
    """

    def __init__(self, *, steps: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._steps = steps
        self._on_terminal = self._stream.isatty()
        self._bar: tqdm | None = None
        self._below: list[tqdm] = []
        self._last_line = -_SECONDS_BETWEEN_LINES
        self._stage = ""

    def start(self, step: int, *, about: Sequence[str] = ()) -> None:
        """Say what there is to say about the run and begin at this step; nothing if it is done."""
        if step == self._steps:
            return
        for text in about:
            self.line(text)
        if self._on_terminal:
            with contextlib.suppress(OSError):  # a closed terminal is no reason to stop training
                self._bar = tqdm(
                    total=self._steps,
                    initial=step,
                    file=self._stream,
                    unit="step",
                    dynamic_ncols=True,
                )
                self._below = [
                    tqdm(
                        total=0,
                        position=position,
                        file=self._stream,
                        bar_format="{desc}",
                        leave=False,
                        dynamic_ncols=True,
                    )
                    for position in (1, 2)
                ]

    def advance(self, stage: str = "") -> None:
        """One more step is done, of a stage that is named where there are several."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                if stage != self._stage:
                    self._stage = stage
                    self._bar.set_description(stage)
                self._bar.update()

    def figures(self, entry: Mapping[str, Any]) -> None:
        """Show a line of metrics.jsonl: held-out figures always, training figures as they fit."""
        if not is_training_entry(entry):
            self.line(held_out_summary(entry))
        elif self._bar is not None:
            with contextlib.suppress(OSError):
                shown = (training_summary(entry), details(entry))
                for line, text in zip(self._below, shown, strict=True):
                    line.set_description_str(text)
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            left = (self._steps - entry["step"]) / entry["steps_per_second"]
            stage = f" ({entry['stage']})" if "stage" in entry else ""
            self.line(
                f"step {entry['step']}/{self._steps}{stage}  {training_summary(entry)}  "
                f"{details(entry)}  "
                f"{entry['steps_per_second']:.3g} steps/s  {timedelta(seconds=round(left))} left"
            )

    def line(self, text: str) -> None:
        """Say something, above the bar where there is one."""
        with contextlib.suppress(OSError):
            tqdm.write(text, file=self._stream)
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bar in (*reversed(self._below), self._bar):
            if bar is not None:
                with contextlib.suppress(OSError):
                    bar.close()


def training_summary(entry: Mapping[str, Any]) -> str:
    """The figures of a log line that say most: the loss, and its terms as far as they are known."""
    entry = _of_stage(entry)
    parts = [f"loss {entry['loss']:.4g}"]
    if "reconstruction" in entry:
        parts = [f"loss {entry['loss']:.1f}", f"reconstruction {entry['reconstruction']:.1f}"]
    divergences = [entry[name] for name in ("state_kl", "event_kl") if name in entry]
    if divergences:
        parts.append("KL " + " + ".join(f"{value:.2f}" for value in divergences))
    if "mean_depth" in entry:
        parts.append(f"L-bar {entry['mean_depth']:.2f}")
    return "  ".join(parts)


def _of_stage(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The figures of a later stage without its name before each."""
    stage = entry.get("stage")
    if stage is None:
        return entry
    return {name.removeprefix(f"{stage}."): value for name, value in entry.items()}


def details(entry: Mapping[str, Any]) -> str:
    """The divergences of each level, the share of time spent waiting for data, and the memory."""
    entry = _of_stage(entry)
    levels = [name for name in entry if re.fullmatch(r"state_kl\.L\d+", name)]
    both = [entry[name] + entry.get(name.replace("state", "event"), 0.0) for name in levels]
    shown = ", ".join(
        f"{name.rpartition('.')[2]} {kl:.2f}" for name, kl in zip(levels, both, strict=True)
    )
    parts = [f"KL of {shown}"] if shown else []
    parts.append(f"waiting for data {entry['data_wait']:.0%}")
    for name, where in (("memory", "memory"), ("gpu_memory", "on the GPU")):
        if name in entry:
            parts.append(f"{where} {entry[name]:,.0f} MiB")
    return "  ".join(parts)


def held_out_summary(entry: Mapping[str, float]) -> str:
    """The figures of a validation, on one line."""
    figures = [
        f"{name.removeprefix(VALIDATION)} {value:.4g}"
        for name, value in entry.items()
        if name.startswith(VALIDATION)
    ]
    best = ["(best so far)"] if entry.get(BEST_STEP) == entry["step"] else []
    return "  ".join([f"step {entry['step']} held out:", *figures, *best])
