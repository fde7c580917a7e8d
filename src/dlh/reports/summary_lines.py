"""A run's summary in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

REPORT = "report.html"
"""The run's page, in its folder."""


def describe(summary: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """The figures of a summary in lines for a person."""
    if "psnr" not in summary:
        yield "there are no held-out clips, so nothing was measured"
    if "events" in summary:
        events = summary["events"]
        yield (
            f"events:  precision {events['precision']:.3f}, recall {events['recall']:.3f} of level "
            f"2 against the true events, on {summary['clips']} held-out clips"
        )
    for level, scores in summary.get("higher_events", {}).items():
        yield (
            f"         precision {scores['precision']:.3f}, recall {scores['recall']:.3f} of level "
            f"{level[1:]} against true events of its own"
        )
    if "mean_depth" in summary:
        line = f"depth:   {summary['mean_depth']:.3f} levels change at a step"
        if "true_change_rate" in summary:
            line += f"; 1 + the true change rate is {1 + summary['true_change_rate']:.3f}"
        yield line
    for name, what in (("dead", "never"), ("restless", "always")):
        if levels := summary.get(f"{name}_levels"):
            numbers = " and ".join(map(str, levels))
            yield f"levels:  {what} changing on held-out clips: level {numbers}"
    if "psnr" in summary:
        psnr = summary["psnr"]
        floors = ", ".join(
            f"{name.replace('_', ' ')} {value:.1f}"
            for name, value in psnr.items()
            if not name.startswith("model")
        )
        yield (
            f"future:  PSNR {psnr['model_best']:.1f} dB over {summary['window']} frames, best of "
            f"{summary['samples']} (average {psnr['model_mean']:.1f}); floors: "
            f"{floors}"
        )
    yield f"trained in {summary['seconds']['train']:.0f} s; open {folder / REPORT}"
