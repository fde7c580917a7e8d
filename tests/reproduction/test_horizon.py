"""Runs are measured beside the marks once, and the page says which are met."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dlh.analysis.findings import AnalysisConfig
from dlh.errors import UsageError
from dlh.runs.experiment import read_snapshot
from dlh.training.run import RunFolder
from reproduction.horizon import measure_horizons
from reproduction.horizon_page import MARKS, render

LITTLE = AnalysisConfig(clips=4, futures_clips=2, traced_steps=20, samples=3, horizon=12)


def a_record(seed: int = 1, **changed) -> dict:
    """Of a run that meets every mark, but for what is changed."""
    at = {
        "states": 0.7,
        "decisions": 1.0,
        "in_place_best": 200.0,
        "in_place_mean": 121.0,
        "psnr": {"best": 23.0, "mean": 17.5, "black_frame": 16.8, "mean_frame": 17.0,
                 "last_frame": 15.0},
        "clear": 0.97,
        "sharpness": 0.71,
        "switch_rate": 0.21,
        "true_switch_rate": 0.22,
    }  # fmt: skip
    tried = {"decisions": 1.0, "energy_score": 0.05, "diversity": 0.1, "change_rate": None}
    record = {
        "run": f"long-{seed}", "preset": "moving-ball-long", "world": "lambda 0", "seed": seed,
        "joint_updates": 1000, "later_updates": [8000, 600], "core_seconds": 2640.0, "clips": 64,
        "temperature": {"tried": [{**tried, "states": 1.0}, {**tried, "states": 0.7}]},
        "samples": 100, "horizon": 200,
        "f1": 0.98, "p_change": 0.97, "p_static": 0.007, "nats": [45.0, 9.0], "least_nats": 30.0,
        "at": {"chosen": at, "as_learnt": {**at, "states": 1.0, "in_place_best": 150.0}},
    }  # fmt: skip
    return record | changed


def rows_of(page: str, heading: str) -> list[list[str]]:
    table = page.split(f"## {heading}")[1].split("##")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ][2:]


def test_a_run_that_reaches_every_mark_meets_all():
    assert [row[-1] for row in rows_of(render([a_record()], []), "Marks")] == ["met"] * len(MARKS)


@pytest.mark.parametrize(
    "changed, mark",
    [
        ({"f1": 0.979}, 0),
        ({"p_change": 0.964}, 1),
        ({"p_static": None}, 2),
        ({"p_static": 0.008}, 2),
        ({"nats": [46.0, 9.0]}, 7),
    ],
)
def test_one_seed_that_misses_is_counted(changed, mark):
    verdicts = [
        row[-1] for row in rows_of(render([a_record(), a_record(2, **changed)], []), "Marks")
    ]
    said, _, why = verdicts.pop(mark).partition("; ")
    assert said == "**missed** (1 of 2 met)"
    assert bool(why) == bool(MARKS[mark].why)
    assert set(verdicts) == {"met"}


def test_futures_stand_at_both_temperatures():
    rows = rows_of(render([a_record()], []), "Futures at each temperature")
    assert [row[1:3] for row in rows] == [["0.7", "200 / 121"], ["1", "150 / 121"]]
    assert all(row[6] == "0.0500 / 0.100" for row in rows)


def test_futures_whose_decisions_alone_have_a_temperature_keep_their_row():
    record = a_record()
    chosen = {**record["at"]["as_learnt"], "decisions": 0.7}
    record["at"]["chosen"] = chosen
    tried = record["temperature"]["tried"]
    tried.append({**tried[0], "decisions": 0.7, "energy_score": 0.04})
    rows = rows_of(render([record], []), "Futures at each temperature")
    assert [row[1] for row in rows] == ["1, decisions 0.7", "1"]
    assert [row[6] for row in rows] == ["0.0400 / 0.100", "0.0500 / 0.100"]


def test_every_explanation_of_a_miss_is_in_the_log():
    log = Path("docs/log.md").read_text("utf-8")
    heads = {
        re.sub(r"[^a-z0-9 -]", "", line.removeprefix("### ").lower()).replace(" ", "-")
        for line in log.splitlines()
        if line.startswith("### ")
    }
    assert {mark.why for mark in MARKS if mark.why} <= heads


def test_runs_of_other_presets_stand_apart_by_std():
    short = {"preset": "moving-ball", "reconstruction_psnr": 31.24}
    records = [
        a_record(),
        a_record(2, likelihood_std=2.0, **short),
        a_record(3, likelihood_std=0.25, **short),
    ]
    page = render(records, [])
    assert len(rows_of(page, "Marks")[0]) == 4  # what, mark, one seed, verdict
    rows = rows_of(page, "Does a sharper likelihood give sharper frames and longer futures?")
    assert [row[:4] for row in rows] == [
        *[["0.25", "3", "0.980", "31.2"]] * 2,
        *[["2", "2", "0.980", "31.2"]] * 2,
    ]
    assert all(row[-2:] == ["0.71", "97.0%"] for row in rows)
    assert [row[6] for row in rows] == ["0.7", "1"] * 2


def test_starts_that_chose_a_rule_are_no_evidence():
    starts = [
        {"world": "lambda 0", "early_memories": "none", "f1": 0.99},
        {"world": "lambda 0", "early_memories": "none", "f1": 0.5, "chose_a_rule": True},
    ]
    page = render([a_record()], starts)
    heading = "In how many single starts a hierarchy emerges"
    assert rows_of(page, heading) == [["lambda 0", "none", "1", "1", "0.990", "-", "-"]]


def test_starts_before_and_the_change_noticed_least_stand_in_the_table():
    world = "lambda 0, 32 px, std 1"
    starts = [
        {"world": world, "early_memories": "none", "f1": 0.99, "noticed_least": name,
         "its_recall": recall}
        for name, recall in (("red to green", 0.975), ("green to cyan", 0.91))
    ]  # fmt: skip
    before = {"l0-1": {"events.f1": 1.0}, "l0-2": {"events.f1": 0.4}, "l1-1": {"events.f1": 1.0}}
    page = render([a_record()], starts, before)
    (row,) = rows_of(page, "In how many single starts a hierarchy emerges")
    assert row[-2:] == ["green to cyan, 0.91", "1 of 2"]


def test_two_clocks_are_held_against_both_levels():
    start = {"world": "Two Clocks, N = 3", "seed": 1, "early_memories": "none", "precision": 1.0,
             "recall": 1.0, "f1": 1.0, "change_rates": [1, 0.23, 0.04]}  # fmt: skip
    third = {"precision": 0.9, "recall": 1.0, "f1": 0.947}
    found = [start | {"higher": {"L3": third | {"f1": f1}}} for f1 in (0.947, 0.95)]
    rows = rows_of(render([a_record()], found), "Two Clocks")
    assert [row[-1] for row in rows] == ["**missed**", "met"]
    assert rows[0][2:5] == ["1.00 / 1.00 / 1.00", "0.900 / 1.000 / 0.947", "0.230 / 0.040"]


@pytest.mark.slow
def test_a_run_is_measured_once(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dlh.runs.temperature.CLIPS", 2)
    monkeypatch.setattr(
        "reproduction.horizon_page.MARKED", read_snapshot(RunFolder.open(finished)).preset
    )
    places = {"results": tmp_path / "results", "work": tmp_path / "work"}
    said: list[str] = []
    (record,) = measure_horizons([finished], config=LITTLE, say=said.append, **places)
    assert record["run"] == finished.name and record["horizon"] == 12
    assert record["at"]["as_learnt"]["states"] == 1
    assert record["likelihood_std"] == 1 and 0 < record["reconstruction_psnr"] < 60
    kept = places["results"] / "long-horizon" / "futures.json"
    assert json.loads(kept.read_text()) == [record]
    page = (places["results"] / "long-horizon.md").read_text()
    assert len(rows_of(page, "Marks")) == len(MARKS)
    said.clear()
    assert measure_horizons([finished], config=LITTLE, say=said.append, **places) == [record]
    assert finished.name in said[0] and len(said) == 2  # it has a record; the page


def test_a_page_needs_a_record(tmp_path: Path):
    with pytest.raises(UsageError):
        measure_horizons([], results=tmp_path, work=tmp_path, config=LITTLE)
