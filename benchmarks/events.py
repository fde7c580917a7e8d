"""What the events of long videos take: processor seconds, memory, and the size of each output.

    OMP_NUM_THREADS=1 python benchmarks/events.py --minutes 10 60 --json events.json

``dlh events`` with the shipped model, on films of Moving Ball at 32 px and 10 frames a second. Each
command has a process of its own: one writes the events alone, one every format too but EDL, and one
the page, pictures and clips of the 900 strongest events with an EDL, which holds 999 edits at most.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from dlh.event_files.formats import FORMATS

FRAMES_A_MINUTE = 600
STRONGEST = "900"


class Cost(NamedTuple):
    """Of one process: processor seconds, user and system; the most resident memory, MB."""

    seconds: float
    memory_mb: float


def cost_of(*words: str) -> Cost:
    """Run ``dlh`` with these words.

    Raises:
        SystemExit: it failed.
    """
    process = subprocess.Popen([sys.executable, "-m", "dlh", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"dlh {' '.join(words)} failed with status {status}")
    unit = 1e6 if sys.platform == "darwin" else 1e3  # macOS counts bytes
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def measure(minutes: float, folder: Path) -> dict:
    """The three commands on a film of so many minutes."""
    film = folder / "film.mp4"
    frames = round(minutes * FRAMES_A_MINUTE)
    cost_of("data", "clip", "moving-ball", "--frames", str(frames), "--out", str(film))
    alone, every, shown = (folder / f"{name}.json" for name in ("alone", "every", "shown"))
    formats = [name for name in FORMATS if name != "edl"]
    found = {
        "minutes": minutes,
        "film_bytes": film.stat().st_size,
        "alone": cost_of("events", "moving-ball", str(film), "--out", str(alone))._asdict(),
        "every": cost_of(
            "events", "moving-ball", str(film), "--out", str(every), "--write", *formats
        )._asdict(),
        "shown": cost_of(
            *("events", "moving-ball", str(film), "--out", str(shown), "--top", STRONGEST),
            *("--write", "edl", "--page", "--images", "--split"),
        )._asdict(),
        "bytes": _sizes(folder, "every") | _sizes(folder, "shown"),
    }
    found["events"] = len(json.loads(alone.read_text("utf-8"))["events"])
    return found


def _sizes(folder: Path, name: str) -> dict[str, int]:
    """Bytes of each file or folder that is called NAME and something."""
    return {
        path.name.removeprefix(name).lstrip(".-"): sum(
            part.stat().st_size for part in (path.rglob("*") if path.is_dir() else [path])
        )
        for path in sorted(folder.glob(f"{name}*"))
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure each length and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 60])
    parser.add_argument("--json", type=Path, help="write the numbers here")
    options = parser.parse_args(arguments)
    if min(options.minutes) < 0.1:
        parser.error(f"--minutes are at least 0.1, found {min(options.minutes):g}")
    rows = []
    for minutes in options.minutes:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(minutes, Path(folder)))
    head = f"{'minutes':>8}{'events':>8}{'seconds':>9}{'MB':>6}"
    print(f"{head}  with every format: seconds, MB; with page, pictures and clips")
    for row in rows:
        alone, every, shown = row["alone"], row["every"], row["shown"]
        print(
            f"{row['minutes']:8g}{row['events']:8,}{alone['seconds']:9.1f}{alone['memory_mb']:6.0f}"
            f"  {every['seconds']:.1f}, {every['memory_mb']:.0f}; "
            f"{shown['seconds']:.1f}, {shown['memory_mb']:.0f}"
        )
    for row in rows:
        sizes = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in row["bytes"].items())
        print(f"{row['minutes']:g} minutes, MB: film {row['film_bytes'] / 1e6:.1f}, {sizes}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
