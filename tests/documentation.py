"""The pages of the documentation, and what the tests look for in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / "docs" / "results" / name for name in ("benchmarks.md", "walk.md")),
    ROOT / "reproduction" / "README.md",
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def section_of(heading: str, page: str = "docs/commands.md") -> str:
    """The text of a page below a heading of second or third rank."""
    parts = re.split(r"^###? (.+)$", text_of(ROOT / page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def documented_fields(kind: str) -> tuple[set[str], list[str]]:
    """The fields of a manifest of a store or a generator by docs/files.md, and those of a clip."""
    section = section_of("Manifests", "docs/files.md")
    common, store, generator = re.findall(r"^```text\n(.*?)^```", section, re.M | re.S)
    own = {"store": store, "generator": generator}[kind]
    outside = re.findall(r"^(\w+(?:, \w+)*)(?:  |$)", common + own, re.MULTILINE)
    return {name for names in outside for name in names.split(", ")}, re.findall(
        r"^  (\w+)  ", own, re.MULTILINE
    )
