from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from dlh import DLH
from dlh.commands import events as commands_events
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy
from dlh.pretrained import trained_model as pretrained
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
        atol=1e-4,
    )
    assert Path("found/it.png").read_bytes().startswith(b"\x89PNG")
    number = len(second["events"])
    assert holds(answer.out, "level 2", number, 40)
    assert ("and 0 more" not in answer.out) and ("written: found/it.json, found/it" in answer.out)


def test_a_long_video_gives_in_pieces_what_it_gives_at_once(dlh, changing, clip, monkeypatch):
    assert dlh("events", changing, clip, "--out", "whole.json").status == 0
    monkeypatch.setattr(pretrained, "FRAMES_AT_ONCE", 7)
    monkeypatch.setattr(DLH.pieces, "__defaults__", (7,))
    held = []
    observe = DLH.observe

    def observed(self, video, stream=None, **options):
        held.append(len(video))
        return observe(self, video, stream, **options)

    monkeypatch.setattr(DLH, "observe", observed)
    assert dlh("events", changing, clip, "--out", "pieces.json").status == 0
    assert held == [7, 7, 7, 7, 7, 5]
    whole, pieces = (json.loads(Path(f"{name}.json").read_text()) for name in ("whole", "pieces"))
    for one, other in zip(whole["levels"], pieces["levels"], strict=True):
        assert one["changed"] == other["changed"]
        for name in ("surprise", "change_probability"):
            np.testing.assert_allclose(
                np.array(one[name], float), np.array(other[name], float), atol=1e-4
            )
    assert Path("whole.png").exists() and Path("pieces.png").exists()


def test_many_events_are_counted_and_the_first_are_printed(dlh, changing, clip, monkeypatch):
    monkeypatch.setattr("dlh.commands.events.MOST_LINES", 1)
    answer = dlh("events", changing, clip)
    number = len(json.loads(Path("events.json").read_text())["levels"][1]["events"])
    assert f"  and {number - 1} more" in answer.out and answer.out.count("  frame ") == 1


def test_without_matplotlib_there_are_events_but_no_picture(dlh, changing, clip, monkeypatch):
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    answer = dlh("events", changing, clip)
    assert answer.status == 0 and holds(answer.out, "events.json", "matplotlib")
    assert Path("events.json").exists() and not Path("events.png").exists()


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("clip.mp4 --out taken.json", 2, "taken.json taken.png --out"),
        ("clip.mp4 --seed -1", 2, "seed -1"),
        ("clip.mp4 --out events.txt", 2, "events.txt .json"),
        ("missing.mp4", 1, "missing.mp4"),
        ("notes.mp4", 1, "notes.mp4"),
        ("still.gif", 1, "still.gif 1"),
    ],
)
def test_what_cannot_be_is_one_line(dlh, changing, clip, words, status, said):
    from PIL import Image

    Path("clip.mp4").write_bytes(clip.read_bytes())
    Path("taken.png").mkdir()
    Path("notes.mp4").write_text("not a video\n" * 50)
    Image.fromarray(ball_frames(1)[0]).save("still.gif")
    answer = dlh("events", changing, *words.split())
    assert answer.status == status and answer.names(said)
    assert not list(Path().glob("*.json")) and not Path("events.png").exists()


def test_a_model_of_one_level_has_no_events(dlh, clip):
    config = DLHConfig(height=16, width=16, num_levels=1, convolution_channels=(2, 2, 2, 2))
    DLH(DynamicLatentHierarchy(config)).save_pretrained("one")
    answer = dlh("events", "one", clip)
    assert answer.status == 2
    assert answer.names("one")


def test_a_damaged_video_is_one_line_of_warning(dlh, changing):
    write_damaged_video(Path("noise.mp4"))
    answer = dlh("events", changing, "noise.mp4")
    assert answer.status == 0 and holds(answer.err, "warning", "noise.mp4")
    assert answer.err.count("\n") == 1
    assert 1 < json.loads(Path("events.json").read_text())["frames"] < 60


def test_the_picture_of_a_long_video_needs_its_first_frames_only(dlh, changing, clip, monkeypatch):
    drawn = []
    draw = commands_events.events_figure

    def events_figure(frames, changed, **options):
        drawn.append((frames.shape, changed.shape))
        return draw(frames, changed, **options)

    monkeypatch.setattr(commands_events, "events_figure", events_figure)
    monkeypatch.setattr(commands_events, "MOST_BYTES", 9 * 16 * 16 * 3)
    assert dlh("events", changing, clip).status == 0
    assert drawn == [((9, 16, 16, 3), (40, 2))] and Path("events.png").exists()


def test_a_video_is_opened_and_decoded_once(dlh, changing, clip, monkeypatch):
    opened = count_decodings(monkeypatch)
    assert dlh("events", changing, clip).status == 0
    assert opened == [40]


def test_a_name_that_is_no_text_is_written_and_shown(dlh, changing, clip):
    name = os.fsdecode(b"caf\xe9.mp4")
    os.link(clip, name)
    answer = dlh("events", changing, name, "--out", "found.json")
    assert (answer.status, answer.err) == (0, "")
    assert json.loads(Path("found.json").read_text())["video"] == name
