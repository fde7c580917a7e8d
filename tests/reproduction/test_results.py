from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from dlh.errors import OutputError
from made_records import made_record, made_records
from refusals import refused
from reproduction.aggregate import aggregate
from reproduction.catalogue import experiments
from reproduction.marks import marks
from reproduction.record import as_text, course, failed_record, read_record
from reproduction.results_page import headings, render
from reproduction.write import read_notes, texts, write_results

ALL = experiments()
COMMITTED = Path(__file__).parents[2] / "docs" / "results"


def test_means_and_spreads_are_over_seeds():
    found = aggregate(made_records(), ALL)
    depth = found["table2"]["3"]["mean_depth"]
    assert depth["values"] == [1.23, 1.24, 1.25] and depth["seeds"] == [0, 1, 2]
    assert depth["mean"] == pytest.approx(1.24) and depth["spread"] == pytest.approx(0.01)
    assert [level["mean"] for level in found["table5"]["4"]] == [40.0, 7.0, 0.1, 0.1]
    assert found["table3"]["0.1"]["change"]["mean"] == pytest.approx(0.951)
    assert {"change", "static", "ideal_change", "ideal_static"} <= found["table3"]["0"].keys()
    assert found["events"]["0.3"]["f1"]["mean"] == 0.99
    assert found["events"]["0.1"]["recall_bounces"]["mean"] == 0.97
    assert found["events"]["0"]["recall_bounces"]["mean"] == 0.98  # of all changes: all are bounces
    assert found["table3"]["0"]["surprisal_gap"]["mean"] == pytest.approx(0.02)
    assert found["table2"]["5"]["nats_above_level_2"]["mean"] == pytest.approx(0.3)
    assert found["ablations"]["vade"]["reference"] == "2"
    assert found["runs"] == {
        "planned": len(ALL),
        "done": sorted(named.name for named in ALL),
        "failed": {},
        "missing": [],
        "core_hours": pytest.approx(0.1 * len(ALL)),
        "gpu_hours": 0.0,
        "estimated_core_hours": pytest.approx(sum(n.core_hours for n in ALL), abs=0.01),
    }


def test_an_ablation_is_held_against_its_reference_on_the_same_seeds():
    records = made_records()
    records["levels2-seed2"]["final"]["events"]["f1"] = 0.2  # a seed that no ablation has
    del records["ablation-vade-seed1"]
    records["levels2-seed0"]["final"]["events"]["f1"] = 0.9
    found = aggregate(records, ALL)
    vade, detached = found["ablations"]["vade"], found["ablations"]["detached"]
    assert vade["f1"]["seeds"] == [0] == vade["of_reference"]["f1"]["seeds"]
    assert vade["of_reference"]["f1"]["mean"] == 0.9
    assert detached["of_reference"]["f1"]["values"] == [0.9, 0.99]
    page = render(found, pictures=[], notes={})
    (row,) = [line for line in page.splitlines() if "VaDE estimate" in line]
    assert row.endswith("| +0.090 | +0.000 |")


def test_what_is_missing_or_failed_is_said_and_nothing_is_made_up():
    named = next(named for named in ALL if named.name == "full-lambda0.1-seed1")
    records = {named.name: made_record(named)}
    broken = next(named for named in ALL if named.name == "ablation-vade-seed0")
    records[broken.name] = {
        k: v for k, v in made_record(broken).items() if k not in ("final", "course", "core_hours")
    } | {"failed": "the loss of step 7 is not finite"}
    found = aggregate(records, ALL)
    assert set(found["table3"]) == {"0.1"} and found["table2"] == {} == found["ablations"]
    assert found["table3"]["0.1"]["change"]["spread"] is None
    assert len(found["runs"]["missing"]) == len(ALL) - 2
    page = render(found, pictures=[], notes={})
    assert "`ablation-vade-seed0` did not finish: the loss of step 7 is not finite" in page
    assert "| 0.1 | change | 0.82 | 0.951 | +0.131 |" in page
    assert "| 0.3 | change | 0.73 | not run yet | not run yet |" in page
    assert page.count("not run yet") > 100 and "; `levels5` seed 0, 1, 2;" in page
    said = {mark.claim: (mark.found, mark.verdict) for mark in marks(found)}
    assert said["lambda 0.1: the predicted ball switches within 10 % of the true rate"] == (
        "-4.3%, 0.220 against 0.230",
        "met so far (1 of 1 seed, 2 to be run)",
    )


def failed(named) -> dict:
    """A record of a run whose loss became infinite."""
    made = made_record(named)
    return {k: made[k] for k in ("name", "group", "kind", "settings")} | {
        "failed": "no finite loss"
    }


def test_what_failed_is_not_said_to_be_still_to_run():
    records = made_records()
    for named in ALL:
        if named.name.startswith(("levels5", "ablation-std-0.1")) or named.group == "mnist":
            records[named.name] = failed(named)
        if named.name == "levels4-seed2":
            records[named.name] = failed(named)
    found = aggregate(records, ALL)
    verdict = {mark.claim: mark.verdict for mark in marks(found)}
    assert verdict["N = 5: and no accident, event F1 at least .95"] == "**missed**"
    assert (
        verdict["N = 4: and no accident, event F1 at least .95"] == "met on average (2 of 3 seeds)"
    )
    page = render(found, pictures=["course-full.png"], notes={})
    assert "| 5 | 1.38 ± 0.07 | failed | failed |" in page
    assert "| likelihood std .1 | failed |" in page and "\nFailed." in page
    (line,) = [
        line for line in page.splitlines() if line.endswith("did not finish: no finite loss")
    ]
    assert line.count("`levels5-seed") == 3 and line.count("`") == 14


def test_differences_stand_beside_the_papers_numbers():
    page = render(aggregate(made_records(), ALL), pictures=["course-full.png"], notes={})
    assert "| 2 | 1.22 ± 0.05 | 1.250 ± 0.010 | +0.030 | 1.240 ± 0.010 | 1.230 | 0.990" in page
    assert "| level 3 | at most .3 |  | 0.10 ± 0.00 |" in page
    assert "![Held-out figures over training, by lambda" in page
    made = re.sub(r"(?s)## Moving MNIST.*", "", page)
    assert "not run yet" not in made
    assert "| 0 | 0.990 ± 0.000 | 0.980 ± 0.000 | 0.990 ± 0.000 | 0.980 ± 0.000 |" in page
    assert "| ideal observer, best of 100 | 200 ± 0 | 200 ± 0 | 200 ± 0 |" in page


def test_runs_at_the_papers_size_have_a_section_of_their_own():
    records = made_records()
    for named in ALL:
        if named.on_gpu:
            records[named.name] |= {"core_hours": 0.0, "gpu_hours": 0.25}
    del records["paper-lambda0.1-seed0"]
    found = aggregate(records, ALL)
    assert found["runs"]["gpu_hours"] == 0.25
    assert found["paper_size"]["0"]["level_2"]["values"] == [7.0] and "0.1" in found["table3"]
    assert set(found["paper_size"]) == {"0"} and found["table3"]["0"]["change"]["seeds"] == [
        0,
        1,
        2,
    ]
    page = render(found, pictures=["course-paper.png"], notes={})
    assert " Those on a GPU took 0.2 hours of it." in page
    part = page.split("## At the paper's size")[1].split("\n## ")[0]
    for row in (
        "|  | paper | lambda 0 | lambda 0.1 |",
        "| event F1 |  | 0.990 | not run yet |",
        "| with the first step | 1.22 | 1.240 | not run yet |",
        "| 1 + true change rate |  | 1.230 | not run yet |",
        "| of level 2 | 6.5 - 7.8 | 7.0 | not run yet |",
        "| p(change) where level 2 changed | 0.97 / 0.82 | 0.960 | not run yet |",
        "| PSNR over 200 steps, best of 100, dB |  | 20.0 | not run yet |",
    ):
        assert row in part, row
    assert "(figures/course-paper.png)" in page


def test_only_validations_make_a_course():
    metrics = [
        {"step": 10, "loss": 3.0},
        {"step": 10, "validation.elbo": -3.0, "validation.kl.L1": 1.0},
        {"step": 20, "validation.elbo": -2.0, "validation.kl.L1": None},
    ]
    assert course(metrics) == {"step": [10, 20], "elbo": [-3.0, -2.0], "kl.L1": [1.0, None]}


def test_a_list_of_numbers_takes_one_line():
    value = {"a": [1.5, 2], "b": [{"c": None}], "d": {}}
    text = as_text(value)
    assert json.loads(text) == value and '"a": [1.5, 2]' in text


def test_writing_the_results_twice_changes_nothing_and_notes_are_taken_in(tmp_path, monkeypatch):
    monkeypatch.setattr("dlh.reports.figures.canvas.DOTS_PER_INCH", 30)
    (tmp_path / "runs").mkdir()
    for name, record in made_records().items():
        (tmp_path / "runs" / f"{name}.json").write_text(as_text(record))
    (tmp_path / "notes.md").write_text("# Notes\n\n## Events\n\nThey are few.\n")
    said: list[str] = []
    write_results(tmp_path, say=said.append)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    write_results(tmp_path, say=said.append)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == first
    assert "They are few." in (tmp_path / "moving-ball.md").read_text("utf-8")
    for group in ("full", "levels"):
        assert (tmp_path / f"figures/course-{group}.png").read_bytes().startswith(b"\x89PNG")


def test_notes_to_a_section_that_is_not_there_are_refused(tmp_path):
    (tmp_path / "notes.md").write_text("## Evnts\n\nNone.\n")
    with refused(OutputError, "'Evnts'", "Marks"):
        read_notes(tmp_path / "notes.md")
    assert read_notes(tmp_path / "none.md") == {} and "Events" in headings()


def test_a_damaged_record_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{")
    with refused(OutputError, path):
        read_record(path)
    path.write_text('{"version": 7}')
    with refused(OutputError, path, 1):
        read_record(path)


@pytest.mark.parametrize(
    "changes, found",
    [
        ({"core_hours": None}, ("core_hours",)),
        ({"course": None}, ("course",)),
        ({"core_hours": "long"}, ("core_hours", "'long'")),
        ({"updates": True}, ("updates", True)),
        ({"name": "levels2-seed1"}, ("levels2-seed1", "levels2-seed0")),
        ({"settings": {}}, ("settings.training.seed", None)),
        ({"course": {"step": [1]}}, ("course", "elbo")),
        ({"course": {"step": [1], "elbo": 3}}, ("course", "elbo", 3)),
        ({"course": {"step": [1], "elbo": ["3"]}}, ("course.elbo", "'3'")),
        ({"course": {"step": [1], "elbo": [3, 4]}}, ("course.elbo", 2, 1)),
        ({"failed": 7}, ("failed", 7)),
    ],
)
def test_a_record_that_lacks_something_is_refused_by_its_name(tmp_path, changes, found):
    named = next(named for named in ALL if named.name == "levels2-seed0")
    path = tmp_path / "levels2-seed0.json"
    path.write_text(as_text(made_record(named)))
    assert read_record(path)["name"] == "levels2-seed0"
    changed = made_record(named) | changes
    path.write_text(as_text({key: value for key, value in changed.items() if value is not None}))
    with refused(OutputError, path, 1, *found):
        read_record(path)


def test_a_failed_record_has_no_course():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_text", lambda *_: as_text(failed_record(ALL[0], "NaN", {})))
        assert read_record(Path(f"{ALL[0].name}.json"))["failed"] == "NaN"


@pytest.mark.parametrize(
    "file, content, found",
    [
        (
            "runs/levels3-seed0.json",
            b'{"version": 1, "name": "levels3-seed0"}',
            ("levels3-seed0.json", "group"),
        ),
        ("notes.md", b"## Events\n\xff\n", ("notes.md", 10)),
        ("notes.md", b"## Events\na\n## Events\nb\n", ("notes.md", "'Events'", 2)),
        ("notes.md", b"## Evnts\n", ("notes.md", "'Evnts'")),
    ],
)
def test_nothing_is_written_where_a_record_or_the_notes_cannot_be_used(
    tmp_path, monkeypatch, file, content, found
):
    monkeypatch.setattr("dlh.reports.figures.canvas.DOTS_PER_INCH", 30)
    (tmp_path / "runs").mkdir()
    named = next(named for named in ALL if named.name == "levels2-seed0")
    (tmp_path / "runs" / "levels2-seed0.json").write_text(as_text(made_record(named)))
    (tmp_path / file).write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    with refused(OutputError, *found):
        write_results(tmp_path, say=print)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_committed_results_are_what_the_committed_records_give():
    from reproduction.driver import read_records

    numbers, page = texts(COMMITTED, read_records(COMMITTED), ALL)
    again = "run `python -m reproduction page`"
    assert (COMMITTED / "moving-ball.json").read_text("utf-8") == numbers, again
    assert (COMMITTED / "moving-ball.md").read_text("utf-8") == page, again


def test_every_link_and_picture_of_the_committed_page_is_there():
    page = (COMMITTED / "moving-ball.md").read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", page):
        place, _, heading = target.partition("#")
        text = (COMMITTED / place).read_text("utf-8") if place and heading else page
        assert (COMMITTED / place).exists(), target
        assert not heading or heading in map(anchor, re.findall(r"(?m)^#+ (.+)$", text)), target


def anchor(heading: str) -> str:
    """What a link to a heading ends in."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_committed_records_are_of_the_settings_that_the_experiments_have(tmp_path):
    from reproduction.driver import check_same_settings

    check_same_settings(ALL, COMMITTED)
    shutil.copytree(COMMITTED, tmp_path / "results")
    named = ALL[0]
    record = made_record(named)
    (tmp_path / "results" / "runs").mkdir(exist_ok=True)
    place = tmp_path / "results" / "runs" / f"{named.name}.json"
    place.write_text(as_text(record))
    check_same_settings(ALL, tmp_path / "results")
    del record["settings"]["training"]["threads"]  # a setting that did not exist then
    place.write_text(as_text(record))
    check_same_settings(ALL, tmp_path / "results")
    record["settings"]["training"]["learning_rate"] = 1.0
    place.write_text(as_text(record))
    with refused(OutputError, f"{named.name}.json"):
        check_same_settings(ALL, tmp_path / "results")
