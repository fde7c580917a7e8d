"""The page's code blocks, as files of a package of one's own: registered, trained, predicted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dlh.data.video.encode import write_video
from documentation import ROOT, blocks
from tiny_run import ball_frames

PAGE = ROOT / "docs" / "bring-your-own-model.md"
LITTLE = "from dlh.analysis import measure\nmeasure.CLIPS = measure.SAMPLES = 2\n"


@pytest.mark.slow
def test_the_model_of_the_page_is_trained_and_predicts(tmp_path: Path) -> None:
    files = dict(block.removeprefix("# ").split("\n", 1) for block in blocks(PAGE, "python"))
    assert list(files) == [
        "my_models/config.py",
        "my_models/next_frame.py",
        "my_models/__init__.py",
        "try_it.py",
    ]
    (tmp_path / "my_models").mkdir()
    for file, code in files.items():
        (tmp_path / file).write_text((LITTLE if file == "try_it.py" else "") + code)
    write_video(tmp_path / "clip.mp4", ball_frames(20), fps=10)
    sources = os.pathsep.join((str(tmp_path), *sys.path))
    done = subprocess.run(
        [sys.executable, "try_it.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(torch.Size([1, 1, 20, 3, 16, 16]))
    assert "minus_error" in done.stderr and "loss" in done.stderr
    lines = (tmp_path / "runs/mine/metrics.jsonl").read_text()
    assert '"best_by": "minus_error"' in lines and '"error":' in lines
    assert (tmp_path / "runs/mine/report.html").stat().st_size > 10_000
