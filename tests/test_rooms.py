"""What import contracts do not hold: no circle of modules, no overfull room."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from documentation import ROOT

SOURCES = {"dlh": ROOT / "src" / "dlh", "reproduction": ROOT / "reproduction"}
LARGEST_SHARE = 0.27
"""Of all lines of the package, what one room may hold."""


def modules() -> dict[str, Path]:
    """The path of every module, by its dotted name; a package by its own name."""
    found = {}
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *(part for part in parts if part != "__init__")))] = path
    return found


def imports(known: dict[str, Path]) -> dict[str, set[str]]:
    """Which of the known modules each imports, in functions and under TYPE_CHECKING too."""
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                named.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                parts = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {part if part in known else node.module for part in parts}
        found[name] = {other for other in named if other in known and other != name}
    return found


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in edges[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in edges:
        if node not in index:
            visit(node)
    return found


def test_a_circle_of_imports_is_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles(edges) == [["b", "c"]]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(imports(modules())) == []


def test_no_room_holds_more_than_about_a_quarter() -> None:
    lines: dict[str, int] = defaultdict(int)
    for path in SOURCES["dlh"].rglob("*.py"):
        room = path.relative_to(SOURCES["dlh"]).parts[0]
        lines[room] += path.read_text("utf-8").count("\n")
    total = sum(lines.values())
    assert {room: n for room, n in lines.items() if n > LARGEST_SHARE * total} == {}
