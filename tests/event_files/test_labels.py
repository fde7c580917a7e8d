from __future__ import annotations

import pytest

from dlh.event_files.formats import FORMATS
from dlh.event_files.labels import Label, LabelError, labels_of, read_labels, unlabelled
from made_answers import ANSWER
from refusals import refused

BORIS_AGGREGATED = """Observation id,Observation date,Media file,FPS,Behavior,Behavior type,\
Start (s),Stop (s)
box,2026-01-01,C:\\films\\box.mp4,25,rest,STATE,0.0,2.5
box,2026-01-01,C:\\films\\box.mp4,25,groom,STATE,2.5,5.5
box,2026-01-01,C:\\films\\box.mp4,25,sniff,POINT,4.0,
"""


def seconds(text: str) -> list[float]:
    return [label.seconds for label in read_labels(text, name="labels")]


@pytest.mark.parametrize(
    "text",
    [
        "seconds\n1.5\n12\n",
        "label;time\nrest;1.5\ngroom;0:12\n",
        "\ufeffbehaviour\tStart\trest\na\t0:00:01.5\tx\n\nb\t12.0\ty\n",
        "start,stop\n1.5,12\n",
        "seconds;stop\n1,5;12,0\n",
        "seconds;note\n1.5;a, b, c\n12;d\n",
        "note, of two\tseconds\ta\r\nx, y\t0:01,5\t\r\n\t12\t\t\r\n",
        'seconds,note\n1.5,"a, b"\n12,,\n',
    ],
)
def test_tables_of_times_are_read(text):
    assert seconds(text) == [1.5, 12.0]


def test_the_stop_of_one_state_at_the_start_of_the_next_is_one_change():
    assert seconds("start,stop\n0,2.5\n2.5,4\n") == [0.0, 2.5, 4.0]


def test_what_is_written_is_read_back():
    assert seconds(FORMATS["csv"].write(ANSWER)) == [2.5, 5.5]
    for name in ("boris", "elan"):
        labels = read_labels(FORMATS[name].write(ANSWER), name=name)
        assert [label.seconds for label in labels] == [0.5, 2.5, 5.5, 10.5]
        assert {label.video for label in labels} == {ANSWER.video}


def test_aggregated_events_of_boris_are_read():
    labels = read_labels(BORIS_AGGREGATED, name="boris.csv")
    assert [label.seconds for label in labels] == [0.0, 2.5, 4.0, 5.5]
    assert labels_of(labels, "films/box.mp4", only=False) == (0.0, 2.5, 4.0, 5.5)


def test_lines_before_the_header_are_passed_over():
    text = "Observation id,box\nMedia file,box.mp4\n\nTime,Behavior,Status\n3.5,rest,START\n"
    assert seconds(text) == [3.5]


@pytest.mark.parametrize(
    "text, named",
    [
        ("", "seconds nothing"),
        ("frame,level\n3,2\n", "seconds frame level"),
        ("seconds\n", "no label"),
        ("seconds\n1.5\nsoon\n", "line 3 soon"),
        ("seconds\nnan\n", "line 2 nan"),
        ("seconds\n1,5\n", "line 2 2 1"),
        ("seconds,note\n2,a\n1,5,b\n", "line 3 3 2"),
        ("seconds,note,\n1,5,b\n", "line 2 3 2"),
        ("seconds;note\n1.234,5;b\n", "line 2 1.234.5"),
        ("<ANNOTATION_DOCUMENT>", "ELAN"),
        (
            '<A><ALIGNABLE_ANNOTATION ANNOTATION_ID="a7" TIME_SLOT_REF1="ts9"/></A>',
            "a7 ts9",
        ),
    ],
)
def test_labels_that_cannot_be_read_are_one_error(text, named):
    with refused(LabelError, "labels.csv", *named.split(), code="labels"):
        read_labels(text, name="labels.csv")


def test_labels_belong_to_the_video_that_they_name():
    labels = (Label(1.0, "a.mp4"), Label(2.0, "b"))
    assert labels_of(labels, "day 1/b.avi", only=False) == (2.0,)
    assert labels_of(labels, "c.mp4", only=True) == ()
    assert unlabelled(labels, ["c.mp4", "b.avi"], only=False) == ["c.mp4"]
    with refused(LabelError, "c.mp4", "a.mp4", "b"):
        unlabelled(labels, ["c.mp4"], only=True)
    unnamed = (Label(1.0), Label(2.0))
    assert labels_of(unnamed, "any.mp4", only=True) == (1.0, 2.0)
    with refused(LabelError, "video"):
        labels_of(unnamed, "any.mp4", only=False)
