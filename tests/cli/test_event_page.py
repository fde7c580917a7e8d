"""The page of a video, looked at as text and in a real browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dlh.commands import event_frames
from dlh.data.video.decode import open_video
from dlh.data.video.encode import writing_film
from dlh.data.video.playable import browser_plays
from tiny_run import ball_frames

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="module")
def still(tmp_path_factory) -> Path:
    """A model of the tiny size; the events here are of motion, which asks no model."""
    from dlh import DLH
    from dlh.models.dlh import DynamicLatentHierarchy
    from dlh.runs import presets

    folder = tmp_path_factory.mktemp("still")
    DLH(DynamicLatentHierarchy(presets.tiny().model)).save_pretrained(folder)
    return folder


def moving_block(width: int = 48, height: int = 32) -> np.ndarray:
    """A black film of three seconds in which a white block jumps at 1 and at 2 seconds."""
    frames = np.zeros((30, height, width, 3), np.uint8)
    for number, left in enumerate((2, 20, 34)):
        frames[10 * number : 10 * number + 10, 8:20, left : left + 10] = 255
    return frames


def write(name: str, frames: np.ndarray, *, begins: float = 0.0) -> None:
    height, width = frames.shape[1:3]
    with writing_film(name, 10, height=height, width=width) as film:
        for number, frame in enumerate(frames):
            film.add(frame, begins + number / 10)


def page_of(dlh, model: Path, video: str, *more: str) -> tuple[str, dict]:
    answer = dlh("events", model, video, "--method", "motion", "--page", *more)
    assert answer.status == 0, answer.err
    return Path("events.html").read_text("utf-8"), json.loads(Path("events.json").read_text())


def test_the_page_holds_the_film_as_it_is_and_fetches_nothing(dlh, still):
    write("film.mp4", moving_block())
    assert browser_plays(Path("film.mp4"))
    page, document = page_of(dlh, still, "film.mp4")
    assert [event["frame"] for event in document["events"]] == [10, 20]
    assert not re.search(r"(?:src|href)=\"(?!data:)", page) and "http-equiv" in page
    assert page.count("data:video/mp4;base64,") == 1
    assert page.count("data:image/jpeg;base64,") == 4
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert [mark["time"] for mark in data["lanes"][0]["marks"]] == [1.0, 2.0]
    assert len(data["lanes"][0]["curve"]) == 30 and data["begins"] == 0


def test_a_long_film_lies_beside_the_page(dlh, still, monkeypatch):
    monkeypatch.setattr(event_frames, "MOST_SECONDS_INSIDE", 2.0)
    write("film 1.mp4", moving_block())
    page, _ = page_of(dlh, still, "film 1.mp4")
    assert 'src="events-film.mp4"' in page and "data:video" not in page
    assert Path("events-film.mp4").read_bytes() == Path("film 1.mp4").read_bytes()
    again = dlh("events", still, "film 1.mp4", "--page", "--method", "motion")
    assert again.status == 2 and again.names("events.json --overwrite")


def test_what_a_browser_cannot_play_is_encoded_anew_at_its_size(dlh, still, monkeypatch):
    monkeypatch.setattr(event_frames, "MOST_SECONDS_INSIDE", 0.0)
    frames = moving_block()
    np.save("film.npy", frames)
    page, document = page_of(dlh, still, "film.npy")
    assert 'src="events-film.mp4"' in page and document["fps"] == 25
    film = open_video("events-film.mp4", height=32, width=48, channels=3)
    assert film.source_size == (48, 32)
    shown = film.read()
    assert len(shown) == 30 and np.abs(shown.astype(float) - frames).mean() < 5
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


def test_the_second_reading_takes_the_array_by_the_same_form(dlh, still, monkeypatch):
    monkeypatch.setattr(event_frames, "MOST_SECONDS_INSIDE", 0.0)
    frames = moving_block()
    halved = frames.astype(np.int64) // 2
    np.savez("film.npz", other=np.zeros(3), mine=np.moveaxis(halved, -1, 1))
    form = ("--key", "mine", "--layout", "tchw", "--scale", 127)
    page_of(dlh, still, "film.npz", *form, "--images", "--split")
    shown = open_video("events-film.mp4", height=32, width=48, channels=3).read()
    assert np.abs(shown.astype(float) - frames).mean() < 5
    first, *others = (
        open_video(path, height=32, width=48, channels=3).read()
        for path in sorted(Path("events-clips").iterdir())
    )
    assert np.abs(np.concatenate([first, *others]).astype(float) - frames).mean() < 5
    assert list(Path("events-images").iterdir())


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome is installed")
@pytest.mark.parametrize("kind", ["as it is", "encoded anew"])
def test_a_browser_draws_the_timeline_and_jumps_to_an_event(dlh, still, kind):
    if kind == "as it is":
        write("film.mp4", moving_block())
        page_of(dlh, still, "film.mp4")
    else:
        np.save("film.npy", moving_block())
        page_of(dlh, still, "film.npy")
    address = f"{Path('events.html').resolve().as_uri()}#event-1"
    for _ in range(10):  # on a busy machine the film may not have loaded when the page is read
        dom = subprocess.run(
            [
                *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu"),
                *(f"--user-data-dir={Path('profile').resolve()}", "--virtual-time-budget=20000"),
                *("--dump-dom", address),
            ],
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        ).stdout
        if "data-time=" in dom:
            break
    document = json.loads(Path("events.json").read_text())
    first = next(event for event in document["events"] if event["rank"] == 1)
    row = re.search(r'<tr id="event-1"[^>]*>', dom)[0]
    assert 'class="current"' in row and dom.count('class="mark"') == len(document["events"])
    film = re.search(r"<video[^>]*>", dom)[0]
    reached = float(re.search(r'data-time="([\d.]+)"', film)[1])
    assert reached == pytest.approx(first["seconds"], abs=1e-3)


def test_text_in_the_page_is_no_markup(dlh, still):
    name = "<b>&film.mp4"
    write(name, ball_frames())
    page, _ = page_of(dlh, still, name)
    assert "<b>" not in page and "&lt;b&gt;&amp;film.mp4" in page
