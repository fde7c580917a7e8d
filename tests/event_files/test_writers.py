"""Each format against a golden file, and opened by the program or library that it is for."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlh.errors import UsageError
from dlh.event_files.answer import ranks, spans
from dlh.event_files.document import LevelColumns, events_json
from dlh.event_files.formats import FORMATS
from dlh.event_files.timecode import clock, editing_rate, timecode
from made_answers import ANSWER, NOTHING, event
from refusals import refused

GOLDEN = Path(__file__).parent / "golden"
KNOWN = {name: GOLDEN / f"events{each.suffix}" for name, each in FORMATS.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_its_golden_file(name):
    text = FORMATS[name].write(ANSWER)
    if os.environ.get("WRITE_GOLDEN"):
        KNOWN[name].write_text(text, "utf-8")
    assert text == KNOWN[name].read_text("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_a_video_without_events_is_written_too(name):
    assert FORMATS[name].write(NOTHING).strip()


def test_the_document_is_json_with_a_line_for_an_event_or_a_column():
    changed = np.array([True, False, True])
    columns = {"changed": changed, "surprise": np.array([np.nan, 1 / 3, 1234567.0], np.float32)}
    levels = [LevelColumns(level=1, columns=columns), LevelColumns(level=2, columns=columns)]
    parts = list(events_json(ANSWER, about={"model": "m"}, levels=levels, seconds=None))
    read = json.loads("".join(parts))
    assert read["model"] == "m" and read["start"] == 0.5 and "seconds" not in read
    assert [each["rank"] for each in read["events"]] == [2, 1, 3]
    assert read["events"][0] == {
        "rank": 2,
        "level": 2,
        "frame": 50,
        "seconds": 2.5,
        "timecode": "00:00:02.500",
        "surprise": 14.25,
    }
    assert [each["cluster"] for each in read["segments"]] == [1, 2, 1, 1, 2]
    first, second = read["levels"]
    assert first["always_changes"] and not second["always_changes"]
    assert second["changed"] == [True, False, True]
    assert second["surprise"] == [None, 0.333333, 1234570.0]
    assert [each["frame"] for each in second["events"]] == [50, 125] and first["events"] == []
    assert "".join(parts).count("\n") < 40
    timed = "".join(events_json(ANSWER, about={}, levels=[], seconds=np.array([0.5, 0.7, 1.4])))
    assert json.loads(timed)["seconds"] == [0.5, 0.7, 1.4]


def test_a_table_is_read_by_pandas_and_has_seconds():
    import pandas

    table = pandas.read_csv(io.StringIO(FORMATS["csv"].write(ANSWER)))
    assert table["seconds"].tolist() == [2.5, 5.5, 5.5] and table["rank"].tolist() == [2, 1, 3]
    assert table["timecode"].tolist() == ["00:00:02.500", "00:00:05.500", "00:00:05.500"]
    assert table["segment_seconds"].tolist() == [3.0, 5.0, 5.0]
    assert table["cluster"].tolist() == [2, 1, 2] and set(table["video"]) == {ANSWER.video}


def test_boris_states_start_and_stop_in_order_of_time():
    import pandas

    table = pandas.read_csv(io.StringIO(FORMATS["boris"].write(ANSWER)))
    assert table["Time"].is_monotonic_increasing
    open_states: dict[str, float] = {}
    lasted = []
    for behaviour, kind, time in zip(
        table["Behavior"], table["Behavior type"], table["Time"], strict=True
    ):
        if kind == "START":
            assert behaviour not in open_states
            open_states[behaviour] = time
        else:
            lasted.append((behaviour, time - open_states.pop(behaviour)))
    assert not open_states and len(lasted) == len(ANSWER.segments)
    assert ("level 2, state 2", 3.0) in lasted
    assert set(table["Media file name"]) == {ANSWER.video} and set(table["FPS (frame/s)"]) == {25}


def test_elan_has_a_tier_for_each_level():
    import pympi

    held = GOLDEN / "events.eaf"
    document = pympi.Elan.Eaf(str(held))
    assert set(document.get_tier_names()) == {"level 2", "level 3"}
    assert sorted(document.get_annotation_data_for_tier("level 2")) == [
        (500, 2500, "level 2, state 1"),
        (2500, 5500, "level 2, state 2"),
        (5500, 10500, "level 2, state 1"),
    ]
    assert document.get_linked_files()[0]["MEDIA_URL"] == ANSWER.video


def test_opentimelineio_reads_the_shots_and_the_markers():
    import opentimelineio

    text = FORMATS["otio"].write(ANSWER)
    timeline = opentimelineio.adapters.read_from_string(text, "otio_json")
    clips = list(timeline.find_clips())
    assert [clip.source_range.start_time.value for clip in clips] == [0, 50, 125]
    assert [clip.source_range.duration.value for clip in clips] == [50, 75, 125]
    assert [len(clip.markers) for clip in clips] == [0, 1, 2]
    known = clips[2].markers[0].metadata["dlh"]
    assert (known["rank"], known["surprise"], known["seconds"]) == (1, 120.5, 5.5)
    assert clips[0].media_reference.target_url == ANSWER.video
    assert timeline.duration().value == ANSWER.frames


@pytest.mark.parametrize("fps, rate", [(25.0, 25), (10.0, 30), (30000 / 1001, 30), (7.0, 60)])
def test_an_edit_decision_list_is_read_with_the_rate_that_it_names(fps, rate):
    import opentimelineio

    text = FORMATS["edl"].write(replace(ANSWER, fps=fps))
    assert f"timecode at {rate} frames a second" in text and editing_rate(fps) == rate
    timeline = opentimelineio.adapters.read_from_string(text, "cmx_3600", rate=rate)
    clips = list(timeline.find_clips())
    exact = 1 if abs(fps - rate) < 0.1 else rate / fps
    starts = [clip.source_range.start_time.value for clip in clips]
    assert starts == [round(frame * exact) for frame in (0, 50, 125)]


def test_chapters_are_read_by_ffmpeg(tmp_path):
    import av

    metadata = tmp_path / "chapters.ffmeta"
    metadata.write_text(FORMATS["chapters"].write(ANSWER), "utf-8")
    with av.open(str(metadata), format="ffmetadata") as container:
        chapters = container.chapters()
    seconds = [float(each["start"] * each["time_base"]) for each in chapters]
    assert seconds == [0.5, 2.5, 5.5] and float(chapters[2]["end"] / 1000) == 10.5
    titles = [each["metadata"]["title"] for each in chapters]
    assert titles == ["start", "level 2, surprise 14.2", "level 3, surprise 1.5"]


def test_cues_are_read_by_ffmpeg(tmp_path):
    import av

    cues = tmp_path / "cues.vtt"
    cues.write_text(FORMATS["vtt"].write(ANSWER), "utf-8")
    with av.open(str(cues)) as container:
        packets = [packet for packet in container.demux() if packet.size]
        found = [(float(p.pts * p.time_base), float(p.duration * p.time_base)) for p in packets]
    assert found == [(2.5, 2.0), (5.5, 2.0)]


def test_the_video_is_cut_without_gaps_and_an_event_at_the_first_frame_cuts_nothing():
    cut = spans(replace(ANSWER, events=(event(1, 2, 0, 3.0), *ANSWER.events)))
    assert [(span.frame, span.frames) for span in cut] == [(0, 50), (50, 75), (125, 125)]
    assert [span.start for span in cut[1:]] == [span.stop for span in cut[:-1]]
    assert cut[2].event is not None and cut[2].event.level == 3  # the highest of that frame


def test_ranks_begin_with_the_largest_and_keep_the_order_of_equals():
    assert ranks([1.0, 5.0, 1.0, 7.0]) == [3, 2, 4, 1] and ranks([]) == []


def test_clocks_and_timecodes():
    assert clock(3661.0015) == "01:01:01.002" and clock(-0.25) == "-00:00:00.250"
    assert clock(360000.0) == "100:00:00.000" and clock(-0.0001) == "00:00:00.000"
    assert timecode(25 * 3661 + 7, 25.0) == "01:01:01:07"
    assert timecode(10 * 60 + 1, 10.0) == "00:01:00:03"
    with refused(UsageError, 24, 25 * 86400, code="timecode-overflow"):
        timecode(25 * 86400, 25.0)


def test_an_edit_decision_list_has_999_edits_at_most():
    events = tuple(event(n + 1, 2, n + 1, 1.0) for n in range(999))
    with refused(UsageError, 999, 1000, code="too-many-edits"):
        FORMATS["edl"].write(replace(ANSWER, frames=2000, events=events))
