"""The paper map is true: every function it names is there and cites the equation it stands for."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAPER_MAP = ROOT / "docs" / "paper-map.md"
KINDS = {"Eq": "Eq.", "Table": "Table", "Fig": "Fig.", "Sec": "Sec."}
LABEL = r"\d+(?:\.\d+)?[a-c]?"
CITATION = re.compile(rf"\b(Eq|Table|Fig|Sec)s?\.? ({LABEL}(?:(?:, and | and |, |-){LABEL})*)")
TO_BE_MAPPED = [*map(str, range(1, 16)), "20", "21", "24", "25", "34", "8a", "8b", "8c"]


def citations(text: str) -> set[str]:
    """What a text cites, one by one: "Eqs. 8a-8c, 9" is Eq. 8a, Eq. 8b, Eq. 8c and Eq. 9."""
    found: set[str] = set()
    for kind, listed in CITATION.findall(" ".join(text.split())):
        for part in re.split(r", and | and |, ", listed):
            first, _, last = part.partition("-")
            found |= {f"{KINDS[kind]} {label}" for label in expand(first, last)}
    return found


def expand(first: str, last: str) -> list[str]:
    """The labels from first to last, both included: 10-12, or 8a-8c."""
    if not last:
        return [first]
    if first.isdigit() and last.isdigit():
        return [str(number) for number in range(int(first), int(last) + 1)]
    assert first[:-1] == last[:-1], f"{first}-{last} is no range"
    return [first[:-1] + chr(letter) for letter in range(ord(first[-1]), ord(last[-1]) + 1)]


def rows(text: str) -> list[tuple[str, str]]:
    """(what the paper calls it, dotted path) of every row of the map's tables of functions."""
    found = []
    for line in text.splitlines():
        cells = [
            cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")
        ]
        if line.startswith("|") and citations(cells[0]):
            assert len(cells) == 3, f"a row has three cells: {line}"
            paths = re.findall(r"`(dlh\.[\w.]+)`", cells[2])
            assert paths, f"a row ends in the name of a function: {line}"
            found += [(cells[0], path) for path in paths]
    return found


def resolve(path: str) -> Any:
    """The module, class, function, method or property of a dotted path."""
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if not f"{path}.".startswith(f"{error.name}."):  # it is there, what it imports is not
                raise
            continue
        for name in parts[cut:]:
            thing = inspect.getattr_static(thing, name)
        return thing
    raise ModuleNotFoundError(path)


ROWS = rows(PAPER_MAP.read_text("utf-8"))


def test_citations_are_read_in_every_form_in_use() -> None:
    assert citations("x (Eqs. 8b, 9).") == {"Eq. 8b", "Eq. 9"}
    assert citations("Eqs. 8a-8c, 9 and\n    20") == {f"Eq. {n}" for n in ("8a", "8b", "8c", 9, 20)}
    assert citations("(Eqs. 2-5) and Sec. 2.4 of Table 4, Fig. 5c") == {
        *(f"Eq. {n}" for n in (2, 3, 4, 5)),
        *("Sec. 2.4", "Table 4", "Fig. 5c"),
    }
    assert citations("Eq. 5, bottom-up: e^1 = 1; at most 3 of them") == {"Eq. 5"}
    assert citations("equality with 15 others") == set()


@pytest.mark.parametrize("paper, path", ROWS, ids=[f"{paper}-{path}" for paper, path in ROWS])
def test_a_row_names_what_exists_and_cites_it(paper: str, path: str) -> None:
    try:
        thing = resolve(path)
    except (ModuleNotFoundError, AttributeError) as error:
        pytest.fail(f"the paper map names {path}, which does not exist ({error})")
    documentation = thing.__doc__ or ""
    missing = citations(paper) - citations(documentation)
    assert not missing, f"the docstring of {path} does not cite {', '.join(sorted(missing))}"


def test_every_equation_of_the_model_has_a_row() -> None:
    mapped = {citation for paper, _ in ROWS for citation in citations(paper)}
    missing = [label for label in TO_BE_MAPPED if f"Eq. {label}" not in mapped]
    assert not missing, f"the paper map has no row for Eq. {', '.join(missing)}"


@pytest.mark.parametrize("room", ["dlh.models.dlh", "dlh.distributions", "dlh.networks"])
def test_no_docstring_cites_an_equation_without_a_row(room: str) -> None:
    mapped = {citation for paper, _ in ROWS for citation in citations(paper)}
    cited: dict[str, str] = {}
    package = importlib.import_module(room)
    for source in sorted(Path(package.__path__[0]).glob("*.py")):
        name = room if source.stem == "__init__" else f"{room}.{source.stem}"
        module = importlib.import_module(name)
        for where, documentation in documented(module):
            cited |= dict.fromkeys(citations(documentation), where)
    strangers = {
        citation: where
        for citation, where in cited.items()
        if citation.startswith("Eq.") and citation not in mapped
    }
    assert cited and not strangers, f"cited, and not in the paper map: {strangers}"


def documented(module: ModuleType) -> list[tuple[str, str]]:
    """(name, docstring) of a module, its classes and functions, and their methods."""
    found = [(module.__name__, module.__doc__ or "")]
    for name, thing in vars(module).items():
        if getattr(thing, "__module__", None) != module.__name__:
            continue
        found.append((f"{module.__name__}.{name}", getattr(thing, "__doc__", None) or ""))
        if inspect.isclass(thing):
            found += [
                (f"{module.__name__}.{name}.{method}", getattr(value, "__doc__", None) or "")
                for method, value in vars(thing).items()
            ]
    return found
