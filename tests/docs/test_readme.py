"""What the documentation says can be done: commands parse, Python runs, links lead somewhere.

Commands go through the real command line with the work itself taken out, so that an option which
was renamed, a preset which is gone or a setting which never was is found here, not by a reader.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlh import DLH
from dlh.cli import COMMANDS, main
from dlh.cli.demo import DemoOptions
from dlh.cli.events import EventsOptions
from dlh.cli.predict import PredictOptions
from dlh.data.encode import write_video
from dlh.data.moving_ball import MovingBall
from dlh.experiments.presets import PRESETS, tiny
from dlh.model import DynamicLatentHierarchy

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PUBLIC_HOSTS = {"arxiv.org", "semver.org", "huggingface.co"}
OPTIONS = {"demo": DemoOptions, "predict": PredictOptions, "events": EventsOptions}
PLACEHOLDERS = {"PRESET": "tiny", "RUN": "runs/demo", "VIDEO": "clip.mp4", "FOLDER": "my_videos"}


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [body for kind, body in FENCE.findall(text_of(page)) if kind == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def spans(page: Path) -> list[str]:
    """What stands between single backticks, with line breaks as spaces."""
    return [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(page))]


def command_lines() -> list[tuple[str, str]]:
    """(page, command) of every `dlh ...` in a shell block or between backticks."""
    found: dict[tuple[str, str], None] = {}
    for page in PAGES:
        lines = [line.strip() for body in blocks(page, "sh") for line in body.splitlines()]
        for line in [*lines, *spans(page)]:
            if line.startswith("dlh "):
                found[page.name, line.split(" #")[0].strip()] = None
    return list(found)


def python_blocks() -> list[Any]:
    return [
        pytest.param(page, body, id=f"{page.name}-{number}")
        for page in PAGES
        if page.name != "README.md"  # of which the test below says more
        for number, body in enumerate(blocks(page, "python"))
    ]


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> dict[str, Any]:
    """What a command was about to do, in place of its doing it."""
    seen: dict[str, Any] = {}
    finished = SimpleNamespace(run=SimpleNamespace(path=Path("runs/demo")))

    def instead_of(module: str, name: str, result: Any) -> None:
        def record(*arguments: Any, **options: Any) -> Any:
            seen[name] = (arguments, options)
            return result

        monkeypatch.setattr(importlib.import_module(module), name, record)

    instead_of("dlh.experiments.run", "start", finished)
    instead_of("dlh.experiments.run", "resume", finished)
    instead_of("dlh.experiments.demo", "demo", ())
    instead_of("dlh.experiments.predict", "predict_file", ())
    instead_of("dlh.experiments.events", "events_of_file", ())
    return seen


@pytest.mark.parametrize("page, line", command_lines())
def test_a_command_line_is_one_the_program_takes(
    page: str, line: str, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line)[1:]]
    whole = len(words) > 1 or words[0] in ("demo", "info", "--help", "--version")
    if not whole and words[0] in COMMANDS:  # `dlh predict` as the name of a command
        words.append("--help")
    elif words[0] in ("predict", "events") and words[1].startswith("--"):
        words[1:1] = ["runs/demo", "clip.mp4"]  # `dlh predict --save FILE` in a sentence
    status = main(words)
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


@pytest.mark.parametrize("command", sorted(OPTIONS))
def test_the_options_of_a_command_are_those_documented(command: str) -> None:
    section = section_of(f"dlh {command}")
    documented = set(re.findall(r"^\| `--([\w-]+)` \|", section, re.MULTILINE))
    positional = {"model", "video"}
    there = {field.name.replace("_", "-") for field in dataclasses.fields(OPTIONS[command])}
    assert documented == there - positional


def test_every_command_and_preset_is_documented() -> None:
    for command in COMMANDS:
        assert section_of(f"dlh {command}").strip()
    named = set(re.findall(r"`([\w-]+)`", section_of("dlh train")))
    assert set(PRESETS) <= named


def section_of(heading: str) -> str:
    """The text of docs/commands.md below a heading of second rank."""
    parts = re.split(r"^## (.+)$", text_of(ROOT / "docs" / "commands.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def test_defaults_in_the_option_tables_are_the_programs() -> None:
    for command, kind in OPTIONS.items():
        rows = re.findall(r"^\| `--([\w-]+)` \| ([^|]*) \|", section_of(f"dlh {command}"), re.M)
        defaults = {field.name: field.default for field in dataclasses.fields(kind)}
        for name, written in rows:
            value = defaults[name.replace("-", "_")]
            said = written.strip().strip("`")
            assert said == ("" if value is None or value is False else str(value)), (command, name)


@pytest.fixture
def documented_workspace(workspace: Path) -> Path:
    """A folder with what the documentation names: a run, a video, a folder of videos."""
    experiment = tiny()
    DLH(DynamicLatentHierarchy(experiment.model)).save_pretrained("runs/demo")
    frames = MovingBall(experiment.data.ball).draw(3, 60, np.random.default_rng(0)).video
    write_video("clip.mp4", frames[0], fps=10)
    Path("my_videos").mkdir()
    for number, clip in enumerate(frames):
        write_video(f"my_videos/{number}.mp4", clip, fps=10)
    return workspace


@pytest.mark.parametrize("page, body", python_blocks())
def test_python_in_the_documentation_runs(
    page: Path, body: str, documented_workspace: Path
) -> None:
    exec(compile(body, f"{page.name}", "exec"), {"__name__": "documentation"})


def test_python_in_the_readme_predicts_and_streams(documented_workspace: Path) -> None:
    first, second = blocks(ROOT / "README.md", "python")
    names: dict[str, Any] = {}
    exec(first, names)
    assert tuple(names["futures"].frames.shape) == (1, 100, 300, 3, 16, 16)
    assert sorted(path.name for path in Path("my_model").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    whole = names["trace"].changed[:, 51:]
    exec(second, names)
    assert names["stream"].frames_seen == 60
    assert (names["trace"].changed == whole).all()


def test_attributes_named_in_the_comments_of_the_readme_exist() -> None:
    from dlh.analysis import Event, LevelEvents
    from dlh.interfaces import Prediction

    (body, _) = blocks(ROOT / "README.md", "python")
    calls = [
        node
        for node in ast.walk(ast.parse(body))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        parameters = inspect.signature(getattr(DLH, call.func.attr)).parameters
        assert {keyword.arg for keyword in call.keywords} <= set(parameters)
    assert "futures.frames, futures.changed" in body
    assert {"frames", "changed"} <= {field.name for field in dataclasses.fields(Prediction)}
    assert "events.levels[1].events: frame, seconds, surprise" in body
    assert "events" in {field.name for field in dataclasses.fields(LevelEvents)}
    assert {field.name for field in dataclasses.fields(Event)} == {"frame", "seconds", "surprise"}
    assert "push_to_hub" in body and hasattr(DLH, "push_to_hub")


def links() -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            found[page.relative_to(ROOT).as_posix(), target] = None
    return list(found)


@pytest.mark.parametrize("page, target", links())
def test_a_link_leads_somewhere(page: str, target: str) -> None:
    if target.startswith(("https://", "http://")):
        return  # test_only_public_hosts_are_named looks at these
    path, _, anchor = target.partition("#")
    to = (ROOT / page).parent / path if path else ROOT / page
    assert to.exists(), f"{page} links to {target}, which is not there"
    if anchor:
        assert anchor in headings(to), f"{page} links to {target}: no such heading"


def named_paths() -> list[tuple[str, str]]:
    """(page, path) of what a page says lies in this repository, or can be imported."""
    inside = re.compile(r"(docs|src|tests|benchmarks|\.ci)/[\w./-]*|dlh(\.\w+)+|[\w-]+\.(toml|txt)")
    found: dict[tuple[str, str], None] = {}
    for page in PAGES:
        for span in spans(page):
            if inside.fullmatch(span):
                found[page.relative_to(ROOT).as_posix(), span] = None
    return list(found)


@pytest.mark.parametrize("page, path", named_paths())
def test_what_a_page_names_is_there(page: str, path: str) -> None:
    if path.startswith("dlh."):
        module, *names = path.split(".")
        thing: Any = importlib.import_module(module)
        for name in names:
            module = f"{module}.{name}"
            if not hasattr(thing, name):
                importlib.import_module(module)
            thing = getattr(thing, name)
    else:
        assert (ROOT / path).exists(), f"{page} names {path}, which is not there"


def test_settings_named_in_the_tables_exist() -> None:
    """`--model.num-levels` and its like, and the switches that the model page lists."""
    experiment = tiny()
    sections = {
        "model": experiment.model,
        "data": experiment.data,
        "data.ball": experiment.data.ball,
        "training": experiment.training,
    }
    named = 0
    for page in PAGES:
        for span in spans(page):
            if match := re.match(r"--((?:model|training|data)(?:\.ball)?)\.([\w-]+)", span):
                section, setting = match.groups()
                assert hasattr(sections[section], setting.replace("-", "_")), (page.name, span)
                named += 1
    table = re.findall(r"^\| \d+ \|.*\|([^|]*)\|$", text_of(ROOT / "docs" / "model.md"), re.M)
    assert len(table) >= 15
    for cell in table:
        for setting in re.findall(r"`([a-z-]+)`", cell):
            assert hasattr(experiment.model, setting.replace("-", "_")), setting
            named += 1
    assert named >= 15


def test_sizes_in_the_ball_table_are_those_of_the_preset() -> None:
    rows = re.findall(
        r"^\| `--data\.ball\.([\w-]+)`[^|]*\| ([\d.]+)[^|]*\| ([\d.]+) \|$",
        text_of(ROOT / "docs" / "data.md"),
        re.M,
    )
    ball = PRESETS["moving-ball"]().data.ball
    assert len(rows) == 4
    for name, default, chosen in rows:
        field = name.replace("-", "_")
        assert float(default) == getattr(type(ball)(), field), name
        assert float(chosen) == getattr(ball, field), name


def test_make_targets_are_there() -> None:
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"(?:^|`|    )make ([a-z]+)", text_of(page), re.MULTILINE)
    }
    assert {"demo", "test", "install"} <= named
    assert named <= targets


def test_only_public_hosts_are_named() -> None:
    for page in PAGES:
        for host in re.findall(r"https?://([^/\s)>`\"]+)", text_of(page)):
            assert host in PUBLIC_HOSTS, f"{page.name} names the host {host}"
        local = re.findall(
            r"(?<![\w.$~}])/(?:work|tmp|home|root|mnt|opt)\b\S*|localhost", prose(page)
        )
        assert not local, f"{page.name} names a place on somebody's machine: {local}"


def test_the_readme_has_room_for_the_measured_figures() -> None:
    text = text_of(ROOT / "README.md")
    before, after = text.index("<!-- demo-figures -->"), text.index("<!-- /demo-figures -->")
    assert "|---|" in text[before:after]


def test_help_of_every_command_has_an_example() -> None:
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "dlh", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        assert re.search(rf"example.*dlh {command}", done.stdout, re.DOTALL), command
