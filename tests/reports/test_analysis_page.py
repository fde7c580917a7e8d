from __future__ import annotations

import base64
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from dlh.analysis import Foresight, Pooled
from dlh.analysis.event_findings import EventFindings
from dlh.analysis.findings import AnalysisConfig, Findings, Observers, Shown
from dlh.analysis.future_findings import Futures
from dlh.analysis.level_findings import LevelFindings
from dlh.analysis.level_findings import Shown as ShownFrames
from dlh.analysis.moving_ball.observers import KnownBounces
from dlh.analysis.moving_ball.rollouts import Tracking, WorldScores
from dlh.data.clips import Clips
from dlh.data.held_out import HeldOut
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.evaluation.events import EventScores
from dlh.evaluation.futures import FutureScores
from dlh.interfaces import ObservedLevels
from dlh.reports.analysis_figures import NAMES
from dlh.reports.analysis_page import render
from page_text import Page, check_alone, check_golden

CLIPS, STEPS, HORIZON = 4, 100, 5
PICTURES = {name: name.encode() for name in NAMES}


def pooled(mean: float, error: float | None = 0.01) -> Pooled:
    return Pooled(mean=mean, error=error, count=396)


def foresight(change: float, static: float) -> Foresight:
    return Foresight(
        inferred_change=pooled(change),
        inferred_static=pooled(static),
        true_change=pooled(change - 0.01),
        true_static=pooled(static + 0.01),
        surprisal=pooled(0.1),
    )


def level(number: int) -> LevelFindings:
    frames = ShownFrames(
        own=np.zeros((1, 4, 4, 3), np.uint8), frames=np.zeros((1, 2, 4, 4, 3), np.uint8)
    )
    ball = {"exchanged_colour_differs": 0.1 + 0.7 * (number - 1), "exchanged_centre_moves": 7.25,
            "rolled_switch_rate": None, "rolled_centre_moves": 1.5}  # fmt: skip
    return LevelFindings(
        level=number,
        change_rate=1.0 if number == 1 else 0.24,
        state_kl=pooled(30.0 if number == 1 else 10.0),
        event_kl=pooled(0.0 if number == 1 else 2.5),
        variance_elsewhere=0.011,
        variance_expected=0.009,
        exchanged=frames,
        expected=frames,
        rolled=frames,
        of_ball=ball,
    )


def scores(*best: float) -> FutureScores:
    return FutureScores.of(torch.tensor(best).expand(CLIPS, 2, -1), window=HORIZON)


def found() -> Findings:
    """Of two levels on Moving Ball, where all there is to say is known."""
    clips = Clips(
        video=np.zeros((CLIPS, STEPS, 4, 4, 3), np.uint8),
        events=np.tile([False, False, False, True], (CLIPS, STEPS // 4)),
    )
    observers = Observers(
        closed_form=KnownBounces(change=0.95, static=0.05),
        closed_form_inferred=KnownBounces(change=0.9, static=0.06),
        knows_bounces=foresight(0.94, 0.04),
        knows_past=foresight(0.91, 0.07),
        lost=0.0,
        filter_error=0.0004,
        least_state_kl=pooled(31.36, 0.8),
    )
    steps = torch.tensor([[5, 3]] * CLIPS)
    futures = Futures(
        context_steps=30,
        model=scores(25.0, 24.0, 23.0, 22.0, 21.0),
        floors={"black frame": scores(*[16.0] * HORIZON), "last frame": scores(*[15.0] * HORIZON)},
        world=WorldScores(frames=40, clear=0.97, true_clear=0.99, sharpness=0.912,
                          switch_rate=0.231, in_order=None, event_rate=0.24,
                          switches_at_events=0.88, true_switch_rate=0.25),
        tracking=Tracking(steps=steps - 1, horizon=HORIZON, radius=3.0),
        best_tracking=Tracking(steps=steps, horizon=HORIZON, radius=3.0),
        shown=np.zeros((2, HORIZON, 4, 4, 3), np.uint8),
        shown_changed=None,
        shown_reading=None,
        truth_reading=None,
    )  # fmt: skip
    return Findings(
        shown=Shown(
            model="runs/demo",
            data="moving-ball",
            held_out=HeldOut(split="test", clips=clips),
            ball=MovingBallConfig(colour_change_probability=0.0),
        ),
        config=AnalysisConfig(),
        steps=STEPS,
        observed=Mock(spec=ObservedLevels),
        changed=torch.zeros(CLIPS, STEPS, 2, dtype=torch.bool),
        change_probability=torch.zeros(CLIPS, STEPS, 2),
        mean_depth=pooled(1.24),
        mean_depth_with_first=pooled(1.248),
        total_state_kl=pooled(40.0, 0.5),
        elbo=pooled(3201.4, None),
        levels=(level(1), level(2)),
        all_levels_variance=0.0213,
        events=EventFindings(
            level_2=EventScores(steps=396, true_events=100, inferred_events=95, matched=93),
            recalls={"bounces": 0.96},
            colour_recalls={"green to cyan": 0.71},
        ),
        model=foresight(0.9, 0.08),
        observers=observers,
        reliability={},
        futures=futures,
        left_out={"the floor of a mean frame": "the training videos are too short"},
    )


def little() -> Findings:
    """Of one level on videos of which nothing is known."""
    whole = found()
    return replace(
        whole,
        shown=Shown(
            model="runs/mine",
            data="my_videos",
            held_out=HeldOut(split="all", clips=replace(whole.shown.clips, events=None)),
        ),
        levels=(replace(level(1), of_ball={}),),
        events=EventFindings(),
        model=None,
        observers=None,
        futures=replace(whole.futures, world=None, tracking=None, best_tracking=None, floors={}),
        left_out={},
    )


@pytest.mark.parametrize("name, findings", [("analysis", found()), ("analysis-little", little())])
def test_golden_text_of_the_page(name: str, findings: Findings):
    page = check_alone(render(findings, PICTURES if name == "analysis" else {}))
    check_golden(name, page.text)


def test_every_picture_is_inside_with_a_caption():
    page = Page(render(found(), PICTURES))
    images = page.all("img")
    assert {base64.b64decode(image["src"].split(",")[1]) for image in images} == set(
        PICTURES.values()
    )
    assert all(image["alt"] for image in images)
    assert len(page.all("figcaption")) == len(PICTURES)


def test_names_and_reasons_are_escaped():
    evil = "<script>alert('&')</script>\""
    findings = replace(found(), left_out={evil: evil})
    findings = replace(findings, events=replace(findings.events, recalls={evil: 0.5}))
    html = render(replace(findings, shown=replace(findings.shown, data=evil, model=evil)), {})
    assert "<script" not in html and Page(html).text.count(evil) >= 5
