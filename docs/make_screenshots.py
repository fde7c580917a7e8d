"""Make the screenshots of the documentation: the demo's page, a page of events, the site.

python docs/make_screenshots.py runs/demo

It needs chromium, a finished demo, and the site in build/site (`make docs`).
"""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from dlh.cli import main

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
COLOURS = 256
"""Of a stored picture: pages have few, and a PNG of these is a third as large."""


def screenshot(page: Path, name: str, *, width: int, height: int, top: int = 0) -> None:
    """Write docs/images/NAME.png: a page of a browser, from ``top`` pixels on.

    Raises:
        SystemExit: there is no browser, or it made no picture.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise SystemExit("chromium is not installed; on Debian and Ubuntu: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "page.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = [f"--window-size={width},{top + height}", "--virtual-time-budget=4000"]
        subprocess.run(
            [browser, *flags, *size, f"--screenshot={picture}", page.resolve().as_uri()],
            check=False,
            capture_output=True,
        )
        if not picture.exists():
            raise SystemExit(f"{browser} made no picture of {page}")
        image = Image.open(io.BytesIO(picture.read_bytes())).convert("RGB")
    cut = image.crop((0, top, width, top + height))
    cut.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(IMAGES / f"{name}.png", optimize=True)


def event_page(folder: Path) -> Path:
    """The page of the events of a clip, by the model that comes with the package."""
    with contextlib.chdir(folder):  # so that the page names the file alone
        main(["data", "clip", "moving-ball", "--number", "1"])
        main(["events", "moving-ball", "clip.mp4", "--page"])
    return folder / "events.html"


if __name__ == "__main__":
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "report.html").exists():
        raise SystemExit("name the folder of a finished demo: make_screenshots.py runs/demo")
    site = ROOT / "build" / "site" / "index.html"
    if not site.exists():
        raise SystemExit(f"there is no {site}; make docs")
    report = Path(sys.argv[1]) / "report.html"
    screenshot(report, "demo-page", width=1100, height=1000)
    screenshot(report, "demo-levels", width=1100, height=1360, top=2780)
    screenshot(site, "site", width=1300, height=900)
    with tempfile.TemporaryDirectory() as place:
        screenshot(event_page(Path(place)), "event-page", width=1100, height=1000)
