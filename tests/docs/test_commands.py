"""The commands that the documentation gives are those that the program takes.

They go through the real command line with the work itself taken out, so that an option which was
renamed, a preset which is gone or a setting which never was is found here, not by a reader.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlh.cli import COMMANDS, main
from dlh.runs.presets import PRESETS
from documentation import PAGES, ROOT, blocks, section_of, spans, text_of
from reproduction import __main__ as reproduction
from reproduction.sweep_command import SweepOptions

PLACEHOLDERS = {
    "PRESET": "tiny",
    "NAME": "tiny",
    "RUN": "runs/demo",
    "VIDEO": "clip.mp4",
    "FOLDER": "my_videos",
    "S": "1",  # of --seed S
}


def command_lines() -> list[tuple[str, str]]:
    """(page, command) of every command line in a shell block or between backticks."""
    found: dict[tuple[str, str], None] = {}
    for page in PAGES:
        lines = [line.strip() for body in blocks(page, "sh") for line in body.splitlines()]
        for line in [*lines, *spans(page)]:
            if line.startswith(("dlh ", f"{reproduction.PROGRAM} ")):
                found[page.name, line.split(" #")[0].strip()] = None
    return list(found)


INSTEAD_OF = (
    ("dlh.commands.discover", "discover"),
    ("dlh.cli.completion", "completion"),
    ("dlh.commands.train", "start"),
    ("dlh.commands.train", "resume"),
    ("dlh.commands.runs", "list_runs"),
    ("dlh.commands.demo", "demo"),
    ("dlh.commands.predict", "predict_file"),
    ("dlh.commands.events", "find_events"),
    ("dlh.commands.explore", "explore"),
    ("dlh.commands.evaluate", "evaluate"),
    ("dlh.commands.compare", "compare"),
    ("dlh.commands.analyse", "analyse"),
    ("reproduction.sweep", "run_sweep"),
    ("reproduction.driver", "plan"),
    ("reproduction.driver", "run_all"),
    ("reproduction.write", "write_results"),
    ("reproduction.arena", "write_clips"),
    ("reproduction.joined", "write_joined"),
    ("reproduction.walks", "write_walks"),
    ("reproduction.events_table", "tabulate"),
    ("reproduction.publish", "publish"),
    ("reproduction.comparison", "compare_models"),
    ("reproduction.horizon", "measure_horizons"),
    ("reproduction.table1.work", "plan"),
    ("reproduction.table1.work", "run_list"),
    ("reproduction.gpu", "run_plan"),
    ("reproduction.packing", "join"),
    ("dlh.commands.data_store", "import_videos"),
    ("dlh.commands.data_manifests", "verify"),
    ("dlh.commands.data_manifests", "write_manifest"),
    ("dlh.commands.data_inspect", "inspect"),
    ("dlh.commands.clip", "write_clip"),
    ("dlh.commands.data_sets", "list_data"),
    ("dlh.commands.data_sets", "prepare"),
)
"""What commands do, by its module."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> dict[str, Any]:
    """What a command was about to do, in place of its doing it."""
    seen: dict[str, Any] = {}

    def recorded(name: str) -> Callable[..., tuple[()]]:
        def record(*arguments: Any, **options: Any) -> tuple[()]:
            seen[name] = (arguments, options)
            return ()

        return record

    # All are imported first: one that were imported after another is replaced would keep that one.
    modules = [importlib.import_module(module) for module, _ in INSTEAD_OF]
    for module, (_, name) in zip(modules, INSTEAD_OF, strict=True):
        monkeypatch.setattr(module, name, recorded(name))
    return seen


@pytest.mark.parametrize("page, line", command_lines())
def test_a_command_line_is_one_the_program_takes(
    page: str, line: str, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    program = reproduction.PROGRAM if line.startswith(reproduction.PROGRAM) else "dlh"
    run = main if program == "dlh" else reproduction.main
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line.removeprefix(program))]
    if words[0] == "data" and len(words) == 2 and words[1] != "list":
        words.append("--help")  # the name of a command
    if run is reproduction.main and words in (["sweep"], ["publish"], ["compare"]):
        words.append("--help")
    whole = len(words) > 1 or words[0] in ("demo", "info", "--help", "--version")
    if not whole and words[0] in COMMANDS:  # `dlh predict` as the name of a command
        words.append("--help")
    elif words[0] == "compare" and len(words) == 2:  # `dlh compare DIR OTHER` in a sentence
        words.append("other")
    elif words[0] in ("predict", "events") and words[1].startswith("--"):
        words[1:1] = ["runs/demo", "clip.mp4"]  # `dlh predict --save FILE` in a sentence
    status = run(words)
    assert status == 0, f"{page}: {line}\n{capsys.readouterr().err}"
    if "--help" not in words and words[0] not in ("info", "--version"):
        assert asked, f"{page}: {line} does nothing"


def test_what_the_program_does_not_take_would_be_found(asked: dict[str, Any]) -> None:
    for words in (
        ["predikt", "runs/demo", "clip.mp4"],
        ["predict", "runs/demo", "clip.mp4", "--horizonn", "3"],
        ["train", "moving-bal"],
        ["train", "tiny", "--model.num-level", "3"],
        ["demo", "--freshly"],
    ):
        assert main(words) != 0, words
    assert not asked


def test_the_options_of_a_sweep_are_those_documented() -> None:
    section = section_of(f"{reproduction.PROGRAM} sweep", "reproduction/README.md")
    cells = re.findall(r"^\| (`--[^|]+) \|", section, re.MULTILINE)
    documented = {name for cell in cells for name in re.findall(r"--([\w-]+)", cell)}
    there = {field.name.replace("_", "-") for field in dataclasses.fields(SweepOptions)}
    assert documented == there - {"preset"}


def test_the_reference_is_the_help_of_the_program() -> None:
    """Where it is not: python docs/make_reference.py."""
    specification = importlib.util.spec_from_file_location(
        "make_reference", ROOT / "docs" / "make_reference.py"
    )
    assert specification and specification.loader
    make_reference = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(make_reference)
    assert text_of(ROOT / "docs" / "reference.md") == make_reference.reference()


def test_every_command_and_preset_is_documented() -> None:
    for command in COMMANDS:
        assert section_of(f"dlh {command}").strip()
    named = set(re.findall(r"^  ([\w-]+)  ", section_of("dlh train", "docs/reference.md"), re.M))
    assert set(PRESETS) <= named


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    assert re.search(rf"example.*dlh {command}", capsys.readouterr().out, re.DOTALL)
