from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlh import DLH
from dlh.commands import predict
from dlh.data.video.decode import open_video
from dlh.data.video.encode import write_video
from refusals import holds
from tiny_run import ball_frames, count_decodings, write_damaged_video

PNG = b"\x89PNG"


def test_predict_writes_a_film_a_still_and_the_exact_frames(dlh, finished, clip):
    words = (finished, clip, "--context", 10, "--horizon", 20, "--samples", 3, "--seed", 5)
    answer = dlh("predict", *words, "--out", "new/film.mp4", "--save", "frames.npz")
    assert (answer.status, answer.err) == (0, "")
    assert holds(answer.out, 3, 20, 10, "new/film.mp4", "new/film.png")
    film = open_video("new/film.mp4", height=16, width=16, channels=1)
    assert film.expected_frames == 30 and film.fps == 10
    assert Path("new/film.png").read_bytes().startswith(PNG)
    with np.load("frames.npz") as arrays:
        assert {name: (a.shape, a.dtype.str) for name, a in arrays.items()} == {
            "samples": ((1, 3, 20, 16, 16, 3), "<f4"),
            "context": ((1, 10, 16, 16, 3), "<f4"),
            "truth": ((1, 20, 16, 16, 3), "<f4"),
        }
        samples, context, truth = (arrays[name] for name in ("samples", "context", "truth"))
    model = DLH.from_pretrained(finished)
    frames, _ = model.read(clip)
    np.testing.assert_allclose(context[0] * 255, frames[:10], atol=1e-4)
    np.testing.assert_allclose(truth[0] * 255, frames[10:30], atol=1e-4)
    same = model.predict(frames[:10], horizon=20, samples=3, seed=5).frames.movedim(-3, -1)
    np.testing.assert_allclose(samples, same.numpy(), atol=1e-5)
    assert samples.min() >= 0 and samples.max() <= 1


def test_exactly_the_context_suffices_and_the_same_seed_gives_the_same(dlh, finished, clip):
    words = ("predict", finished, clip, "--context", 40, "--horizon", 3, "--samples", 2)
    found = []
    for seed in (1, 1, 2):
        assert dlh(*words, "--seed", seed, "--save", "a.npz").status == 0
        with np.load("a.npz") as arrays:
            assert set(arrays) == {"samples", "context"}
            found.append(arrays["samples"])
    assert (found[0] == found[1]).all() and (found[0] != found[2]).any()


def test_a_truth_that_ends_early_is_saved_but_not_shown(dlh, finished, clip):
    answer = dlh(
        "predict",
        finished,
        clip,
        "--context",
        30,
        "--horizon",
        15,
        "--samples",
        1,
        "--save",
        "a.npz",
    )
    assert holds(answer.out, 10, 15)
    with np.load("a.npz") as arrays:
        assert arrays["truth"].shape[1] == 10


def test_many_futures_are_all_saved_and_the_first_are_shown(dlh, finished, clip):
    words = ("predict", finished, clip, "--context", 4, "--horizon", 2, "--samples", 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "SHOWN_FUTURES", 2)
        answer = dlh(*words, "--save", "a.npz")
        unsaved = dlh(*words)
    assert holds(answer.out, 5, 2, 4, "out.mp4")
    assert holds(unsaved.out, 2, 4, 5, "--save", "out.mp4", "out.png")
    few = open_video("out.mp4", height=16, width=16, channels=1)
    with np.load("a.npz") as arrays:
        assert arrays["samples"].shape[1] == 5
    assert dlh(*words).status == 0
    many = open_video("out.mp4", height=16, width=16, channels=1)
    assert np.prod(many.source_size) > np.prod(few.source_size)


def test_a_video_of_another_size_is_resized_and_that_is_said(dlh, finished):
    write_video("wide.mp4", ball_frames(12).repeat(2, axis=2), fps=10)
    words = ("--context", 6, "--horizon", 2, "--samples", 1)
    answer = dlh("predict", finished, "wide.mp4", *words)
    assert answer.status == 0
    assert holds(answer.out, "wide.mp4", "32 x 16", "16 x 16")


def test_one_frame_is_a_context_too(dlh, finished):
    write_video("one.mp4", ball_frames()[:1], fps=10)
    answer = dlh("predict", finished, "one.mp4", "--context", 1, "--horizon", 3, "--samples", 2)
    assert answer.status == 0 and holds(answer.out, 2, 3, 1)
    assert dlh("predict", finished, "one.mp4").names("one.mp4 1 30")


def test_a_damaged_video_is_one_line_of_warning(dlh, finished):
    write_damaged_video(Path("noise.mp4"))
    answer = dlh("predict", finished, "noise.mp4", "--context", 5, "--horizon", 55, "--samples", 1)
    assert answer.status == 0
    assert holds(answer.err, "warning", "noise.mp4")
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    "words, said",
    [
        ("--samples 0", "samples 0"),
        ("--horizon -5", "horizon -5"),
        ("--context 0", "context 0"),
        ("--seed -1", "seed -1"),
        ("--out film.avi", "film.avi .mp4"),
        ("--save frames", "frames .npz"),
        ("--out new/film.mp4 --save frames", "frames .npz"),
        ("--out folder.mp4", "folder.mp4"),
        ("--out taken.mp4", "taken.mp4 taken.png"),
        ("--horizonn 3", "--horizonn --horizon --help"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line_and_status_2(dlh, finished, clip, words, said):
    Path("folder.mp4").mkdir()
    Path("taken.png").mkdir()
    answer = dlh("predict", finished, clip, *words.split())
    assert answer.status == 2 and answer.names(said)
    assert sorted(path.name for path in Path().iterdir()) == ["folder.mp4", "taken.png"]


@pytest.mark.parametrize(
    "words, said",
    [
        ("mine.mp4 --out mine.mp4", "mine.mp4 --out"),
        ("mine.npz --out new/a.mp4 --save ./mine.npz", "mine.npz --save"),
        ("shots --out shots/x.mp4", "shots/x.mp4 shots --out"),
        ("shots --save shots/deep/x.npz", "shots/deep/x.npz shots --save"),
    ],
)
def test_an_output_is_no_input_and_not_in_one(dlh, finished, words, said):
    write_video("mine.mp4", ball_frames(8), fps=10)
    np.savez("mine.npz", video=ball_frames(8))
    Path("shots").mkdir()
    for number, frame in enumerate(ball_frames(8)):
        Image.fromarray(frame).save(f"shots/{number}.png")
    before = {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    numbers = ("--context", 4, "--horizon", 2, "--samples", 1)
    answer = dlh("predict", finished, *words.split(), *numbers)
    assert answer.status == 2 and answer.names(said)
    after = {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    assert after == before


@pytest.mark.parametrize(
    "video, words, said",
    [
        ("missing.mp4", "", "missing.mp4"),
        ("missing.mp4", "--out new/out.mp4", "missing.mp4"),
        ("short.mp4", "--save new/out.npz", "short.mp4 6 30"),
        ("empty.mp4", "", "empty.mp4 0"),
        ("notes.mp4", "", "notes.mp4"),
        ("cut.mp4", "", "cut.mp4"),
        ("short.mp4", "", "short.mp4 6 30 --context"),
        ("short.mp4", "--context 2 --out notes.mp4/out.mp4", "notes.mp4/out.mp4"),
    ],
)
def test_a_video_that_will_not_do_is_one_line(dlh, finished, clip, video, words, said):
    Path("empty.mp4").touch()
    Path("notes.mp4").write_text("not a video\n" * 50)
    Path("cut.mp4").write_bytes(clip.read_bytes().replace(b"moov", b"mooo"))
    write_video("short.mp4", ball_frames(6), fps=10)
    answer = dlh("predict", finished, video, *words.split())
    assert answer.status == 1 and answer.names(said)
    there = {path.name for path in Path.cwd().iterdir()} - {"cache"}
    assert there == {"empty.mp4", "notes.mp4", "cut.mp4", "short.mp4"}


def test_frames_that_cannot_be_written_leave_nothing_behind(dlh, finished, clip, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    answer = dlh("predict", finished, clip, "--horizon", 1, "--save", "a.npz")
    assert answer.status == 1
    assert "a.npz" in answer.line and "No space left on device" in answer.line
    assert not any(path.is_file() for path in Path.cwd().iterdir())


def test_a_video_is_opened_and_decoded_once_as_far_as_it_is_needed(
    dlh, finished, clip, monkeypatch
):
    opened = count_decodings(monkeypatch)
    words = ("predict", finished, clip, "--context", 8, "--horizon", 12, "--samples", 2)
    assert dlh(*words, "--save", "futures.npz").status == 0
    assert len(opened) == 1 and 20 <= opened[0] < 40


def test_futures_that_are_not_saved_are_not_copied(dlh, finished, clip, monkeypatch):
    copied = []
    monkeypatch.setattr(predict, "channels_last", copied.append)
    words = ("predict", finished, clip, "--context", 8, "--horizon", 12, "--samples", 2)
    assert dlh(*words).status == 0 and copied == []


def test_a_temperature_of_0_leaves_nothing_to_chance(dlh, finished, clip):
    still = ("--temperature", 0, "--decision-temperature", 0, "--samples", 3, "--horizon", 6)
    assert dlh("predict", finished, clip, "--context", 10, *still, "--save", "a.npz").status == 0
    with np.load("a.npz") as arrays:
        one, *others = arrays["samples"][0]
    assert all(np.array_equal(one, other) for other in others)
    model = DLH.from_pretrained(finished)
    frames, _ = model.read(clip, 10)
    warm = {"temperature": 0.0, "decision_temperature": 0.0}
    same = model.predict(frames, horizon=6, samples=1, **warm).frames[0, 0].movedim(-3, -1)
    np.testing.assert_allclose(one, same.numpy(), atol=1e-5)
