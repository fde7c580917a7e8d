from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
import torch

import tiny_run
from dlh import DLH
from dlh.cli.train import PRESETS as LISTED
from dlh.cli.train import main as train
from dlh.data.video.encode import write_video
from dlh.runs import presets
from dlh.training.checkpoint import read_checkpoint
from dlh.training.figures import TIMINGS
from dlh.training.run import RunFolder
from refusals import holds
from tiny_run import ball_frames, interrupted_at

SHORT = ("--steps", 4, "--checkpoint-every", 2, "--training.log-every", 2)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    """A run of four steps that nobody stopped."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    with pytest.MonkeyPatch.context() as patch:
        tiny_run.measure_little(patch)
        assert train(["tiny", "--run", str(folder), *map(str, SHORT)]) == 0
    return folder


def assert_equal_runs(run: Path, other: Path) -> None:
    """The same weights to the last bit, and the same figures but for the clock."""
    assert (run / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    figures = [
        [{k: v for k, v in entry.items() if k not in TIMINGS} for entry in folder.metrics.read()]
        for folder in (RunFolder(run), RunFolder(other))
    ]
    assert figures[0] == figures[1]


def test_clips_that_cannot_be_shared_start_no_process(dlh, unbroken, monkeypatch):
    started = []
    monkeypatch.setattr("dlh.runs.workers.start_processes", lambda *words: started.append(words))
    for words in (("tiny", "--run", "other"), ("--resume", unbroken)):
        answer = dlh("train", *words, "--num-processes", 99)
        assert answer.status == 1 and holds(answer.err, "training.batch_size", "99 processes")
    assert not started
    shutil.copytree(unbroken, "more")
    assert not dlh("train", "--resume", "more", "--steps", 6, "--num-processes", 2).status
    assert [count for count, _ in started] == [2]


def test_the_presets_that_help_lists_are_those_there_are(dlh):
    assert list(LISTED) == list(presets.PRESETS)
    answer = dlh("train", "--help")
    assert answer.status == 0 and all(name in answer.out for name in LISTED)
    assert dlh("train").status == 2 and dlh("train", "--resume", "--help").status == 0


def test_every_setting_of_a_preset_is_in_its_help(dlh):
    answer = dlh("train", "tiny", "--help")
    assert answer.status == 0
    for option in ("--data ", "--init", "--data.ball.speed", "--model.num-levels", "--training.s"):
        assert option in answer.out, option


@pytest.mark.parametrize(
    "words, said",
    [
        ("train tinny", "tinny tiny"),
        ("train --seed 1 tiny", "PRESET --seed"),
        ("train tiny --model.num-level 3", "--model.num-level --model.num-levels"),
        ("train tiny --model.height 17", "height 17 16"),
        ("train tiny --training.batch-size x", "--training.batch-size INT"),
        ("train tiny --steps 0", "steps 0"),
        ("train tiny --data.ball.speed -1", "speed -1 11"),
        (
            "train tiny --data.ball.size 32",
            "make model.height, model.width and data.ball.size agree",
        ),
        ("train tiny --model.memory hold", "--model.memory hold held"),
        ("train videos", "--data FOLDER"),
        ("train kth", "`dlh data prepare kth`"),
        ("train moving-mnist", "`dlh data prepare moving-mnist-long`"),
        ("train mazes", "`dlh data prepare gqn-mazes`"),
        ("train --resume", "--resume RUN"),
        ("train --resume --seed 1", "--resume RUN"),
        ("train tiny --resume=a", "--resume tiny"),
        ("train --resume a tiny", "--resume tiny"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line_and_status_2(dlh, words, said):
    answer = dlh(*words.split())
    assert answer.status == 2 and answer.names(said)
    assert not any(Path.cwd().iterdir())


@pytest.mark.parametrize(
    "words, said",
    [
        ("train tiny --data nowhere", "nowhere"),
        ("train tiny --data notes.mp4", "notes.mp4"),
        ("train tiny --data empty", "empty .mp4"),
        ("train tiny --data short.mp4", "--training.clip-length"),
        ("train tiny --init nowhere", "nowhere"),
        ("train tiny --run notes.mp4", "notes.mp4"),
        ("train --resume nowhere", "nowhere"),
        ("train --resume empty", "empty experiment.json"),
        ("train tiny --training.device cuda:77", "cuda:77"),
    ],
)
def test_what_cannot_be_done_is_one_line(dlh, words, said):
    Path("notes.mp4").write_text("not a video\n" * 50)
    Path("empty").mkdir()
    write_video("short.mp4", ball_frames(6), fps=10)
    assert dlh(*words.split()).names(said)
    left = {path.name for path in Path.cwd().iterdir()} - {"cache", "runs"}
    assert left == {"notes.mp4", "empty", "short.mp4"}


def test_a_model_without_later_stages_leaves_their_updates_out(dlh, workspace, not_shown):
    later = ("--training.steps", 2, "--training.later-steps", 3, 3)
    answer = dlh("train", "tiny-flat", *later, "--run", "flat")
    assert answer.status == 0 and "3 3 is left out: a flat model" in answer.out
    assert RunFolder(Path("flat")).status().step == 2
    answer = dlh("train", "tiny", *later, "--run", "dlh")
    assert answer.status == 1 and "--model.dynamics.clips" in answer.err
    assert not Path("dlh").exists()


def test_a_run_lands_in_the_next_free_folder_and_a_taken_one_is_refused(dlh, unbroken, not_shown):
    Path("runs/tiny-2").mkdir(parents=True)
    shutil.copytree(unbroken, "runs/tiny")
    answer = dlh("train", "tiny", "--steps", 1, "--training.held-out-clips", 0)
    assert answer.status == 0 and Path("runs/tiny-2/model.safetensors").exists()
    assert "has no validation" not in answer.out  # none was asked for
    answer = dlh("train", "tiny", "--run", "runs/tiny")
    assert answer.names("runs/tiny finished 4")


def test_a_finished_training_leaves_a_model_and_its_pages(dlh, unbroken):
    there = {path.name for path in unbroken.iterdir()} - {".lock"}
    assert there == {
        *("experiment.json", "status.json", "metrics.jsonl", "checkpoints"),
        *("config.json", "model.safetensors", "best", "summary.json", "report.html"),
        *("curves.png", "events.png", "exchanged.png", "rolled.png", "psnr.png"),
        *("prediction.png", "prediction.mp4"),
    }
    assert DLH.from_pretrained(unbroken).config == presets.tiny().model
    best = read_checkpoint(unbroken / "checkpoints/best.pt")["model"]
    of_best = DLH.from_pretrained(unbroken / "best").model.state_dict()
    assert all(torch.equal(of_best[name], best[name]) for name in best)
    before = {path: path.stat().st_mtime_ns for path in unbroken.iterdir()}
    answer = dlh("train", f"--resume={unbroken}")
    assert answer.status == 0 and holds(answer.out, unbroken, "finished", 4)
    assert "future:  PSNR" in answer.out
    assert before == {path: path.stat().st_mtime_ns for path in unbroken.iterdir()}


def test_a_run_goes_on_for_more_steps_and_nothing_else_may_change(dlh, unbroken, not_shown):
    shutil.copytree(unbroken, "run")
    answer = dlh("train", "--resume", "run", "--seed", 1, "--training.batch-size", 2)
    assert answer.status == 2 and answer.names("training.seed 0 training.batch_size 4 2")
    answer = dlh("train", "--resume", "run", "--steps", 3)
    assert answer.status == 2 and answer.names("4 --steps 3")
    answer = dlh("train", "--resume", "run", "--run", "other")
    assert answer.names("--resume --run other")
    answer = dlh("train", "--resume", "run", "--stepps", 9)
    assert answer.status == 2 and answer.names("--steps")
    assert_equal_runs(Path("run"), unbroken)
    answer = dlh("train", "--steps", 6, "--resume", "run")
    assert answer.status == 0 and holds(answer.out, "training.steps", 6, 4)
    assert holds(answer.err, "resumed", 4, 6)
    assert RunFolder(Path("run")).status().step == 6


def test_ctrl_c_saves_and_the_resumed_run_equals_an_unbroken_one(dlh, unbroken, not_shown):
    with interrupted_at(2):
        answer = dlh("train", "tiny", "--run", "my run", *SHORT)
    assert answer.status == 130
    assert answer.err.splitlines()[-1] == (
        "dlh: interrupted: everything up to step 3 is saved; continue with "
        "`dlh train --resume 'my run'`"
    )
    assert not Path("my run/model.safetensors").exists()
    # What it has so far can be used.
    write_video("clip.mp4", ball_frames(), fps=10)
    answer = dlh("events", "my run", "clip.mp4")
    assert answer.status == 0 and Path("events.json").exists()
    assert holds(answer.err, "warning", "my run", "not finished", 3, "dlh train --resume 'my run'")
    assert answer.err.count("\n") == 1
    answer = dlh("train", "--resume", "my run")
    assert answer.status == 0 and holds(answer.err, "resumed", 3, 4)
    assert_equal_runs(Path("my run"), unbroken)


def test_a_run_without_a_checkpoint_starts_at_step_0(dlh, unbroken, not_shown):
    run = RunFolder.create("begun")
    shutil.copy(unbroken / "experiment.json", run.path)
    assert dlh("train", "--resume", "begun").status == 0
    assert_equal_runs(Path("begun"), unbroken)


def test_interrupted_while_it_draws_a_run_is_shown_on_resuming(dlh, unbroken):
    shutil.copytree(unbroken, "run")
    shutil.rmtree("run/checkpoints")  # a finished run needs them no more
    summary = json.loads(Path("run/summary.json").read_text())
    Path("run/summary.json").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dlh.commands.finished_run.measure", lambda *_, **__: signal.raise_signal(2))
        answer = dlh("train", "--resume", "run")
    assert answer.status == 130 and answer.names("4")
    assert dlh("train", "--resume", "run").status == 0
    assert json.loads(Path("run/summary.json").read_text()) == summary


@pytest.mark.parametrize(
    "change, said",
    [
        ({"version": 7}, "run/experiment.json 7 1"),
        ({"experiment": {"preset": "tiny"}}, "experiment.model experiment.data"),
        ({"model": {"likelihood_std": 0.5}}, "run/experiment.json"),
        ({"model": {"num_levls": 3}}, "experiment.model.num_levls num_levels"),
        ({"model": {"num_levels": "2"}}, "experiment.model.num_levels '2'"),
        ({"model": {"height": 17}}, "experiment.model height 17"),
    ],
)
def test_a_run_of_another_version_or_edited_is_refused(dlh, unbroken, change, said):
    shutil.copytree(unbroken, "run")
    saved = json.loads(Path("run/experiment.json").read_text())
    for name, value in change.items():
        if name == "model":
            saved["experiment"]["model"] |= value
        else:
            saved[name] = value
    Path("run/experiment.json").write_text(json.dumps(saved))
    assert dlh("train", "--resume", "run").names(said)


def test_a_training_starts_from_the_weights_it_is_given(dlh, unbroken, not_shown):
    shutil.copytree(unbroken, "given")
    with interrupted_at(1):
        assert dlh("train", "tiny", "--run", "run", "--init", "given", *SHORT).status == 130
    saved = json.loads(Path("run/experiment.json").read_text())
    assert saved["experiment"]["init"] == str(Path("given").absolute())
    shutil.rmtree("given")  # the checkpoint holds all that is needed
    assert dlh("train", "--resume", "run").status == 0
    answer = dlh("train", "tiny", "--init", unbroken, "--model.state-size", 5)
    assert answer.names(f"{unbroken} state_size 4 5")


def test_torchrun_takes_the_line_that_the_help_gives(dlh):
    from torch.distributed.run import get_args_parser

    help_text = dlh("train", "--help").out
    (line,) = (line for line in help_text.splitlines() if "torchrun --nproc-per-node" in line)
    words = line.split()[1:]
    words[words.index("K")] = "2"
    found = get_args_parser().parse_args(words)
    assert found.nproc_per_node == "2" and found.training_script == "$(which"
    assert found.training_script_args == ["dlh)", "train", "PRESET", "--run", "RUN"]
