from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch

from dlh.analysis import Foresight, LevelDivergences, Pooled
from dlh.analysis.measure import Changes, FutureFigures
from dlh.evaluation.events import EventScores
from dlh.evaluation.futures import FutureScores
from dlh.reports.run_page.page import render_report
from dlh.reports.run_page.report_prediction import floor_verdict
from dlh.reports.run_page.values import Report

PNGS = {name: f"png of {name}".encode() for name in ("events", "still", "psnr", "curves")}
FILM = b"not really an mp4"


def scores(best: list[float], mean: list[float] | None = None) -> FutureScores:
    """Of 16 clips alike, with these curves of the best and of the average of 20 futures."""
    top = torch.tensor(best)
    if mean is None:
        return FutureScores(curves=top.expand(16, 1, -1), window=2)
    rest = (20 * torch.tensor(mean) - top) / 19
    curves = torch.cat([top[None], rest.expand(19, -1)])
    return FutureScores(curves=curves.expand(16, -1, -1), window=2)


FLOORS = {
    "black frame": scores([16.0, 16.0, 16.0, 16.5]),
    "mean frame": scores([17.0] * 4),
    "last frame": scores([15.0] * 4),
}
MEAN = [26.0, 24.0, 15.0, 13.0]
PREDICTION = FutureFigures(
    context_steps=30, model=scores([28.0, 26.0, 18.0, 16.0], MEAN), floors=FLOORS
)


def future(*best: float) -> FutureFigures:
    """As PREDICTION, with this curve of the best future."""
    return replace(PREDICTION, model=scores(list(best), [value - 2 for value in best]))


def changed(report: Report, **changes) -> Report:
    """The report with other figures of its levels."""
    return replace(report, changes=replace(report.changes, **changes))


def pooled(mean: float) -> Pooled:
    return Pooled(mean=mean, error=None, count=100)


DEMO = Report(
    data="Moving Ball",
    run="runs/demo",
    frame_shape=(3, 32, 32),
    levels=2,
    parameters=812_345,
    steps=600,
    seconds=292.0,
    what_changes="the ball changes colour",
    changes=Changes(
        clips=32,
        steps=50,
        rates=(1.0, 0.193),
        mean_depth=1.193,
        events=EventScores(steps=1568, true_events=305, inferred_events=303, matched=301),
        foresight=Foresight(inferred_change=pooled(0.93), inferred_static=pooled(0.02)),
        divergences=LevelDivergences(state=(78.2, 6.4), event=(0.0, 4.0)),
    ),
    futures=PREDICTION,
    film=FILM,
    events_png=PNGS["events"],
    still_png=PNGS["still"],
    psnr_png=PNGS["psnr"],
    curves_png=PNGS["curves"],
    commands=(("dlh predict runs/demo clip.mp4", "Predict a video"),),
    settings={"model": {"num_levels": 2}, "training": {"seed": 0}},
    versions={"torch": "2.13.0"},
)

OWN = Report(
    data="my videos",
    run="runs/mine",
    frame_shape=(1, 48, 64),
    levels=3,
    parameters=6_300_000,
    steps=20_000,
    seconds=11_234.0,
    changes=Changes(clips=4, steps=100, rates=(1.0, 0.03, 0.008), mean_depth=1.038),
    fps=25,
    events_png=PNGS["events"],
)

BARE = Report(
    data="x", run="r", frame_shape=(1, 16, 16), levels=1, parameters=10, steps=1, seconds=0.2
)


class Page(HTMLParser):
    """The tags in order, the words that a person sees, and whether every element is closed."""

    VOID = ("img", "meta")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if "style" not in self.open:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("report", [DEMO, OWN, BARE], ids=["demo", "own", "bare"])
def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(report: Report):
    html = render_report(report)
    page = Page(html)
    assert page.open == []
    assert html.startswith("<!doctype html>")
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "base"}
    assert "http://" not in html and "https://" not in html
    assert "@import" not in html and "url(" not in html
    for _, attributes in page.tags:
        for name in ("src", "href", "poster"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "default-src 'none'" in html


def test_every_picture_and_the_film_are_inside_with_a_description():
    page = Page(render_report(DEMO))
    images = page.all("img")
    found = {base64.b64decode(image["src"].split(",")[1]) for image in images}
    assert found == set(PNGS.values())
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert all(image["alt"] for image in images)
    (film,) = page.all("video")
    assert base64.b64decode(film["src"].removeprefix("data:video/mp4;base64,")) == FILM
    assert {"controls", "loop", "muted", "autoplay", "playsinline"} <= film.keys()


def test_every_picture_has_words_that_say_how_to_read_it():
    page = Page(render_report(DEMO))
    assert len(page.all("figcaption")) == len(page.all("figure")) == 5


@pytest.mark.parametrize(
    "field",
    ["data", "run", "what_changes", "commands", "settings", "versions", "recalls", "missed"],
)
def test_all_text_is_escaped(field: str):
    evil = "<script>alert('&')</script>\""
    value = {
        "commands": ((evil, evil),),
        "settings": {evil: {"x": evil}},
        "versions": {evil: evil},
        "recalls": {evil: 0.5},
        "missed": (evil,),
    }.get(field, evil)
    change = changed if field in ("recalls", "missed") else replace
    html = render_report(change(DEMO, **{field: value}))
    page = Page(html)
    assert not page.all("script")
    assert evil in page.words
    assert "<script" not in html


def test_a_floor_with_a_name_of_markup_is_escaped():
    prediction = replace(PREDICTION, floors={"<b>bold</b>": scores([30.0] * 4)})
    html = render_report(replace(DEMO, futures=prediction))
    assert "<b>bold" not in html
    assert "<b>bold</b>" in Page(html).words


def test_the_headline_figures_of_the_demo_are_on_the_page():
    words = Page(render_report(DEMO)).words
    assert "It found the changes by itself" in words
    assert "Nobody told it when the ball changes colour" in words
    for figure in ("0.99", "301 of 303", "301 of 305", "1.19", "27.0 dB", "4 min 52 s", "600"):
        assert figure in words
    assert "it gave a change a probability of 0.93" in words


def test_a_change_that_is_mostly_missed_is_named():
    missed = ("green to cyan", "red to green")
    words = Page(render_report(changed(DEMO, missed=missed))).words
    assert "Mostly missed: green to cyan, red to green." in words
    assert "Mostly missed" not in Page(render_report(DEMO)).words


def test_the_words_follow_the_scores():
    def title(inferred: int, matched: int, true: int = 100) -> str:
        found = EventScores(steps=500, true_events=true, inferred_events=inferred, matched=matched)
        (title,) = re.findall("<h1>(.*?)</h1>", render_report(changed(DEMO, events=found)))
        return title

    assert title(100, 95) == "It found the changes by itself"
    assert title(200, 95) == "It finds the changes, and some that are none"
    assert title(50, 49) == "It finds some of the changes"
    assert title(400, 50) == "It has not found the changes yet"
    assert title(0, 0) == "It has not found the changes yet"


def test_poor_figures_are_marked_as_poor():
    poor = changed(
        DEMO,
        events=EventScores(steps=500, true_events=100, inferred_events=400, matched=50),
        mean_depth=1.9,
    )
    assert render_report(DEMO).count("tile good") == 4
    assert render_report(poor).count("tile poor") == 3


def test_videos_without_known_events_get_a_page_that_claims_no_truth():
    words = Page(render_report(OWN)).words
    assert "level 2 changed once in 33 frames (1.3 s)" in words
    assert "level 3 changed once in 125 frames (5 s)" in words
    assert "Nobody has marked the true events" in words
    for absent in ("Precision", "Recall", "true event ", "Orange triangles", "Nobody told it"):
        assert absent not in words


@pytest.mark.parametrize(
    "rate, title",
    [
        (0.95, "Level 2 still follows almost every frame"),
        (0.0, "Level 2 has hardly changed yet"),
        (0.1, "What changes, and what happens next"),
    ],
)
def test_levels_that_do_not_rest_or_never_wake_are_called_so(rate: float, title: str):
    words = Page(render_report(changed(OWN, rates=(1.0, rate, 0.0)))).words
    assert title in words
    assert "never" in words  # how often level 3 changes


def test_levels_that_died_or_never_rest_are_said_to():
    def words(*rates: float) -> str:
        return Page(render_report(changed(OWN, rates=rates))).words

    both = words(1.0, 1.0, 0.0)
    assert "Level 2 never rests: it changed at every frame of these clips" in both
    assert "Level 3 has died: after the first frame it never changed on these clips" in both
    healthy = words(1.0, 0.99, 0.001)
    assert "has died" not in healthy and "never rests" not in healthy


def test_what_is_not_known_is_left_out():
    page = Page(render_report(BARE))
    for absent in ("What it expects next", "How it got there", "Go on", "settings", "None", "nan"):
        assert absent not in page.words
    assert not page.all("img") and not page.all("video")
    assert "1 training step," in page.words


def test_the_table_holds_the_model_and_every_floor_with_the_difference():
    words = Page(render_report(DEMO)).words
    words = words[words.index("Beside what knows nothing") :]
    rows = re.findall(r"best of 20|average future|floor: \w+ frame", words)
    assert rows == ["best of 20", "average future"] + [
        f"floor: {name}" for name in PREDICTION.floors
    ]
    for difference in ("\u22122.0", "\u221211.0", "\u221210.0", "\u221212.0"):
        assert difference in words
    assert "above the model" not in words


def test_a_model_below_a_floor_is_said_to_be_below_it():
    prediction = future(16.0, 17.5, 15.0, 15.0)
    assert prediction.floors_above == ("mean frame",)
    html = render_report(replace(DEMO, futures=prediction))
    words = Page(html).words
    assert "The model is below the floor \u201cmean frame\u201d over the first 2 steps" in words
    assert "+0.2, above the model" in words
    assert "verdict poor" in html and "tile poor" in html


def test_the_verdict_says_how_far_the_model_stays_above_the_floors():
    assert PREDICTION.best == 27.0
    assert PREDICTION.highest_floor == ("mean frame", 17.0)
    assert PREDICTION.steps_ahead == 3
    assert "10.0 dB above the highest floor (\u201cmean frame\u201d)" in floor_verdict(PREDICTION)
    assert "at each of the first 3 steps" in floor_verdict(PREDICTION)
    ahead = future(*[28.0] * 4)
    assert "at every one of the 4 steps" in floor_verdict(ahead)
    late = future(16.5, 28.0, 28.0, 28.0)
    assert "though not at the first step" in floor_verdict(late)


def test_the_verdict_admits_a_floor_that_is_closer_over_the_whole_horizon():
    falling = future(28.0, 26.0, 3.0, 2.0)
    assert "Over all 4 steps together it is below the floor" in floor_verdict(falling)
    assert "\u201cblack frame\u201d, \u201cmean frame\u201d and" in floor_verdict(falling)
    assert "Over all" not in floor_verdict(PREDICTION)


def test_a_prediction_without_floors_or_with_one_sample_is_worded_for_it():
    alone = replace(PREDICTION, floors={}, model=scores([28.0, 26.0, 18.0, 16.0]))
    words = Page(render_report(replace(DEMO, futures=alone))).words
    assert "drew one future" in words and "27.0 dB over the first 2 steps" in words
    assert "average future" not in words


def test_only_a_film_of_a_model_with_events_speaks_of_their_strokes():
    assert "Orange strokes" in Page(render_report(DEMO)).words
    one_level = replace(BARE, film=FILM)
    words = Page(render_report(one_level)).words
    assert "drawn from what it has learnt" in words and "Orange strokes" not in words


def test_a_floor_that_is_scored_over_other_steps_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 2\), \(4, 2\)"):
        replace(PREDICTION, floors={"black frame": scores([16.0] * 3)})


def test_settings_are_listed_with_dotted_names():
    words = Page(render_report(DEMO)).words
    assert "model.num_levels" in words and "training.seed" in words
    assert "All 3 settings and versions" in words
