"""Draw docs/images/explorer.png: the page of ``dlh explore`` in a headless browser.

python docs/make_explorer_picture.py

It needs chromium, and gradio and playwright (constraints-app.txt).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from dlh.commands.explore import open_exploration
from dlh.commands.options import ExploreOptions
from dlh.explorer.app import build_app, serving

PICTURE = Path(__file__).parent / "images" / "explorer.png"
FRAME = 26

if __name__ == "__main__":
    explored, title, fps = open_exploration(ExploreOptions(), say=print)
    with (
        serving(build_app(explored, title=title, fps=fps)) as address,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(address)
        page.locator("#frame input[type=number]").fill(str(FRAME))
        page.locator("#frame input[type=number]").press("Enter")
        page.locator(f'#exchanged img[alt^="frame {FRAME} "]').wait_for()
        page.click("#branch")
        page.locator("#futures video").scroll_into_view_if_needed()
        page.wait_for_timeout(3_000)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=PICTURE, full_page=True)
        browser.close()
    print(f"written: {PICTURE}")
