"""``dlh explore`` as a person meets it: its errors, and its page in a real browser."""

from __future__ import annotations

import base64
import importlib.util
import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import runner
from dlh.analysis.exploration import Exploration
from dlh.cli import main
from dlh.commands.explore import open_exploration
from dlh.commands.options import ExploreOptions
from dlh.data.clips import DataError
from dlh.data.video.encode import write_video
from dlh.errors import UsageError
from dlh.explorer.app import MissingExtraError, build_app, import_gradio, serving
from dlh.models import registry
from dlh.pretrained import UnsupportedError, of_network
from dlh.reports.figures.exploration import LEFT, RIGHT, WIDTH
from dlh.runs.presets import tiny_flat
from refusals import refused
from tiny_run import ball_frames

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture
def dlh(workspace, capsys):
    return runner(main, capsys)


def test_without_gradio_one_line_names_the_extra(dlh, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with refused(MissingExtraError, "dlh[app]"):
        import_gradio()
    answer = dlh("explore")
    assert answer.status == 1 and "dlh[app]" in answer.err and len(answer.err.splitlines()) == 1


def test_the_shipped_model_is_opened_on_a_clip_of_its_test_data(workspace):
    explored, title, _ = open_exploration(ExploreOptions(frames=12, clip=1), say=print)
    assert explored.frames.shape == (12, 32, 32, 3) and "test" in title
    other, _, _ = open_exploration(ExploreOptions(frames=12), say=print)
    assert not np.array_equal(explored.frames, other.frames)


def test_a_video_is_re_timed_and_cropped_as_asked(workspace):
    write_video(Path("film.mp4"), np.zeros((60, 40, 40, 3), np.uint8), fps=20)
    asked = ExploreOptions(video=Path("film.mp4"), fps=5.0, crop=(4, 4, 32, 32))
    said: list[str] = []
    _, title, fps = open_exploration(asked, say=said.append)
    assert fps == 5 and title.endswith("15 frames")
    assert "re-timed from 20 to 5" in said[0] and "32 x 32" in said[0]
    with refused(UsageError, "--fps"):
        ExploreOptions(fps=5.0)


def test_a_video_is_resized_and_bad_input_is_refused(workspace):
    frames = np.asarray(ball_frames())
    write_video(Path("a.mp4"), frames, fps=5)
    said: list[str] = []
    explored, title, fps = open_exploration(
        ExploreOptions(video=Path("a.mp4"), frames=9), say=said.append
    )
    assert explored.frames.shape == (9, 32, 32, 3) and "a.mp4" in title and fps > 0
    assert any("32" in line for line in said)
    write_video(Path("one.mp4"), frames[:1], fps=5)
    for video in ("one.mp4", "none.mp4"):
        with pytest.raises(DataError):
            open_exploration(ExploreOptions(video=Path(video)), say=print)
    of_network(registry.build(tiny_flat().model)).save_pretrained("flat")
    with refused(UnsupportedError, "flat") as raised:
        open_exploration(ExploreOptions(model="flat", video=Path("a.mp4")), say=print)
    assert raised.value.asked == "levels"


@pytest.fixture(scope="module")
def browser_page():
    """A page in a real browser, and the requests that left this machine."""
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("gradio is not installed (the extra app)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("no chromium or google-chrome is installed")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def explored() -> Exploration:
    return open_exploration(ExploreOptions(frames=60), say=print)[0]


@pytest.mark.slow
def test_clicks_in_a_browser_show_what_was_computed(browser_page, explored):
    page, left_the_machine = browser_page, []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "data:", "blob:"))
            else left_the_machine.append(request.url)
        ),
    )

    def pictures_of(element: str) -> np.ndarray:
        source = page.locator(f"#{element} img").first.get_attribute("src")
        data = base64.b64decode(source.partition("base64,")[2])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    def has(picture: np.ndarray, frame: np.ndarray) -> bool:
        """Whether a frame stands somewhere in a picture, enlarged."""
        colours = {tuple(c) for c in frame.reshape(-1, 3).tolist()}
        found = {tuple(c) for c in picture.reshape(-1, 3).tolist()}
        return colours <= found

    def waits_for(element: str, frame: np.ndarray) -> None:
        for _ in range(240):
            if page.locator(f"#{element} img").count() and has(pictures_of(element), frame):
                return
            page.wait_for_timeout(250)
        raise AssertionError(f"#{element} never showed the frame")

    with serving(build_app(explored, title="<b>a model</b>")) as address:
        assert address.startswith("http://127.0.0.1:")
        page.goto(address)
        assert page.locator("#title").inner_text() == "<b>a model</b>"
        waits_for("seen", explored.reconstructed(29))
        waits_for("exchanged", explored.exchanged(2, 29, 0))

        box = page.locator("#timeline img").bounding_box()
        chosen = 44
        x = (LEFT + (chosen + 0.5) / 60 * (WIDTH - LEFT - RIGHT)) / WIDTH * box["width"]
        page.locator("#timeline img").click(position={"x": x, "y": box["height"] / 2})
        waits_for("seen", explored.reconstructed(chosen))
        waits_for("exchanged", explored.exchanged(2, chosen, 0))
        page.get_by_label("level 1").first.check()
        waits_for("exchanged", explored.exchanged(1, chosen, 0))

        page.get_by_role("tab", name="Draw a state").click()
        page.click("#draw")
        for drawn in explored.resampled(2, chosen, samples=5):
            waits_for("drawn", drawn)
        page.get_by_role("tab", name="Roll a level").click()
        page.click("#roll")
        for rolled in explored.rolled(2, chosen, steps=8):
            waits_for("rolled", rolled)
        page.click("#branch")
        page.wait_for_selector("#futures video")
        futures, _ = explored.futures(chosen, horizon=40, samples=5)
        waits_for("futures", futures[0, 0])
        page.locator("#futures video").scroll_into_view_if_needed()  # one out of sight stands
        page.wait_for_function("document.querySelector('#futures video').currentTime > 0")
        shown = page.screenshot()
        assert np.asarray(Image.open(io.BytesIO(shown)).convert("RGB")).std() > 10

        page.locator("#frame input[type=number]").fill("59")
        page.locator("#frame input[type=number]").press("Enter")
        waits_for("seen", explored.reconstructed(59))
        page.click("#roll")
        alert = page.wait_for_selector("#rolled [role=alert]").inner_text()
        assert "58" in alert and "59" in alert
    assert not left_the_machine
