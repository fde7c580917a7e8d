"""Each mutant still fits the code, and one that breaks its module is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark_files import load_benchmark

mutants = load_benchmark("mutants")
PARTS = [part for parts in mutants.MODULES.values() for part in parts]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.path}, {len(part.changes)}")
def test_every_mutant_changes_one_place_of_its_module(part):
    text = (mutants.ROOT / "src/dlh" / part.path).read_text("utf-8")
    assert all((mutants.ROOT / "tests" / name).is_file() for name in part.tests)
    for change in part.changes:
        mutant = mutants.mutated(text, change.old, change.new, path=part.path)
        assert mutant != text
        compile(mutant, part.path, "exec")


def test_a_mutant_of_a_line_that_is_gone_is_refused():
    with pytest.raises(SystemExit, match="'gone' 0 times"):
        mutants.mutated("text", "gone", "there", path="module.py")


RUNS_TWO = """
import sys
from pathlib import Path

import mutants

changes = mutants.Change("a + b", "a - b"), mutants.Change("a / 2", "a / 3")
part = mutants.Part(path="sums.py", tests=("test_sums.py",), changes=changes)
mutants.prepare()
for change, outcome in mutants.outcomes(Path(sys.argv[1]), part, before=False, seconds=100):
    print(change.old, outcome, sep=": ")
"""


@pytest.mark.slow
def test_a_fault_that_a_test_sees_is_killed_and_one_that_none_sees_survives(tmp_path: Path):
    module, test = tmp_path / "src/dlh/sums.py", tmp_path / "tests/test_sums.py"
    for file in (module, test):
        file.parent.mkdir(parents=True)
    (module.parent / "__init__.py").touch()
    source = "def add(a, b):\n    return a + b\n\n\ndef halve(a):\n    return a / 2\n"
    module.write_text(source)
    test.write_text("from dlh.sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    found = subprocess.run(
        [sys.executable, "-c", RUNS_TWO, str(tmp_path)],
        cwd=mutants.ROOT / "benchmarks",
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == ["a + b: killed", "a / 2: survived"]
    assert module.read_text() == source
