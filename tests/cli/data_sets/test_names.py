"""Data sets by their names: listed, trained on, and never taken for a folder."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

import published
from dlh.data.named.manifest import Manifest
from dlh.data.published.catalogue import CATALOGUE


def test_a_set_that_is_prepared_trains_and_names_its_clips(dlh, served_kth, monkeypatch, not_shown):
    monkeypatch.setenv("DLH_DATA", "root")
    assert dlh("data", "prepare", "kth", "--size", 16).out.endswith("with --data kth\n")
    options = ["--steps", 2, "--training.held-out-clips", 2, "--model.channels", 1]
    answer = dlh("train", "tiny", "--data", "kth", "--run", "run", *options)
    assert answer.status == 0, answer.err
    assert "18 videos" in answer.out and "root/kth/store" in answer.out
    saved = json.loads(Path("run/experiment.json").read_text())
    assert saved["experiment"]["data"]["source"] == "kth"
    assert dlh("train", "--resume", "run").status == 0
    assert dlh("data", "verify", "kth").status == 0
    words = ["--context", 3, "--horizon", 5, "--select", "first", "--out", "m.json"]
    answer = dlh("data", "manifest", "kth", *words)
    assert answer.status == 0 and "6 test clips of 3 + 5 frames (first), from 6 of 6" in answer.out
    clips = Manifest.load("m.json").clips
    assert {clip.first_frame for clip in clips} == {0}
    assert all(clip.source.startswith("person21_") for clip in clips)


@pytest.mark.parametrize(
    "words, commands",
    [
        ("train kth", ["dlh data prepare kth"]),
        ("train mazes", ["dlh data prepare gqn-mazes", "--data vizdoom-mazes"]),
        ("train moving-mnist", ["dlh data prepare moving-mnist-long", "--data moving-mnist"]),
        ("train tiny --data vizdoom-mazes", ["dlh data prepare vizdoom-mazes --size 16"]),
        ("train tiny --data mnist", ["--data moving-mnist --data.digits mnist"]),
    ],
)
def test_a_set_that_is_not_prepared_is_asked_for_in_one_line(dlh, words, commands):
    answer = dlh(*words.split())
    assert answer.status == 2
    for command in commands:
        assert f"`{command}`" in answer.line
    assert not Path("runs").exists()


@pytest.mark.parametrize("words", ["train tiny --data kth", "data verify kth", "data manifest kth"])
def test_a_folder_with_the_name_of_a_set_is_not_shadowed(dlh, words):
    Path("kth").mkdir()
    answer = dlh(*words.split())
    assert answer.status == 2
    assert answer.names("kth ./kth")


def test_a_folder_with_the_name_of_a_set_can_be_meant(dlh, not_shown):
    published.write_mp4s(Path("kth"), [20, 21, 22], size=16)
    answer = dlh("train", "tiny", "--data", "./kth", "--steps", 1, "--run", "run")
    assert answer.status == 0, answer.err
    source = json.loads(Path("run/experiment.json").read_text())["experiment"]["data"]["source"]
    assert source == str(Path("kth").absolute())


def test_digits_that_are_prepared_move(dlh, server, not_shown):
    published.write_mnist(Path("cache/data/mnist"))
    answer = dlh("data", "prepare", "mnist")
    assert answer.status == 0 and not server.asked
    assert answer.out.endswith("use them with --data moving-mnist --data.digits mnist\n")
    options = "--model.channels 1 --data.mnist.size 16 --data.mnist.digit-size 8 --steps 1"
    words = ["train", "tiny", "--data", "moving-mnist", "--data.digits", "mnist", "--run", "run"]
    answer = dlh(*words, "--data.mnist.speed", 1, 3, *options.split())
    assert answer.status == 0, answer.err
    shutil.rmtree("cache/data/mnist")
    words[-1] = "run-2"
    answer = dlh(*words, "--data.mnist.speed", 1, 3, *options.split())
    assert answer.status == 2 and "`dlh data prepare mnist`" in answer.line


@pytest.mark.parametrize(
    "words, said",
    [
        ("ktth", "ktth kth list"),
        ("kth --size 0", "size 0"),
        ("kth --clip-length 0", "clip-length 0"),
        ("kth --videos 1 1 1", "kth videos"),
        ("vizdoom-mazes --videos 0 1 1", "videos 0"),
        ("", "NAME"),
        ("kth --rot x", "--rot --root"),
    ],
)
def test_what_cannot_be_prepared_is_one_line(dlh, server, words, said):
    answer = dlh("data", "prepare", *words.split())
    assert answer.status == 2 and answer.names(said)
    assert not server.asked


def test_what_is_generated_needs_no_preparing(dlh):
    for name in ("moving-ball", "moving-mnist"):
        answer = dlh("data", "prepare", name)
        assert answer.status == 0 and f"use it with --data {name}" in answer.out
    answer = dlh("data", "verify", "moving-ball")
    assert answer.status == 2 and answer.names("store")


def test_the_list_names_every_set_its_size_and_licence(dlh, kth_files, monkeypatch):
    monkeypatch.setenv("DLH_DATA", str(Path("elsewhere").absolute()))
    answer = dlh("data", "list")
    assert (answer.status, answer.err) == (0, "")
    for name, data_set in CATALOGUE.items():
        assert re.search(rf"^{name} +.*{re.escape(data_set.what)}$", answer.out, re.M)
        assert f"{data_set.size}; {data_set.licence}\n" in answer.out
    assert re.search(r"^kth +not here", answer.out, re.M) and "elsewhere" in answer.out
    assert not Path("elsewhere").exists()
    shutil.copytree(kth_files, "elsewhere/kth")
    assert re.search(r"^kth +18 files found, not prepared", dlh("data", "list").out, re.M)
    assert dlh("data", "prepare", "kth", "--size", 16).status == 0
    assert re.search(r"^kth +prepared", dlh("data", "list").out, re.M)


def test_an_extra_that_is_missing_is_named(dlh, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "vizdoom" else find(name, *a)
    )
    assert re.search(
        r"^vizdoom-mazes +needs pip install 'dlh\[mazes\]'", dlh("data", "list").out, re.M
    )
    answer = dlh("data", "prepare", "vizdoom-mazes")
    assert answer.status == 1 and "pip install 'dlh[mazes]'" in answer.line
