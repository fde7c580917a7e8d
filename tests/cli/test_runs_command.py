from __future__ import annotations

import json
import shutil
from pathlib import Path

from refusals import holds


def test_the_runs_of_a_folder_are_listed(dlh, finished):
    Path("runs").mkdir()
    shutil.copytree(finished, "runs/one")
    shutil.copytree(finished, "runs/two")
    status = json.loads(Path("runs/two/status.json").read_text())
    Path("runs/two/status.json").write_text(json.dumps(status | {"state": "running", "step": 1}))
    answer = dlh("runs")
    rows = answer.out.splitlines()
    assert answer.status == 0 and len(rows) == 4
    assert rows[1].split()[:3] == ["runs/one", "tiny", "finished"]
    assert rows[2].split()[:3] == ["runs/two", "tiny", "killed"]
    assert " at step " in rows[1] and rows[1].endswith("ago")
    assert rows[3].endswith("continue with `dlh train --resume RUN`")


def test_one_run_and_json(dlh, finished):
    (line,) = json.loads(dlh("runs", finished, "--json").out)
    assert line["run"] == str(finished) and line["state"] == "finished"
    assert line["best"]["elbo"] < 0


def test_what_is_not_there_is_one_line(dlh):
    answer = dlh("runs")
    assert answer.status == 2 and answer.names("runs")
    Path("empty").mkdir()
    answer = dlh("runs", "empty")
    assert answer.status == 0 and holds(answer.out, "empty")
    assert dlh("runs", "--sort", "step").status == 2
