from __future__ import annotations

import base64
from dataclasses import replace

import pytest
import torch

from dlh.analysis import Foresight, LevelDivergences, Pooled
from dlh.analysis.event_findings import EventFindings
from dlh.analysis.measure import Changes, FutureFigures
from dlh.evaluation.events import EventScores
from dlh.evaluation.futures import FutureScores
from dlh.reports.run_page import Report, render_report
from page_text import Page, check_alone, check_golden
from refusals import refused

PNGS = {
    name: f"png of {name}".encode()
    for name in ("events", "exchanged", "rolled", "still", "psnr", "curves")
}
FILM = b"not really an mp4"


def scores(best: list[float], mean: list[float] | None = None) -> FutureScores:
    """Of 16 clips alike, with these curves of the best and of the average of 20 futures."""
    top = torch.tensor(best, dtype=torch.float64)
    if mean is None:
        return FutureScores.of(top.expand(16, 1, -1), window=2)
    rest = (20 * torch.tensor(mean, dtype=torch.float64) - top) / 19
    curves = torch.cat([top[None], rest.expand(19, -1)])
    return FutureScores.of(curves.expand(16, -1, -1), window=2)


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


def events_found(inferred: int, matched: int, **more) -> EventFindings:
    """Of 100 true ones."""
    scores = EventScores(steps=500, true_events=100, inferred_events=inferred, matched=matched)
    return EventFindings(level_2=scores, **more)


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
        events=EventFindings(
            level_2=EventScores(steps=1568, true_events=305, inferred_events=303, matched=301)
        ),
        foresight=Foresight(inferred_change=pooled(0.93), inferred_static=pooled(0.02)),
        divergences=LevelDivergences(state=(78.2, 6.4), event=(0.0, 4.0)),
    ),
    futures=PREDICTION,
    film=FILM,
    events_png=PNGS["events"],
    still_png=PNGS["still"],
    psnr_png=PNGS["psnr"],
    exchanged_png=PNGS["exchanged"],
    rolled_png=PNGS["rolled"],
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


POOR = replace(
    changed(
        DEMO,
        events=events_found(
            400,
            50,
            recalls={"bounces": 0.61, "random changes": 0.32},
            colour_recalls={"green to cyan": 0.1, "red to green": 0.2, "cyan to blue": 0.9},
        ),
        mean_depth=1.9,
    ),
    futures=future(16.0, 17.5, 15.0, 15.0),
)
PAGES = {
    "run": DEMO,
    "run-poor": POOR,
    "run-own-videos": OWN,
    "run-one-level": replace(BARE, film=FILM),
}
VARIANTS = {
    "too many events": changed(DEMO, events=events_found(200, 95)),
    "too few events": changed(DEMO, events=events_found(50, 49)),
    "one future, no floors": replace(
        DEMO, futures=replace(PREDICTION, floors={}, model=scores([28.0, 26.0, 18.0, 16.0]))
    ),
    "below floors later": replace(DEMO, futures=future(28.0, 26.0, 3.0, 2.0)),
    "above floors at every step": replace(DEMO, futures=future(*[28.0] * 4)),
    "below a floor at first": replace(DEMO, futures=future(16.5, 28.0, 28.0, 28.0)),
    "levels at fault": changed(OWN, rates=(1.0, 1.0, 0.0)),
    "level 2 at almost every frame": changed(OWN, rates=(1.0, 0.95, 0.01)),
    "level 2 never": changed(OWN, rates=(1.0, 0.0, 0.0)),
}


@pytest.mark.parametrize("name", PAGES)
def test_golden_text_of_the_page(name: str):
    check_golden(name, check_alone(render_report(PAGES[name])).text)


def test_golden_text_of_what_other_scores_change():
    usual = {line for report in PAGES.values() for line in lines(report)}
    parts = []
    for name, report in VARIANTS.items():
        parts += [f"# {name}", *(line for line in lines(report) if line not in usual), ""]
    check_golden("run-variants", "\n".join(parts))


def lines(report: Report) -> list[str]:
    return Page(render_report(report)).text.splitlines()


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
    assert len(page.all("figcaption")) == len(page.all("figure")) == 7


@pytest.mark.parametrize(
    "field",
    ["data", "run", "what_changes", "commands", "settings", "versions", "changes"],
)
def test_all_text_is_escaped(field: str):
    evil = "<script>alert('&')</script>\""
    value = {
        "commands": ((evil, evil),),
        "settings": {evil: {"x": evil}},
        "versions": {evil: evil},
        "changes": replace(
            DEMO.changes, events=events_found(9, 9, recalls={evil: 0.5}, colour_recalls={evil: 0.1})
        ),
    }.get(field, evil)
    html = render_report(replace(DEMO, **{field: value}))
    page = Page(html)
    assert not page.all("script")
    assert page.text.count(evil) >= (2 if field == "changes" else 1)
    assert "<script" not in html


def heading(report: Report) -> str:
    return lines(report)[0].partition(" - ")[0]


def test_the_heading_follows_the_scores():
    def of(inferred: int, matched: int) -> str:
        return heading(changed(DEMO, events=events_found(inferred, matched)))

    assert len({of(100, 95), of(200, 95), of(50, 49), of(400, 50)}) == 4
    assert of(0, 0) == of(400, 50)
    assert len({heading(changed(OWN, rates=(1.0, rate, 0.0))) for rate in (0.95, 0.0, 0.1)}) == 3


def test_below_a_still_picture_the_advice_fits_where_the_run_was_best():
    assert "Longer training is the first thing to try" in Page(render_report(POOR)).text
    late = Page(render_report(replace(POOR, best_step=POOR.steps))).text
    assert "Longer training is the first thing to try" in late
    early = Page(render_report(replace(POOR, best_step=250, steps=5_000))).text
    assert "step 250 of 5000 is the best" in early and "longer training does not help" in early


def test_poor_figures_are_marked_as_poor():
    assert render_report(DEMO).count("tile good") == 4
    html = render_report(POOR)
    assert html.count("tile poor") == 4 and "verdict poor" in html


def test_what_is_not_known_is_left_out():
    page = Page(render_report(BARE))
    assert len(page.all("h2")) == 1 and not page.all("img") and not page.all("video")
    assert "None" not in page.text and "nan" not in page.text


def test_what_is_closest_decides_the_verdict():
    assert PREDICTION.best == 27.0
    assert PREDICTION.highest_floor == ("mean frame", 17.0)
    assert PREDICTION.steps_ahead == 3
    assert future(16.0, 17.5, 15.0, 15.0).floors_above == ("mean frame",)


def test_a_floor_that_is_scored_over_other_steps_is_refused():
    with refused(ValueError, (3, 2), (4, 2)):
        replace(PREDICTION, floors={"black frame": scores([16.0] * 3)})
