"""What the documentation says is so: its Python runs, and what it names and links to is there."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlh import DLH
from dlh.data.video.encode import write_video
from dlh.data.worlds.moving_ball import MovingBall
from dlh.models import registry
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.runs.presets import PRESETS, tiny
from documentation import PAGES, ROOT, blocks, headings, prose, spans, text_of

PUBLIC_HOSTS = {"arxiv.org", "download.pytorch.org", "huggingface.co", "semver.org"}


def python_blocks() -> list[Any]:
    return [
        pytest.param(page, body, id=f"{page.name}-{number}")
        for page in PAGES
        # Of the README the test below says more; the other page has files of a package, which
        # test_bring_your_own_model.py writes and runs.
        if page.name not in ("README.md", "bring-your-own-model.md")
        for number, body in enumerate(blocks(page, "python"))
    ]


@pytest.fixture
def documented_workspace(workspace: Path) -> Path:
    """A folder with what the documentation names: a run, videos, the published results."""
    Path("docs").mkdir()
    Path("docs/results").symlink_to(ROOT / "docs" / "results")
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


def test_python_in_the_readme_predicts(documented_workspace: Path) -> None:
    (body,) = blocks(ROOT / "README.md", "python")
    names: dict[str, Any] = {}
    exec(body, names)
    assert tuple(names["futures"].frames.shape) == (1, 100, 300, 3, 16, 16)
    assert sorted(path.name for path in Path("my_model").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_python_of_a_stream_gives_what_the_whole_video_gives(documented_workspace: Path) -> None:
    (body,) = (body for body in blocks(ROOT / "docs" / "python.md", "python") if "stream)" in body)
    names: dict[str, Any] = {}
    exec(body, names)
    assert names["stream"].frames_seen == 60
    whole, _ = names["model"].observe("clip.mp4")
    assert (names["trace"].changed == whole.changed[:, 51:]).all()


def test_attributes_named_in_the_comments_of_the_readme_exist() -> None:
    from dlh.analysis import Event, LevelEvents
    from dlh.interfaces import Prediction

    (body,) = blocks(ROOT / "README.md", "python")
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
    for method in re.findall(r"`model\.(\w+)`", text_of(ROOT / "README.md")):
        assert hasattr(DLH, method), method


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


def with_module(path: str) -> str:
    """``a.b.c`` as ``a.b:c``, where a.b is the module, even if a function of a has its name."""
    names = path.split(".")
    for count in range(len(names), 0, -1):
        module = ".".join(names[:count])
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            continue
        return ":".join((module, ".".join(names[count:]))).rstrip(":")
    return path


@pytest.mark.parametrize("page, path", named_paths())
def test_what_a_page_names_is_there(page: str, path: str) -> None:
    if path.startswith("dlh."):
        pkgutil.resolve_name(with_module(path))
    else:
        assert (ROOT / path).exists(), f"{page} names {path}, which is not there"


def test_settings_named_in_the_tables_exist() -> None:
    """`--model.num-levels` and its like, and the switches that docs/choices.md lists."""
    experiment = tiny()
    sections = {
        "model": [registry.config_class(kind) for kind in registry.kinds()],
        "data": [type(experiment.data)],
        "data.ball": [type(experiment.data.ball)],
        "training": [type(experiment.training)],
    }
    named = 0
    for page in PAGES:
        for span in spans(page):
            if match := re.match(r"--((?:model|training|data)(?:\.ball)?)\.([\w-]+)", span):
                section, setting = match.groups()
                names = {each.name for kind in sections[section] for each in fields(kind)}
                assert setting.replace("-", "_") in names, (page.name, span)
                named += 1
    table = re.findall(r"^\| \d+ \|.*\|([^|]*)\|$", text_of(ROOT / "docs" / "choices.md"), re.M)
    assert len(table) >= 15
    for cell in table:
        for setting in re.findall(r"`([a-z-]+)`", cell):
            assert hasattr(experiment.model, setting.replace("-", "_")), setting
            named += 1
    assert named >= 15


@pytest.mark.parametrize("preset, settings", [("moving-ball", 4), ("textured-room", 3)])
def test_sizes_in_the_table_of_a_world_are_those_of_its_preset(preset: str, settings: int) -> None:
    page = text_of(ROOT / "docs" / "data.md")
    (table,) = re.findall(rf"^\| setting .*`{preset}` preset \|\n((?:\|.*\n)+)", page, re.M)
    rows = re.findall(
        r"^\| `--data\.ball\.([\w-]+)`[^|]*\| ([\d.]+)[^|]*\| ([\d.]+) \|$", table, re.M
    )
    ball = PRESETS[preset]().data.ball
    assert len(rows) == settings
    for name, default, chosen in rows:
        field = name.replace("-", "_")
        assert float(default) == getattr(type(ball)(), field), name
        assert float(chosen) == getattr(ball, field), name


def test_the_table_of_rooms_has_every_room_and_no_other() -> None:
    """Its sizes are written by docs/make_rooms.py."""
    page = text_of(ROOT / "docs" / "architecture.md")
    rows = re.findall(r"^\| (`[^|]+) \| [^|]+ \| [\d,]+ \| [\d,]+ \|$", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    package = ROOT / "src" / "dlh"
    rooms = {folder.parent.name for folder in package.glob("*/__init__.py")}
    modules = {module.stem for module in package.glob("[a-z]*.py")} - {"version"}
    assert named == rooms | modules | {"reproduction"}


def test_make_targets_are_there() -> None:
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"(?:^(?:    )?|`)make ([a-z-]+)", text_of(page), re.MULTILINE)
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
