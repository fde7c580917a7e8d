from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import select
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dlh import DLH
from dlh.analysis import event_methods
from dlh.commands import event_answers, kept_frames
from dlh.data.video.decode import open_video
from dlh.data.video.encode import write_video, writing_film
from dlh.errors import UsageError
from dlh.event_files.formats import FORMATS
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy
from dlh.pretrained import trained_model as pretrained
from dlh.pretrained.trained_on import TrainedOn
from dlh.runs import presets
from refusals import holds
from tiny_run import ball_frames, count_decodings, write_damaged_video


@pytest.fixture(scope="module")
def changing(tmp_path_factory) -> Path:
    """A model of which level 2 often changes; the trained one has learnt too little to do so."""
    import torch

    from small_models import lively_model

    folder = tmp_path_factory.mktemp("changing")
    config = presets.tiny().model
    model = DynamicLatentHierarchy(config)
    model.load_state_dict(lively_model(config, seed=1).to(torch.float32).state_dict())
    DLH(model).save_pretrained(folder)
    return folder


def test_events_are_a_list_for_each_level_and_a_picture(dlh, changing, clip):
    answer = dlh("events", changing, clip, "--out", "found/it.json", "--seed", 2)
    assert (answer.status, answer.err) == (0, "")
    found = json.loads(Path("found/it.json").read_text())
    assert found["frames"] == 40 and found["fps"] == 10
    assert (found["video"], found["model"], found["seed"]) == (str(clip), str(changing), 2)
    first, second = found["levels"]
    assert first["always_changes"] and first["events"] == []
    assert second["events"] and not second["always_changes"]
    for event in second["events"]:
        assert set(event) == {"frame", "seconds", "surprise"}
        assert event["seconds"] == event["frame"] / 10 and second["changed"][event["frame"]]
        assert event["surprise"] == second["surprise"][event["frame"]] >= 0
    assert sum(second["changed"][1:]) == len(second["events"])
    for name in ("surprise", "static_divergence", "change_divergence", "change_probability"):
        assert second[name][0] is None and all(value is not None for value in second[name][1:])
    np.testing.assert_allclose(
        second["surprise"][1:],
        np.subtract(second["static_divergence"][1:], second["change_divergence"][1:]),
        rtol=1e-4,
        atol=1e-4,
    )
    assert Path("found/it.png").read_bytes().startswith(b"\x89PNG")
    number = len(second["events"])
    assert holds(answer.out, "clip.mp4", number, "level", 40)
    assert ("and 0 more" not in answer.out) and ("written: found/it.json, found/it" in answer.out)
    assert sorted(event["rank"] for event in found["events"]) == [*range(1, number + 1)]
    ranked = sorted(found["events"], key=lambda event: event["rank"])
    assert [event["surprise"] for event in ranked] == sorted(
        (event["surprise"] for event in second["events"]), reverse=True
    )
    assert (found["method"], found["unit"], found["min_surprise"]) == ("level", "nats", 0)
    counts = [row["events"].get("2", 0) for row in found["thresholds"]]
    assert counts[0] == number and counts == sorted(counts, reverse=True)
    starts = [segment["frame"] for segment in found["segments"]]
    assert starts == [0, *(event["frame"] for event in second["events"])]
    assert sum(segment["frames"] for segment in found["segments"]) == 40
    assert len({len(each["state"]) for each in found["segments"]}) == 1
    assert all(each["cluster"] >= 1 for each in found["segments"])


def test_a_long_video_gives_in_pieces_what_it_gives_at_once(dlh, changing, clip, monkeypatch):
    assert dlh("events", changing, clip, "--out", "whole.json").status == 0
    monkeypatch.setattr(pretrained, "FRAMES_AT_ONCE", 7)
    monkeypatch.setattr(DLH.pieces, "__defaults__", (7,))
    held = []
    observe = DLH.observe

    def observed(self, video, stream=None, **options):
        held.append(video.shape[1])
        return observe(self, video, stream, **options)

    monkeypatch.setattr(DLH, "observe", observed)
    assert dlh("events", changing, clip, "--out", "pieces.json").status == 0
    assert held == [7, 7, 7, 7, 7, 5]
    whole, pieces = (json.loads(Path(f"{name}.json").read_text()) for name in ("whole", "pieces"))
    for one, other in zip(whole["levels"], pieces["levels"], strict=True):
        assert one["changed"] == other["changed"]
        for name in ("surprise", "change_probability"):
            np.testing.assert_allclose(
                np.array(one[name], float), np.array(other[name], float), rtol=1e-4, atol=1e-4
            )
    assert Path("whole.png").exists() and Path("pieces.png").exists()


def test_many_events_are_counted_and_the_first_are_printed(dlh, changing, clip, monkeypatch):
    monkeypatch.setattr("dlh.commands.event_lines.MOST_LINES", 1)
    answer = dlh("events", changing, clip)
    number = len(json.loads(Path("events.json").read_text())["levels"][1]["events"])
    assert f"  and {number - 1} more" in answer.out


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("clip.mp4 --out taken.json", 2, "taken.json taken.png --out"),
        ("clip.mp4 --seed -1", 2, "seed -1"),
        ("clip.mp4 --out events.txt", 2, "events.txt .json"),
        ("missing.mp4", 1, "missing.mp4"),
        ("notes.mp4", 1, "notes.mp4"),
        ("still.gif", 1, "still.gif 1"),
        ("clip.mp4 --level 3", 2, "2 3"),
        ("clip.mp4 --level 2 --method motion", 2, "level motion"),
        ("clip.mp4 --top 0", 2, "top 0"),
        ("clip.mp4 --min-surprise nan", 2, "min-surprise nan"),
        ("clip.mp4 --tolerance -1", 2, "tolerance -1"),
        ("clip.mp4 --write srt", 2, "--write srt"),
        ("empty", 1, "empty"),
    ],
)
def test_what_cannot_be_is_one_line(dlh, changing, clip, words, status, said):
    Path("clip.mp4").write_bytes(clip.read_bytes())
    Path("taken.png").mkdir()
    Path("empty").mkdir()
    Path("notes.mp4").write_text("not a video\n" * 50)
    Image.fromarray(ball_frames(1)[0]).save("still.gif")
    answer = dlh("events", changing, *words.split())
    assert answer.status == status and answer.names(said)
    assert not list(Path().glob("*.json")) and not Path("events.png").exists()


def test_outputs_that_exist_are_kept_unless_they_may_be_replaced(dlh, changing, clip):
    Path("events.csv").write_text("mine")
    words = ("events", changing, clip, "--write", "csv")
    answer = dlh(*words)
    assert answer.status == 2 and answer.names("events.csv --overwrite --out")
    assert Path("events.csv").read_text() == "mine" and not Path("events.json").exists()
    assert dlh(*words, "--overwrite").status == 0
    assert Path("events.csv").read_text().startswith("video,rank,level,frame,seconds,")


def events_of(path: str) -> list[dict]:
    return json.loads(Path(path).read_text("utf-8"))["events"]


def test_few_events_of_much_surprise_can_be_asked_for(dlh, changing, clip):
    assert dlh("events", changing, clip, "--out", "all.json").status == 0
    every = sorted(events_of("all.json"), key=lambda event: event["rank"])
    assert len(every) > 3
    assert dlh("events", changing, clip, "--out", "top.json", "--top", 3, "--page").status == 0
    assert sorted(events_of("top.json"), key=lambda event: event["rank"]) == every[:3]
    all_clusters, top_segments = (
        {each["frame"]: each["cluster"] for each in json.loads(Path(name).read_text())["segments"]}
        for name in ("all.json", "top.json")
    )
    assert len(top_segments) == 4 and top_segments.items() <= all_clusters.items()
    lane = re.search(r'id="data">(.*?)</script>', Path("top.html").read_text("utf-8"), re.S)
    (lane,) = json.loads(lane[1])["lanes"]
    assert len(lane["marks"]) == 3  # but the shades are of all changes
    assert [each["cluster"] for each in lane["segments"]] == [*all_clusters.values()]
    least = every[1]["surprise"] - 0.01
    more = ("--min-surprise", least, "--level", 2)
    answer = dlh("events", changing, clip, "--out", "strong.json", *more)
    strong = sorted(events_of("strong.json"), key=lambda event: event["rank"])
    assert strong == [each for each in every if each["surprise"] >= least] != every
    assert len(json.loads(Path("strong.json").read_text())["segments"]) == len(strong) + 1
    assert "default" in answer.out and "taken" in answer.out


def test_every_format_images_and_clips_of_one_reading_more(dlh, changing, clip, monkeypatch):
    opened = count_decodings(monkeypatch)
    words = ("--write", *FORMATS, "--images", "--split", "--out", "new/it.json")
    answer = dlh("events", changing, clip, *words)
    assert answer.status == 0, answer.err
    assert opened == [40, 40]
    document = json.loads(Path("new/it.json").read_text())
    for each in FORMATS.values():
        assert Path(f"new/it{each.suffix}").stat().st_size
    frames = [event["frame"] for event in document["events"]]
    clips = sorted(Path("new/it-clips").iterdir())
    lengths = [len(open_video(path, height=16, width=16, channels=3).read()) for path in clips]
    assert lengths == np.diff([0, *frames, 40]).tolist()
    images = sorted(path.name for path in Path("new/it-images").iterdir())
    assert len(images) == 2 * len(frames)
    assert images[0].startswith("0001-00h00m") and images[0].endswith("s-after.jpg")
    film = open_video(clip, height=16, width=16, channels=3).read()
    for event in document["events"]:
        shown = np.asarray(
            Image.open(next(Path("new/it-images").glob(f"{event['rank']:04d}*r.jpg")))
        )
        assert np.abs(shown.astype(float) - film[event["frame"]]).mean() < 12
    assert not [path for path in Path("new").iterdir() if path.name.startswith(".")]


def made(name: str, frames: np.ndarray, fps: float = 10) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    write_video(name, frames, fps=fps)


def test_a_folder_gives_outputs_for_each_video_and_an_overview(dlh, changing):
    made("films/a.mp4", ball_frames())
    made("films/b.mp4", ball_frames(30, clip=1))
    made("films/deep/a.mp4", ball_frames(20, clip=2))
    Path("films/bad.mp4").write_text("no video")
    answer = dlh("events", changing, "films", "--write", "csv", "--out", "answers")
    assert answer.status == 1 and answer.err.count("\n") == 1
    assert holds(answer.err, "bad.mp4", "1 of 4", "answers")
    overview = json.loads(Path("answers/overview.json").read_text())
    rows = {row["video"]: row for row in overview["videos"]}
    assert set(rows) == {"a.mp4", "b.mp4", "deep/a.mp4"}
    assert [left["video"] for left in overview["left_out"]] == ["bad.mp4"]
    for name, row in rows.items():
        document = Path("answers") / Path(name).with_suffix(".json")
        assert row["events"] == len(events_of(str(document))) and row["frames"] in (40, 30, 20)
        assert document.with_suffix(".csv").exists() and document.with_suffix(".png").exists()
    table = Path("answers/overview.csv").read_text().splitlines()
    assert len(table) == 1 + sum(row["events"] for row in rows.values())
    answer = dlh("events", changing, "films/a.mp4", "films/b.mp4", "--out", "answers")
    assert answer.status == 2 and holds(answer.err, "answers/overview.json", "--overwrite")
    answer = dlh("events", changing, "films/a.mp4", "films/deep/a.mp4", "--out", "other")
    assert answer.status == 2 and answer.names("films/a.mp4 films/deep/a.mp4")
    answer = dlh("events", changing, "films/a.mp4", "films/b.mp4", "--out", "both.json")
    assert answer.status == 2 and answer.names("both.json") and not Path("other").exists()


def flicker(*cuts: int, length: int = 60) -> np.ndarray:
    """Noise around a grey that jumps at each cut."""
    random = np.random.default_rng(0)
    grey = 60 + 90 * (np.searchsorted(cuts, np.arange(length), side="right") % 2)
    noise = random.integers(-3, 4, (length, 16, 16, 3))
    return (grey[:, None, None, None] + noise).astype(np.uint8)


def saved(folder: str, **films: np.ndarray) -> None:
    Path(folder).mkdir()
    for name, film in films.items():
        np.save(f"{folder}/{name}.npy", film)


def lapse(path: str) -> None:
    """A frame an hour for more hours than timecode has."""
    with writing_film(path, 10, height=16, width=16) as film:
        for number, frame in enumerate(ball_frames(30)):
            film.add(frame, 3600.0 * number)


@pytest.mark.parametrize("of", ["too many shots", "too long a film"])
@pytest.mark.filterwarnings("ignore:.*frame rate")
def test_a_video_that_a_format_cannot_hold_is_left_out(dlh, changing, monkeypatch, of):
    saved("films", calm=flicker())
    if of == "too many shots":
        monkeypatch.setattr("dlh.event_files.editing.MOST_EDITS", 1)
        np.save("films/bad.npy", flicker(20))
    else:
        lapse("films/bad.mp4")
    (bad,) = Path("films").glob("bad.*")
    words = ("--method", "cut", "--write", "edl")
    answer = dlh("events", changing, "films", "--out", "answers", *words)
    assert answer.status == 1 and holds(answer.err, bad.name, "1 of 2", "answers")
    assert holds(answer.out, "left out", bad.name)
    overview = json.loads(Path("answers/overview.json").read_text())
    assert [row["video"] for row in overview["videos"]] == ["calm.npy"]
    ((left),) = overview["left_out"]
    assert left["video"] == bad.name and bad.name in left["reason"]
    assert Path("answers/calm.edl").exists() and not [*Path("answers").glob("bad.*")]
    alone = dlh("events", changing, bad, *words)
    assert alone.status == 2 and alone.names(bad.name) and not Path("events.json").exists()


def test_where_no_level_changes_it_is_said_what_motion_finds(dlh, workspace):
    np.save("black.npy", np.zeros((40, 32, 32, 3), np.uint8))
    answer = dlh("events", "moving-ball", "black.npy")
    assert answer.status == 0 and "no level changes" in answer.out and "cut 0" in answer.out
    assert dlh("data", "clip", "moving-ball", "--frames", 40).status == 0
    answer = dlh("events", "moving-ball", "clip.mp4", "--min-surprise", 1e6, "--out", "b.json")
    assert " 0 events" in answer.out and "no level changes" not in answer.out


def test_a_request_that_cannot_be_met_stops_at_its_first_video(dlh, changing, monkeypatch):
    saved("films", a=flicker(), b=flicker())
    asked = []

    def watch(dlh, request, *_, **__):
        asked.append(request.name)
        raise UsageError("nothing can have that")

    monkeypatch.setattr("dlh.commands.events.watch", watch)
    answer = dlh("events", changing, "films", "--out", "answers")
    assert answer.status == 2 and asked == ["a.npy"]
    assert not Path("answers/overview.json").exists()


def document_of(video: str) -> dict:
    return json.loads(Path(f"answers/{video}.json").read_text())


def test_several_videos_are_scored_together(dlh, changing):
    saved("films", a=flicker(20, 40), b=flicker(30), c=flicker(25))
    Path("labels.csv").write_text("video,seconds\na,0.8\na,2.2\nb,1.2\n")
    words = ("events", changing, "films", "--method", "cut", "--out", "answers")
    answer = dlh(*words, "--truth", "labels.csv", "--tolerance", 0.1, "--overwrite")
    assert answer.status == 0, answer.err
    overview = json.loads(Path("answers/overview.json").read_text())
    assert overview["scores"]["truth"] == "labels.csv" and overview["scores"]["tolerance"] == 0.1
    (every,) = overview["scores"]["levels"]
    assert (every["level"], every["labels"], every["events"], every["matched"]) == (None, 3, 3, 2)
    assert every["precision"] == every["recall"] == every["f1"] == pytest.approx(2 / 3)
    assert holds(answer.out, "in 2 of 3 videos") and holds(answer.out, "all events", "0.67", 3)
    assert (overview["min_surprise"], overview["reason"]) == (0.1, event_methods.CutDetector.reason)
    (taken,) = (row for row in overview["thresholds"] if row["default"])
    assert taken["events"] == {"all": 4} and taken["f1"] == every["f1"]
    assert holds(answer.out, "threshold 0.1") and holds(answer.out, 4, "taken, default")
    assert holds(answer.out, "b.npy", "1 event", "1 label")
    loose = [row["events"]["all"] for row in overview["thresholds"]]
    assert loose == sorted(loose, reverse=True)
    answer = dlh(*words, "--overwrite", "--min-surprise", 0.9)
    overview = json.loads(Path("answers/overview.json").read_text())
    assert overview["min_surprise"] == 0.9 and "scores" not in overview
    assert [row["default"] for row in overview["thresholds"]] == [True, False]


def test_a_level_without_events_in_a_video_missed_its_labels(dlh, changing):
    made("films/a.mp4", ball_frames())
    made("films/b.mp4", ball_frames(30, clip=1))
    Path("labels.csv").write_text("video,seconds\na,1\na,2\nb,1\nb,2\n")
    words = ("events", changing, "films", "--out", "answers", "--truth", "labels.csv")
    assert dlh(*words).status == 0
    strongest = {
        name: max(each["surprise"] for each in document_of(name)["events"]) for name in "ab"
    }
    least = np.mean([*strongest.values()])
    assert dlh(*words, "--overwrite", "--min-surprise", least).status == 0
    found = {name: document_of(name)["scores"]["levels"] for name in "ab"}
    assert sorted(map(len, found.values())) == [1, 2]  # level 2 has events in one of them
    (loud,) = (levels for levels in found.values() if len(levels) == 2)
    scores = json.loads(Path("answers/overview.json").read_text())["scores"]["levels"]
    assert [each["level"] for each in scores] == [2, None]
    for one, pooled in zip(loud, scores, strict=True):
        assert pooled["labels"] == 4 and pooled["events"] == one["events"] > 0
        assert pooled["matched"] == one["matched"]


def test_thresholds_that_differ_between_videos_are_each_videos_own(dlh, changing):
    pytest.importorskip("ruptures")
    random, film = np.random.default_rng(1), flicker(length=200)
    film[60:130, 4:12, 4:12] = random.integers(0, 256, (70, 8, 8, 3))
    saved("films", a=film, b=film[:160])
    answer = dlh("events", changing, "films", "--method", "changepoint", "--out", "answers")
    assert answer.status == 0, answer.err
    overview = json.loads(Path("answers/overview.json").read_text())
    own = {name: document_of(name)["min_surprise"] for name in "ab"}
    assert overview["min_surprise"] is None and own["a"] > own["b"]
    assert holds(answer.out, *(f"{value:.4g}" for value in own.values()), "3 ln T")
    (default,) = (row for row in overview["thresholds"] if row["default"])
    listed = sum(len(document_of(name)["events"]) for name in "ab")
    assert default["min_surprise"] is None and default["events"] == {"all": listed} and listed > 2
    assert holds(answer.out, "own", listed, "taken, default")


def test_the_overview_ranks_the_events_of_all_videos(dlh, changing):
    made("films/a.mp4", ball_frames())
    made("films/b.mp4", ball_frames(30, clip=1))
    assert dlh("events", changing, "films", "--out", "answers").status == 0
    with open("answers/overview.csv", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["rank_of_all"]))
    assert [row["rank_of_all"] for row in rows] == [str(n + 1) for n in range(len(rows))]
    surprises = [float(row["surprise"]) for row in rows]
    assert surprises == sorted(surprises, reverse=True)
    assert {row["video"] for row in rows} == {"a.mp4", "b.mp4"}


def test_what_is_done_to_many_videos_is_said_once(dlh, changing):
    for name in "abc":
        write_video(f"{name}.mp4", ball_frames(5), fps=10, scale=2)
    write_video("d.mp4", ball_frames(5), fps=10, scale=3)
    answer = dlh("events", changing, *Path().glob("*.mp4"), "--out", "answers")
    assert answer.status == 0, answer.err
    lines = [line for line in answer.out.splitlines() if "16 x 16" in line]
    assert len(lines) == 2
    assert holds(answer.out, "3 videos", "32 x 32") and holds(answer.out, "d.mp4", "48 x 48")


@pytest.mark.parametrize(
    "words",
    [
        "films --out films",
        "films --out films/answers",
        "films other --out other/a",
        "shots --out shots/it.json",
    ],
)
def test_outputs_do_not_lie_among_the_videos(dlh, changing, words):
    made("films/a.mp4", ball_frames(5))
    made("other/b.mp4", ball_frames(5))
    Path("shots").mkdir()
    for number, frame in enumerate(ball_frames(5)):
        Image.fromarray(frame).save(f"shots/{number}.png")
    before = sorted(Path().rglob("*"))
    answer = dlh("events", changing, *words.split(), "--overwrite")
    assert answer.status == 2 and answer.names(f"{words.split()[-1]} --out")
    assert sorted(Path().rglob("*")) == before


def test_a_url_is_refused_as_it_was_given_with_what_to_do(dlh):
    answer = dlh("events", "moving-ball", "rtsp://nowhere/1")
    assert answer.status == 2 and answer.names("rtsp://nowhere/1 ffmpeg -i -f mpegts RUN -")


def test_the_folder_of_a_discovery_is_told_from_its_run(dlh, clip):
    Path("found/run").mkdir(parents=True)
    Path("found/run/experiment.json").write_text("{}")
    answer = dlh("events", "found", clip)
    assert answer.status == 1 and answer.names("found found/run")


@pytest.mark.parametrize("method", ["motion", "changepoint", "cut"])
def test_a_trivial_method_asks_no_model_and_says_its_name(dlh, changing, monkeypatch, method):
    still, moving = flicker(length=60), flicker(length=60)
    random = np.random.default_rng(1)
    moving[:, 4:12, 4:12] = random.integers(0, 256, (60, 8, 8, 3))
    np.save(
        "clip.npy",
        np.concatenate([still, still, moving, flicker(10) if method == "cut" else still]),
    )
    monkeypatch.setattr(DLH, "observe", lambda *_, **__: pytest.fail("the model was asked"))
    answer = dlh("events", changing, "clip.npy", "--method", method, "--write", "csv", "boris")
    assert answer.status == 0 and holds(answer.out, "clip.npy", "method", method)
    document = json.loads(Path("events.json").read_text())
    frames = [event["frame"] for event in document["events"]]
    assert frames == {"motion": [120], "changepoint": [120, 181], "cut": [190]}[method]
    assert document["method"] == method and document["events"][0]["level"] is None
    states = [segment["cluster"] for segment in document["segments"]]
    assert states == ([1, 2, 1] if method == "changepoint" else [None, None])
    assert len(document["levels"]) == 1 and len(document["levels"][0]["motion_energy"]) == 240
    assert f",{method}," in Path("events.csv").read_text()


def test_change_points_without_ruptures_are_refused_with_advice(dlh, changing, clip, monkeypatch):
    monkeypatch.setattr(event_methods, "has_ruptures", lambda: False)
    answer = dlh("events", changing, clip, "--method", "changepoint")
    assert answer.status == 2 and answer.names("ruptures dlh[events] --method")
    assert not Path("events.json").exists()


@pytest.mark.parametrize("method", ["level", "changepoint"])
def test_confidence_is_the_share_of_the_passes_that_agree(dlh, changing, method):
    if method == "changepoint":
        pytest.importorskip("ruptures")
    random, cuts = np.random.default_rng(1), flicker(length=200)
    cuts[60:130, 4:12, 4:12] = random.integers(0, 256, (70, 8, 8, 3))
    np.save("clip.npy", cuts)
    words = ("events", changing, "clip.npy", "--method", method, "--passes", 4, "--write", "csv")
    answer = dlh(*words)
    assert answer.status == 0 and holds(answer.out, "confidence")
    events = json.loads(Path("events.json").read_text())["events"]
    shares = [event["confidence"] for event in events]
    assert events and all(0.25 <= share <= 1 for share in shares)
    # Every pass finds the stretch of motion, which begins and ends within three frames of these.
    found = {e["frame"]: e["confidence"] for e in events if e["frame"] in (60, 61, 130, 131)}
    if method == "changepoint":
        assert len(found) == 2 and set(found.values()) == {1.0}
    column = [row.split(",")[-1] for row in Path("events.csv").read_text().splitlines()]
    assert column == ["confidence", *(f"{share:.3g}" for share in shares)]
    assert dlh(*words[:-4], "--passes", 0).status == 2


def test_labels_give_precision_recall_and_f1(dlh, changing):
    np.save("clip.npy", flicker(20, 40))
    Path("labels.csv").write_text("seconds,what\n0,start\n0.8,cut\n1.5,cut\n2.2,nothing\n")
    words = ("events", changing, "clip.npy", "--method", "motion", "--truth", "labels.csv")
    answer = dlh(*words, "--tolerance", 0.1)  # 25 frames a second: cuts at 0.8 and 1.6 s
    assert answer.status == 0 and holds(answer.out, "labels.csv", "0.1")
    scores = json.loads(Path("events.json").read_text())["scores"]
    assert (scores["truth"], scores["tolerance"]) == ("labels.csv", 0.1)
    (every,) = scores["levels"]
    assert every["level"] is None and (every["labels"], every["events"]) == (3, 2)
    assert (every["precision"], every["matched"]) == (1.0, 2)
    assert every["recall"] == pytest.approx(2 / 3) and every["f1"] == pytest.approx(0.8)
    assert holds(answer.out, "1.00", "0.67", "0.80")
    assert dlh(*words, "--tolerance", 0.01, "--out", "strict.json").status == 0
    strict = json.loads(Path("strict.json").read_text())
    assert strict["scores"]["levels"][0]["matched"] == 1
    assert {"precision", "recall", "f1"} <= strict["thresholds"][0].keys()
    Path("labels.csv").write_text("seconds,video\n0.8,other.mp4\n")
    answer = dlh(*words, "--out", "third.json")
    assert answer.status == 1 and answer.names("clip.npy other.mp4")
    answer = dlh(*words[:-1], "missing.csv", "--out", "third.json")
    assert answer.status == 1 and answer.names("missing.csv") and not Path("third.json").exists()


def test_the_same_state_again_is_the_same_cluster(dlh, changing):
    first, other = ball_frames(1), ball_frames(1, clip=3)
    turns = [first, other, first, other, first, other]
    np.save("clip.npy", np.concatenate([turn.repeat(8, 0) for turn in turns]))
    assert dlh("events", changing, "clip.npy").status == 0
    document = json.loads(Path("events.json").read_text())
    cluster = {segment["frame"]: segment["cluster"] for segment in document["segments"]}
    begun = [cluster[frame] for frame in range(8, 48, 8) if frame in cluster]
    assert len(begun) == 5 and len(set(begun[0::2])) == len(set(begun[1::2])) == 1
    assert begun[0] != begun[1]


def test_times_are_those_of_the_file(dlh, changing):
    frames = ball_frames()
    with writing_film("film.mp4", 10, height=16, width=16) as film:
        for number, frame in enumerate(frames):
            film.add(frame, number / 10 + (2.0 if number >= 20 else 0.0))
    assert dlh("events", changing, "film.mp4", "--write", "csv", "--split").status == 0
    document = json.loads(Path("events.json").read_text())
    assert len(document["seconds"]) == 40
    for event in document["events"]:
        late = 2.0 if event["frame"] >= 20 else 0.0
        assert event["seconds"] == pytest.approx(event["frame"] / 10 + late, abs=1e-3)
    spans = {segment["frame"]: segment for segment in document["segments"]}
    for number, (frame, path) in enumerate(
        zip(sorted(spans), sorted(Path("events-clips").iterdir()), strict=True)
    ):
        clip = open_video(path, height=16, width=16, channels=3)
        length = len(clip.read())
        lasts = spans[frame]["stop"] - spans[frame]["start"]
        if length > 1 and number:  # the last frame of a clip lasts as long as one at its rate
            assert clip.times[-1] - clip.times[0] <= lasts + 1e-3


def test_a_model_of_one_level_has_no_events(dlh, clip):
    config = DLHConfig(height=16, width=16, num_levels=1, convolution_channels=(2, 2, 2, 2))
    DLH(DynamicLatentHierarchy(config)).save_pretrained("one")
    answer = dlh("events", "one", clip)
    assert answer.status == 2
    assert answer.names("one")
    assert dlh("events", "one", clip, "--method", "motion").status == 0


def test_a_damaged_video_is_one_line_of_warning(dlh, changing):
    write_damaged_video(Path("noise.mp4"))
    answer = dlh("events", changing, "noise.mp4")
    assert answer.status == 0 and holds(answer.err, "warning", "noise.mp4")
    assert answer.err.count("\n") == 1
    assert 1 < json.loads(Path("events.json").read_text())["frames"] < 60


def test_the_picture_of_a_long_video_needs_its_first_frames_only(dlh, changing, clip, monkeypatch):
    drawn = []
    draw = event_answers.events_figure

    def events_figure(frames, changed, **options):
        drawn.append((frames.shape, changed.shape))
        assert len(options["pairs"]) == kept_frames.PAIRS
        return draw(frames, changed, **options)

    monkeypatch.setattr(event_answers, "events_figure", events_figure)
    monkeypatch.setattr(kept_frames, "MOST_BYTES", 9 * 16 * 16 * 3)
    assert dlh("events", changing, clip).status == 0
    assert drawn == [((9, 16, 16, 3), (40, 2))] and Path("events.png").exists()


def test_a_video_is_opened_and_decoded_once(dlh, changing, clip, monkeypatch):
    opened = count_decodings(monkeypatch)
    assert dlh("events", changing, clip).status == 0
    assert opened == [40]


def write_stream(path: str, frames: np.ndarray) -> None:
    """MPEG-TS without B-frames, which can be read forward."""
    import av

    with av.open(path, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=10, options={"bf": "0", "crf": "10"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def piped(changing):
    """The bytes of a stream through a named pipe, written by another thread."""
    write_stream("stream.ts", ball_frames())
    content = Path("stream.ts").read_bytes()
    os.mkfifo("pipe")
    writer = threading.Thread(target=Path("pipe").write_bytes, args=(content,), daemon=True)
    writer.start()
    yield Path("pipe")
    writer.join(10)


def test_a_stream_gives_the_events_of_its_file_as_json_lines(dlh, changing, piped, monkeypatch):
    assert dlh("events", changing, "stream.ts").status == 0
    document = json.loads(Path("events.json").read_text())
    answer = dlh("events", changing, piped)
    assert answer.status == 0, answer.err
    first, *events, last = [json.loads(line) for line in answer.out.splitlines()]
    assert (first["stream"], first["method"], first["delay_frames"]) == ("pipe", "level", 0)
    assert last == {"end": True, "frames": 40, "events": len(events)} and events
    assert [event["frame"] for event in events] == [each["frame"] for each in document["events"]]
    for event, known in zip(events, document["events"], strict=True):
        assert event["surprise"] == pytest.approx(known["surprise"], rel=1e-3, abs=1e-3)
        assert event["seconds"] == pytest.approx(event["frame"] / 10, abs=1e-3)
        assert 0 <= event["delay"] < 60
    with open("stream.ts", "rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        standard_input = dlh("events", changing, "-", "--min-surprise", 1e9)
    assert standard_input.status == 0 and len(standard_input.out.splitlines()) == 2


def test_a_stream_is_left_when_nobody_reads_its_events(workspace, changing):
    """As ``dlh events MODEL - | head -1``: the stream itself does not end."""
    write_stream("stream.ts", ball_frames())
    os.mkfifo("endless")
    command = [sys.executable, "-m", "dlh", "events", str(changing), "endless"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as watching:
        with contextlib.suppress(BrokenPipeError), open("endless", "wb") as stream:
            content = Path("stream.ts").read_bytes()
            stream.write(content)
            stream.flush()
            assert json.loads(watching.stdout.readline())["stream"] == "endless"
            watching.stdout.close()
            while watching.poll() is None:  # a frame must arrive before the silence is noticed
                stream.write(content)
                stream.flush()
        assert watching.wait(30) == 0
        assert watching.stderr.read() == ""


def test_motion_in_a_stream_is_compared_with_the_past(dlh, changing):
    write_stream("stream.ts", np.concatenate([flicker(length=100), flicker(20, length=60)]))
    os.mkfifo("pipe")
    content = Path("stream.ts").read_bytes()
    writer = threading.Thread(target=Path("pipe").write_bytes, args=(content,), daemon=True)
    writer.start()
    answer = dlh("events", changing, "pipe", "--method", "motion")
    events = [json.loads(line) for line in answer.out.splitlines()[1:-1]]
    assert [(event["frame"], event["level"]) for event in events] == [(120, None)]


def trained_on(model: Path, **known) -> str:
    """The same model, of whose training something is known."""
    dlh = DLH.from_pretrained(model)
    dlh.trained_on = TrainedOn(**known)
    dlh.save_pretrained("known")
    return "known"


@pytest.mark.parametrize("words, fps", [((), 5), (("--fps", 2.5), 2.5), (("--fps", 20), 20)])
def test_a_stream_is_retimed_as_its_file(dlh, changing, piped, words, fps):
    model = trained_on(changing, fps=5)
    assert dlh("events", model, "stream.ts", *words).status == 0
    document = json.loads(Path("events.json").read_text())
    answer = dlh("events", model, piped, *words)
    assert answer.status == 0, answer.err
    assert holds(answer.err, "pipe", 10, fps) and answer.err.count("\n") == 1
    first, *events, last = [json.loads(line) for line in answer.out.splitlines()]
    assert (first["fps"], first["source_fps"], first["delay_frames"]) == (fps, 10, 1)
    assert (last["frames"], last["events"]) == (4 * fps, len(events)) and events
    for event, known in zip(events, document["events"], strict=True):
        assert (event["frame"], event["level"]) == (known["frame"], known["level"])
        assert event["surprise"] == pytest.approx(known["surprise"], rel=1e-3, abs=1e-3)
        assert event["seconds"] == pytest.approx(event["frame"] / fps)


@pytest.mark.parametrize("words, fps, at", [((), 10, 120), (("--fps", 5), 5, 60)])
def test_motion_in_a_stream_is_at_its_own_rate_or_as_asked_for(dlh, changing, words, fps, at):
    frames = np.concatenate([flicker(length=100), flicker(20, length=60)])
    write_stream("stream.ts", frames)
    os.mkfifo("pipe")
    content = Path("stream.ts").read_bytes()
    threading.Thread(target=Path("pipe").write_bytes, args=(content,), daemon=True).start()
    answer = dlh("events", trained_on(changing, fps=5), "pipe", "--method", "motion", *words)
    first, *events, last = [json.loads(line) for line in answer.out.splitlines()]
    assert (first["fps"], first["source_fps"], last["frames"]) == (fps, 10, 16 * fps)
    assert [(event["frame"], event["seconds"]) for event in events] == [(at, 12)]


def test_a_stream_unlike_the_training_is_said_as_of_its_file(dlh, changing, piped):
    model = trained_on(changing, fps=10, figure="elbo", steps=20, low=1e6, high=1e6)
    file = dlh("events", model, "stream.ts")
    (said,) = [line for line in file.out.splitlines() if "1e+06" in line]
    answer = dlh("events", model, piped)
    assert answer.status == 0 and holds(answer.err, "pipe", "20")
    assert answer.err.strip().endswith(said.removeprefix("stream.ts"))


def test_a_short_beginning_of_standard_input_is_read_as_it_comes(workspace, changing):
    """No buffer of thousands of bytes is filled first."""
    write_stream("stream.ts", ball_frames())
    command = [sys.executable, "-m", "dlh", "events", str(changing), "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as watching:
        watching.stdin.write(Path("stream.ts").read_bytes())
        watching.stdin.flush()
        ready, _, _ = select.select([watching.stdout], [], [], 60)
        watching.stdin.close()
        assert ready and json.loads(watching.stdout.readline())["stream"] == "-"
        watching.stdout.read()
        assert watching.wait(60) == 0


@pytest.mark.parametrize(
    "words, said",
    [
        ("- other.mp4", "other.mp4"),
        ("- --top 3", "--top"),
        ("- --page", "--page"),
        ("- --truth labels.csv", "--truth"),
        ("- --method changepoint", "--method level motion"),
        ("- --method cut", "--method level motion"),
    ],
)
def test_what_a_stream_cannot_have_is_refused(dlh, changing, words, said):
    answer = dlh("events", changing, *words.split())
    assert answer.status == 2 and answer.names(said)


def test_a_name_that_is_no_text_is_written_and_shown(dlh, changing, clip):
    name = os.fsdecode(b"caf\xe9.mp4")
    os.link(clip, name)
    answer = dlh("events", changing, name, "--out", "found.json")
    assert (answer.status, answer.err) == (0, "")
    assert json.loads(Path("found.json").read_text())["video"] == name


def test_a_video_is_retimed_and_cropped_as_asked_for(dlh, changing, clip):
    words = ("events", changing, clip, "--fps", 5, "--crop", 0, 0, 8, 8, "--fit", "pad")
    assert dlh(*words, "--out", "found.json").status == 0
    found = json.loads(Path("found.json").read_text())
    assert (found["fps"], found["frames"]) == (5, 20)
    assert dlh(*words, "--images", "--split", "--out", "part.json").status == 0
    (picture, *_), clips = Path("part-images").iterdir(), [*Path("part-clips").iterdir()]
    assert Image.open(picture).size == (8, 8)
    sizes = {open_video(each, height=8, width=8, channels=3).source_size for each in clips}
    assert sizes == {(8, 8)}
    for words, status in (
        (("--crop", 0, 0, 99, 8), 1),  # which only the video can tell
        (("--crop", 0, 0, 0, 8), 2),
        (("--fps", 0), 2),
    ):
        assert dlh("events", changing, clip, *words, "--out", "other.json").status == status
        assert not Path("other.json").exists()
